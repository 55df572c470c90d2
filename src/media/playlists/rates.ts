// What an I-frame playlist says of itself as a whole: its target duration, and the rates that the master states of it. Not here: the lists
// of pictures (media-playlist.ts, master-playlist.ts).

import { type Bandwidth, bandwidthOf } from '../presentation/bandwidth.js';
import type { OfferedIFrames } from './offer.js';

/** A target duration that no picture's, rounded, is above. @param target of the film, or of its group */
export function iFrameTarget(frames: OfferedIFrames, timescale: number, target: number): number {
  let most = target;
  for (let i = 0; i < frames.count; i++) most = Math.max(most, Math.round(frames.durationTicks(i) / timescale));
  return most;
}

/** The rates of a playlist of pictures, as of segments. Long films have thousands of them: the core adds them up. */
export function iFrameRates(frames: OfferedIFrames, timescale: number, target: number): Bandwidth {
  const { count } = frames;
  const starts = new Float64Array(count + 1);
  const bytes = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    starts[i] = frames.startTicks(i);
    bytes[i] = frames.byteLength(i);
  }
  starts[count] = starts[count - 1]! + frames.durationTicks(count - 1);
  return bandwidthOf(starts, bytes, timescale, target);
}
