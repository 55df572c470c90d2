// The cutting of films as plain TypeScript, sample by sample: what the core's functions (src/core/film-cut.ts) are held to. Not here: the test
// that does so (test/media/cut-core.test.ts).

import type { FilmTrack } from '../../src/media/film.js';
import { measureFragment } from '../../src/media/presentation/fragment.js';
import { presentationTicks, type Timeline } from '../../src/media/presentation/timeline.js';
import { lastAtMost } from '../../src/media/rising.js';

/** The first sample that is `sample` or behind it at which a segment may begin; the track's count when there is none. */
function cutSampleAtOrAfter({ samples, randomAccess }: FilmTrack, sample: number): number {
  const sync = samples.syncAtOrAfter(sample);
  if (randomAccess === undefined) return sync;
  return Math.min(sync, randomAccess[lastAtMost(randomAccess, sample - 1) + 1] ?? samples.count);
}

/** The earliest composition time of the samples from a key frame on: leading pictures are shown before it. */
function earliestComposition({ samples }: FilmTrack, first: number, end: number): number {
  let earliest = samples.decodeTime(first) + samples.compositionOffset(first);
  if (samples.isInDecodeOrder) return earliest;
  for (let sample = first + 1, found = first; sample < end && sample - found <= 4; sample++) {
    const ticks = samples.decodeTime(sample) + samples.compositionOffset(sample);
    if (ticks >= earliest) continue;
    earliest = ticks;
    found = sample;
  }
  return earliest;
}

/** Times of a grid and of key frames are equal within this, so that timescales of 1/1000 cut like others. */
const toleranceSeconds = 0.001;
/** Samples by which a key frame's place in decode order may lie before its time. */
const reorderWindow = 32;
/** Far more key frames than lie between a time and the place where it is looked for. */
const mostSteps = 512;
/** When a sample is shown. */
export const startSeconds = (timeline: Timeline, sample: number) =>
  presentationTicks(timeline, sample) / timeline.track.timescale;

const endSeconds = (timeline: Timeline) => timeline.endTicks / timeline.track.timescale;

/** The first sample, behind `behind`, at which a segment may begin and that is shown at `seconds` or later; the end if none is. */
function nextCut(timeline: Timeline, behind: number, seconds: number): number {
  const { track, end, timeShift, shift } = timeline;
  const delay = Math.max(timeShift, shift + track.samples.compositionOffset(behind));
  const near = track.samples.sampleAt(Math.floor(seconds * track.timescale) - delay) - reorderWindow;
  let sample = cutSampleAtOrAfter(track, Math.max(behind + 1, near));
  // Times of a film that is made to be slow may never be reached.
  for (let step = 0; sample < end && startSeconds(timeline, sample) < seconds; step++) {
    if (step === mostSteps) return end;
    sample = cutSampleAtOrAfter(track, sample + 1);
  }
  return Math.min(sample, end);
}

/** Half a frame: what key frames of members of a group may differ by. */
function halfFrame({ track }: Timeline): number {
  const { samples } = track;
  return samples.count === 0 ? 0 : samples.durationTicks / samples.count / 2 / track.timescale;
}

/** True when a segment of `timeline` may begin within `tolerance` of a time. */
function canBeginAt(timeline: Timeline, seconds: number, tolerance: number): boolean {
  const sample = nextCut(timeline, timeline.first, seconds - tolerance);
  return sample < timeline.end && startSeconds(timeline, sample) <= seconds + tolerance;
}

/**
 * First samples of the segments of a video track: the first key frame behind each time of the grid. A segment ends as well where the
 * sample description changes. A last piece of less than a quarter of the target belongs to the segment before it.
 * @param others tracks that have to be able to begin a segment at the same times.
 */
export function cutVideo(timeline: Timeline, targetSeconds: number, others: readonly Timeline[] = []): number[] {
  const { samples } = timeline.track;
  const tolerance = Math.min(halfFrame(timeline), ...others.map(halfFrame));
  const cuts = [timeline.first];
  // Where no key frame is late enough for one time, none is for those behind it.
  let isLast = false;
  for (;;) {
    const last = cuts.at(-1)!;
    const grid = gridBehind(startSeconds(timeline, last), targetSeconds);
    let sample: number = isLast ? timeline.end : nextCut(timeline, last, grid - toleranceSeconds);
    while (sample < timeline.end) {
      const seconds = startSeconds(timeline, sample);
      if (others.every((other) => seconds > endSeconds(other) || canBeginAt(other, seconds, tolerance))) break;
      sample = nextCut(timeline, sample, seconds);
    }
    isLast = sample >= timeline.end;
    const change = samples.descriptionEnd(last);
    if (change < timeline.end && change <= sample) sample = change;
    if (sample >= timeline.end) break;
    cuts.push(sample);
  }
  return withoutShortTail(timeline, cuts, targetSeconds);
}

/** The first time of the grid behind a time. */
function gridBehind(seconds: number, targetSeconds: number): number {
  return (Math.floor((seconds + toleranceSeconds) / targetSeconds) + 1) * targetSeconds;
}

/** First samples of the segments of a video track that is cut at given times: where a key frame is shown within half a frame. */
export function cutVideoAt(timeline: Timeline, points: readonly number[]): number[] {
  const tolerance = Math.max(halfFrame(timeline), toleranceSeconds);
  const cuts = [timeline.first];
  for (const point of points) {
    const sample = nextCut(timeline, cuts.at(-1)!, point - tolerance);
    if (sample >= timeline.end) break;
    if (startSeconds(timeline, sample) <= point + tolerance) takeCut(timeline, cuts, sample);
  }
  takeCut(timeline, cuts, timeline.end);
  return cuts;
}

/** Adds a cut, and before it those where the sample description changes. */
function takeCut({ track, end }: Timeline, cuts: number[], sample: number): void {
  const limit = Math.min(sample, end);
  let change = track.samples.descriptionEnd(cuts.at(-1)!);
  for (; change < limit; change = track.samples.descriptionEnd(change)) cuts.push(change);
  if (sample > cuts.at(-1)! && sample < end) cuts.push(sample);
}

/**
 * First samples of the segments of an audio track.
 * @param points times at which the video is cut, in seconds, rising; behind `pointsEnd` the grid goes on.
 * @param isGridOnly true for a film without video: a segment begins with the frame that is heard at the grid's time, not behind it.
 */
export function cutAudio(
  timeline: Timeline,
  points: readonly number[],
  pointsEnd: number,
  targetSeconds: number,
  isGridOnly: boolean,
): number[] {
  const { samples } = timeline.track;
  const cuts = [timeline.first];
  for (const point of points) {
    takeCut(timeline, cuts, frameAt(timeline, point, false));
  }
  const end = endSeconds(timeline);
  let grid = 0;
  for (;;) {
    const last = cuts.at(-1)!;
    // A segment may begin before its time of the grid, which is then not taken again.
    const least = gridBehind(Math.max(pointsEnd, startSeconds(timeline, last)), targetSeconds);
    grid = Math.max(least, grid + targetSeconds);
    if (grid >= end) break;
    // A frame that lasts longer than the grid's step is a segment.
    const sample = Math.max(samples.syncAtOrAfter(last + 1), frameAt(timeline, grid, isGridOnly));
    if (sample >= timeline.end) break;
    takeCut(timeline, cuts, sample);
  }
  takeCut(timeline, cuts, timeline.end);
  return withoutShortTail(timeline, cuts, targetSeconds);
}

/** The first frame heard at `seconds` or later; or the last one that begins at `seconds` or before. Where only some are sync, one of those. */
function frameAt(timeline: Timeline, seconds: number, isBefore: boolean): number {
  const { track, shift, end } = timeline;
  const { samples } = track;
  // A hundredth of a tick is what the arithmetic in seconds may be off by.
  const ticks = seconds * track.timescale;
  const wanted = (isBefore ? Math.floor(ticks + 0.01) : Math.ceil(ticks - 0.01)) - shift;
  const sample = samples.sampleAt(wanted);
  if (isBefore) return Math.max(0, samples.syncAtOrBefore(sample));
  return Math.min(end, samples.syncAtOrAfter(samples.decodeTime(sample) < wanted ? sample + 1 : sample));
}

function withoutShortTail(timeline: Timeline, cuts: number[], targetSeconds: number): number[] {
  const last = cuts.at(-1)!;
  const isShort = endSeconds(timeline) - startSeconds(timeline, last) < targetSeconds / 4;
  const { samples } = timeline.track;
  // What has another description cannot be in one segment with what is before it.
  if (cuts.length > 1 && isShort && samples.description(last) === samples.description(last - 1)) cuts.pop();
  return cuts;
}

/** The least ticks that a segment lasts. */
export const momentOf = ({ track }: Timeline): number => Math.ceil(track.timescale / 1000);

/** What is known of a segment: when it begins, bytes in front of its media, bytes of all of it, its description. */
export interface OracleSegment {
  readonly start: number;
  readonly headBytes: number;
  readonly bytes: number;
  readonly description: number;
}

/** The segments that begin with given samples. */
export function segmentsOf(timeline: Timeline, firsts: readonly number[]): OracleSegment[] {
  const { track } = timeline;
  const size = { headBytes: 0, mediaBytes: 0, isStretch: false };
  let start = -momentOf(timeline);
  return firsts.map((first, index) => {
    const end = firsts[index + 1] ?? timeline.end;
    start = Math.max(start + momentOf(timeline), earliestComposition(track, first, end) + timeline.shift);
    measureFragment(timeline, first, end, size);
    const bytes = size.headBytes + size.mediaBytes;
    return { start, headBytes: size.headBytes, bytes, description: track.samples.description(first) };
  });
}

/** True when each segment begins with a sync sample, and shows nothing before it. */
export function standAlone(timeline: Timeline, firsts: readonly number[], segments: readonly OracleSegment[]): boolean {
  return firsts.every(
    (first, index) =>
      timeline.track.samples.isSync(first) &&
      (index === 0 || segments[index]!.start >= presentationTicks(timeline, first)),
  );
}

/** The largest rate of neighbours that last about a target duration. @param end of the last one, in ticks */
export function largestRate(
  segments: readonly OracleSegment[],
  end: number,
  timescale: number,
  targetDuration: number,
): number {
  let peak = 0;
  segments.forEach((_, first) => {
    let bytes = 0;
    let ticks = 0;
    for (let segment = first; segment < segments.length; segment++) {
      bytes += segments[segment]!.bytes;
      ticks += (segments[segment + 1]?.start ?? end) - segments[segment]!.start;
      if (ticks > 1.5 * targetDuration * timescale) break;
      if (ticks >= 0.5 * targetDuration * timescale) peak = Math.max(peak, (8 * bytes * timescale) / ticks);
    }
  });
  return peak;
}

/** Key frames: the sample, and the segment that it begins, -1 for none. */
export function picturesOf(timeline: Timeline, firsts: readonly number[]): { samples: number[]; begins: number[] } {
  const samples: number[] = [];
  const begins: number[] = [];
  firsts.forEach((first, segment) => {
    takeSegment(timeline, first, firsts[segment + 1] ?? timeline.end, segment, samples, begins);
  });
  return { samples, begins };
}

/** Whether a picture is shown so many ticks behind the one before it, if there is one. */
function isBehind(timeline: Timeline, before: number | undefined, sample: number, ticks: number): boolean {
  const shown = (each: number) => Math.max(0, presentationTicks(timeline, each));
  return before === undefined || shown(sample) - shown(before) >= ticks;
}

function takeSegment(
  timeline: Timeline,
  first: number,
  end: number,
  segment: number,
  samples: number[],
  begins: number[],
): void {
  const { track } = timeline;
  let sample = first;
  // A segment that begins with a new description may begin without a key frame.
  if (cutSampleAtOrAfter(track, sample) === sample && isBehind(timeline, samples.at(-1), sample, momentOf(timeline))) {
    samples.push(sample);
    begins.push(segment);
  }
  for (sample = cutSampleAtOrAfter(track, sample + 1); sample < end; sample = cutSampleAtOrAfter(track, sample + 1)) {
    if (!isBehind(timeline, samples.at(-1), sample, 0.5 * track.timescale)) continue;
    samples.push(sample);
    begins.push(-1);
  }
}
