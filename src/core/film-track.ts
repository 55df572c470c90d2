// A track of a film as the core's functions are told of it, and what is looked up in its tables. Not here: what the tables mean and where they come from (src/media/), how films are cut
// (film-cut.ts), what is known of segments (film-segments.ts).

@unmanaged
/** A track, its tables, and how its time is presented. Addresses are 0 where there is no such table. */
export class Track {
  /** Ticks a second; what decode time, presentation time and composition offsets are moved by; where the presentation ends. */
  timescale: f64;
  timeShift: f64;
  shift: f64;
  offsetShift: f64;
  endTicks: f64;
  /** Ticks of a unit of composition offsets. */
  offsetUnit: f64;
  /** Samples that there are; the first that is sent, and the one behind the last. */
  count: u32;
  first: u32;
  end: u32;
  /** Bytes of each sample where there is no table of sizes; whether that has 32 bits a sample. */
  each: u32;
  sizes: usize;
  isWide: u32;
  /** Decode times as runs, or, where there is none, ticks of each sample and its time every 512 samples. */
  runs: u32;
  firstSamples: usize;
  deltas: usize;
  startTimes: usize;
  timePoints: usize;
  offsets: usize;
  areOffsetsWide: u32;
  /** Whether some samples only are sync samples: those. */
  hasSync: u32;
  sync: usize;
  syncCount: u32;
  hasAccess: u32;
  access: usize;
  accessCount: u32;
  /** Runs of one description; 0 where all have the first. */
  kinds: u32;
  descriptionStarts: usize;
  descriptions: usize;
  /** Bytes before every 512th sample. */
  bytePoints: usize;
  points: u32;
  /** Whether fragments are numbered as those of the source are, and the description, from 1, that they take for granted. */
  hasDefaults: u32;
  description: u32;
}

export const checkpointShift: u32 = 9;
export const checkpointMask: u32 = 511;

/** The index of the last value, of rising ones, that is `limit` or less; -1 when there is none. */
export function lastAtMost(values: usize, count: u32, limit: u32): i32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<u32>(values + (middle << 2)) <= limit) low = middle + 1;
    else high = middle;
  }
  return <i32>low - 1;
}

function lastTimeAtMost(values: usize, count: u32, limit: f64): i32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (load<f64>(values + (middle << 3)) <= limit) low = middle + 1;
    else high = middle;
  }
  return <i32>low - 1;
}

/** In a track without runs: the sample whose time was looked up last in this call, and the time. Going on from there costs an addition a sample, and not 512. */
let knownTrack: usize = 0;
let knownSample: u32 = 0;
let knownTime: f64 = 0;

/** Each function that looks up times begins with it: since the call before, other tables may lie at the same places. */
export function forgetTimes(): void {
  knownTrack = 0;
}

/** Decode time in ticks. */
export function decodeTime(track: Track, sample: u32): f64 {
  if (track.runs > 0) {
    const run = lastAtMost(track.firstSamples, track.runs, sample);
    const first = load<u32>(track.firstSamples + (run << 2));
    return load<f64>(track.startTimes + (run << 3)) + <f64>(sample - first) * <f64>load<u32>(track.deltas + (run << 2));
  }
  const address = changetype<usize>(track);
  let at = sample & ~checkpointMask;
  let time: f64;
  if (knownTrack === address && knownSample >= at && knownSample <= sample) {
    at = knownSample;
    time = knownTime;
  } else time = load<f64>(track.timePoints + ((sample >>> checkpointShift) << 3));
  for (; at < sample; at++) time += <f64>load<u32>(track.deltas + (at << 2));
  knownTrack = address;
  knownSample = sample;
  knownTime = time;
  return time;
}

/** Ticks from decode time to composition time. */
export function compositionOffset(track: Track, sample: u32): f64 {
  if (track.offsets === 0) return 0;
  const offset: i32 =
    track.areOffsetsWide !== 0
      ? load<i32>(track.offsets + (sample << 2))
      : <i32>load<i16>(track.offsets + (sample << 1));
  return <f64>offset * track.offsetUnit;
}

/** Composition time in ticks. */
export function compositionTime(track: Track, sample: u32): f64 {
  return decodeTime(track, sample) + compositionOffset(track, sample);
}

/** When a sample is shown. */
export function startSeconds(track: Track, sample: u32): f64 {
  return (compositionTime(track, sample) + track.shift) / track.timescale;
}

/** The last sample whose decode time is `ticks` or less; 0 for a time before the first. */
export function sampleAt(track: Track, ticks: f64): u32 {
  if (track.runs > 0) {
    const run = max(0, lastTimeAtMost(track.startTimes, track.runs, ticks));
    const first = load<u32>(track.firstSamples + (run << 2));
    const end = <u32>run + 1 < track.runs ? load<u32>(track.firstSamples + (run << 2), 4) : track.count;
    const delta = load<u32>(track.deltas + (run << 2));
    const steps =
      delta === 0 ? <f64>(end - first - 1) : floor((ticks - load<f64>(track.startTimes + (run << 3))) / <f64>delta);
    return <u32>max(<f64>first, min(<f64>(end - 1), <f64>first + steps));
  }
  const point = <u32>max(0, lastTimeAtMost(track.timePoints, track.points, ticks));
  let sample = point << checkpointShift;
  let time = load<f64>(track.timePoints + (point << 3));
  const end = min(track.count - 1, sample + checkpointMask);
  while (sample < end) {
    const next = time + <f64>load<u32>(track.deltas + (sample << 2));
    if (next > ticks) break;
    time = next;
    sample++;
  }
  return sample;
}

/** The first sync sample that is `sample` or behind it; the track's count when there is none. */
export function syncAtOrAfter(track: Track, sample: u32): u32 {
  if (track.hasSync === 0) return min(sample, track.count);
  const index = lastAtMost(track.sync, track.syncCount, sample);
  if (index >= 0 && load<u32>(track.sync + (index << 2)) === sample) return sample;
  return <u32>(index + 1) < track.syncCount ? load<u32>(track.sync + ((index + 1) << 2)) : track.count;
}

/** True for a sample at which decoding may begin. */
export function isSync(track: Track, sample: u32): bool {
  return track.hasSync === 0 || syncAtOrAfter(track, sample) === sample;
}

/** The first sample that is `sample` or behind it at which a segment may begin; the track's count when there is none. */
export function cutAtOrAfter(track: Track, sample: u32): u32 {
  const sync = syncAtOrAfter(track, sample);
  if (track.hasAccess === 0) return sync;
  const next: u32 = sample === 0 ? 0 : <u32>(lastAtMost(track.access, track.accessCount, sample - 1) + 1);
  return min(sync, next < track.accessCount ? load<u32>(track.access + (next << 2)) : track.count);
}

/** The number, from 0, of the description that a sample has. */
export function description(track: Track, sample: u32): u32 {
  if (track.kinds === 0) return 0;
  const run = max(0, lastAtMost(track.descriptionStarts, track.kinds, sample));
  return <u32>load<u16>(track.descriptions + (run << 1));
}

/** The first sample behind `sample` that has another description; the track's count when there is none. */
export function descriptionEnd(track: Track, sample: u32): u32 {
  if (track.kinds === 0) return track.count;
  const next = <u32>(lastAtMost(track.descriptionStarts, track.kinds, sample) + 1);
  return next < track.kinds ? load<u32>(track.descriptionStarts + (next << 2)) : track.count;
}

/** The last sync sample that is `sample` or before it; 0 where there is none. */
export function syncAtOrBefore(track: Track, sample: u32): u32 {
  if (track.hasSync === 0) return sample;
  const index = lastAtMost(track.sync, track.syncCount, sample);
  return index < 0 ? 0 : load<u32>(track.sync + (index << 2));
}
