import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as oracle from '../../../test/support/cut-in-javascript.js';
import { bandwidthOf } from './bandwidth.js';

interface MadeUpSegment {
  readonly seconds: number;
  readonly bytes: number;
}

function ratesOf(segments: readonly MadeUpSegment[], target: number) {
  const starts = new Float64Array(segments.length + 1);
  for (const [index, { seconds }] of segments.entries()) starts[index + 1] = starts[index]! + seconds * 1000;
  const bytes = Float64Array.from(segments, (segment) => segment.bytes);
  return { ...bandwidthOf(starts, bytes, 1000, target), starts };
}

test('the peak is found where one long segment makes all sets long', () => {
  const short = (count: number, bytes: number) => Array.from({ length: count }, () => ({ seconds: 4, bytes }));
  const long = { seconds: 400, bytes: 1000 };
  const { peak, average } = ratesOf([...short(200, 1_000_000), long, ...short(200, 1000), long], 400);
  assert.equal(peak, 2_000_000);
  assert.equal(average, Math.round((8 * (200 * 1_000_000 + 202 * 1000)) / 2400));
});

test('the peak is that of all sets, looked at one by one', () => {
  const seconds = fc.constantFrom(0, 0.5, 1, 3.96, 4, 4, 4, 10, 60);
  const bytes = fc.oneof(fc.constantFrom(0, 1000), fc.integer({ max: 4_000_000, min: 1 }));
  const film = fc.array(fc.record({ seconds, bytes }), { minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(film, fc.constantFrom(1, 4, 6, 60, 600), (segments, target) => {
      const { starts, peak, average } = ratesOf(segments, target);
      const known = segments.map((segment, index) => ({
        ...{ start: starts[index]!, bytes: segment.bytes, headBytes: 0, description: 0 },
      }));
      const expected = oracle.largestRate(known, starts.at(-1)!, 1000, target);
      assert.equal(peak, Math.max(average, Math.ceil(expected)));
    }),
    { numRuns: 500 },
  );
});

test('of a film of 800,000 pictures the peak is found at once, wherever it is', () => {
  const pictures = Array.from({ length: 800_000 }, (_, index) => ({ seconds: 0.5, bytes: 1000 + (index % 7) }));
  for (let index = 700_000; index < 700_800; index++) pictures[index] = { seconds: 0.5, bytes: 9000 };
  pictures[5] = { seconds: 1600, bytes: 100 };
  const begun = process.cpuUsage();
  const { peak } = ratesOf(pictures, 1600);
  const { user } = process.cpuUsage(begun);
  // The shortest sets, half a target duration, that have all of the large ones.
  assert.equal(peak, Math.ceil(Math.max(...sumsAround(pictures).map((bytes) => (8 * bytes) / 800))));
  // Set by set it takes seconds.
  assert.ok(user < 1_000_000, `${user} us`);
});

/** Bytes of 1600 pictures in a row, for all that have the large ones. */
function sumsAround(pictures: readonly MadeUpSegment[]): number[] {
  return Array.from({ length: 801 }, (_, index) =>
    pictures.slice(699_200 + index, 700_800 + index).reduce((sum, { bytes }) => sum + bytes, 0),
  );
}
