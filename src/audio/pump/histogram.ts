// Histograms of small whole numbers with buckets that grow with the value, so that a place and a percentile are known to one part in 32 from 1 to 2^31: 448 counts of 32 bits.
// Counting allocates nothing. What a value is (100 ns, a frame) is its writer's business. Not here: where they stand (shared-layout.ts), how they are shown (../report).

import { histogramBytes } from './shared-layout.js';

/** Values below it have a bucket each. */
const exact = 32;
/** Buckets of each power of two above. */
const parts = 16;

/** Buckets of one histogram. */
export const histogramBuckets = exact + (31 - 5) * parts;

/** Nanoseconds in a unit of the histograms of times. */
export const unitNs = 100;

/** The bucket of a value; negative ones are counted as 0. */
export function bucketOf(value: number): number {
  if (value < exact) return value < 0 ? 0 : value;
  const power = 31 - Math.clz32(value);
  return exact + (power - 5) * parts + ((value >>> (power - 4)) & (parts - 1));
}

/** The least value of a bucket. */
export function bucketStart(bucket: number): number {
  if (bucket < exact) return bucket;
  const above = bucket - exact;
  const power = 5 + Math.floor(above / parts);
  return (parts + (above % parts)) * 2 ** (power - 4);
}

/** The value that a bucket stands for: its middle. */
function bucketMiddle(bucket: number): number {
  return bucket < exact ? bucket : (bucketStart(bucket) + bucketStart(bucket + 1) - 1) / 2;
}

/** What was counted, over the region's bytes. */
export function histogramView(region: ArrayBuffer, offset: number, number: number): Int32Array<ArrayBuffer> {
  return new Int32Array(region, offset + number * histogramBytes, histogramBuckets);
}

/** How many values were counted. */
export function histogramCount(counts: Int32Array): number {
  return counts.reduce((sum, each) => sum + each, 0);
}

/** The value that `share` (0 to 1) of all are not above; 0 of none. In the histogram's unit. */
export function quantileOf(counts: Int32Array, share: number): number {
  const all = histogramCount(counts);
  let left = Math.max(1, Math.ceil(all * share));
  for (let bucket = 0; bucket < counts.length; bucket++) {
    left -= counts[bucket]!;
    if (left <= 0) return all === 0 ? 0 : bucketMiddle(bucket);
  }
  return 0;
}
