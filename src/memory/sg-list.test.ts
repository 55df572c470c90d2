// SgList against naive concatenation: whatever is added, coalesced and cut, the bytes and their order stay.

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { CopyReason, copiedBytes } from './copy.js';
import { isSegment, type Lender, type SegmentMemory, segment } from './segment.js';
import { pagesTouched, type SgFile, SgList } from './sg-list.js';

function heap(length: number, address = Number.NaN): SegmentMemory {
  return { address, bytes: Uint8Array.from({ length }, (_, index) => (index * 7 + 3) & 255) };
}

class Counter implements Lender {
  lent = 0;
  lend(): this {
    this.lent++;
    return this;
  }
  release(): void {
    this.lent--;
  }
}

class FakeFile extends Counter implements SgFile {
  readonly fd = 9;
  readonly bytes = heap(4096).bytes;
}

type Step = { kind: 'segment'; offset: number; length: number } | { kind: 'extent'; offset: number; length: number };

const steps = fc.array(
  fc.record({
    kind: fc.constantFrom('segment' as const, 'segment' as const, 'extent' as const),
    offset: fc.integer({ min: 0, max: 2000 }),
    length: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2000 })),
  }),
  { maxLength: 40 },
);

function build(plan: readonly Step[], lender: Counter, file: FakeFile): { list: SgList<FakeFile>; bytes: number[] } {
  const region = heap(4096, 8192 + 100);
  const list = new SgList<FakeFile>();
  const bytes: number[] = [];
  plan.forEach((step, index) => {
    const source = step.kind === 'segment' ? region.bytes : file.bytes;
    bytes.push(...source.subarray(step.offset, step.offset + step.length));
    if (step.kind === 'segment') list.addSegment(region, step.offset, step.length, lender.lend(), index);
    else list.addExtent(file.lend(), step.offset, step.length);
  });
  return { list, bytes };
}

function read(list: SgList<FakeFile>): number[] {
  const bytes: number[] = [];
  for (let index = 0; index < list.length; index++) {
    const source = list.regions[index]?.bytes ?? list.files[index]!.bytes;
    bytes.push(...source.subarray(list.offsets[index], list.offsets[index]! + list.lengths[index]!));
  }
  return bytes;
}

test('a list is the concatenation of what was added, and gives everything back', () => {
  fc.assert(
    fc.property(steps, (plan) => {
      const lender = new Counter();
      const file = new FakeFile();
      const { list, bytes } = build(plan, lender, file);
      assert.deepEqual(read(list), bytes);
      assert.equal(list.byteLength, bytes.length);
      const other = new SgList<FakeFile>();
      other.append(list);
      assert.equal(list.length, 0);
      assert.deepEqual(read(other), bytes);
      other.release();
      assert.equal(lender.lent, 0);
      assert.equal(file.lent, 0);
    }),
  );
});

test('coalescing keeps the bytes, joins only small neighbours and counts what it copies', () => {
  const thresholds = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(steps, thresholds, fc.integer({ min: 300, max: 1000 }), (plan, threshold, most) => {
      const lender = new Counter();
      const joined = new Counter();
      const file = new FakeFile();
      const { list, bytes } = build(plan, lender, file);
      const before = copiedBytes[CopyReason.coalesce]!;
      let allocated = 0;
      const copied = list.coalesce(threshold, most, (length) => {
        allocated += length;
        assert.ok(length <= most);
        return { segment: segment(heap(length + 5), 5, length), lender: joined.lend(), cookie: 0 };
      });
      assert.equal(copied, allocated);
      assert.equal(copiedBytes[CopyReason.coalesce]! - before, copied);
      assert.deepEqual(read(list), bytes);
      assert.equal(list.byteLength, bytes.length);
      list.release();
      assert.equal(lender.lent + joined.lent + file.lent, 0);
    }),
  );
});

test('batches keep the order and hold the limits', () => {
  const limits = fc.record({
    maxEntries: fc.integer({ min: 1, max: 8 }),
    maxBytes: fc.integer({ min: 1, max: 3000 }),
    maxFragments: fc.integer({ min: 1, max: 17 }),
    pageBytes: fc.constantFrom(64, 512, 4096),
  });
  fc.assert(
    fc.property(steps, limits, (plan, limit) => {
      const { list, bytes } = build(plan, new Counter(), new FakeFile());
      const seen: number[] = [];
      for (const batch of list.batches(limit)) {
        assert.ok(batch.byteLength > 0 && batch.byteLength <= limit.maxBytes);
        assert.equal(batch.extent === undefined, batch.segments.length > 0);
        assert.ok(batch.segments.length <= limit.maxEntries);
        let fragments = 0;
        for (const each of batch.segments) {
          fragments += pagesTouched(each.region.address + each.offset, each.length, limit.pageBytes);
          seen.push(...each.region.bytes.subarray(each.offset, each.offset + each.length));
        }
        assert.ok(fragments <= limit.maxFragments);
        if (batch.extent === undefined) continue;
        const { file, offset, length } = batch.extent;
        seen.push(...file.bytes.subarray(offset, offset + length));
      }
      assert.deepEqual(seen, bytes);
    }),
  );
});

test('a segment is within its region, or a RangeError', () => {
  const region = heap(10);
  assert.ok(isSegment(segment(region, 0, 10)));
  assert.equal(isSegment({ region: {}, offset: 0, length: 1 }), false);
  assert.equal(isSegment(null), false);
  // The shape alone is what data from outside could have, with an address of its own.
  assert.equal(isSegment({ region, offset: 0, length: 1 }), false);
  assert.equal(isSegment({ ...segment(region, 0, 10) }), false);
  assert.equal(
    isSegment(structuredClone({ region: { bytes: region.bytes, address: 1 }, offset: 0, length: 9 })),
    false,
  );
  assert.throws(() => segment(region, 1, 10), RangeError);
  assert.throws(() => segment(region, -1, 2), RangeError);
  assert.throws(() => segment(region, 0.5, 2), RangeError);
  assert.throws(() => [...new SgList().batches({ maxBytes: 0 })], RangeError);
});
