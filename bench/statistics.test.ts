// The statistics of the benchmark, against values worked out by hand and properties that must hold.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { haveSettled, median, pairedRatio, quantile, range, roundRatios } from './statistics.js';

test('median: odd, even, unsorted, with holes, none', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.equal(median([Number.NaN, 7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('quantile: of sorted values, the last for the whole, none', () => {
  assert.deepEqual(
    [0, 0.49, 0.5, 0.99, 1].map((share) => quantile([1, 2, 3, 4], share)),
    [1, 2, 3, 4, 4],
  );
  assert.equal(quantile(Float64Array.of(7), 0.5), 7);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('range: the extremes, without holes; undefined for none', () => {
  assert.deepEqual(range([20, Number.NaN, 10, 30]), { least: 10, most: 30 });
  assert.equal(range([Number.NaN]), undefined);
});

test('haveSettled: two in a row that are not less than what was before them', () => {
  for (const values of [[], [9], [9, 9], [9, 8, 9], [9, 9, 8], [90, 50, 30, 22]])
    assert.equal(haveSettled(values), false);
  for (const values of [
    [9, 9, 9],
    [9, 8.8, 8.7],
    [90, 50, 30, 22, 22, 21.5],
    [9, 20, 20],
  ])
    assert.ok(haveSettled(values));
  assert.ok(haveSettled([Number.NaN, Number.NaN, Number.NaN]), 'nothing is known');
});

test('roundRatios: one for each round that has both', () => {
  assert.deepEqual(roundRatios([1, 10, undefined, 3], [2, 20, 5, undefined]), [0.5, 0.5]);
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
