import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodePathText } from '../text/path-text.js';
import { Fact, FileTable, Kind, mostKeyBytes, NOT_KNOWN } from './file-table.js';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');

/** A key in the middle of other bytes, as a request has it. */
function within(key: Uint8Array): { bytes: Uint8Array; start: number; end: number } {
  const bytes = new Uint8Array(key.length + 8).fill(0x2f);
  bytes.set(key, 4);
  return { bytes, start: 4, end: 4 + key.length };
}

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((number) => bytesOf(`/${number}`)),
  fc.uint8Array({ minLength: 0, maxLength: 12 }),
  fc.integer({ min: 0, max: 3 }).map((extra) => new Uint8Array(mostKeyBytes - extra).fill(0x61)),
);
const step = fc.oneof(
  { weight: 20, arbitrary: fc.record({ kind: fc.constant('use' as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('many' as const), count: fc.integer({ min: 1, max: 1500 }) }) },
);

test('it is a map of paths to numbers, through growth and clearing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new FileTable(4000, 4);
      const model = new Map<string, number>();
      const use = (bytes: Uint8Array): void => {
        const name = Buffer.from(bytes).toString('latin1');
        const place = within(bytes);
        const entry = table.find(place.bytes, place.start, place.end, true);
        assert.equal(entry, model.get(name) ?? NOT_KNOWN);
        const escaped = bytes.includes(0x25);
        assert.equal(table.find(place.bytes, place.start, place.end, false), escaped ? -2 : entry);
        if (entry >= 0) {
          assert.equal(table.size.get(entry), entry * 3);
          assert.deepEqual(Buffer.from(table.copyKey(entry)), Buffer.from(bytes));
          return;
        }
        if (table.full) {
          table.clear();
          model.clear();
        }
        const added = table.add(place.bytes, place.start, place.end);
        assert.equal(added, model.size);
        assert.equal(table.kind.get(added), Kind.none);
        assert.equal(table.facts.get(added), 0);
        table.size.set(added, added * 3);
        table.facts.set(added, Fact.used);
        model.set(name, added);
      };
      for (const each of steps) {
        if (each.kind === 'use') use(each.key);
        else if (each.kind === 'many') for (let index = 0; index < each.count; index++) use(bytesOf(`/many/${index}`));
        else {
          table.clear();
          model.clear();
        }
        assert.equal(table.count, model.size);
      }
      table.unmap();
    }),
    { numRuns: 60 },
  );
});

test('when it is full there is room for what one answer still adds, and no more', () => {
  for (const length of [3, mostKeyBytes]) {
    const table = new FileTable(40, 3);
    const keyOf = (number: number): Uint8Array => new Uint8Array(length).fill(0x61).fill(0x30 + number, 0, 1);
    let count = 0;
    for (; !table.full; count++) table.add(keyOf(count), 0, length);
    for (let spare = 0; spare < 3; spare++, count++) {
      assert.ok(table.hasRoom);
      table.add(keyOf(count), 0, length);
    }
    assert.ok(count <= 43);
    while (table.hasRoom) table.add(keyOf(count++), 0, length);
    assert.throws(() => table.add(keyOf(count), 0, length), RangeError);
    table.clear();
    assert.ok(table.hasRoom && !table.full);
    assert.equal(table.find(keyOf(0), 0, length, true), NOT_KNOWN);
    assert.throws(() => table.add(new Uint8Array(mostKeyBytes + 1), 0, mostKeyBytes + 1), RangeError);
    table.unmap();
  }
});

test('a file has its path, a sibling that of its file', () => {
  const table = new FileTable(8, 1);
  const add = (text: string, coding: number): number => {
    const bytes = new Uint8Array(text.length * 3);
    const entry = table.add(bytes, 0, encodePathText(text, bytes));
    table.coding.set(entry, coding);
    return entry;
  };
  assert.equal(table.pathOf(add('/a/ü\udce9.js', 0)), 'a/ü\udce9.js');
  assert.equal(table.pathOf(add('\u0001/a/ü\udce9.js.br', 1)), 'a/ü\udce9.js');
  table.unmap();
});
