// Where segments begin (M4 of the reference): video at key frames on a fixed grid, audio at the first frame of the same time, members
// of a group at the same times. Not here: what a segment is then made of (segments.ts, fragment.ts).

import { Cutter } from './cut-core.js';
import { presentationTicks, type Timeline } from './timeline.js';

/** Times that are given are met by key frames within this, so that timescales of 1/1000 cut like others. */
const toleranceSeconds = 0.001;

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

/** Half a frame: what key frames of members of a group may differ by. */
function halfFrame({ track }: Timeline): number {
  const { samples } = track;
  return samples.count === 0 ? 0 : samples.durationTicks / samples.count / 2 / track.timescale;
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
  const tolerance = Math.min(halfFrame(timeline), ...others.map(halfFrame));
  const cutter = new Cutter(timeline, others, { targetSeconds, toleranceSeconds: tolerance });
  while (!cutter.video()) yield undefined;
  return withoutShortTail(timeline, cutter.cuts, targetSeconds);
}

/** First samples of the segments of a video track that is cut at given times: where a key frame is shown within half a frame. */
export function* cutVideoAt(timeline: Timeline, points: readonly number[]): Steps<number[]> {
  const tolerance = Math.max(halfFrame(timeline), toleranceSeconds);
  const cutter = new Cutter(timeline, [], { targetSeconds: 0, toleranceSeconds: tolerance });
  yield* cutAtPoints(cutter, points, false);
  while (!cutter.end()) yield undefined;
  return cutter.cuts;
}

function* cutAtPoints(cutter: Cutter, points: readonly number[], isSound: boolean): Steps<void> {
  for (let point = 0; point < points.length; yield undefined) point = cutter.points(points, point, isSound);
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
  const cutter = new Cutter(timeline, [], { targetSeconds, toleranceSeconds: 0, pointsEnd });
  yield* cutAtPoints(cutter, points, true);
  while (!cutter.sound(isGridOnly)) yield undefined;
  while (!cutter.end()) yield undefined;
  return withoutShortTail(timeline, cutter.cuts, targetSeconds);
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
