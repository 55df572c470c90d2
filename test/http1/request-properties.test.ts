// Properties of the head parser over generated and mutated heads: pieces, bounds, and a naive second reading.
// Not here: which heads are right (request.test.ts, node-oracle.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FIELD_NAMES } from '../../src/wire/http1/fields.js';
import { DEFAULT_HEAD_LIMITS, type HeadLimits, parseRequestHead, RequestHead } from '../../src/wire/http1/request.js';
import { anyHead, bytesOf } from './heads.js';

const limits = fc.oneof(
  fc.constant(DEFAULT_HEAD_LIMITS),
  fc.record({ maxTargetBytes: fc.nat(30), maxHeadBytes: fc.integer({ min: 1, max: 120 }), maxFields: fc.nat(4) }),
);

/** Everything that a parse says, offsets counted from the start of the head. */
function answer(bytes: Uint8Array, start: number, end: number, bounds: HeadLimits): unknown {
  const head = new RequestHead();
  const result = parseRequestHead(bytes, start, end, head, bounds);
  if (result <= 0) return result;
  const offsets = [
    [head.methodStart, head.methodEnd],
    [head.targetStart, head.targetEnd],
    [head.pathStart, head.pathEnd],
    [head.queryStart, head.queryEnd],
    [head.authorityStart, head.authorityEnd],
    ...FIELD_NAMES.map((_, slot) => [head.fieldStart[slot]!, head.fieldEnd[slot]!]),
  ].map(([from, to]) => (from === -1 ? to : [from! - start, to! - start]));
  const { method, asteriskForm, versionMinor, keepAlive, contentLength, chunked, expectContinue, length } = head;
  const flags = { method, asteriskForm, versionMinor, keepAlive, contentLength, chunked, expectContinue, length };
  const texts = FIELD_NAMES.map((_, slot) => head.fieldText(slot));
  return { result, ...flags, offsets, texts, present: head.fieldPresent, repeated: head.fieldRepeated };
}

test('a head in two pieces gets the answer of the whole one', () => {
  fc.assert(
    fc.property(anyHead, limits, (text, bounds) => {
      const bytes = bytesOf(text);
      const head = new RequestHead();
      const whole = parseRequestHead(bytes, 0, bytes.length, head, bounds);
      for (let split = 0; split <= bytes.length; split++) {
        const first = parseRequestHead(bytes, 0, split, head, bounds);
        if (first !== 0) assert.equal(first, whole, `after ${split} bytes`);
        const second = parseRequestHead(bytes, 0, bytes.length, head, bounds, split);
        assert.equal(second, whole, `after ${split} bytes, then all`);
      }
    }),
    { numRuns: 1500 },
  );
});

test('a head byte by byte gets the answer of the whole one, and keeps it', () => {
  fc.assert(
    fc.property(anyHead, limits, (text, bounds) => {
      const bytes = bytesOf(text);
      const head = new RequestHead();
      const whole = parseRequestHead(bytes, 0, bytes.length, head, bounds);
      let seen = 0;
      let result = 0;
      for (let end = 1; end <= bytes.length && result === 0; end++) {
        result = parseRequestHead(bytes, 0, end, head, bounds, seen);
        seen = end;
      }
      assert.equal(result, whole);
    }),
    { numRuns: 3000 },
  );
});

test('nothing outside start and end is looked at', () => {
  const around = fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    'x',
    '\n',
    ' ',
    '\x00',
    ': a',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  fc.assert(
    fc.property(anyHead, around, around, fc.nat(9), (text, before, after, shift) => {
      const alone = bytesOf(text);
      const prefix = before.repeat(2).slice(0, shift);
      const embedded = bytesOf(prefix + text + after);
      const start = prefix.length;
      const expected = answer(alone, 0, alone.length, DEFAULT_HEAD_LIMITS);
      assert.deepEqual(answer(embedded, start, start + alone.length, DEFAULT_HEAD_LIMITS), expected);
      // A view whose buffer goes on beyond it, at an offset that is not a multiple of four.
      const view = embedded.subarray(start, start + alone.length);
      assert.deepEqual(answer(view, 0, view.length, DEFAULT_HEAD_LIMITS), expected);
    }),
    { numRuns: 3000 },
  );
});

test('no bytes make it throw or consume more than there are', () => {
  const head = new RequestHead();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, from, to) => {
      const start = Math.min(from, to, bytes.length);
      const end = Math.min(Math.max(from, to), bytes.length);
      const result = parseRequestHead(bytes, start, end, head, DEFAULT_HEAD_LIMITS);
      assert.ok(result <= end - start);
      assert.ok(result >= 0 || [-400, -414, -431, -501, -505].includes(result), String(result));
    }),
    { numRuns: 5000 },
  );
});

test('a naive reading of accepted heads finds the same fields', () => {
  let accepted = 0;
  fc.assert(
    fc.property(anyHead, (text) => {
      const bytes = bytesOf(text);
      const head = new RequestHead();
      const result = parseRequestHead(bytes, 0, bytes.length, head, DEFAULT_HEAD_LIMITS);
      if (result <= 0) return;
      accepted++;
      const [requestLine, ...lines] = text
        .slice(0, result)
        .replace(/^(\r\n)+/, '')
        .split('\r\n')
        .slice(0, -2);
      assert.equal(
        `${head.text(head.methodStart, head.methodEnd)} ${head.text(head.targetStart, head.targetEnd)}`,
        requestLine!.slice(0, -9),
      );
      assert.equal(head.fieldCount, lines.length);
      const values = new Map<string, string[]>();
      for (const line of lines) {
        const colon = line.indexOf(':');
        const name = line.slice(0, colon).toLowerCase();
        const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '');
        values.set(name, [...(values.get(name) ?? []), value]);
      }
      for (const [slot, name] of FIELD_NAMES.entries()) {
        assert.equal(head.fieldText(slot), values.get(name)?.join(', '), name);
      }
      for (const [name, list] of values) assert.equal(head.fieldByName(name), list.join(', '), name);
    }),
    { numRuns: 4000 },
  );
  assert.ok(accepted > 400, `only ${accepted} of 4000 heads were accepted: the generator proves too little`);
});
