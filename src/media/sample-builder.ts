// Fills the sample table of a track: sizes, times, places, sync samples, each decoded once out of pieces of a box's payload or told a
// sample at a time by fragments; checked, repaired where that is safe, and made compact. Not here: where pieces come from (read-tables.ts).

import { checkpointShift, type SampleArrays, SampleTable, type TimeRuns } from './samples.js';

/** A table that cannot be used: why, as the rest of a sentence. */
export class TableError extends Error {
  override readonly name = 'TableError';
}

/** More samples than a film of a week has: what promises more is a lie. */
export const mostSamples = 1 << 26;

/** A list of numbers that grows: whole ones of up to 2^53, in memory that is doubled when it is full. */
export class Grown {
  length = 0;
  /** The memory; only `length` numbers of it count. Another one after it grew. */
  values: Float64Array;

  /** @param room for so many numbers at once. */
  constructor(room = 64) {
    this.values = new Float64Array(Math.max(1, room));
  }

  /** Makes room for `count` more numbers. */
  reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.values.length) return;
    const larger = new Float64Array(Math.max(wanted, this.values.length * 2));
    for (let index = 0; index < this.length; index++) larger[index] = this.values[index]!;
    this.values = larger;
  }

  /** Adds a number at the end. */
  push(value: number): void {
    if (this.length === this.values.length) this.reserve(1);
    this.values[this.length++] = value;
  }

  /** The number at a place that there is. */
  at(index: number): number {
    return this.values[index]!;
  }

  /** Changes the number at a place that there is. */
  set(index: number, value: number): void {
    this.values[index] = value;
  }

  /** The first `count` as 32-bit numbers. */
  words(count = this.length): Uint32Array {
    const words = new Uint32Array(count);
    const { values } = this;
    for (let index = 0; index < count; index++) words[index] = values[index]!;
    return words;
  }
}

/** What a builder found about one track, before it is made compact. */
export interface RawSamples {
  count: number;
  /** Of every sample, in as few bytes as hold them, or one for all. */
  sizes: Uint16Array | Uint32Array | number;
  /** Runs of `stts`. */
  readonly timeCounts: Grown;
  readonly timeDeltas: Grown;
  firstTime: number;
  /** Runs of `ctts`. */
  readonly offsetCounts: Grown;
  readonly offsetValues: Grown;
  /** Runs of `stsc`: first chunk (from 0), samples a chunk, description (from 0). */
  readonly runFirsts: Grown;
  readonly runSamples: Grown;
  readonly runDescriptions: Grown;
  readonly chunkOffsets: Grown;
  /** Sync samples from 0; undefined: all. */
  sync: Grown | undefined;
}

/** Nothing yet. */
export function emptyRaw(): RawSamples {
  const grown = (): Grown => new Grown();
  return {
    ...{ count: 0, sizes: 0, firstTime: 0, sync: undefined },
    ...{ timeCounts: grown(), timeDeltas: grown(), offsetCounts: grown(), offsetValues: grown() },
    ...{ runFirsts: grown(), runSamples: grown(), runDescriptions: grown(), chunkOffsets: grown() },
  };
}

/** Samples between two turns of others. */
const samplesATurn = 16_384;

/** What a table is checked against. */
export interface TableLimits {
  readonly fileSize: number;
  readonly descriptions: number;
}

/**
 * Makes the table. Gives others a turn at each yield.
 * @param notes gets a sentence for each repair.
 * @throws TableError
 */
export function* buildTable(raw: RawSamples, limits: TableLimits, notes: string[]): Generator<undefined, SampleTable> {
  checkRuns(raw, limits);
  const count = placedSamples(raw, notes);
  if (count === 0) throw new TableError('has no samples');
  const placer = new Placer(raw, count, limits.fileSize);
  while (!placer.run(samplesATurn)) yield undefined;
  const times = yield* timesOf(raw, count, notes);
  yield undefined;
  const offsets = yield* offsetsOf(raw, count);
  yield undefined;
  const { sizes } = raw;
  const arrays: SampleArrays = {
    count,
    sizes: typeof sizes === 'number' || sizes.length === count ? sizes : sizes.subarray(0, count),
    times: times.times,
    firstTime: raw.firstTime,
    ...offsets,
    ...placer.chunks(),
    sync: syncOf(raw.sync, count),
    ...descriptionsOf(raw, count),
    checkpoints: { ...placer.checkpoints, times: times.checkpoints },
  };
  return new SampleTable(arrays);
}

function checkRuns({ runFirsts, runSamples, runDescriptions }: RawSamples, { descriptions }: TableLimits): void {
  if (runFirsts.length === 0 || runFirsts.at(0) !== 0)
    throw new TableError('has a table of chunks (stsc) without its beginning');
  for (let run = 0; run < runFirsts.length; run++) {
    const description = runDescriptions.at(run);
    if (run > 0 && runFirsts.at(run) <= runFirsts.at(run - 1))
      throw new TableError('has a table of chunks (stsc) that is out of order');
    if (!(description >= 0 && description < descriptions))
      throw new TableError('has samples of a description that is not there (stsc)');
    if (runSamples.at(run) === 0) throw new TableError('has chunks without samples (stsc)');
  }
}

/** Samples that have a place: as many as all tables agree on. */
function placedSamples({ count, runFirsts, runSamples, chunkOffsets }: RawSamples, notes: string[]): number {
  let placed = 0;
  for (let run = 0; run < runFirsts.length && placed < count; run++) {
    const end = Math.min(chunkOffsets.length, run + 1 < runFirsts.length ? runFirsts.at(run + 1) : chunkOffsets.length);
    placed += Math.max(0, end - runFirsts.at(run)) * runSamples.at(run);
  }
  if (placed < count) notes.push(`${count - placed} samples have no place in the file and are left out`);
  return Math.min(count, placed);
}

/** Finds where each sample lies: chunk starts and checkpoints, and that all of it lies in the file. */
class Placer {
  readonly checkpoints: { offsets: Float64Array; chunks: Uint32Array; bytes: Float64Array };
  readonly #raw: RawSamples;
  readonly #count: number;
  readonly #fileSize: number;
  readonly #bits: Uint32Array;
  readonly #low: Uint32Array;
  #high: Uint16Array | undefined;
  #sample = 0;
  #offset = 0;
  #total = 0;
  #run = 0;
  /** The chunk that comes next, and samples of the one before that are still to be placed. */
  #chunk = 0;
  #left = 0;

  constructor(raw: RawSamples, count: number, fileSize: number) {
    this.#raw = raw;
    this.#count = count;
    this.#fileSize = fileSize;
    const points = ((count - 1) >> checkpointShift) + 1;
    this.checkpoints = {
      ...{ offsets: new Float64Array(points), chunks: new Uint32Array(points), bytes: new Float64Array(points) },
    };
    this.#bits = new Uint32Array(((count - 1) >> 5) + 1);
    this.#low = new Uint32Array(Math.min(raw.chunkOffsets.length, count));
  }

  /** Places up to `most` samples; true when all are. @throws CutOffError */
  run(most: number): boolean {
    const end = Math.min(this.#count, this.#sample + most);
    while (this.#sample < end) {
      if (this.#left === 0) this.#beginChunk();
      const stop = Math.min(end, this.#sample + this.#left);
      this.#left -= stop - this.#sample;
      this.#place(stop);
      if (this.#offset > this.#fileSize) throw new CutOffError(this.#offset, this.#fileSize);
    }
    return end === this.#count;
  }

  #beginChunk(): void {
    const { runFirsts, runSamples, chunkOffsets } = this.#raw;
    const chunk = this.#chunk++;
    if (this.#run + 1 < runFirsts.length && chunk >= runFirsts.at(this.#run + 1)) this.#run++;
    const offset = chunkOffsets.at(chunk);
    if (offset >= 2 ** 48) throw new TableError('has a chunk that begins behind any file');
    if (offset >= 2 ** 32) {
      this.#high ??= new Uint16Array(this.#low.length);
      this.#high[chunk] = Math.floor(offset / 2 ** 32);
    }
    this.#low[chunk] = offset % 2 ** 32;
    const sample = this.#sample;
    this.#bits[sample >>> 5]! |= 1 << (sample & 31);
    this.#offset = offset;
    this.#left = runSamples.at(this.#run);
  }

  #place(stop: number): void {
    const { sizes } = this.#raw;
    let offset = this.#offset;
    let total = this.#total;
    for (let sample = this.#sample; sample < stop; sample++) {
      if ((sample & ((1 << checkpointShift) - 1)) === 0) {
        const point = sample >>> checkpointShift;
        this.checkpoints.offsets[point] = offset;
        this.checkpoints.chunks[point] = this.#chunk - 1;
        this.checkpoints.bytes[point] = total;
      }
      const size = typeof sizes === 'number' ? sizes : sizes[sample]!;
      offset += size;
      total += size;
    }
    this.#sample = stop;
    this.#offset = offset;
    this.#total = total;
  }

  /** The chunks that have samples. */
  chunks(): { chunkBits: Uint32Array; chunkLow: Uint32Array; chunkHigh: Uint16Array | undefined } {
    return { chunkBits: this.#bits, chunkLow: this.#low.subarray(0, this.#chunk), chunkHigh: this.#high };
  }
}

/** The tables speak of bytes that the file does not have: it is still being written, or was cut. */
export class CutOffError extends TableError {
  constructor(needed: number, size: number) {
    super(`is cut off: its tables speak of ${needed} bytes, and the file has ${size}`);
  }
}

/** A delta from here on is a negative one of a broken muxer. */
const negativeDelta = 2 ** 31;

/** Durations: as runs where there are few, else one a sample. */
function* timesOf({ timeCounts, timeDeltas, firstTime }: RawSamples, count: number, notes: string[]) {
  if (timeCounts.length === 0) throw new TableError('has no table of times (stts)');
  let isOdd = false;
  for (let run = 0; run < timeDeltas.length; run++) {
    if (timeDeltas.at(run) < negativeDelta) continue;
    isOdd = true;
    // Phones write a huge last delta: the sample lasts as long as the one before.
    const isLast = run === timeDeltas.length - 1 && timeCounts.at(run) === 1 && run > 0;
    timeDeltas.set(run, isLast ? timeDeltas.at(run - 1) : 1);
  }
  if (isOdd)
    notes.push('has durations of samples that cannot be; they are taken as the shortest, or as the one before');
  const last = timeDeltas.length - 1;
  if (last > 0 && timeDeltas.at(last) === 0 && timeCounts.at(last) === 1) timeDeltas.set(last, timeDeltas.at(last - 1));
  let covered = 0;
  let runs = 0;
  for (; runs < timeCounts.length && covered < count; runs++) covered += timeCounts.at(runs);
  if (covered < count)
    notes.push('says nothing of the duration of its last samples; they last as long as the one before');
  if (runs * 4 <= count || runs < 64)
    return { times: runsOf(timeCounts, timeDeltas, runs, firstTime), checkpoints: undefined };
  const deltas = new Uint32Array(count);
  const checkpoints = new Float64Array(((count - 1) >> checkpointShift) + 1);
  let sample = 0;
  let time = firstTime;
  for (let run = 0; run < runs; run++) {
    const end = run === runs - 1 ? count : Math.min(count, sample + timeCounts.at(run));
    const delta = timeDeltas.at(run);
    for (; sample < end; sample++) {
      if ((sample & ((1 << checkpointShift) - 1)) === 0) checkpoints[sample >>> checkpointShift] = time;
      if (sample % samplesATurn === samplesATurn - 1) yield undefined;
      deltas[sample] = delta;
      time += delta;
    }
  }
  return { times: { deltas }, checkpoints };
}

function runsOf(counts: Grown, deltas: Grown, runs: number, firstTime: number): TimeRuns {
  const firstSamples = new Grown();
  const kept = new Grown();
  const startTimes = new Grown();
  let sample = 0;
  let time = firstTime;
  for (let run = 0; run < runs; run++) {
    if (counts.at(run) === 0) continue;
    firstSamples.push(sample);
    kept.push(deltas.at(run));
    startTimes.push(time);
    sample += counts.at(run);
    time += counts.at(run) * deltas.at(run);
  }
  const starts = new Float64Array(startTimes.length);
  for (let index = 0; index < starts.length; index++) starts[index] = startTimes.at(index);
  return { firstSamples: firstSamples.words(), deltas: kept.words(), startTimes: starts };
}

function greatestCommonDivisor(left: number, right: number): number {
  let [a, b] = [Math.abs(left), Math.abs(right)];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/** Composition offsets: one a sample, in as few bytes as hold them; nothing where all are 0. */
function* offsetsOf({ offsetCounts, offsetValues }: RawSamples, count: number) {
  const runs = offsetCounts.length;
  let unit = 0;
  let most = 0;
  for (let from = 0; from < runs; from += samplesATurn) {
    for (let run = from; run < Math.min(runs, from + samplesATurn); run++) {
      const value = Math.abs(offsetValues.at(run));
      // A multiple of what divides all others changes nothing.
      if (unit === 0 || value % unit !== 0) unit = greatestCommonDivisor(unit, value);
      if (value > most) most = value;
    }
    yield undefined;
  }
  if (unit === 0) return { compositionOffsets: undefined, offsetUnit: 1 };
  const values = most / unit <= 32_767 ? new Int16Array(count) : new Int32Array(count);
  let sample = 0;
  let turn = samplesATurn;
  for (let run = 0; run < runs && sample < count; run++) {
    sample = fillRun(values, sample, Math.min(count, sample + offsetCounts.at(run)), offsetValues.at(run) / unit);
    if (sample < turn) continue;
    turn = sample + samplesATurn;
    yield undefined;
  }
  return { compositionOffsets: values, offsetUnit: unit };
}

function fillRun(values: Int16Array | Int32Array, from: number, to: number, value: number): number {
  for (let sample = from; sample < to; sample++) values[sample] = value;
  return to;
}

function syncOf(sync: Grown | undefined, count: number): Uint32Array | undefined {
  if (sync === undefined) return undefined;
  const kept = new Grown();
  let last = -1;
  for (let index = 0; index < sync.length; index++) {
    const sample = sync.at(index);
    if (sample <= last || sample >= count) continue;
    kept.push(sample);
    last = sample;
  }
  if (kept.length === count) return undefined;
  // None at all: decoding begins with the first one, whatever the table says.
  if (kept.length === 0) kept.push(0);
  return kept.words();
}

function descriptionsOf({ runFirsts, runSamples, runDescriptions, chunkOffsets }: RawSamples, count: number) {
  const starts = new Grown();
  const kinds = new Grown();
  let sample = 0;
  for (let run = 0; run < runFirsts.length && sample < count; run++) {
    if (kinds.length === 0 || kinds.at(kinds.length - 1) !== runDescriptions.at(run)) {
      starts.push(sample);
      kinds.push(runDescriptions.at(run));
    }
    const end = run + 1 < runFirsts.length ? runFirsts.at(run + 1) : chunkOffsets.length;
    sample += Math.max(0, Math.min(end, chunkOffsets.length) - runFirsts.at(run)) * runSamples.at(run);
  }
  if (kinds.length === 1 && kinds.at(0) === 0) return { descriptionStarts: undefined, descriptions: undefined };
  const descriptions = new Uint16Array(kinds.length);
  for (let index = 0; index < descriptions.length; index++) descriptions[index] = kinds.at(index);
  return { descriptionStarts: starts.words(), descriptions };
}
