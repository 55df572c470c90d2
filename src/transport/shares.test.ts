import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shares } from './shares.js';

test('without a rate all of it may leave', () => {
  const shares = new Shares();
  shares.begin(0, 1e10, 5);
  shares.count(1e9);
  assert.equal(shares.left, Number.POSITIVE_INFINITY);
});

test('equal shares, none larger than the rate of a second, one each second', () => {
  const shares = new Shares();
  // Another response may have been before it.
  shares.begin(10, 500, 1);
  shares.begin(500, 1100, 100);
  assert.deepEqual([shares.left, shares.dueMs], [367, 1100]);
  // A call may send a little more than it was to: the next share is as much smaller.
  shares.count(380);
  assert.equal(shares.left, -13);
  shares.next();
  assert.deepEqual([shares.left, shares.dueMs], [734 - 380, 2100]);
  shares.count(354);
  shares.next();
  assert.equal(shares.left, Number.POSITIVE_INFINITY);
});

test('what fits into one share leaves at once', () => {
  const shares = new Shares();
  shares.begin(1000, 500, 0);
  assert.equal(shares.left, Number.POSITIVE_INFINITY);
});
