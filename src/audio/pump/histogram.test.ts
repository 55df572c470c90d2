import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketOf, bucketStart, histogramBuckets, quantileOf } from './histogram.js';

test('every value has one bucket, of at most a sixteenth of it, and buckets rise', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0x7fff_ffff }), (value) => {
      const bucket = bucketOf(value);
      assert.ok(bucket >= 0 && bucket < histogramBuckets);
      assert.ok(bucketStart(bucket) <= value && value < bucketStart(bucket + 1));
      assert.ok(bucketStart(bucket + 1) - bucketStart(bucket) <= Math.max(1, value / 16));
    }),
  );
  assert.equal(bucketOf(-5), 0);
  for (let bucket = 1; bucket < histogramBuckets; bucket++) assert.ok(bucketStart(bucket) > bucketStart(bucket - 1));
});

test('quantiles are those of the values, to a bucket', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1e6 }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const counts = new Int32Array(histogramBuckets);
        for (const value of values) counts[bucketOf(value)]!++;
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(values.length * share)) - 1]!;
        assert.ok(Math.abs(quantileOf(counts, share) - exact) <= exact / 16 + 1);
      },
    ),
  );
  assert.equal(quantileOf(new Int32Array(histogramBuckets), 0.5), 0);
});
