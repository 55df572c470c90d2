import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bandwidthOf } from './bandwidth.js';

test('the peak is found where one long segment makes all sets long', () => {
  const lengths = [...Array.from({ length: 200 }, () => 4), 400, ...Array.from({ length: 200 }, () => 4), 400];
  const starts = new Float64Array(lengths.length + 1);
  for (const [index, seconds] of lengths.entries()) starts[index + 1] = starts[index]! + seconds * 1000;
  const bytes = Float64Array.from(lengths, (_, index) => (index < 200 ? 1_000_000 : 1000));
  const { peak, average } = bandwidthOf(starts, bytes, 1000, 400);
  assert.equal(peak, 2_000_000);
  assert.equal(average, Math.round((8 * (200 * 1_000_000 + 202 * 1000)) / 2400));
});
