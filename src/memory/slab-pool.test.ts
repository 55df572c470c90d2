import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SlabPool } from './slab-pool.js';

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('lease' as const), bytes: fc.integer({ min: 1, max: 9000 }) }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('release' as const), place: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reclaim' as const), place: fc.nat() }) },
);

test('frames never overlap, are as large as was asked for, and all come back', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const pool = new SlabPool(8000, 1 << 20);
      /** Leased frames: where each ends that may be written. */
      const leased: Array<{ frame: number; bytes: number }> = [];
      for (const each of steps) {
        if (each.kind === 'lease') {
          const size = pool.sizeFor(each.bytes);
          if (size < 0) {
            assert.ok(each.bytes > 8000);
            continue;
          }
          const frame = pool.lease(size);
          if (frame < 0) continue;
          assert.equal(frame % 64, 0);
          assert.ok(frame + each.bytes <= pool.region.byteLength);
          assert.equal(pool.slabOf(frame), pool.slabOf(frame + each.bytes - 1));
          for (const other of leased) {
            assert.ok(frame >= other.frame + other.bytes || other.frame >= frame + each.bytes, 'two frames overlap');
          }
          leased.push({ frame, bytes: each.bytes });
        } else if (each.kind === 'release' && leased.length > 0) {
          const [gone] = leased.splice(each.place % leased.length, 1);
          pool.release(gone!.frame);
        } else if (each.kind === 'reclaim') {
          const slab = each.place % pool.slabs;
          const inUse = leased.filter(({ frame }) => pool.slabOf(frame) === slab).length;
          assert.equal(pool.leasedIn(slab), inUse);
          const hadSize = pool.sizeOf(slab) >= 0;
          assert.equal(pool.reclaim(slab), hadSize && inUse === 0);
        }
        assert.equal(pool.leased, leased.length);
      }
      for (const { frame } of leased) pool.release(frame);
      assert.equal(pool.leased, 0);
      assert.equal(pool.leasedBytes, 0);
      pool.unmap();
    }),
    { numRuns: 150 },
  );
});

/** Asks for frames of all lengths, one at a time. @param worst how much larger than asked for a frame may be */
function askForAll(pool: SlabPool, largest: number, worst: number): void {
  for (let bytes = 1; bytes <= largest; bytes += 37) {
    const frame = pool.lease(pool.sizeFor(bytes));
    const got = pool.leasedBytes;
    assert.ok(got >= bytes, `${got} for ${bytes}`);
    const fitInSlab = Math.floor(pool.slabBytes / (bytes + 64)) === Math.floor(pool.slabBytes / got);
    assert.ok(bytes <= 600 || got <= bytes * worst + 64 || fitInSlab, `${got} for ${bytes}`);
    pool.release(frame);
    for (let slab = 0; slab < pool.slabs; slab++) pool.reclaim(slab);
  }
  assert.equal(pool.sizeFor(pool.slabBytes + 1), -1);
  pool.unmap();
}

test('each size is the smallest that holds what is asked for, and not much larger, or a slab holds no more of them', () => {
  askForAll(new SlabPool(34_000, 50 << 20), 34_000, (13 / 12) ** 2);
  askForAll(new SlabPool(40_000, 1), 40_000, (5 / 4) ** 2);
  askForAll(new SlabPool(1_000_000, 50 << 20), 1_000_000, (5 / 4) ** 2);
});

test('frames of any length fill their slabs: little is left over', () => {
  for (const bytes of [700, 1500, 4000, 5000, 7000, 9000, 12_000, 20_000, 33_500]) {
    const pool = new SlabPool(34_000, 8 << 20);
    const size = pool.sizeFor(bytes);
    let held = 0;
    while (pool.lease(size) >= 0) held += bytes;
    assert.ok(held > (8 << 20) * 0.72, `${held} of ${8 << 20} with frames of ${bytes}`);
    pool.unmap();
  }
});

test('the budget is kept, however long the largest frame is', () => {
  for (const largest of [512, 5000, 34_000, 65_536, 70_000, 300_000, 1_100_000]) {
    const pool = new SlabPool(largest, 50 << 20);
    assert.ok(pool.region.byteLength <= 50 << 20, `${pool.region.byteLength} with frames of up to ${largest}`);
    pool.unmap();
  }
});
