// What BANDWIDTH and AVERAGE-BANDWIDTH say of a rendition, from the sizes of its segments. Not here: sums over renditions of a
// variant (playlists).

import type { Segments } from './segments.js';

/** Bits a second. */
export interface Bandwidth {
  readonly peak: number;
  readonly average: number;
}

/** More segments than last one target duration and a half, but in films that are made to be slow. */
const mostInSet = 32;

/**
 * The rates of a rendition, heads of segments included. The peak is that of Apple's specification: the largest rate of neighbouring
 * segments that last between half a target duration and one and a half.
 */
export function bandwidthOf(segments: Segments, timescale: number, targetDuration: number): Bandwidth {
  let total = 0;
  let peak = 0;
  for (let first = 0; first < segments.count; first++) {
    total += segments.byteLength(first);
    let bytes = 0;
    let ticks = 0;
    const end = Math.min(segments.count, first + mostInSet);
    for (let segment = first; segment < end; segment++) {
      bytes += segments.byteLength(segment);
      ticks += segments.durationTicks(segment);
      if (ticks > 1.5 * targetDuration * timescale) break;
      if (ticks >= 0.5 * targetDuration * timescale) peak = Math.max(peak, (8 * bytes * timescale) / ticks);
    }
  }
  const last = segments.count - 1;
  const ticks = segments.startTicks(last) + segments.durationTicks(last) - segments.startTicks(0);
  // A film of one picture may have no length at all.
  const average = Math.max(1, Math.round((8 * total * timescale) / Math.max(1, ticks)));
  return { peak: Math.max(average, Math.ceil(peak)), average };
}
