import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DueQueue } from './due-queue.js';

test('all are told in the order of their times, none early, and none a millisecond late', () => {
  const waits = fc.array(fc.record({ atMs: fc.nat(3000), forMs: fc.double({ min: 0, max: 1000, noNaN: true }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(waits, fc.nat(100_000), (list, beginMs) => {
      const queue = new DueQueue();
      const told: { dueMs: number; toldMs: number }[] = [];
      let nowMs = beginMs;
      for (let end = nowMs + 6000; nowMs < end; nowMs++) {
        for (const { atMs, forMs } of list) {
          if (beginMs + atMs !== nowMs) continue;
          const dueMs = nowMs + forMs;
          queue.wait({ due: (toldMs) => told.push({ dueMs, toldMs }) }, dueMs, nowMs);
        }
        if (queue.nextMs <= nowMs) queue.run(nowMs);
      }
      assert.equal(told.length, list.length);
      for (const { dueMs, toldMs } of told) assert.ok(toldMs >= dueMs && toldMs < dueMs + 1, `${dueMs}: ${toldMs}`);
      assert.equal(queue.nextMs, Number.POSITIVE_INFINITY);
    }),
  );
});

test('who waits for longer than times are told apart is told before, and waits again', () => {
  const queue = new DueQueue();
  let times = 0;
  const dueMs = 10_000;
  const waiter = {
    due(nowMs: number): void {
      times++;
      if (nowMs < dueMs) queue.wait(waiter, dueMs, nowMs);
    },
  };
  queue.wait(waiter, dueMs, 0);
  let lastMs = 0;
  for (let nowMs = 0; nowMs < 12_000; nowMs++) {
    if (queue.nextMs > nowMs) continue;
    queue.run(nowMs);
    lastMs = nowMs;
  }
  assert.equal(lastMs, dueMs);
  assert.equal(times, 10);
});

test('a clock that stood still for long, and one who throws', () => {
  const queue = new DueQueue();
  const told: number[] = [];
  for (const dueMs of [10, 500, 1900]) queue.wait({ due: () => told.push(dueMs) }, dueMs, 0);
  queue.run(100_000);
  assert.deepEqual(told, [10, 500, 1900]);
  queue.wait(
    {
      due: () => {
        throw new Error('mine');
      },
    },
    100_010,
    100_000,
  );
  assert.throws(() => queue.run(100_020), /mine/);
  queue.wait({ due: () => told.push(1) }, 100_030, 100_020);
  queue.run(100_040);
  assert.equal(told.length, 4);
});

test('one who throws takes nobody along: those who are due with it and after it are told once each', () => {
  for (const runMs of [8, 11, 30, 100_000]) {
    const queue = new DueQueue();
    const told: string[] = [];
    const wait = (name: string, dueMs: number) => queue.wait({ due: () => told.push(name) }, dueMs, 0);
    const fail = (dueMs: number) => {
      const due = (): void => {
        told.push('thrown');
        throw new Error('mine');
      };
      queue.wait({ due }, dueMs, 0);
    };
    wait('before', 8);
    fail(8);
    wait('behind', 8);
    fail(8);
    wait('last', 8);
    wait('later', 20);
    let throws = 0;
    for (let turn = 0; turn < 20; turn++) {
      const nowMs = runMs + turn * 2;
      if (queue.nextMs > nowMs) continue;
      try {
        queue.run(nowMs);
      } catch {
        throws++;
      }
    }
    assert.equal(throws, 2, `${runMs}`);
    assert.deepEqual(told.sort(), ['before', 'behind', 'last', 'later', 'thrown', 'thrown'], `${runMs}`);
    assert.equal(queue.nextMs, Number.POSITIVE_INFINITY);
  }
});
