// Cuts a track of a film into segments: a thousand an hour. First samples go into a stretch of the memory, so many in a call. Not here: the track (film-track.ts), what is known of its segments
// (film-segments.ts).

import {
  compositionOffset,
  cutAtOrAfter,
  decodeTime,
  description,
  descriptionEnd,
  forgetTimes,
  sampleAt,
  startSeconds,
  syncAtOrAfter,
  syncAtOrBefore,
  Track,
} from './film-track';

/** Times of a grid and of key frames are equal within this, so that timescales of 1/1000 cut like others. */
const toleranceSeconds: f64 = 0.001;
/** Samples by which a key frame's place in decode order may lie before its time. */
const reorderWindow: i32 = 32;
/** Far more key frames than lie between a time and the place where it is looked for. */
const mostSteps: u32 = 512;
/** Key frames that are looked at in one call. */
const mostWork: u32 = 2048;

/** Of this call. */
let work: u32 = 0;
let written: u32 = 0;

/** The first sample, behind `behind`, at which a segment may begin and that is shown at `seconds` or later; the end if none is. */
function nextCut(track: Track, behind: u32, seconds: f64): u32 {
  // Where no edit takes it back, all of a film may be shown long behind its decode times.
  const delay = max(track.timeShift, track.shift + compositionOffset(track, behind));
  const near = <i32>sampleAt(track, floor(seconds * track.timescale) - delay) - reorderWindow;
  let sample = cutAtOrAfter(track, max(behind + 1, <u32>max(0, near)));
  work++;
  // Times of a film that is made to be slow may never be reached.
  for (let step: u32 = 0; sample < track.end && startSeconds(track, sample) < seconds; step++) {
    if (step === mostSteps) return track.end;
    sample = cutAtOrAfter(track, sample + 1);
    work++;
  }
  return min(sample, track.end);
}

/** How far the cutting of a track is. */
@unmanaged
class Cutting {
  targetSeconds: f64;
  /** What key frames of several tracks, or a key frame and a given time, may differ by. */
  tolerance: f64;
  /** Behind these given times the grid goes on, and its last time. */
  pointsEnd: f64;
  grid: f64;
  /** The cut before. */
  last: u32;
  /** One more at which the track could be cut, but not all others. */
  candidate: u32;
  /** One that there was no room for. */
  pending: u32;
  /** No key frame is late enough for one time, so that none is for those behind it. */
  isLast: u32;
  /** There is nothing more to be cut. */
  isOver: u32;
  /** Given times that are done with. */
  taken: u32;
}

/** The first time of the grid behind a time. */
function gridBehind(seconds: f64, targetSeconds: f64): f64 {
  return (floor((seconds + toleranceSeconds) / targetSeconds) + 1) * targetSeconds;
}

/** Whether each of the tracks behind the first, unless it is over by then, can begin a segment near a time. */
function canAllBegin(first: Track, tracks: u32, seconds: f64, tolerance: f64): bool {
  for (let index: u32 = 1; index < tracks; index++) {
    const track = changetype<Track>(changetype<usize>(first) + index * offsetof<Track>());
    if (seconds > track.endTicks / track.timescale) continue;
    const sample = nextCut(track, track.first, seconds - tolerance);
    if (sample >= track.end || startSeconds(track, sample) > seconds + tolerance) return false;
  }
  return true;
}

/**
 * Cuts a track of video at the first key frame behind each time of the grid; where there are other tracks behind it in the memory, at one where all of them can be cut. A segment ends as
 * well where the description changes. Writes the first samples of segments, and returns how many.
 */
export function cutGrid(track: Track, tracks: u32, cutting: Cutting, cuts: usize, room: u32): u32 {
  forgetTimes();
  written = 0;
  work = 0;
  while (written < room && work < mostWork) {
    const last = cutting.last;
    let sample = track.end;
    if (cutting.candidate !== 0) {
      sample = nextCut(track, cutting.candidate, startSeconds(track, cutting.candidate));
      cutting.candidate = 0;
    } else if (cutting.isLast === 0) {
      const grid = gridBehind(startSeconds(track, last), cutting.targetSeconds);
      sample = nextCut(track, last, grid - toleranceSeconds);
    }
    while (sample < track.end) {
      const seconds = startSeconds(track, sample);
      if (canAllBegin(track, tracks, seconds, cutting.tolerance)) break;
      if (work >= mostWork) {
        cutting.candidate = sample;
        return written;
      }
      sample = nextCut(track, sample, seconds);
    }
    cutting.isLast = u32(sample >= track.end);
    const change = descriptionEnd(track, last);
    if (change < track.end && change <= sample) sample = change;
    if (sample >= track.end) {
      cutting.isOver = 1;
      break;
    }
    put(cutting, sample, cuts);
  }
  return written;
}

function put(cutting: Cutting, sample: u32, cuts: usize): void {
  store<u32>(cuts + (written << 2), sample);
  cutting.last = sample;
  written++;
}

/** Takes a cut, and before it those where the description changes. False: there was no room for all of them. */
function takeCut(track: Track, cutting: Cutting, sample: u32, cuts: usize, room: u32): bool {
  cutting.pending = sample;
  const limit = min(sample, track.end);
  for (let change = descriptionEnd(track, cutting.last); change < limit; change = descriptionEnd(track, change)) {
    if (written === room) return false;
    put(cutting, change, cuts);
  }
  if (sample > cutting.last && sample < track.end) {
    if (written === room) return false;
    put(cutting, sample, cuts);
  }
  cutting.pending = 0;
  return true;
}

/** Cuts a track at given times: video where a key frame is shown near, sound at the first frame that is heard then or later. Returns how many were written. */
export function cutPoints(
  track: Track,
  cutting: Cutting,
  points: usize,
  count: u32,
  isSound: u32,
  cuts: usize,
  room: u32,
): u32 {
  forgetTimes();
  written = 0;
  work = 0;
  if (cutting.pending !== 0 && !takeCut(track, cutting, cutting.pending, cuts, room)) return written;
  while (cutting.taken < count && work < mostWork) {
    const point = load<f64>(points + (cutting.taken << 3));
    cutting.taken++;
    let sample: u32;
    if (isSound !== 0) sample = frameAt(track, point, 0);
    else {
      sample = nextCut(track, cutting.last, point - cutting.tolerance);
      if (sample >= track.end) {
        cutting.isOver = 1;
        break;
      }
      if (startSeconds(track, sample) > point + cutting.tolerance) continue;
    }
    if (!takeCut(track, cutting, sample, cuts, room)) break;
  }
  return written;
}

/** Cuts a track of sound by the grid, behind what was cut at given times. Returns how many were written. */
export function cutSound(track: Track, cutting: Cutting, isBefore: u32, cuts: usize, room: u32): u32 {
  forgetTimes();
  written = 0;
  if (cutting.pending !== 0 && !takeCut(track, cutting, cutting.pending, cuts, room)) return written;
  const end = track.endTicks / track.timescale;
  for (let step: u32 = 0; step < mostWork; step++) {
    const last = cutting.last;
    // A segment may begin before its time of the grid, which is then not taken again.
    const least = gridBehind(max(cutting.pointsEnd, startSeconds(track, last)), cutting.targetSeconds);
    const grid = max(least, cutting.grid + cutting.targetSeconds);
    // A frame that lasts longer than the grid's step is a segment.
    const sample = grid >= end ? track.end : max(syncAtOrAfter(track, last + 1), frameAt(track, grid, isBefore));
    if (sample >= track.end) {
      cutting.isOver = 1;
      break;
    }
    cutting.grid = grid;
    if (!takeCut(track, cutting, sample, cuts, room)) break;
  }
  return written;
}

/** Writes the cuts behind the last one where the description changes, up to the track's end. Nothing is pending when all are written. */
export function cutEnd(track: Track, cutting: Cutting, cuts: usize, room: u32): u32 {
  written = 0;
  takeCut(track, cutting, cutting.pending !== 0 ? cutting.pending : track.end, cuts, room);
  if (cutting.pending === 0) takeCut(track, cutting, track.end, cuts, room);
  return written;
}

/** The first frame heard at `seconds` or later; or the last one that begins at `seconds` or before. Where only some are sync, one of those. */
function frameAt(track: Track, seconds: f64, isBefore: u32): u32 {
  // A hundredth of a tick is what the arithmetic in seconds may be off by.
  const ticks = seconds * track.timescale;
  const wanted = (isBefore !== 0 ? floor(ticks + 0.01) : ceil(ticks - 0.01)) - track.shift;
  const sample = sampleAt(track, wanted);
  if (isBefore !== 0) return syncAtOrBefore(track, sample);
  return min(track.end, syncAtOrAfter(track, decodeTime(track, sample) < wanted ? sample + 1 : sample));
}
