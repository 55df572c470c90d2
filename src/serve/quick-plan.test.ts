// The quick plan is held to the general one: whatever a request's fields say, it decides the same or nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatHttpDate } from '../wire/http/date.js';
import { DEFAULT_HEAD_LIMITS, Field, Method, parseRequestHead, RequestHead } from '../wire/http1/request.js';
import { Fact, FileTable } from './file-table.js';
import { formatTag } from './identity.js';
import { planSpan } from './plan.js';
import { plannedRange, quickPlan } from './quick-plan.js';

const nowSeconds = 1_700_000_000;

interface File {
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly tagHigh: number;
  readonly tagLow: number;
  readonly timeSet: boolean;
}

const file: fc.Arbitrary<File> = fc.record({
  size: fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 2 ** 40 })),
  mtimeSeconds: fc.oneof(
    fc.integer({ min: 0, max: nowSeconds }),
    fc.integer({ min: nowSeconds - 2, max: nowSeconds + 2 }),
  ),
  tagHigh: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  tagLow: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  timeSet: fc.boolean(),
});

/** Texts of fields for a file: what clients send, and what they should not. */
function fieldsFor(each: File): fc.Arbitrary<ReadonlyArray<readonly [name: string, value: string]>> {
  const own = formatTag(each.tagHigh, each.tagLow);
  const tag = fc.oneof(
    fc.constantFrom(
      own,
      own,
      `W/${own}`,
      `w/${own}`,
      own.toUpperCase(),
      own.slice(1),
      own.slice(0, -1),
      '*',
      '""',
      ' ',
    ),
    fc.constantFrom(`"${'0'.repeat(16)}"`, `W/"${'f'.repeat(16)}"`, `"${'g'.repeat(16)}"`, '"a\\"b"', 'x'),
    fc.constantFrom(`"a", ${own}`, `${own},"b"`, `${own},`, `,W/${own} , "c"`, `${own} ${own}`, `"${own}"`),
    fc.string({ unit: fc.constantFrom('"', 'W', '/', ',', ' ', 'a', '0', '*'), maxLength: 20 }),
  );
  const served = each.mtimeSeconds;
  const date = fc.oneof(
    fc.constantFrom(served, served, served + 1, Math.max(0, served - 1), 0, nowSeconds + 86_400).map(formatHttpDate),
    fc.constant(formatHttpDate(served)).map((text) => text.toLowerCase()),
    fc.constant(formatHttpDate(served)).map((text) => `${text} `),
    fc.constantFrom('Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994', 'nonsense', '0', ''),
    fc.constant(formatHttpDate(served)).map((text) => text.replace('GMT', 'UTC')),
  );
  const position = fc.oneof(
    fc.constantFrom('', '0', '00', '1', String(each.size), String(Math.max(0, each.size - 1)), String(each.size + 1)),
    fc.integer({ min: 0, max: 20 }).map(String),
    fc.constantFrom('999999999999999', '9999999999999999', '9007199254740993', '1'.repeat(40), 'x', '-', '1.5', '+1'),
  );
  const spec = fc.tuple(position, position).map(([first, last]) => `${first}-${last}`);
  const unit = fc.constantFrom('bytes=', 'bytes=', 'bytes=', 'Bytes=', 'bytes =', 'bytes= ', 'lines=', '');
  const valid = fc.constantFrom('bytes=0-0', 'bytes=1-', 'bytes=-1', 'bytes=0-999999', 'bytes=2-1', 'bytes=0-0,2-2');
  const others = fc
    .tuple(unit, fc.array(spec, { minLength: 1, maxLength: 3 }))
    .map(([name, specs]) => name + specs.join(','));
  const maybe = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<Array<readonly [string, string]>> =>
    fc.option(value, { nil: undefined, freq: 2 }).map((text) => (text === undefined ? [] : [[name, text] as const]));
  return fc
    .tuple(
      maybe('If-None-Match', tag),
      maybe('If-Modified-Since', date),
      maybe('Range', fc.oneof(valid, others)),
      maybe('If-Range', fc.oneof(tag, date)),
      fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, maybe('If-Match', tag)),
      fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, maybe('If-Unmodified-Since', date)),
    )
    .map((lists) => lists.flat());
}

function request(method: string, fields: ReadonlyArray<readonly [string, string]>): RequestHead | undefined {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const bytes = new TextEncoder().encode(`${method} / HTTP/1.1\r\nHost: x\r\n${lines}\r\n`);
  const head = new RequestHead();
  return parseRequestHead(bytes, 0, bytes.length, head, DEFAULT_HEAD_LIMITS) > 0 ? head : undefined;
}

test('it decides what the general rules decide, or nothing', () => {
  const table = new FileTable(8, 1);
  const entry = table.add(new TextEncoder().encode('/'), 0, 1);
  const decided = new Map<number, number>();
  const requests = file.chain((each) => fc.tuple(fc.constant(each), fieldsFor(each), fc.boolean()));
  fc.assert(
    fc.property(requests, ([each, fields, isGet]) => {
      table.size.set(entry, each.size);
      table.modifiedSeconds.set(entry, each.mtimeSeconds);
      table.tagHigh.set(entry, each.tagHigh);
      table.tagLow.set(entry, each.tagLow);
      table.facts.set(entry, each.timeSet ? Fact.timeSet : 0);
      const head = request(isGet ? 'GET' : 'HEAD', fields);
      fc.pre(head !== undefined && head.fieldRepeated === 0);
      assert.equal(head.method, isGet ? Method.GET : Method.HEAD);
      const status = quickPlan(head, table, entry, isGet);
      decided.set(status, (decided.get(status) ?? 0) + 1);
      if (status === 0) return;
      const validators = {
        etag: formatTag(each.tagHigh, each.tagLow),
        lastModifiedSeconds: each.mtimeSeconds,
        isDateWeak: each.timeSet,
      };
      const general = planSpan(
        validators,
        each.size,
        {
          ifMatch: head.fieldText(Field.ifMatch),
          ifNoneMatch: head.fieldText(Field.ifNoneMatch),
          ifModifiedSince: head.fieldText(Field.ifModifiedSince),
          ifUnmodifiedSince: head.fieldText(Field.ifUnmodifiedSince),
          ifRange: head.fieldText(Field.ifRange),
          range: head.fieldText(Field.range),
        },
        isGet,
      );
      assert.equal(status, general.status, JSON.stringify({ each, fields, isGet }));
      if (general.status === 206) assert.deepEqual(general.ranges, [{ ...plannedRange }]);
    }),
    { numRuns: 5000 },
  );
  for (const status of [0, 200, 206, 304]) assert.ok((decided.get(status) ?? 0) > 20, `${status} is hardly tried`);
  table.unmap();
});
