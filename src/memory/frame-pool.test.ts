import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { platformIsLinux } from '../kernel/ffi.js';
import { FramePool } from './frame-pool.js';

const skip = platformIsLinux ? false : 'needs Linux';

test('a pool is a set of counted frames, whatever is leased, retained and released', { skip }, () => {
  const frames = 6;
  const steps = fc.array(
    fc.record({ act: fc.constantFrom('lease', 'retain', 'release'), frame: fc.integer({ min: -1, max: frames }) }),
    { maxLength: 80 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      const pool = new FramePool(frames, 4096);
      const model = new Map<number, number>();
      let lastFreed = -1;
      for (const { act, frame } of all) {
        if (act === 'lease') {
          const leased = pool.lease();
          if (model.size === frames) {
            assert.equal(leased, -1);
            continue;
          }
          assert.ok(leased >= 0 && leased < frames && !model.has(leased), `frame ${leased}`);
          if (lastFreed >= 0) assert.equal(leased, lastFreed, 'the last one released is the warmest');
          lastFreed = -1;
          model.set(leased, 1);
        } else if (!model.has(frame)) {
          assert.throws(() => pool[act as 'retain' | 'release'](frame), RangeError);
        } else {
          pool[act as 'retain' | 'release'](frame);
          const references = model.get(frame)! + (act === 'retain' ? 1 : -1);
          if (references > 0) model.set(frame, references);
          else {
            model.delete(frame);
            lastFreed = frame;
          }
        }
        assert.equal(pool.leased, model.size);
      }
      pool.unmap();
    }),
    { numRuns: 150 },
  );
});

test('frames lie side by side and do not overlap', { skip }, () => {
  const pool = new FramePool(4, 1000);
  assert.equal(pool.region.byteLength >= 4000, true);
  for (let frame = 0; frame < 4; frame++) {
    assert.equal(pool.offset(frame), frame * 1000);
    assert.equal(pool.address(frame), pool.region.address + frame * 1000);
    pool.region.bytes.fill(frame + 1, pool.offset(frame), pool.offset(frame) + 1000);
  }
  for (let frame = 0; frame < 4; frame++) assert.equal(pool.region.bytes[pool.offset(frame)], frame + 1);
  pool.unmap();
});
