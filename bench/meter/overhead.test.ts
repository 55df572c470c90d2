// The arithmetic of the overhead, the order of its rounds, and what the flood counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meterSkip } from '../../src/meter/support.test.js';
import { type Cost, compare, overheadOf } from './overhead.js';
import { floodPackets } from './packets.js';

const cost = (cpuNsEach: number): Cost => ({ cpuNsEach, perSecond: 1e9 / cpuNsEach });

test('the overhead is the median of the pairs, not the ratio of the medians', () => {
  const found = overheadOf({
    without: [100, 200, 300].map(cost),
    with: [105, 220, 303].map(cost),
    tier: 'tracepoints',
  });
  assert.ok(Math.abs(found.cpu - 0.05) < 1e-9 && Math.abs(found.throughput - 0.05) < 1e-9);
  assert.deepEqual([found.cpuNsWithout, found.cpuNsWith], [200, 220]);
  assert.ok(found.cpuRange[0] < 0.011 && found.cpuRange[1] > 0.099);
});

test('rounds with and without take turns in going first; warming up is not counted', { skip: meterSkip }, async () => {
  let rounds = 0;
  const { without, with: metered } = await compare(async () => cost(++rounds), 3);
  assert.deepEqual(
    [without, metered].map((costs) => costs.map(({ cpuNsEach }) => cpuNsEach)),
    [
      [3, 6, 7],
      [4, 5, 8],
    ],
  );
});

test('a flood of packets: every packet and every byte is counted', { skip: meterSkip }, async () => {
  const run = await floodPackets(100, true);
  assert.ok(run.packets > 0 && run.receivedBytes > 0);
  assert.deepEqual([run.countedBytes, run.countedReceivedBytes], [run.bytes, run.receivedBytes]);
  assert.deepEqual([run.lostEvents, run.missedEvents], [0, 0]);
});
