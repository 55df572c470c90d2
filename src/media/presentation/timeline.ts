// When the samples of a track are shown, and how that is written into fragments: the edit of the source, one zero for all tracks of
// a film, the first and last sample that are sent (M5 of the reference). Not here: where segments begin (cut.ts).

import type { Film, FilmTrack, TrackFragments } from '../film.js';
import { cutSampleAtOrBefore } from './cut-samples.js';

/**
 * How the time of a track is presented. Of sample i, a fragment says decode time `decodeTime(i) + timeShift` and composition offset
 * `compositionOffset(i) + offsetShift`; the init segment's edit skips `skip` ticks (audio alone, and none when 0).
 */
export interface Timeline {
  readonly track: FilmTrack;
  /** A segment may be a stretch of the film, with what lies between its samples: see fragment.ts. */
  readonly mayStretch: boolean;
  /** The first sample that is sent, and the one behind the last. */
  readonly first: number;
  readonly end: number;
  readonly timeShift: number;
  readonly offsetShift: number;
  readonly skip: number;
  /** `timeShift + offsetShift - skip`: what presentation time adds to composition time. */
  readonly shift: number;
  /** Presentation time of the first sample shown, 0 or more, and of the end of the last, in ticks. */
  readonly startTicks: number;
  readonly endTicks: number;
  /** Of a track whose fragments may be sent as they are: what they take for granted, so that the init segment says it. */
  readonly defaults: TrackFragments['defaults'] | undefined;
}

/** The timelines of a film's tracks, in their order, and what is to be said of them. */
export interface FilmTimelines {
  readonly timelines: readonly Timeline[];
  /** How much later everything is than in the source, since what an edit hides in front cannot be hidden. */
  readonly movedSeconds: number;
  readonly notes: readonly string[];
}

/** Presentation time of a sample in ticks; below 0 for what the edit of an audio track hides. */
export function presentationTicks(timeline: Timeline, sample: number): number {
  const { samples } = timeline.track;
  return samples.decodeTime(sample) + samples.compositionOffset(sample) + timeline.shift;
}

/**
 * Audio that is hidden is sent up to this many seconds, so that the first frame shown is decoded as in the source: Opus wants 80 ms, AAC two frames.
 * No more, since Shaka Player puts the first decode time of HLS at 0: sound is early by what is hidden.
 */
const preRollSeconds = 0.1;
/** So many samples in a row that are shown behind a key frame end the search for ones shown before it: they follow it directly. */
const leadingWindow = 4;
/** Samples that are looked at a time for the last one shown. */
const lastWindow = 128;
/** Samples of which one ends last: no codec keeps more pictures back. */
const reorderWindow = 16;

/**
 * The timelines of a film. Where an edit begins inside a group of pictures, the presentation begins at its key frame, since players
 * cannot hide decoded video, and all tracks move by the same time.
 */
export function timelinesOf(film: Film, withStretches = false): FilmTimelines {
  const firsts = film.tracks.map((track) => (track.kind === 'video' ? firstOfVideo(track) : 0));
  let moved = 0;
  film.tracks.forEach((track, index) => {
    if (track.kind !== 'video') return;
    const hidden = -sourceTicks(track, earliestComposition(track, firsts[index]!, track.samples.count));
    moved = Math.max(moved, hidden / track.timescale);
  });
  const timelines = film.tracks.map((track, index) =>
    finish(
      film,
      track,
      track.kind === 'video' ? videoTimes(track, firsts[index]!, moved) : audioTimes(track, moved),
      withStretches,
    ),
  );
  const notes =
    moved < 0.001
      ? []
      : [
          `the edit begins ${moved.toFixed(3)} s behind a key frame: the presentation begins at that key frame, in all tracks`,
        ];
  return { timelines, movedSeconds: moved, notes };
}

/** The last key frame that is shown at the edit's start or before it. */
function firstOfVideo(track: FilmTrack): number {
  const { samples, edit } = track;
  const compositionTicks = (sample: number) => samples.decodeTime(sample) + samples.compositionOffset(sample);
  if (compositionTicks(0) >= edit.mediaTime) return 0;
  // A key frame's composition time is seldom below its decode time; the loop steps back from where decode time says.
  let sample = cutSampleAtOrBefore(
    track,
    Math.min(samples.count - 1, samples.sampleAt(edit.mediaTime) + leadingWindow),
  );
  while (sample > 0 && compositionTicks(sample) > edit.mediaTime) sample = cutSampleAtOrBefore(track, sample - 1);
  return Math.max(0, sample);
}

/** Presentation time in the source, by its edit, of a composition time. */
function sourceTicks({ edit }: FilmTrack, composition: number): number {
  return composition - edit.mediaTime + edit.emptyTicks;
}

/** The earliest composition time of the samples from a key frame on: leading pictures are shown before it. */
export function earliestComposition({ samples }: Pick<FilmTrack, 'samples'>, first: number, end: number): number {
  let earliest = samples.decodeTime(first) + samples.compositionOffset(first);
  if (samples.isInDecodeOrder) return earliest;
  for (let sample = first + 1, found = first; sample < end && sample - found <= leadingWindow; sample++) {
    const ticks = samples.decodeTime(sample) + samples.compositionOffset(sample);
    if (ticks >= earliest) continue;
    earliest = ticks;
    found = sample;
  }
  return earliest;
}

/** The least ticks that a segment, and a picture of a list, last. */
export function momentTicks({ timescale }: Pick<FilmTrack, 'timescale'>): number {
  return Math.ceil(timescale / 1000);
}

/** What the kinds of track decide for themselves. */
interface Times {
  readonly first: number;
  readonly shift: number;
  readonly offsetShift: number;
  readonly skip: number;
}

function videoTimes(track: FilmTrack, first: number, movedSeconds: number): Times {
  const { samples, edit } = track;
  const shift = sourceTicks(track, 0) + Math.round(movedSeconds * track.timescale);
  const offset = samples.compositionOffset(first);
  // The skip of an edit is most often the delay that B-frames need: it comes off the offsets. Where it is more, or the first sample is
  // another, decode time begins where the first sample is shown.
  const isDelay = first === 0 && edit.mediaTime <= Math.max(0, offset);
  return { first, shift, offsetShift: 0 - (isDelay ? edit.mediaTime : offset), skip: 0 };
}

function audioTimes(track: FilmTrack, movedSeconds: number): Times {
  const { samples, timescale } = track;
  const shift = sourceTicks(track, 0) + Math.round(movedSeconds * timescale);
  const preRoll = preRollSeconds * timescale;
  const hidden = -(samples.decodeTime(0) + samples.compositionOffset(0) + shift);
  const first = hidden > preRoll ? Math.max(0, samples.syncAtOrBefore(samples.sampleAt(-shift - preRoll))) : 0;
  // What the edit skips, and no more than that is before 0: where it begins late, or all tracks move, nothing has to be hidden.
  if (first === 0) return { first, shift, offsetShift: 0, skip: Math.max(0, -shift) };
  const offset = samples.compositionOffset(first);
  return { first, shift, offsetShift: 0 - offset, skip: Math.max(0, -(samples.decodeTime(first) + offset + shift)) };
}

function finish(
  film: Film,
  track: FilmTrack,
  { first, shift, offsetShift, skip }: Times,
  withStretches: boolean,
): Timeline {
  const end = endBefore(track, first, track.edit.endTicks);
  // A decode time is written without a sign: where it would be below 0, the offsets (video) or the edit (audio) carry the rest.
  const timeShift = shift - offsetShift + skip;
  const below = Math.max(0, -(track.samples.decodeTime(first) + timeShift));
  const isVideo = track.kind === 'video';
  const startTicks = Math.max(0, earliestComposition(track, first, end) + shift);
  return {
    track,
    mayStretch: isVideo && withStretches,
    first,
    end,
    timeShift: timeShift + below,
    offsetShift: isVideo ? offsetShift - below : offsetShift,
    skip: isVideo ? skip : skip + below,
    shift,
    startTicks,
    // One picture may last for no time at all; a segment may not.
    endTicks: Math.max(startTicks + momentTicks(track), latestEnd(track, first, end) + shift),
    defaults: film.fragments?.find((fragments) => fragments.track === track.id)?.defaults,
  };
}

/** The sample behind the last one whose composition time is before `endTicks`, and behind `first`. */
export function endBefore({ samples }: FilmTrack, first: number, endTicks: number | undefined): number {
  if (endTicks === undefined) return samples.count;
  let to = Math.min(samples.count, samples.sampleAt(endTicks) + 1 + lastWindow);
  while (to > first) {
    const from = Math.max(first, to - lastWindow);
    let last = -1;
    for (let sample = from; sample < to; sample++) {
      if (samples.decodeTime(sample) + samples.compositionOffset(sample) < endTicks) last = sample;
    }
    if (last >= 0) return last + 1;
    to = from;
  }
  return first + 1;
}

/**
 * The latest end, in composition time, of the samples from `first` up to, and without, `end`. Only of the last ones: how long a sample lasts is the time to the next decode time, which of a
 * picture that is decoded in front of a gap, and shown behind it, is the gap.
 */
export function latestEnd({ samples }: Pick<FilmTrack, 'samples'>, first: number, end: number): number {
  let latest = Number.NEGATIVE_INFINITY;
  for (let sample = Math.max(first, end - reorderWindow); sample < end; sample++) {
    const ticks = samples.decodeTime(sample) + samples.compositionOffset(sample) + samples.duration(sample);
    if (ticks > latest) latest = ticks;
  }
  return latest;
}
