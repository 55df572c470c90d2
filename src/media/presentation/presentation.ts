// A film as adaptive streams: its renditions, cut into segments that all its playlists agree on. This is what playlists and the
// serving of segments are made from. Not here: playlists and names (playlists/), and everything that touches a file.

import { type Film, FilmRefusal, type FilmTrack } from '../film.js';
import { atOnce, commonCuts, cutAudio, cutVideo, cutVideoAt, type Steps } from './cut.js';
import { limitEntries } from './cut-core.js';
import { fragmentExtents, writeFragmentHead } from './fragment.js';
import { IFrames } from './i-frames.js';
import { initSegment } from './init.js';
import { Segments } from './segments.js';
import { type FilmTimelines, type Timeline, timelinesOf } from './timeline.js';

export type { IFrames } from './i-frames.js';
export type { Segments } from './segments.js';

/** One track, cut into segments. */
export interface Rendition {
  /** `v1`, `a2`: the kind's letter and the track's number among the film's playable ones. */
  readonly id: string;
  readonly track: FilmTrack;
  readonly timeline: Timeline;
  readonly segments: Segments;
  /** Bits a second: the measured peak, and the average. */
  readonly bandwidth: number;
  readonly averageBandwidth: number;
  /** Frames a second of video. */
  readonly frameRate: number | undefined;
  /** Its I-frames; undefined for audio. */
  readonly pictures: IFrames | undefined;
  /** Init segments: one for each sample description in use. */
  readonly initCount: number;
  /** True when times are as in the source: nothing was moved, cut off or skipped that the source's own fragments would not do. */
  readonly isAsInSource: boolean;
}

/** A film's renditions. */
export interface Presentation {
  readonly film: Film;
  /** Seconds that a segment is to last. */
  readonly targetSeconds: number;
  /** Whole seconds that no segment's rounded duration is above: EXT-X-TARGETDURATION of all playlists. */
  readonly targetDuration: number;
  /** The end of the rendition that ends last. */
  readonly durationSeconds: number;
  /** How much later everything is shown than in the source: what the source's edit hides in front cannot be hidden. Nearly always 0. */
  readonly movedSeconds: number;
  /** True when every segment of every video rendition can be decoded by itself. */
  readonly independent: boolean;
  readonly renditions: readonly Rendition[];
  readonly notes: readonly string[];
}

/** How a film is cut. */
export interface PresentationOptions {
  /** Seconds that a segment is to last; 4 without it. */
  readonly targetSeconds?: number;
  /** Segments of video may be stretches of the film, with what lies between their frames; not without it. */
  readonly withStretches?: boolean;
  /** Times in seconds at which the members of a group can all begin a segment: those of `groupCutSteps`. */
  readonly cutPoints?: readonly number[] | undefined;
}

const defaultTargetSeconds = 4;
/** Seconds: playlists take changes that are nearer to each other for one, of several tracks. */
const leastBetweenChanges = 0.1;
/** At a change, the MPD describes each track anew: text of so many segments. */
const entriesOfSet = 32;
/** More segments than any sound has in front of its pictures. */
const mostBefore = 65_536;

/** Cuts a film into segments, at once: for the command line and tests. @throws FilmRefusal where that takes too many entries of playlists */
export function presentationOf(film: Film, options: PresentationOptions = {}): Presentation {
  return atOnce(presentationSteps(film, options));
}

/** Cuts a film into segments; yields well before a millisecond is over, so that others have a turn. @throws FilmRefusal as {@link presentationOf} */
export function* presentationSteps(film: Film, options: PresentationOptions = {}): Steps<Presentation> {
  const targetSeconds = options.targetSeconds ?? defaultTargetSeconds;
  const { timelines, movedSeconds, notes: timelineNotes } = timelinesOf(film, options.withStretches);
  const notes = [...timelineNotes];
  const segments = yield* cutTracks(timelines, targetSeconds, options.cutPoints, notes);
  yield undefined;
  const targetDuration = targetDurationOf(timelines, segments);
  yield undefined;
  const renditions: Rendition[] = [];
  for (const [index, timeline] of timelines.entries()) {
    renditions.push(yield* rendition(timeline, segments[index]!, index, targetDuration));
    yield undefined;
  }
  const ends = timelines.map(({ endTicks, track }) => endTicks / track.timescale);
  const durationSeconds = Math.max(...ends);
  noteDifferences(renditions, ends, durationSeconds, notes);
  const independent = renditions.every(({ track, segments }) => track.kind !== 'video' || segments.standAlone);
  return { film, targetSeconds, targetDuration, durationSeconds, movedSeconds, independent, renditions, notes };
}

/**
 * Times in seconds at which all video tracks of the members of a group can begin a segment; undefined when there are too few, and the
 * members have to stand alone. Yields where others should have a turn.
 */
export function groupCutSteps(
  films: readonly Film[],
  targetSeconds: number = defaultTargetSeconds,
): Steps<readonly number[] | undefined> {
  return commonCuts(
    films.flatMap((film) => videosOf(timelinesOf(film))),
    targetSeconds,
  );
}

function videosOf({ timelines }: FilmTimelines): Timeline[] {
  return timelines.filter(({ track }) => track.kind === 'video');
}

function* cutTracks(
  timelines: readonly Timeline[],
  targetSeconds: number,
  givenPoints: readonly number[] | undefined,
  notes: string[],
): Steps<Segments[]> {
  const videos = timelines.filter(({ track }) => track.kind === 'video');
  const common = givenPoints ?? (videos.length > 1 ? yield* commonCuts(videos, targetSeconds) : undefined);
  if (common === undefined && videos.length > 1) {
    notes.push(
      'its video tracks have too few key frames at the same times: a player cannot change between them smoothly',
    );
  }
  const cut = new Map<Timeline, Segments>();
  let entries = 0;
  const segmentsAt = function* (timeline: Timeline, cuts: readonly number[]): Steps<Segments> {
    entries += cuts.length;
    limitEntries(entries);
    const segments = yield* Segments.of(timeline, cuts);
    entries += changesOf(segments, timeline.track) * timelines.length * entriesOfSet;
    limitEntries(entries);
    return segments;
  };
  for (const video of videos) {
    const cuts = common === undefined ? yield* cutVideo(video, targetSeconds) : yield* cutVideoAt(video, common);
    cut.set(video, yield* segmentsAt(video, cuts));
  }
  const [reference] = videos;
  const points = reference === undefined ? (givenPoints ?? []) : cutSeconds(reference, cut.get(reference)!);
  const pointsEnd = reference === undefined ? 0 : reference.endTicks / reference.track.timescale;
  const isGridOnly = reference === undefined;
  for (const timeline of timelines) {
    if (cut.has(timeline)) continue;
    const before = reference === undefined ? [] : secondsBefore(reference, timeline, targetSeconds);
    const cuts = yield* cutAudio(timeline, [...before, ...points], pointsEnd, targetSeconds, isGridOnly);
    cut.set(timeline, yield* segmentsAt(timeline, cuts));
  }
  return timelines.map((timeline) => cut.get(timeline)!);
}

/**
 * How often the sample description changes: playlists begin anew there.
 * @throws FilmRefusal where what is between two changes is too short for them to be told apart.
 */
function changesOf(segments: Segments, { timescale }: FilmTrack): number {
  let changes = 0;
  let before = 0;
  for (let segment = 1; segment < segments.count; segment++) {
    if (segments.init(segment) === segments.init(segment - 1)) continue;
    const ticks = segments.startTicks(segment) - segments.startTicks(before);
    if (ticks <= leastBetweenChanges * timescale)
      throw new FilmRefusal('changes its sample description twice within a tenth of a second: encode it anew');
    before = segment;
    changes++;
  }
  return changes;
}

/** Times of the grid in front of a video that begins long behind its sound, and that at which it begins. */
function secondsBefore(video: Timeline, sound: Timeline, targetSeconds: number): number[] {
  const [begin, first] = [video, sound].map(({ startTicks, track }) => startTicks / track.timescale);
  const grid = Math.floor(first! / targetSeconds) + 1;
  const count =
    Math.ceil((Math.min(begin!, sound.endTicks / sound.track.timescale) - targetSeconds / 4) / targetSeconds) - grid;
  if (begin! - first! < targetSeconds || count > mostBefore) return [];
  return [...Array.from({ length: Math.max(0, count) }, (_, index) => (grid + index) * targetSeconds), begin!];
}

/** The times at which a track's segments begin, without the first. */
function cutSeconds({ track }: Timeline, segments: Segments): number[] {
  return Array.from({ length: segments.count - 1 }, (_, index) => segments.startTicks(index + 1) / track.timescale);
}

function* rendition(timeline: Timeline, segments: Segments, index: number, targetDuration: number): Steps<Rendition> {
  const { track } = timeline;
  const { peak, average } = segments.bandwidth(track.timescale, targetDuration);
  yield undefined;
  const pictures = track.kind === 'video' ? yield* IFrames.of(timeline, segments) : undefined;
  const { samples, edit } = track;
  return {
    id: `${track.kind === 'video' ? 'v' : 'a'}${index + 1}`,
    track,
    timeline,
    segments,
    bandwidth: peak,
    averageBandwidth: average,
    frameRate: track.kind === 'video' ? frameRateOf(timeline) : undefined,
    pictures,
    initCount: segments.descriptions.length,
    isAsInSource:
      timeline.timeShift === 0 &&
      timeline.offsetShift === 0 &&
      timeline.skip === edit.mediaTime &&
      timeline.first === 0 &&
      timeline.end === samples.count,
  };
}

/** Frames a second on average; the last frame's length is left out where others tell, since it is often made up. */
function frameRateOf({ track, first, end }: Timeline): number | undefined {
  const { samples, timescale } = track;
  const steps = end - first - 1;
  const ticks = steps > 0 ? samples.decodeTime(end - 1) - samples.decodeTime(first) : samples.duration(first);
  const rate = (Math.max(1, steps) * timescale) / ticks;
  // Of pictures that stand for hours there is none to be told: playlists have thousandths.
  return ticks > 0 && rate >= 0.0005 ? rate : undefined;
}

function targetDurationOf(timelines: readonly Timeline[], cut: readonly Segments[]): number {
  // Playlists print rounded cumulative times: a duration may be printed this much longer than it is.
  const seconds = timelines.map(({ track }, index) => cut[index]!.longestTicks / track.timescale + 0.00001);
  return Math.max(1, ...seconds.map(Math.round));
}

/** What puts silence in front of sound that begins late. */
const withSilence = 'ffmpeg -c:v copy -af aresample=async=1:first_pts=0 -c:a aac';

/** Apple: the playlists of a presentation cover the same time. Nothing is made up to fill a gap, but it is said. */
function noteDifferences(
  renditions: readonly Rendition[],
  ends: readonly number[],
  durationSeconds: number,
  notes: string[],
): void {
  const starts = renditions.map(({ timeline }) => timeline.startTicks / timeline.track.timescale);
  const first = Math.min(...starts);
  renditions.forEach(({ id, track }, index) => {
    const late = starts[index]! - first;
    const repair = track.kind === 'audio' ? `; with silence in front (${withSilence}) they begin with the film` : '';
    if (late > 0.5)
      notes.push(
        `track ${id} begins ${late.toFixed(2)} s after the first one, and with it players in browsers begin there${repair}`,
      );
    const missing = durationSeconds - ends[index]!;
    if (missing > 0.5) notes.push(`track ${id} ends ${missing.toFixed(2)} s before the longest one`);
  });
}

/** The bytes of an init segment, numbered from 0. */
export function writeInit(presentation: Presentation, { timeline, segments }: Rendition, init: number): Uint8Array {
  return initSegment(timeline, segments.descriptions[init]!, presentation.film.timescale, !segments.hasStretches);
}

/** Bytes in front of a segment's media. */
export function segmentHeadBytes({ segments }: Rendition, segment: number): number {
  return segments.headBytes(segment);
}

/**
 * Writes what stands in front of a segment's media.
 * @param into room for `segmentHeadBytes`; made when it is not given.
 * @returns `into`.
 */
export function segmentHead(
  { timeline, segments }: Rendition,
  segment: number,
  into: Uint8Array = new Uint8Array(segments.headBytes(segment)),
): Uint8Array {
  writeFragmentHead(timeline, segments.firstSample(segment), segments.endSample(segment), segment + 1, into);
  return into;
}

/** Tells of the extents of the film that bytes `from` up to, and without, `to` of a segment's media are. */
export function segmentExtents(
  { timeline, segments }: Rendition,
  segment: number,
  from: number,
  to: number,
  add: (offset: number, length: number) => void,
): void {
  fragmentExtents(timeline, segments.firstSample(segment), segments.endSample(segment), from, to, add);
}

/**
 * Writes what stands in front of the picture of an I-frame that has a fragment of its own.
 * @param into room for its `headBytes`; made when it is not given.
 * @returns `into`.
 */
export function iFrameHead(
  rendition: Rendition,
  frames: IFrames,
  index: number,
  into: Uint8Array = new Uint8Array(frames.headBytes(index)),
): Uint8Array {
  const sample = frames.sample(index);
  writeFragmentHead(rendition.timeline, sample, sample + 1, index + 1, into);
  return into;
}
