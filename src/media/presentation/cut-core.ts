// Cutting and measuring by the core (src/core/film-cut.ts, film-segments.ts), a few hundred segments in a call: the first film of a process is cut before V8's compiler has seen any
// code, and a thousand segments an hour are more than it does quickly then. Not here: what is cut where (cut.ts), segments (segments.ts).

import { FilmRefusal } from '../film.js';
import { putNumbers } from '../film-tables.js';
import {
  mostTracks,
  ratesATurn,
  ratesBehind,
  segmentsATurn,
  type TableCore,
  tableCore,
  trackWords,
} from '../table-core.js';
import { momentTicks, type Timeline } from './timeline.js';

/** Words of a `Track` behind its floating point numbers. */
const enum TrackWord {
  count = 12,
  first,
  end,
  tables,
  hasAccess = 28,
  access,
  accessCount,
  hasDefaults = 36,
  description,
}

/** Puts a track where functions of the core find it: the `index`-th of those that are cut together. */
function placeTrack({ tracks, trackFloats, pool }: TableCore, timeline: Timeline, index: number): void {
  const { track, timeShift, shift, offsetShift, endTicks, first, end, defaults } = timeline;
  const { samples, randomAccess } = track;
  const float = (index * trackWords) / 2;
  trackFloats[float] = track.timescale;
  trackFloats[float + 1] = timeShift;
  trackFloats[float + 2] = shift;
  trackFloats[float + 3] = offsetShift;
  trackFloats[float + 4] = endTicks;
  trackFloats[float + 5] = samples.offsetUnit;
  const words = tracks.numbers;
  const at = index * trackWords;
  words[at + TrackWord.count] = samples.count;
  words[at + TrackWord.first] = first;
  words[at + TrackWord.end] = end;
  samples.describe(words, at + TrackWord.tables, pool.buffer);
  words[at + TrackWord.hasAccess] = Number(randomAccess !== undefined);
  words[at + TrackWord.access] = randomAccess === undefined ? 0 : randomAccess.byteOffset;
  words[at + TrackWord.accessCount] = randomAccess === undefined ? 0 : randomAccess.length;
  words[at + TrackWord.hasDefaults] = Number(defaults !== undefined);
  words[at + TrackWord.description] = defaults?.description ?? 1;
}

/** Fields of `Cutting`: floating point numbers, and words behind them. */
const enum CuttingFloat {
  targetSeconds,
  tolerance,
  pointsEnd,
  grid,
  end = 7,
}
const enum CuttingWord {
  last = 8,
  pending = 10,
  isOver = 12,
  taken,
}

/** Entries that the playlists of a film have at most, of all its tracks: in a day with four tracks there are 86,400 segments. */
const mostEntries = 100_000;

/** Holds a film to playlists that can be written soon, and that players read. @throws FilmRefusal */
export function limitEntries(count: number): void {
  if (count > mostEntries) throw new FilmRefusal('needs playlists of more than 100,000 entries: split it');
}

/** How segments are to be cut. */
export interface CutWish {
  readonly targetSeconds: number;
  /** Seconds that a key frame, and what it is to be beside, may differ by. */
  readonly toleranceSeconds: number;
  /** Behind it the grid goes on. */
  readonly pointsEnd?: number;
}

/** Cuts a track. Each call does some of the work: others have their turn between two. Any throws FilmRefusal where there are too many cuts. */
export class Cutter {
  /** First samples of segments, rising. */
  readonly cuts: number[];
  readonly #timelines: readonly Timeline[];
  readonly #state = new Float64Array(CuttingFloat.end);
  readonly #words = new Uint32Array(this.#state.buffer);

  /** @param others tracks that have to be able to begin a segment where this one does. @throws RangeError for more than a group has */
  constructor(timeline: Timeline, others: readonly Timeline[], wish: CutWish) {
    if (others.length >= mostTracks) throw new RangeError(`${others.length} tracks are more than are cut together`);
    this.cuts = [timeline.first];
    this.#timelines = [timeline, ...others];
    this.#state[CuttingFloat.targetSeconds] = wish.targetSeconds;
    this.#state[CuttingFloat.tolerance] = wish.toleranceSeconds;
    this.#state[CuttingFloat.pointsEnd] = wish.pointsEnd ?? 0;
    this.#words[CuttingWord.last] = timeline.first;
  }

  /** Cuts at key frames behind times of the grid. True when all of the track is cut. */
  video(): boolean {
    this.#call(({ core, tracks, state, cuts }) =>
      core.cutGrid(tracks.at, this.#timelines.length, state.at, cuts.at, segmentsATurn),
    );
    return this.#isOver;
  }

  /** Cuts at some hundreds of given times, from one on. Returns how many of all are done with: all of them where no key frame is left. */
  points(points: readonly number[], from: number, isSound: boolean): number {
    const count = Math.min(segmentsATurn, points.length - from);
    this.#words[CuttingWord.taken] = 0;
    this.#call(({ core, tracks, state, cuts, times }) => {
      for (let index = 0; index < count; index++) times.numbers[index] = points[from + index]!;
      return core.cutPoints(tracks.at, state.at, times.at, count, Number(isSound), cuts.at, segmentsATurn);
    });
    return this.#isOver ? points.length : from + this.#words[CuttingWord.taken]!;
  }

  /** Cuts sound at times of the grid. @param isBefore with the frame that is heard then, not behind it. True when all is cut */
  sound(isBefore: boolean): boolean {
    this.#call(({ core, tracks, state, cuts }) =>
      core.cutSound(tracks.at, state.at, Number(isBefore), cuts.at, segmentsATurn),
    );
    return this.#isOver;
  }

  /** Cuts where the description changes up to the track's end. True when that is done. */
  end(): boolean {
    this.#call(({ core, tracks, state, cuts }) => core.cutEnd(tracks.at, state.at, cuts.at, segmentsATurn));
    return this.#words[CuttingWord.pending] === 0;
  }

  get #isOver(): boolean {
    return this.#words[CuttingWord.isOver] === 1;
  }

  #call(cut: (core: TableCore) => number): void {
    const core = tableCore();
    for (let index = 0; index < this.#timelines.length; index++) placeTrack(core, this.#timelines[index]!, index);
    putNumbers(core.stateFloats, this.#state, 0);
    const count = cut(core);
    putNumbers(this.#state, core.stateFloats.subarray(0, CuttingFloat.end), 0);
    for (let index = 0; index < count; index++) this.cuts.push(core.cuts.numbers[index]!);
    limitEntries(this.cuts.length);
  }
}

/** What is known of segments, in arrays of all of a track's. */
export interface SegmentNumbers {
  /** First sample of each, and the one behind the last. */
  readonly samples: Uint32Array;
  readonly starts: Float64Array;
  readonly headBytes: Uint32Array;
  readonly bytes: Float64Array;
  readonly descriptions: Uint32Array;
}

/** Measures some hundreds of segments, from one on. @returns whether each begins with a sync sample and shows nothing before it */
export function measureSegments(timeline: Timeline, segments: SegmentNumbers, from: number): boolean {
  const { samples, starts, headBytes, bytes, descriptions } = segments;
  const core = tableCore();
  const count = Math.min(segmentsATurn, bytes.length - from);
  const { tracks, cuts, times, heads, lengths, kinds } = core;
  placeTrack(core, timeline, 0);
  putNumbers(cuts.numbers, samples.subarray(from, from + count + 1), 0);
  const before = from === 0 ? -momentTicks(timeline.track) : starts[from - 1]!;
  const areAlone = core.core.measureSegments(
    tracks.at,
    before,
    cuts.at,
    count,
    times.at,
    heads.at,
    lengths.at,
    kinds.at,
  );
  putNumbers(starts, times.numbers.subarray(0, count), from);
  putNumbers(headBytes, heads.numbers.subarray(0, count), from);
  putNumbers(bytes, lengths.numbers.subarray(0, count), from);
  putNumbers(descriptions, kinds.numbers.subarray(0, count), from);
  return areAlone === 1;
}

/**
 * The largest rate, in bits a second, of neighbouring segments that last about a target duration and begin with one of some thousands, from one on.
 * @param peak that of others: what is not above it is not looked for
 */
export function largestRate(
  { starts, bytes }: Pick<SegmentNumbers, 'starts' | 'bytes'>,
  from: number,
  timescale: number,
  targetDuration: number,
  peak: number,
): number {
  const { core, times, lengths, ends, state } = tableCore();
  const known = Math.min(ratesATurn + ratesBehind, bytes.length - from);
  putNumbers(times.numbers, starts.subarray(from, from + known + 1), 0);
  putNumbers(lengths.numbers, bytes.subarray(from, from + known), 0);
  const count = Math.min(ratesATurn, known);
  return core.largestRate(times.at, lengths.at, count, known, timescale, targetDuration, peak, ends.at, state.at);
}

/** Fields of `Listing`: a floating point number, and words behind it. */
const enum ListingWord {
  hasBefore = 2,
  segment,
  sample,
  floats = 3,
}

/** In place of a segment. */
const nothing = 0xffff_ffff;

/** What is known of the pictures that were listed in one call. */
export interface ListedPictures {
  readonly samples: Uint32Array;
  /** The segment that each begins, -1 for none. */
  readonly begins: Int32Array;
  readonly starts: Float64Array;
  readonly headBytes: Uint32Array;
}

/** Lists key frames of a track's segments, some hundreds in a call. */
export class PictureLister {
  readonly #timeline: Timeline;
  readonly #segments: Pick<SegmentNumbers, 'samples' | 'headBytes'>;
  readonly #state = new Float64Array(ListingWord.floats);
  readonly #words = new Uint32Array(this.#state.buffer);
  #from = 0;

  constructor(timeline: Timeline, segments: Pick<SegmentNumbers, 'samples' | 'headBytes'>) {
    this.#timeline = timeline;
    this.#segments = segments;
  }

  /** All segments are done with. */
  get isOver(): boolean {
    return this.#from === this.#segments.headBytes.length;
  }

  /** Lists some more. */
  next(): ListedPictures {
    const core = tableCore();
    const { tracks, state, cuts, heads, samples, kinds, times, fronts } = core;
    const { samples: firsts, headBytes } = this.#segments;
    const from = this.#from;
    const count = Math.min(segmentsATurn, headBytes.length - from);
    placeTrack(core, this.#timeline, 0);
    putNumbers(cuts.numbers, firsts.subarray(from, from + count + 1), 0);
    putNumbers(heads.numbers, headBytes.subarray(from, from + count), 0);
    putNumbers(core.stateFloats, this.#state, 0);
    const places = [samples.at, kinds.at, times.at, fronts.at] as const;
    const listed = core.core.listPictures(tracks.at, state.at, cuts.at, heads.at, count, segmentsATurn, ...places);
    putNumbers(this.#state, core.stateFloats.subarray(0, ListingWord.floats), 0);
    const begins = Int32Array.from(kinds.numbers.subarray(0, listed), (segment) =>
      segment === nothing ? -1 : from + segment,
    );
    if (this.#words[ListingWord.segment] === count) {
      this.#from += count;
      this.#words[ListingWord.segment] = 0;
    }
    return {
      ...{ samples: samples.numbers.slice(0, listed), begins, starts: times.numbers.slice(0, listed) },
      headBytes: fronts.numbers.slice(0, listed),
    };
  }
}
