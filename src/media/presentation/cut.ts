// Where segments begin (M4 of the reference): video at key frames on a fixed grid, audio at the first frame of the same time, members
// of a group at the same times. Not here: what a segment is then made of (segments.ts, fragment.ts).

import { cutSampleAtOrAfter } from './cut-samples.js';
import { presentationTicks, type Timeline } from './timeline.js';

/** Times of a grid and of key frames are equal within this, so that timescales of 1/1000 cut like others. */
const toleranceSeconds = 0.001;
/** Samples by which a key frame's place in decode order may lie before its time. */
const reorderWindow = 32;

const startSeconds = (timeline: Timeline, sample: number) =>
  presentationTicks(timeline, sample) / timeline.track.timescale;

const endSeconds = (timeline: Timeline) => timeline.endTicks / timeline.track.timescale;

/** The first sample, behind `behind`, at which a segment may begin and that is shown at `seconds` or later; the end if none is. */
function nextCut(timeline: Timeline, behind: number, seconds: number): number {
  const { track, end, timeShift } = timeline;
  const near = track.samples.sampleAt(Math.floor(seconds * track.timescale) - timeShift) - reorderWindow;
  let sample = cutSampleAtOrAfter(track, Math.max(behind + 1, near));
  while (sample < end && startSeconds(timeline, sample) < seconds) sample = cutSampleAtOrAfter(track, sample + 1);
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
  for (;;) {
    const last = cuts.at(-1)!;
    const grid = (Math.floor((startSeconds(timeline, last) + toleranceSeconds) / targetSeconds) + 1) * targetSeconds;
    let sample = nextCut(timeline, last, grid - toleranceSeconds);
    while (sample < timeline.end) {
      const seconds = startSeconds(timeline, sample);
      if (others.every((other) => seconds > endSeconds(other) || canBeginAt(other, seconds, tolerance))) break;
      sample = nextCut(timeline, sample, seconds);
    }
    const change = samples.descriptionEnd(last);
    if (change < timeline.end && change <= sample) sample = change;
    if (sample >= timeline.end) break;
    cuts.push(sample);
  }
  return withoutShortTail(timeline, cuts, targetSeconds);
}

/** First samples of the segments of a video track that is cut at given times: where a key frame is shown within half a frame. */
export function cutVideoAt(timeline: Timeline, points: readonly number[]): number[] {
  const { samples } = timeline.track;
  const tolerance = Math.max(halfFrame(timeline), toleranceSeconds);
  const cuts = [timeline.first];
  const takeChanges = (limit: number) => {
    let change = samples.descriptionEnd(cuts.at(-1)!);
    for (; change < limit; change = samples.descriptionEnd(change)) cuts.push(change);
  };
  for (const point of points) {
    const sample = nextCut(timeline, cuts.at(-1)!, point - tolerance);
    if (sample >= timeline.end) break;
    if (startSeconds(timeline, sample) > point + tolerance) continue;
    takeChanges(sample);
    cuts.push(sample);
  }
  takeChanges(timeline.end);
  return cuts;
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
  const takeUpTo = (sample: number) => {
    let change = samples.descriptionEnd(cuts.at(-1)!);
    for (; change < Math.min(sample, timeline.end); change = samples.descriptionEnd(change)) cuts.push(change);
    if (sample > cuts.at(-1)! && sample < timeline.end) cuts.push(sample);
  };
  for (const point of points) takeUpTo(frameAt(timeline, point, false));
  const end = endSeconds(timeline);
  for (let step = Math.floor(pointsEnd / targetSeconds) + 1; step * targetSeconds < end; step++) {
    takeUpTo(frameAt(timeline, step * targetSeconds, isGridOnly));
  }
  takeUpTo(timeline.end);
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
export function commonCuts(timelines: readonly Timeline[], targetSeconds: number): number[] | undefined {
  const [first, ...others] = timelines;
  if (first === undefined) return [];
  const common = cutVideo(first, targetSeconds, others);
  if (others.length > 0) {
    const limit = Math.max(3 * targetSeconds, longest(first, cutVideo(first, targetSeconds)));
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
