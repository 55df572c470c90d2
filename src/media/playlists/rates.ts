// What a playlist says of itself as a whole: target durations, and the rates that the master states of it. Not here: the lists
// (media-playlist.ts, master-playlist.ts).

import { type Bandwidth, bandwidthOf } from '../presentation/bandwidth.js';
import type { Member, OfferedIFrames, OfferedRendition, OfferedSegments } from './offer.js';

/** A target duration that no picture's, rounded, is above. @param target of the film, or of its group */
export function iFrameTarget(frames: OfferedIFrames, timescale: number, target: number): number {
  let most = target;
  for (let i = 0; i < frames.count; i++) most = Math.max(most, Math.round(frames.durationTicks(i) / timescale));
  return most;
}

/** The rates of a playlist of segments or of pictures. Long films have thousands of them: the core adds them up. */
export function ratesOf(listed: OfferedSegments | OfferedIFrames, timescale: number, target: number): Bandwidth {
  const { count } = listed;
  const starts = new Float64Array(count + 1);
  const bytes = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    starts[i] = listed.startTicks(i);
    bytes[i] = listed.byteLength(i);
  }
  starts[count] = starts[count - 1]! + listed.durationTicks(count - 1);
  return bandwidthOf(starts, bytes, timescale, target);
}

/** The members with rates by the target duration of their group: that of a film may be smaller by which its own were measured. */
export function withRates(members: readonly Member[], target: number): readonly Member[] {
  const measured = (rendition: OfferedRendition): OfferedRendition => {
    const { peak, average } = ratesOf(rendition.segments, rendition.track.timescale, target);
    return { ...rendition, bandwidth: peak, averageBandwidth: average };
  };
  return members.map((member) => {
    const { presentation } = member;
    if (presentation.targetDuration === target) return member;
    return { ...member, presentation: { ...presentation, renditions: presentation.renditions.map(measured) } };
  });
}
