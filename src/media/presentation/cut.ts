// Where segments begin (M4 of the reference): video at key frames on a fixed grid, audio at the first frame of the same time, members
// of a group at the same times. Not here: what a segment is then made of (segments.ts, fragment.ts).

import { cutSampleAtOrAfter } from './cut-samples.js';
import { presentationTicks, type Timeline } from './timeline.js';

/** Times of a grid and of key frames are equal within this, so that timescales of 1/1000 cut like others. */
const toleranceSeconds = 0.001;
/** Samples by which a key frame's place in decode order may lie before its time. */
const reorderWindow = 32;
/** Far more key frames than lie between a time and the place where it is looked for. */
const mostSteps = 512;
/** Segments that are cut before others have a turn. */
const cutsPerTurn = 32;

/** Work in steps: yields where others should have a turn. */
export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Runs steps to their end, with no turn for others. */
export function atOnce<Result>(steps: Steps<Result>): Result {
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}

const startSeconds = (timeline: Timeline, sample: number) =>
  presentationTicks(timeline, sample) / timeline.track.timescale;

const endSeconds = (timeline: Timeline) => timeline.endTicks / timeline.track.timescale;

/** The first sample, behind `behind`, at which a segment may begin and that is shown at `seconds` or later; the end if none is. */
function nextCut(timeline: Timeline, behind: number, seconds: number): number {
  const { track, end, timeShift } = timeline;
  const near = track.samples.sampleAt(Math.floor(seconds * track.timescale) - timeShift) - reorderWindow;
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
export function* cutVideo(
  timeline: Timeline,
  targetSeconds: number,
  others: readonly Timeline[] = [],
): Steps<number[]> {
  const { samples } = timeline.track;
  const tolerance = Math.min(halfFrame(timeline), ...others.map(halfFrame));
  const cuts = [timeline.first];
  // Where no key frame is late enough for one time, none is for those behind it.
  let isLast = false;
  for (;;) {
    const last = cuts.at(-1)!;
    const grid = gridBehind(startSeconds(timeline, last), targetSeconds);
    let sample: number = isLast ? timeline.end : nextCut(timeline, last, grid - toleranceSeconds);
    for (let step = 1; sample < timeline.end; step++) {
      const seconds = startSeconds(timeline, sample);
      if (others.every((other) => seconds > endSeconds(other) || canBeginAt(other, seconds, tolerance))) break;
      sample = nextCut(timeline, sample, seconds);
      if (step % cutsPerTurn === 0) yield undefined;
    }
    isLast = sample >= timeline.end;
    const change = samples.descriptionEnd(last);
    if (change < timeline.end && change <= sample) sample = change;
    if (sample >= timeline.end) break;
    cuts.push(sample);
    if (cuts.length % cutsPerTurn === 0) yield undefined;
  }
  return withoutShortTail(timeline, cuts, targetSeconds);
}

/** The first time of the grid behind a time. */
function gridBehind(seconds: number, targetSeconds: number): number {
  return (Math.floor((seconds + toleranceSeconds) / targetSeconds) + 1) * targetSeconds;
}

/** First samples of the segments of a video track that is cut at given times: where a key frame is shown within half a frame. */
export function* cutVideoAt(timeline: Timeline, points: readonly number[]): Steps<number[]> {
  const tolerance = Math.max(halfFrame(timeline), toleranceSeconds);
  const cuts = [timeline.first];
  for (const [index, point] of points.entries()) {
    const sample = nextCut(timeline, cuts.at(-1)!, point - tolerance);
    if (sample >= timeline.end) break;
    if (startSeconds(timeline, sample) <= point + tolerance) takeCut(timeline, cuts, sample);
    if (index % cutsPerTurn === 0) yield undefined;
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
export function* cutAudio(
  timeline: Timeline,
  points: readonly number[],
  pointsEnd: number,
  targetSeconds: number,
  isGridOnly: boolean,
): Steps<number[]> {
  const { samples } = timeline.track;
  const cuts = [timeline.first];
  for (const [index, point] of points.entries()) {
    takeCut(timeline, cuts, frameAt(timeline, point, false));
    if (index % cutsPerTurn === 0) yield undefined;
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
    if (cuts.length % cutsPerTurn === 0) yield undefined;
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

/**
 * Times in seconds at which all video tracks of a group can begin a segment, by the first one's grid; undefined when that would make
 * a segment longer than three targets where the first one by itself has none.
 */
export function* commonCuts(timelines: readonly Timeline[], targetSeconds: number): Steps<number[] | undefined> {
  const [first, ...others] = timelines;
  if (first === undefined) return [];
  const common = yield* cutVideo(first, targetSeconds, others);
  if (others.length > 0) {
    const limit = Math.max(3 * targetSeconds, longest(first, yield* cutVideo(first, targetSeconds)));
    if (longest(first, common) > limit) return undefined;
  }
  return common.slice(1).map((sample) => startSeconds(first, sample));
}

function longest(timeline: Timeline, cuts: readonly number[]): number {
  let most = 0;
  for (let index = 0; index < cuts.length; index++) {
    const next = cuts[index + 1];
    const end = next === undefined ? endSeconds(timeline) : startSeconds(timeline, next);
    most = Math.max(most, end - startSeconds(timeline, cuts[index]!));
  }
  return most;
}
