// What is known of the segments of a track before a byte of them is made: times, lengths, rates, and the pictures that stand alone. Not here: where they begin (film-cut.ts), how they are
// written (src/media/presentation/fragment.ts).

import {
  checkpointMask,
  checkpointShift,
  compositionTime,
  cutAtOrAfter,
  description,
  forgetTimes,
  isSync,
  lastAtMost,
  syncAtOrAfter,
  Track,
} from './film-track';

/** So many samples in a row that are shown behind a key frame end the search for ones shown before it. */
const leadingWindow: u32 = 4;
/** The earliest composition time of the samples from a key frame on: leading pictures are shown before it. */
function earliestComposition(track: Track, first: u32, end: u32): f64 {
  let earliest = compositionTime(track, first);
  if (track.offsets === 0) return earliest;
  for (let sample = first + 1, found = first; sample < end && sample - found <= leadingWindow; sample++) {
    const ticks = compositionTime(track, sample);
    if (ticks >= earliest) continue;
    earliest = ticks;
    found = sample;
  }
  return earliest;
}

function hasOneDuration(track: Track, from: u32, to: u32): bool {
  if (track.runs > 0) {
    const next = <u32>(lastAtMost(track.firstSamples, track.runs, from) + 1);
    return to <= (next < track.runs ? load<u32>(track.firstSamples + (next << 2)) : track.count);
  }
  const duration = load<u32>(track.deltas + (from << 2));
  for (let sample = from + 1; sample < to; sample++)
    if (load<u32>(track.deltas + (sample << 2)) !== duration) return false;
  return true;
}

function sizeOf(track: Track, sample: u32): u32 {
  if (track.sizes === 0) return track.each;
  return track.isWide !== 0 ? load<u32>(track.sizes + (sample << 2)) : <u32>load<u16>(track.sizes + (sample << 1));
}

function hasOneSize(track: Track, from: u32, to: u32): bool {
  if (track.sizes === 0) return true;
  const size = sizeOf(track, from);
  for (let sample = from + 1; sample < to; sample++) if (sizeOf(track, sample) !== size) return false;
  return true;
}

function bytesBetween(track: Track, from: u32, to: u32): u64 {
  if (track.sizes === 0) return <u64>track.each * <u64>(to - from);
  if (to - from > checkpointMask) return bytesBefore(track, to) - bytesBefore(track, from);
  return sumOfSizes(track, from, to);
}

function bytesBefore(track: Track, sample: u32): u64 {
  // The end of the table may be a multiple of 512 and have no checkpoint of its own.
  const point = min(sample >>> checkpointShift, track.points - 1);
  return <u64>load<f64>(track.bytePoints + (point << 3)) + sumOfSizes(track, point << checkpointShift, sample);
}

function sumOfSizes(track: Track, from: u32, to: u32): u64 {
  let sum: u64 = 0;
  if (track.isWide !== 0) for (let at = from; at < to; at++) sum += <u64>load<u32>(track.sizes + (at << 2));
  else for (let at = from; at < to; at++) sum += <u64>load<u16>(track.sizes + (at << 1));
  return sum;
}

/** The least ticks that a segment and a picture of a list last: players, and the rules of playlists, want more than no time. */
function momentOf(track: Track): f64 {
  return ceil(track.timescale / 1000);
}

/** `styp`; headers of moof and traf, mfhd, tfdt and tfhd without what is optional; trun without what is. */
const stypBytes: u32 = 24;
const fixedMoofBytes: u32 = 72;
const fixedRunBytes: u32 = 20;

/** Bytes of the boxes in front of the media of a fragment, of which there are `bytes`: as src/media/presentation/fragment.ts writes them. */
function headBytes(track: Track, from: u32, to: u32, bytes: u64): u64 {
  const samples = <u64>(to - from);
  let fields: u64 = 0;
  let each: u64 = 0;
  let flags: u64 = 0;
  if (hasOneDuration(track, from, to)) fields++;
  else each++;
  if (hasOneSize(track, from, to)) fields++;
  else each++;
  if (track.hasSync !== 0 && track.syncCount !== track.count) {
    if (syncAtOrAfter(track, from + 1) < to) each++;
    else if (isSync(track, from)) flags = 4;
  }
  if (track.offsets !== 0 || track.offsetShift !== 0) each++;
  if ((track.hasDefaults !== 0 ? description(track, from) + 1 : 1) !== track.description) fields++;
  const head = stypBytes + fixedMoofBytes + fixedRunBytes + 4 * fields + flags + 4 * each * samples;
  return head + (bytes + 8 < 0x1_0000_0000 ? 8 : 16);
}

/**
 * Measures segments by their first samples, behind which is the one behind the last: when each begins, but not before a moment of the one in front of it (`before`), bytes in front of its
 * media, bytes of all of it, and its description. Returns 1 where each begins with a sync sample and shows nothing before it.
 */
export function measureSegments(
  track: Track,
  before: f64,
  firsts: usize,
  count: u32,
  starts: usize,
  heads: usize,
  lengths: usize,
  kinds: usize,
): u32 {
  forgetTimes();
  const moment = momentOf(track);
  let start = before;
  let areAlone: u32 = 1;
  for (let index: u32 = 0; index < count; index++) {
    const from = load<u32>(firsts + (index << 2));
    const to = load<u32>(firsts + (index << 2), 4);
    start = max(start + moment, earliestComposition(track, from, to) + track.shift);
    const bytes = bytesBetween(track, from, to);
    const head = headBytes(track, from, to, bytes);
    store<f64>(starts + (index << 3), start);
    store<u32>(heads + (index << 2), <u32>head);
    store<f64>(lengths + (index << 3), <f64>(head + bytes));
    store<u32>(kinds + (index << 2), description(track, from));
    // Pictures of an open group need the segment before.
    const needsOther = from !== track.first && start < compositionTime(track, from) + track.shift;
    if (needsOther || !isSync(track, from)) areAlone = 0;
  }
  return areAlone;
}

/** Where segments begin, in ticks; the last one ends where one more begins. */
function startOf(starts: usize, segment: u32): f64 {
  return load<f64>(starts + (segment << 3));
}

/** Bytes of all segments before one. */
function bytesTo(sums: usize, segment: u32): f64 {
  return segment === 0 ? 0 : load<f64>(sums + ((segment - 1) << 3));
}

/** A set of neighbouring segments. */
@unmanaged
class RatedSet {
  first: u32;
  end: u32;
}

/**
 * The set that has most bytes above what a rate (bytes a tick) gives in its time, among those that begin with one of the first `count` and last from `least` to `most` ticks; none with `end`
 * 0. Each end is taken once: `queue` has those that are not too long yet, rising, and of two that are, the later one is kept alone where it has more above the rate.
 */
function richestSet(
  starts: usize,
  sums: usize,
  count: u32,
  known: u32,
  least: f64,
  most: f64,
  rate: f64,
  queue: usize,
  set: RatedSet,
): void {
  let richest: f64 = 0;
  let head: u32 = 0;
  let tail: u32 = 0;
  let next: u32 = 1;
  set.end = 0;
  for (let first: u32 = 0; first < count; first++) {
    const start = startOf(starts, first);
    for (; next <= known && startOf(starts, next) - start <= most; next++) {
      const above = bytesTo(sums, next) - rate * startOf(starts, next);
      while (tail > head) {
        const last = load<u32>(queue + ((tail - 1) << 2));
        if (bytesTo(sums, last) - rate * startOf(starts, last) > above) break;
        tail--;
      }
      store<u32>(queue + (tail << 2), next);
      tail++;
    }
    while (head < tail && startOf(starts, load<u32>(queue + (head << 2))) - start < least) head++;
    if (head === tail) continue;
    const end = load<u32>(queue + (head << 2));
    const above = bytesTo(sums, end) - bytesTo(sums, first) - rate * (startOf(starts, end) - start);
    if (above <= richest) continue;
    richest = above;
    set.first = first;
    set.end = end;
  }
}

/**
 * The largest rate, in bits a second, of neighbouring segments that last between half a target duration and one and a half and begin with one of the first `count`, of `known` that there are;
 * `peak` where that is not larger. `starts` has one more, when the last one ends; `lengths` become sums. A rate that some set is above is replaced by that of the set which is most above it
 * (Dinkelbach's method), which ends after a few rounds: looked at one by one, the sets of a film with a picture that stands for minutes are hundreds for each segment.
 */
export function largestRate(
  starts: usize,
  lengths: usize,
  count: u32,
  known: u32,
  timescale: f64,
  targetDuration: f64,
  peak: f64,
  queue: usize,
  set: RatedSet,
): f64 {
  const most = 1.5 * targetDuration * timescale;
  const least = 0.5 * targetDuration * timescale;
  for (let segment: u32 = 1; segment < known; segment++) {
    const at = lengths + (segment << 3);
    store<f64>(at, load<f64>(at) + load<f64>(at - 8));
  }
  let largest: f64;
  let rate = peak;
  do {
    largest = rate;
    richestSet(starts, lengths, count, known, least, most, largest / (8 * timescale), queue, set);
    if (set.end === 0) break;
    const bytes = bytesTo(lengths, set.end) - bytesTo(lengths, set.first);
    rate = (8 * bytes * timescale) / (startOf(starts, set.end) - startOf(starts, set.first));
    // Not above it where the difference is that of rounding.
  } while (rate > largest);
  return largest;
}

/** A key frame that begins no segment is listed when it is this long behind the one before it: in some films every frame is one. One that begins a segment is listed when it is behind it. */
const leastSeconds: f64 = 0.5;

/** Samples that are looked at in one call. */
const mostLooks: u32 = 2048;

/** How far the listing of a track's pictures is. */
@unmanaged
class Listing {
  /** When the one that was listed last is shown. */
  before: f64;
  hasBefore: u32;
  /** The segment that comes next, and in it the sample behind the last one that was looked at; 0 where none was. */
  segment: u32;
  sample: u32;
}

/**
 * Lists key frames of segments: sample, the segment that it begins (all ones: none), when it is shown, bytes in front of it and with it. `heads` are the bytes in front of the media of segments.
 * Returns how many. All of the segments are done with when `segment` of the listing says so.
 */
export function listPictures(
  track: Track,
  listing: Listing,
  firsts: usize,
  heads: usize,
  count: u32,
  room: u32,
  samples: usize,
  begins: usize,
  starts: usize,
  fronts: usize,
): u32 {
  forgetTimes();
  let listed: u32 = 0;
  const least = leastSeconds * track.timescale;
  const moment = momentOf(track);
  for (let look: u32 = 0; listing.segment < count && look < mostLooks; look++) {
    const segment = listing.segment;
    const first = load<u32>(firsts + (segment << 2));
    const end = load<u32>(firsts + (segment << 2), 4);
    const sample = cutAtOrAfter(track, listing.sample === 0 ? first : listing.sample);
    // A segment that begins with a new description may begin without a key frame.
    if (sample >= end) {
      listing.segment = segment + 1;
      listing.sample = 0;
      continue;
    }
    if (listed === room) break;
    listing.sample = sample + 1;
    const ticks = max(0, compositionTime(track, sample) + track.shift);
    const isFirst = sample === first;
    const gap = isFirst ? moment : least;
    if (listing.hasBefore !== 0 && ticks - listing.before < gap) continue;
    listing.before = ticks;
    listing.hasBefore = 1;
    store<u32>(samples + (listed << 2), sample);
    store<u32>(begins + (listed << 2), isFirst ? segment : u32.MAX_VALUE);
    store<f64>(starts + (listed << 3), ticks);
    const front = isFirst
      ? load<u32>(heads + (segment << 2))
      : <u32>headBytes(track, sample, sample + 1, <u64>sizeOf(track, sample));
    store<u32>(fronts + (listed << 2), front);
    listed++;
  }
  return listed;
}
