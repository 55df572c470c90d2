// What an I-frame playlist says of itself as a whole: its target duration, and the rates that the master states of it. Not here: the lists
// of pictures (media-playlist.ts, master-playlist.ts).

import type { OfferedIFrames } from './offer.js';

/** So many pictures make a set at most, as of segments: they are half a second apart or more. */
const mostInSet = 512;

/** A target duration that no picture's, rounded, is above. @param target of the film, or of its group */
export function iFrameTarget(frames: OfferedIFrames, timescale: number, target: number): number {
  let most = target;
  for (let i = 0; i < frames.count; i++) most = Math.max(most, Math.round(frames.durationTicks(i) / timescale));
  return most;
}

/**
 * Bits a second. The peak is the largest of any pictures in a row that last between half a target duration and one and a half (RFC 8216 section 4.1), as
 * of segments.
 */
export function iFrameRates(
  frames: OfferedIFrames,
  timescale: number,
  target: number,
): { readonly peak: number; readonly average: number } {
  const most = 1.5 * target * timescale;
  const least = 0.5 * target * timescale;
  let peak = 0;
  let bits = 0;
  let ticks = 0;
  for (let first = 0; first < frames.count; first++) {
    bits += 8 * frames.byteLength(first);
    ticks += frames.durationTicks(first);
    let [setBits, setTicks] = [0, 0];
    const end = Math.min(frames.count, first + mostInSet);
    for (let i = first; i < end; i++) {
      setBits += 8 * frames.byteLength(i);
      setTicks += frames.durationTicks(i);
      if (setTicks > most) break;
      if (setTicks >= least) peak = Math.max(peak, (setBits * timescale) / setTicks);
    }
  }
  const average = Math.max(1, Math.ceil((bits * timescale) / Math.max(1, ticks)));
  return { peak: Math.max(average, Math.ceil(peak)), average };
}
