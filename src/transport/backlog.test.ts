import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyReason, copiedBytes } from '../memory/copy.js';
import { Backlog } from './backlog.js';

test('a backlog is a queue of bytes, whatever is added and taken', () => {
  const step = fc.oneof(
    fc.record({ add: fc.integer({ min: 1, max: 3000 }) }),
    fc.record({ take: fc.integer({ min: 0, max: 3000 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5000 }), fc.array(step, { maxLength: 40 }), (first, steps) => {
      const account = { heldBytes: 7 };
      const backlog = new Backlog(first, account);
      const source = Uint8Array.from({ length: 4096 }, (_, index) => (index * 31) >>> 3);
      const model: number[] = [];
      for (const each of steps) {
        if ('add' in each) {
          const start = model.length % 1000;
          backlog.append(source, start, start + each.add);
          for (let index = start; index < start + each.add; index++) model.push(source[index]!);
        } else {
          const count = Math.min(each.take, model.length);
          backlog.start += count;
          model.splice(0, count);
        }
        assert.equal(backlog.length, model.length);
        assert.equal(account.heldBytes, 7 + backlog.bytes.length);
        assert.deepEqual([...backlog.bytes.subarray(backlog.start, backlog.end)], model);
      }
    }),
    { numRuns: 100 },
  );
});

test('what a backlog copies is counted', () => {
  const before = copiedBytes[CopyReason.requestBacklog]!;
  const backlog = new Backlog(10, { heldBytes: 0 });
  backlog.append(new Uint8Array(10), 0, 10);
  assert.equal(copiedBytes[CopyReason.requestBacklog]! - before, 10);
});
