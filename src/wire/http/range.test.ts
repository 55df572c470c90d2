import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeBoundary, planMultipart } from './byteranges.js';
import { type ByteRange, DEFAULT_RANGE_LIMITS, parseRange } from './range.js';

/** Ranges as first-last, the way they are written. */
function parse(text: string, size: number): string {
  const result = parseRange(text, size);
  return typeof result === 'string' ? result : result.map(({ start, end }) => `${start}-${end - 1}`).join(',');
}

test('one range', () => {
  for (const [text, expected] of [
    ['bytes=0-0', '0-0'],
    ['bytes=0-9', '0-9'],
    ['bytes=0-99', '0-9'],
    ['bytes=0-99999999999999999999999', '0-9'],
    ['bytes=9-9', '9-9'],
    ['bytes=3-', '3-9'],
    ['bytes=0-', '0-9'],
    ['bytes=-3', '7-9'],
    ['bytes=-10', '0-9'],
    ['bytes=-99', '0-9'],
    ['bytes=-99999999999999999999999', '0-9'],
    ['BYTES=0-0', '0-0'],
    ['bytes= 0-0 ', '0-0'],
    ['bytes=0-0,', '0-0'],
    ['bytes=,\t0-0 , ,', '0-0'],
    ['bytes=007-8', '7-8'],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=10-20', 'unsatisfiable'],
    ['bytes=99999999999999999999999-', 'unsatisfiable'],
    ['bytes=99999999999999999999-99999999999999999999', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=-0,10-', 'unsatisfiable'],
    ['bytes=10-,0-0', '0-0'],
  ] as const) {
    assert.equal(parse(text, 10), expected, text);
  }
});

test('what is to be ignored', () => {
  for (const text of [
    '',
    'bytes',
    'bytes=',
    'bytes=,',
    'bytes=-',
    'bytes=--1',
    'bytes=1',
    'bytes=a-b',
    'bytes=0-b',
    'bytes=5-2',
    'bytes=0-0,5-2',
    'bytes=99999999999999999999999-99999999999999999999998',
    'bytes=0-1-2',
    'bytes=0 - 1',
    'bytes=+0-1',
    'bytes=0x0-1',
    'bytes 0-1',
    'bytes =0-1',
    'items=0-1',
    'none',
    '0-1',
    'bytes=0-1;x',
    'bytes=0-1 2-3',
    'bytes=0-0, bytes=1-1',
  ]) {
    assert.equal(parse(text, 10), 'ignored', text);
  }
});

test('an empty representation has no range to send', () => {
  assert.equal(parse('bytes=0-0', 0), 'unsatisfiable');
  assert.equal(parse('bytes=0-', 0), 'unsatisfiable');
  assert.equal(parse('bytes=-1', 0), 'ignored', 'satisfiable, but there is no Content-Range for it');
});

test('several ranges keep their order, and merge when they overlap or touch', () => {
  for (const [text, expected] of [
    ['bytes=0-0,9-9', '0-0,9-9'],
    ['bytes=9-9,0-0', '9-9,0-0'],
    ['bytes=0-1,4-5,8-8', '0-1,4-5,8-8'],
    ['bytes=0-3,2-5', '0-5'],
    ['bytes=0-3,4-5', '0-5'],
    ['bytes=4-5,0-3', '0-5'],
    ['bytes=8-8,4-5,0-3', '8-8,0-5'],
    ['bytes=0-5,1-2', '0-5'],
    ['bytes=-1,0-0', '9-9,0-0'],
    ['bytes=0-0,20-30,9-', '0-0,9-9'],
  ] as const) {
    assert.equal(parse(text, 10), expected, text);
  }
  assert.deepEqual(parseRange('bytes=0-0,5-5', 1000, { maxRanges: 10, coalesceGapBytes: 4 }), [{ start: 0, end: 6 }]);
  assert.equal((parseRange('bytes=0-0,5-5', 1000, { maxRanges: 10, coalesceGapBytes: 3 }) as ByteRange[]).length, 2);
});

test('more than is worth it is ignored', () => {
  assert.equal(parse('bytes=0-9,0-0', 10), 'ignored', 'more bytes than there are');
  assert.equal(parse('bytes=0-,0-', 10), 'ignored');
  const many = (count: number) =>
    `bytes=${Array.from({ length: count }, (_, index) => `${index * 2}-${index * 2}`).join(',')}`;
  assert.equal((parseRange(many(100), 1000) as ByteRange[]).length, 100);
  assert.equal(parse(many(101), 1000), 'ignored');
  assert.equal(parse(`bytes=0-0${','.repeat(5000)}`, 1000), 'ignored', 'empty elements are bounded too');
});

test('range sets agree with a naive set of bytes', () => {
  const position = fc.oneof(
    fc.nat(40),
    fc.nat(70).map((value) => value * 3),
  );
  const spec = fc.oneof(
    fc.tuple(position, position).map(([first, last]) => ({ text: `${first}-${last}`, first, last })),
    position.map((first) => ({ text: `${first}-`, first, last: Infinity })),
    position.map((length) => ({ text: `-${length}`, suffix: length })),
  );
  let sent = 0;
  fc.assert(
    fc.property(fc.array(spec, { minLength: 1, maxLength: 6 }), fc.nat(60), fc.nat(3), (specs, size, gap) => {
      const text = `bytes=${specs.map((each) => each.text).join(', ')}`;
      const result = parseRange(text, size, { maxRanges: 6, coalesceGapBytes: gap });
      // The naive reading: every byte that some spec names, and how often all of them together name one.
      const wanted = new Set<number>();
      let total = 0;
      let satisfiable = false;
      let malformed = false;
      for (const each of specs) {
        const [first, last] =
          'suffix' in each
            ? [Math.max(0, size - each.suffix), each.suffix === 0 ? -1 : size - 1]
            : [each.first, each.last];
        if (!('suffix' in each) && last < first) malformed = true;
        if ('suffix' in each ? each.suffix > 0 : first < size) satisfiable = true;
        for (let byte = first; byte <= last && byte < size; byte++) {
          wanted.add(byte);
          total++;
        }
      }
      if (malformed) return assert.equal(result, 'ignored');
      if (!satisfiable) return assert.equal(result, 'unsatisfiable');
      if (total > size || size === 0) return assert.equal(result, 'ignored');
      assert.ok(typeof result !== 'string');
      sent++;
      const got = new Set<number>();
      for (const { start, end } of result) {
        assert.ok(start >= 0 && start < end && end <= size);
        for (let byte = start; byte < end; byte++) {
          assert.ok(!got.has(byte), 'no byte is sent twice');
          got.add(byte);
        }
      }
      for (const byte of wanted) assert.ok(got.has(byte), `byte ${byte} is missing`);
      // What was not asked for lies in a gap that is short enough, between bytes that were.
      for (const byte of got) {
        if (wanted.has(byte)) continue;
        let [before, behind] = [byte, byte];
        while (!wanted.has(before)) before--;
        while (!wanted.has(behind)) behind++;
        assert.ok(before >= 0 && behind - before - 1 <= gap, `byte ${byte} was not asked for`);
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(sent > 300, `only ${sent} sets were sent`);
});

test('a multipart body has exactly the length it says', () => {
  const size = 1000;
  const ranges = parseRange('bytes=0-0,500-599,-5', size) as ByteRange[];
  const plan = planMultipart(ranges, size, 'text/plain;charset=utf-8', 'B');
  const content = Array.from({ length: size }, (_, index) => String.fromCharCode(97 + (index % 26))).join('');
  let body = '';
  for (const [index, { start, end }] of plan.ranges.entries()) body += plan.heads[index]! + content.slice(start, end);
  body += plan.tail;
  assert.equal(body.length, plan.contentLength);
  assert.equal(plan.contentType, 'multipart/byteranges; boundary=B');
  assert.equal(
    body,
    `--B\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Range: bytes 0-0/1000\r\n\r\n${content[0]}` +
      `\r\n--B\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Range: bytes 500-599/1000\r\n\r\n${content.slice(500, 600)}` +
      `\r\n--B\r\nContent-Type: text/plain;charset=utf-8\r\nContent-Range: bytes 995-999/1000\r\n\r\n${content.slice(995)}` +
      '\r\n--B--\r\n',
  );
  assert.equal(planMultipart(ranges, size, undefined, 'B').heads[0], '--B\r\nContent-Range: bytes 0-0/1000\r\n\r\n');
});

test('a boundary is a token that nobody guesses', () => {
  const boundaries = new Set(Array.from({ length: 200 }, makeBoundary));
  assert.equal(boundaries.size, 200);
  for (const boundary of boundaries) assert.match(boundary, /^[0-9a-f]{32}$/);
});

test('the default limits are the ones described', () => {
  assert.deepEqual(DEFAULT_RANGE_LIMITS, { maxRanges: 100, coalesceGapBytes: 0 });
});
