// The statistics of the benchmark, against values worked out by hand and properties that must hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { median, pairedRatio, spread } from './statistics.js';

test('median: odd, even, unsorted, with holes, none', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([Number.NaN, 7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('spread: distance of the extremes in medians', () => {
  assert.equal(spread([10, 20, 30]), 1);
  assert.equal(spread([10]), 0);
});

test('pairedRatio: a slowdown of one whole round cancels, holes are left out', () => {
  assert.equal(pairedRatio([1, 10, 2], [2, 20, 4]), 0.5);
  assert.equal(pairedRatio([1, undefined, 3], [2, 5, undefined]), 0.5);
  assert.ok(Number.isNaN(pairedRatio([undefined], [1])));
  assert.ok(Number.isNaN(pairedRatio([1], [0])));
});

test('the median lies within the values', () => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(values, (list) => {
      assert.ok(median(list) >= Math.min(...list) && median(list) <= Math.max(...list));
    }),
  );
});
