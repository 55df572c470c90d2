// The sample table of a track: size, place, time and sync flag of each sample, in typed arrays of a few bytes a sample (M2 of the
// reference: sizes, composition offsets, chunk starts, a bit a sample for "begins a chunk", and a checkpoint every 512 samples).
// Not here: how it is filled from a file's boxes (sample-builder.ts).

import { lastAtMost } from './rising.js';

type Table = Uint16Array | Int16Array | Uint32Array | Int32Array | Float64Array;

/** log2 of the samples between two checkpoints. */
export const checkpointShift = 9;
const checkpointMask = (1 << checkpointShift) - 1;

/** What a sample table is made of. Arrays are given away: nobody else keeps or changes them. */
export interface SampleArrays {
  readonly count: number;
  /** Bytes of each sample, or of every sample. */
  readonly sizes: Uint16Array | Uint32Array | number;
  /** Some sample has no byte. */
  readonly hasEmpty: boolean;
  /** Decode times as runs: first sample, ticks of each sample, time of the first; or ticks of each sample. */
  readonly times: TimeRuns | { readonly deltas: Uint32Array };
  /** Decode time of sample 0. */
  readonly firstTime: number;
  /** Composition offsets in units of `offsetUnit` ticks; undefined where all are 0. */
  readonly compositionOffsets: Int16Array | Int32Array | undefined;
  readonly offsetUnit: number;
  /** A bit for each sample that begins a chunk; sample 0 always does. */
  readonly chunkBits: Uint32Array;
  /** File offset of each chunk that has samples: the low 32 bits, and the high 16 where a file needs them. */
  readonly chunkLow: Uint32Array;
  readonly chunkHigh: Uint16Array | undefined;
  /** Sync samples, rising; undefined where every sample is one. */
  readonly sync: Uint32Array | undefined;
  /** First sample of each run of one description, and that description (from 0); undefined where all have description 0. */
  readonly descriptionStarts: Uint32Array | undefined;
  readonly descriptions: Uint16Array | undefined;
  readonly checkpoints: Checkpoints;
}

/** Runs of samples of equal length. */
export interface TimeRuns {
  readonly firstSamples: Uint32Array;
  readonly deltas: Uint32Array;
  readonly startTimes: Float64Array;
}

/** How neighbouring samples lie in the file. */
export interface Stretch {
  /** Bytes of the samples. */
  bytes: number;
  /** Pieces in which they lie: of samples that follow one another. */
  pieces: number;
  /** The first byte of the first piece, and the one behind the last piece. */
  from: number;
  to: number;
  /** No piece begins before the end of the one in front of it. */
  isForward: boolean;
}

/** State at each sample whose number is a multiple of 512. */
export interface Checkpoints {
  /** File offset of the sample. */
  readonly offsets: Float64Array;
  /** Its chunk. */
  readonly chunks: Uint32Array;
  /** Bytes of all samples before it. */
  readonly bytes: Float64Array;
  /** Its decode time; undefined where times are runs. */
  readonly times: Float64Array | undefined;
}

/** The samples of a track, numbered from 0. A lookup costs O(log n) and 512 additions at most; going on in order costs little. */
export class SampleTable {
  readonly count: number;
  /** Decode time of the last sample plus its duration, less the decode time of the first. */
  durationTicks: number;
  /** True when some sample has no byte. */
  readonly hasEmpty: boolean;
  // Each array is a field of its own: how `SampleArrays` is put together differs from film to film until the compiler has seen some, and code
  // that was made for one kind of object would be thrown away for the other.
  #checkpoints: Checkpoints | undefined;
  #firstTime: number;
  #compositionOffsets: Int16Array | Int32Array | undefined;
  #offsetUnit: number;
  #chunkBits: Uint32Array;
  #chunkLow: Uint32Array;
  #chunkHigh: Uint16Array | undefined;
  #sync: Uint32Array | undefined;
  #descriptionStarts: Uint32Array | undefined;
  #descriptions: Uint16Array | undefined;
  readonly #constantSize: number;
  #sizes: Uint16Array | Uint32Array;
  #runs: TimeRuns | undefined;
  #deltas: Uint32Array;
  /** The sample asked for last, with its offset and its time, so that the next one costs an addition. */
  #placeSample = -1;
  #placeOffset = 0;
  #placeChunk = 0;
  #timeSample = -1;
  #time = 0;
  #run = 0;

  constructor(arrays: SampleArrays) {
    this.count = arrays.count;
    this.hasEmpty = arrays.hasEmpty;
    this.#checkpoints = arrays.checkpoints;
    this.#firstTime = arrays.firstTime;
    this.#compositionOffsets = arrays.compositionOffsets;
    this.#offsetUnit = arrays.offsetUnit;
    this.#chunkBits = arrays.chunkBits;
    this.#chunkLow = arrays.chunkLow;
    this.#chunkHigh = arrays.chunkHigh;
    this.#sync = arrays.sync;
    this.#descriptionStarts = arrays.descriptionStarts;
    this.#descriptions = arrays.descriptions;
    this.#constantSize = typeof arrays.sizes === 'number' ? arrays.sizes : -1;
    this.#sizes = typeof arrays.sizes === 'number' ? noSizes : arrays.sizes;
    this.#runs = 'startTimes' in arrays.times ? arrays.times : undefined;
    this.#deltas = arrays.times.deltas;
    const last = this.count - 1;
    this.durationTicks = last < 0 ? 0 : this.decodeTime(last) + this.duration(last) - this.#firstTime;
  }

  /** The arrays' memory is others' from now on: whoever looks for a place or a time finds nothing, and throws. */
  close(): void {
    this.#checkpoints = undefined;
    this.#sizes = noSizes;
    this.#runs = undefined;
    this.#deltas = noWords;
    if (this.#compositionOffsets !== undefined) this.#compositionOffsets = noOffsets;
    this.#chunkBits = noWords;
    this.#chunkLow = noWords;
    this.#chunkHigh = undefined;
    if (this.#sync !== undefined) this.#sync = noWords;
    this.#descriptionStarts = undefined;
    this.#descriptions = undefined;
    this.#placeSample = -1;
    this.#timeSample = -1;
  }

  /**
   * Tells times in ticks that are so many times as short; before anybody asked for one. Yields where others should have a turn.
   * @returns false, and all is as it was, where a time would be too long
   */
  *refine(factor: number): Generator<undefined, boolean> {
    let longest = 0;
    for (const values of [this.#deltas, this.#compositionOffsets ?? noOffsets]) {
      const unit = values === this.#deltas ? 1 : this.#offsetUnit;
      for (const part of inTurns(values)) {
        for (let index = 0; index < part.length; index++) longest = Math.max(longest, Math.abs(part[index]!) * unit);
        yield undefined;
      }
    }
    if (longest * factor >= 2 ** 31) return false;
    for (const values of [this.#deltas, this.#runs?.startTimes, this.#checkpoints!.times]) {
      for (const part of inTurns(values ?? noWords)) {
        for (let index = 0; index < part.length; index++) part[index] = part[index]! * factor;
        yield undefined;
      }
    }
    this.#offsetUnit *= factor;
    this.#firstTime *= factor;
    this.durationTicks *= factor;
    this.#timeSample = -1;
    return true;
  }

  /**
   * Writes what the core's functions are told of the tables: the fields of `Track` (src/core/film-cut.ts) from `each` on, at `at`.
   * @param memory the core's
   * @throws TypeError for tables that lie elsewhere, or are closed
   */
  describe(words: Uint32Array, at: number, memory: ArrayBufferLike): void {
    const place = (table: Table | undefined): number => {
      if (table === undefined || table.length === 0) return 0;
      if (table.buffer !== memory) throw new TypeError('a table is not where the core finds it');
      return table.byteOffset;
    };
    const { times, bytes } = this.#checkpoints!;
    const [runs, sync, starts] = [this.#runs, this.#sync, this.#descriptionStarts];
    words[at] = Math.max(0, this.#constantSize);
    words[at + 1] = place(this.#sizes);
    words[at + 2] = Number(this.#sizes.BYTES_PER_ELEMENT === 4);
    words[at + 3] = runs === undefined ? 0 : runs.firstSamples.length;
    words[at + 4] = place(runs?.firstSamples);
    words[at + 5] = place(this.#deltas);
    words[at + 6] = place(runs?.startTimes);
    words[at + 7] = place(times);
    words[at + 8] = place(this.#compositionOffsets);
    words[at + 9] = Number(this.#compositionOffsets?.BYTES_PER_ELEMENT === 4);
    words[at + 10] = Number(sync !== undefined);
    words[at + 11] = place(sync);
    words[at + 12] = sync === undefined ? 0 : sync.length;
    words[at + 16] = starts === undefined ? 0 : starts.length;
    words[at + 17] = place(starts);
    words[at + 18] = place(this.#descriptions);
    words[at + 19] = place(bytes);
    words[at + 20] = bytes.length;
  }

  /** Ticks of a unit of composition offsets. */
  get offsetUnit(): number {
    return this.#offsetUnit;
  }

  /** Bytes of a sample. */
  size(sample: number): number {
    return this.#constantSize >= 0 ? this.#constantSize : this.#sizes[sample]!;
  }

  /** Where a sample's bytes begin in the file. */
  offset(sample: number): number {
    if (sample === this.#placeSample) return this.#placeOffset;
    const chunkBits = this.#chunkBits;
    let at = this.#placeSample;
    // A place further on than the checkpoint before the sample is the better start.
    if (at < 0 || at > sample || (sample & ~checkpointMask) > at) {
      at = sample & ~checkpointMask;
      this.#placeOffset = this.#checkpoints!.offsets[at >>> checkpointShift]!;
      this.#placeChunk = this.#checkpoints!.chunks[at >>> checkpointShift]!;
    }
    let offset = this.#placeOffset;
    let chunk = this.#placeChunk;
    while (at < sample) {
      offset += this.size(at);
      at++;
      if ((chunkBits[at >>> 5]! >>> (at & 31)) & 1) offset = this.chunkOffset(++chunk);
    }
    this.#placeSample = sample;
    this.#placeChunk = chunk;
    this.#placeOffset = offset;
    return offset;
  }

  /** Chunks that have samples. */
  get chunkCount(): number {
    return this.#chunkLow.length;
  }

  /** Where a chunk, numbered from 0 among those that have samples, begins in the file. */
  chunkOffset(chunk: number): number {
    const low = this.#chunkLow[chunk]!;
    return this.#chunkHigh === undefined ? low : this.#chunkHigh[chunk]! * 2 ** 32 + low;
  }

  /** Decode time in ticks. */
  decodeTime(sample: number): number {
    const runs = this.#runs;
    if (runs !== undefined) {
      const run = this.#runOf(runs, sample);
      return runs.startTimes[run]! + (sample - runs.firstSamples[run]!) * runs.deltas[run]!;
    }
    let at = this.#timeSample;
    if (at < 0 || at > sample || (sample & ~checkpointMask) > at) {
      at = sample & ~checkpointMask;
      this.#time = this.#checkpoints!.times![at >>> checkpointShift]!;
    }
    let time = this.#time;
    for (; at < sample; at++) time += this.#deltas[at]!;
    this.#timeSample = sample;
    this.#time = time;
    return time;
  }

  /** Ticks from this sample's decode time to the next one's; of the last one, how long it lasts. */
  duration(sample: number): number {
    return this.#deltas[this.#runs === undefined ? sample : this.#runOf(this.#runs, sample)]!;
  }

  /** True when the samples from `from` up to, and without, `to` last equally long. */
  hasOneDuration(from: number, to: number): boolean {
    const runs = this.#runs;
    if (runs !== undefined) return to <= (runs.firstSamples[this.#runOf(runs, from) + 1] ?? this.count);
    const duration = this.#deltas[from]!;
    for (let sample = from + 1; sample < to; sample++) if (this.#deltas[sample] !== duration) return false;
    return true;
  }

  /** True when the samples from `from` up to, and without, `to` have equally many bytes. */
  hasOneSize(from: number, to: number): boolean {
    if (this.#constantSize >= 0) return true;
    const size = this.#sizes[from]!;
    for (let sample = from + 1; sample < to; sample++) if (this.#sizes[sample] !== size) return false;
    return true;
  }

  /** Ticks from decode time to composition time; may be negative. */
  compositionOffset(sample: number): number {
    return this.#compositionOffsets === undefined ? 0 : this.#compositionOffsets[sample]! * this.#offsetUnit;
  }

  /** True when no sample has a composition offset. */
  get isInDecodeOrder(): boolean {
    return this.#compositionOffsets === undefined;
  }

  /** True for a sample at which decoding may begin. */
  isSync(sample: number): boolean {
    const sync = this.#sync;
    return sync === undefined || (sync.length > 0 && sync[lastAtMost(sync, sample)] === sample);
  }

  /** Sync samples in all. */
  get syncCount(): number {
    return this.#sync?.length ?? this.count;
  }

  /** The number, from 0, of the description (entry of `stsd`) that a sample has. */
  description(sample: number): number {
    const starts = this.#descriptionStarts;
    return starts === undefined ? 0 : this.#descriptions![Math.max(0, lastAtMost(starts, sample))]!;
  }

  /** The first sample behind `sample` that has another description; `count` when there is none. */
  descriptionEnd(sample: number): number {
    const starts = this.#descriptionStarts;
    return starts === undefined ? this.count : (starts[lastAtMost(starts, sample) + 1] ?? this.count);
  }

  /** The last sample whose decode time is `ticks` or less; 0 for a time before the first. */
  sampleAt(ticks: number): number {
    const runs = this.#runs;
    if (runs !== undefined) {
      const run = Math.max(0, lastAtMost(runs.startTimes, ticks));
      const first = runs.firstSamples[run]!;
      const end = runs.firstSamples[run + 1] ?? this.count;
      const delta = runs.deltas[run]!;
      const steps = delta === 0 ? end - first - 1 : Math.floor((ticks - runs.startTimes[run]!) / delta);
      return Math.max(first, Math.min(end - 1, first + steps));
    }
    const times = this.#checkpoints!.times!;
    let sample = Math.max(0, lastAtMost(times, ticks)) << checkpointShift;
    let time = times[sample >>> checkpointShift]!;
    const end = Math.min(this.count - 1, sample + checkpointMask);
    while (sample < end && time + this.#deltas[sample]! <= ticks) time += this.#deltas[sample++]!;
    return sample;
  }

  /** The last sync sample that is `sample` or before it; -1 when there is none. */
  syncAtOrBefore(sample: number): number {
    const sync = this.#sync;
    if (sync === undefined) return sample;
    const index = lastAtMost(sync, sample);
    return index < 0 ? -1 : sync[index]!;
  }

  /** The first sync sample that is `sample` or behind it; `count` when there is none. */
  syncAtOrAfter(sample: number): number {
    const sync = this.#sync;
    if (sync === undefined) return Math.min(sample, this.count);
    const index = lastAtMost(sync, sample);
    if (index >= 0 && sync[index] === sample) return sample;
    return sync[index + 1] ?? this.count;
  }

  /** Bytes of the samples from `from` up to, and without, `to`. */
  bytes(from: number, to: number): number {
    if (to <= from) return 0;
    if (this.#constantSize >= 0) return (to - from) * this.#constantSize;
    // A few samples, as a segment has them, are added up sooner than two sums from checkpoints.
    if (to - from > checkpointMask) return this.#bytesBefore(to) - this.#bytesBefore(from);
    let total = 0;
    for (let sample = from; sample < to; sample++) total += this.#sizes[sample]!;
    return total;
  }

  /** Finds how the samples from `from` up to, and without, `to` lie; at least one. */
  stretch(from: number, to: number, into: Stretch): void {
    const chunkBits = this.#chunkBits;
    let offset = this.offset(from);
    let chunk = this.#placeChunk;
    into.from = offset;
    into.bytes = 0;
    into.pieces = 1;
    into.isForward = true;
    for (let sample = from; ; ) {
      const size = this.size(sample);
      into.bytes += size;
      into.to = offset + size;
      if (++sample === to) break;
      offset += size;
      if (((chunkBits[sample >>> 5]! >>> (sample & 31)) & 1) === 0) continue;
      const next = this.chunkOffset(++chunk);
      if (next !== offset) into.pieces++;
      if (next < offset) into.isForward = false;
      offset = next;
    }
    // Whoever goes on asks for what is behind.
    this.#placeSample = to - 1;
    this.#placeOffset = into.to - this.size(to - 1);
    this.#placeChunk = chunk;
  }

  #bytesBefore(sample: number): number {
    // The end of the table may be a multiple of 512 and have no checkpoint of its own.
    const sums = this.#checkpoints!.bytes;
    const point = Math.min(sample >>> checkpointShift, sums.length - 1);
    let total = sums[point]!;
    for (let at = point << checkpointShift; at < sample; at++) total += this.#sizes[at]!;
    return total;
  }

  #runOf(runs: TimeRuns, sample: number): number {
    const { firstSamples } = runs;
    const run = this.#run;
    if (sample >= firstSamples[run]! && sample < (firstSamples[run + 1] ?? this.count)) return run;
    this.#run = lastAtMost(firstSamples, sample);
    return this.#run;
  }
}

/** Numbers that take some tens of microseconds. */
const numbersATurn = 16_384;

function* inTurns<Numbers extends Table>(values: Numbers): Generator<Numbers> {
  for (let from = 0; from < values.length; from += numbersATurn)
    yield values.subarray(from, from + numbersATurn) as Numbers;
}

const noSizes = new Uint16Array(0);
const noOffsets = new Int16Array(0);
const noWords = new Uint32Array(0);
