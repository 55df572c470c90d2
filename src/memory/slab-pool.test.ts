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

test('each size is the smallest that holds what is asked for, and not much larger', () => {
  const pool = new SlabPool(40_000, 1);
  for (let bytes = 1; bytes <= 40_000; bytes += 37) {
    const size = pool.sizeFor(bytes);
    const first = pool.lease(size);
    const before = pool.leasedBytes;
    assert.ok(before >= bytes && (bytes <= 512 || before <= bytes * 1.25 + 64), `${before} for ${bytes}`);
    pool.release(first);
    for (let slab = 0; slab < pool.slabs; slab++) pool.reclaim(slab);
  }
  assert.equal(pool.sizeFor(40_001 + 64), -1);
  pool.unmap();
});
