// What BANDWIDTH and AVERAGE-BANDWIDTH say of a rendition, from the sizes of its segments. Not here: sums over renditions of a
// variant (playlists).

import { ratesATurn } from '../table-core.js';
import { largestRate } from './cut-core.js';

/** Bits a second. */
export interface Bandwidth {
  readonly peak: number;
  readonly average: number;
}

/**
 * The rates of a rendition, heads of segments included. The peak is that of Apple's specification: the largest rate of neighbouring
 * segments that last between half a target duration and one and a half.
 * @param starts in ticks, and the end of the last. @param bytes of each segment
 */
export function bandwidthOf(
  starts: Float64Array,
  bytes: Float64Array,
  timescale: number,
  targetDuration: number,
): Bandwidth {
  let total = 0;
  for (let segment = 0; segment < bytes.length; segment++) total += bytes[segment]!;
  const ticks = starts[bytes.length]! - starts[0]!;
  // A film of one picture may have no length at all.
  const average = Math.max(1, Math.round((8 * total * timescale) / Math.max(1, ticks)));
  let peak = average;
  for (let from = 0; from < bytes.length; from += ratesATurn)
    peak = largestRate({ starts, bytes }, from, timescale, targetDuration, peak);
  return { peak: Math.ceil(peak), average };
}
