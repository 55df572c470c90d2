// When a server counts as warm, and what its warming is said to have cost.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quickWarming, usualWarming, Warming } from './warming.js';

/** Loads in stretches of a second until it is over. @returns how many there were */
function warm(warming: Warming, requests: number, costOf: (second: number) => number): number {
  let seconds = 0;
  while (!warming.isOver) warming.add({ requests, cpuUsPerRequest: costOf(seconds++) }, 1);
  return seconds;
}

test('a server is warm when it was asked often enough and has stopped getting cheaper', () => {
  assert.equal(
    warm(new Warming(usualWarming), 60_000, () => 8),
    3,
  );
  // Few get through: what does not get cheaper for a while is no sign yet.
  const slow = new Warming(usualWarming);
  assert.equal(
    warm(slow, 4000, (second) => (second < 15 ? 20 : 15)),
    25,
  );
  assert.deepEqual(slow.cost, { firstUs: 20, usPerRequest: (15 * 20 + 10 * 15) / 25, requests: 100_000, seconds: 25 });
});

test('where each request takes long the time is bounded, and so is that of what gets cheaper for ever', () => {
  assert.equal(
    warm(new Warming(usualWarming), 3, () => 1e5),
    usualWarming.seconds,
  );
  assert.equal(
    warm(new Warming(usualWarming), 100_000, (second) => 1000 * 0.9 ** second),
    40,
  );
});

test('a quick look is shorter', () => {
  assert.equal(
    warm(new Warming(quickWarming), 5000, () => 8),
    3,
  );
  assert.equal(
    warm(new Warming(quickWarming), 100, (second) => 1000 * 0.9 ** second),
    11,
  );
});

test('the cost is that of the first requests, not of all that follow', () => {
  const warming = new Warming(usualWarming);
  warm(warming, 50_000, (second) => [20, 10, 9, 8, 8, 8][second] ?? 8);
  assert.deepEqual(warming.cost, { firstUs: 20, usPerRequest: 15, requests: 100_000, seconds: 2 });
  const none = new Warming(usualWarming);
  warm(none, 0, () => Number.NaN);
  assert.ok(Number.isNaN(none.cost.usPerRequest), 'nobody was answered: nothing is known');
});
