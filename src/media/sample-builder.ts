// Fills the sample table of a track: sizes, times, places, sync samples, each decoded once out of pieces of a box's payload or told a
// sample at a time by fragments; checked, repaired where that is safe, and made compact. Not here: where pieces come from (read-tables.ts).

import { checkpointShift, type SampleArrays, SampleTable, type TimeRuns } from './samples.js';

/** A table that cannot be used: why, as the rest of a sentence. */
export class TableError extends Error {
  override readonly name = 'TableError';
}

/** More samples than a film of a week has: what promises more is a lie. */
export const mostSamples = 1 << 26;

/** A list of numbers that grows: a typed array, doubled when it is full. */
export class Grown {
  length = 0;
  #values: Float64Array = new Float64Array(64);

  /** Adds a number at the end. */
  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.length * 2);
      for (let index = 0; index < this.length; index++) larger[index] = this.#values[index]!;
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  /** The number at a place that there is. */
  at(index: number): number {
    return this.#values[index]!;
  }

  /** Changes the number at a place that there is. */
  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  /** The first `count` as 32-bit numbers. */
  words(count = this.length): Uint32Array {
    const words = new Uint32Array(count);
    for (let index = 0; index < count; index++) words[index] = this.#values[index]!;
    return words;
  }
}

/** What a builder found about one track, before it is made compact. */
export interface RawSamples {
  count: number;
  /** Of every sample, or one for all. */
  sizes: Uint32Array | number;
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
  const places = yield* place(raw, count, limits);
  const times = yield* timesOf(raw, count, notes);
  yield;
  const offsets = offsetsOf(raw, count);
  yield;
  const sizes = compactSizes(raw.sizes, count);
  const arrays: SampleArrays = {
    count,
    sizes,
    times: times.times,
    firstTime: raw.firstTime,
    ...offsets,
    ...places,
    sync: syncOf(raw.sync, count),
    ...descriptionsOf(raw, count),
    checkpoints: { ...places.checkpoints, times: times.checkpoints },
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

const sizeOf = (sizes: Uint32Array | number, sample: number): number =>
  typeof sizes === 'number' ? sizes : sizes[sample]!;

/** Chunk starts and checkpoints, and that all of it lies in the file. */
function* place(raw: RawSamples, count: number, { fileSize }: TableLimits) {
  const { sizes, runFirsts, runSamples, chunkOffsets } = raw;
  const points = ((count - 1) >> checkpointShift) + 1;
  const checkpoints = {
    offsets: new Float64Array(points),
    chunks: new Uint32Array(points),
    bytes: new Float64Array(points),
  };
  const chunkBits = new Uint32Array(((count - 1) >> 5) + 1);
  const chunkLow = new Uint32Array(Math.min(chunkOffsets.length, count));
  let chunkHigh: Uint16Array | undefined;
  let sample = 0;
  let total = 0;
  let run = 0;
  let chunk = 0;
  for (; sample < count; chunk++) {
    if (run + 1 < runFirsts.length && chunk >= runFirsts.at(run + 1)) run++;
    let offset = chunkOffsets.at(chunk);
    if (offset >= 2 ** 48) throw new TableError('has a chunk that begins behind any file');
    if (offset >= 2 ** 32) {
      chunkHigh ??= new Uint16Array(chunkLow.length);
      chunkHigh[chunk] = Math.floor(offset / 2 ** 32);
    }
    chunkLow[chunk] = offset % 2 ** 32;
    chunkBits[sample >>> 5]! |= 1 << (sample & 31);
    const end = Math.min(count, sample + runSamples.at(run));
    for (; sample < end; sample++) {
      if ((sample & ((1 << checkpointShift) - 1)) === 0) {
        const point = sample >>> checkpointShift;
        checkpoints.offsets[point] = offset;
        checkpoints.chunks[point] = chunk;
        checkpoints.bytes[point] = total;
      }
      if (sample % samplesATurn === samplesATurn - 1) yield undefined;
      const size = sizeOf(sizes, sample);
      offset += size;
      total += size;
    }
    if (offset > fileSize) throw new CutOffError(offset, fileSize);
  }
  return { chunkBits, chunkLow: fitted(chunkLow, chunk), chunkHigh, checkpoints };
}

/** The tables speak of bytes that the file does not have: it is still being written, or was cut. */
export class CutOffError extends TableError {
  constructor(needed: number, size: number) {
    super(`is cut off: its tables speak of ${needed} bytes, and the file has ${size}`);
  }
}

function fitted(values: Uint32Array, length: number): Uint32Array {
  if (values.length === length) return values;
  const exact = new Uint32Array(length);
  for (let index = 0; index < length; index++) exact[index] = values[index]!;
  return exact;
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
function offsetsOf({ offsetCounts, offsetValues }: RawSamples, count: number) {
  let unit = 0;
  let most = 0;
  for (let run = 0; run < offsetValues.length; run++) {
    unit = greatestCommonDivisor(unit, offsetValues.at(run));
    most = Math.max(most, Math.abs(offsetValues.at(run)));
  }
  if (unit === 0) return { compositionOffsets: undefined, offsetUnit: 1 };
  const values = most / unit <= 32_767 ? new Int16Array(count) : new Int32Array(count);
  let sample = 0;
  for (let run = 0; run < offsetCounts.length && sample < count; run++) {
    const end = Math.min(count, sample + offsetCounts.at(run));
    values.fill(offsetValues.at(run) / unit, sample, end);
    sample = end;
  }
  return { compositionOffsets: values, offsetUnit: unit };
}

function compactSizes(sizes: Uint32Array | number, count: number): Uint16Array | Uint32Array | number {
  if (typeof sizes === 'number') return sizes;
  for (let sample = 0; sample < count; sample++) if (sizes[sample]! > 0xffff) return fitted(sizes, count);
  const short = new Uint16Array(count);
  for (let sample = 0; sample < count; sample++) short[sample] = sizes[sample]!;
  return short;
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
