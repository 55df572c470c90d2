import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PcmSpace } from './pcm-space.js';

test('pieces that are in use never overlap, and everything is free again in the end', () => {
  const lengths = fc.array(
    fc.record({ length: fc.integer({ min: 1, max: 300 }), releases: fc.integer({ min: 0, max: 3 }) }),
    {
      maxLength: 200,
    },
  );
  fc.assert(
    fc.property(lengths, (steps) => {
      const space = new PcmSpace(1024);
      const used: { start: number; end: number }[] = [];
      let index = 0;
      let head = 0;
      for (const { length, releases } of steps) {
        const start = space.find(length);
        if (start >= 0) {
          assert.ok(start + length <= 1024 && start % 8 === 0);
          for (const piece of used) assert.ok(start + length <= piece.start || start >= piece.end, 'no overlap');
          space.take(start, length, index++);
          used.push({ start, end: start + length });
        }
        for (let each = 0; each < releases && used.length > 0; each++) {
          used.shift();
          head++;
        }
        space.release(head);
      }
      space.release(index);
      assert.equal(space.find(1024), 0);
    }),
  );
});
