// Fills the sample table of a track: times, composition offsets and places, told run by run and checked as they come, repaired where that
// is safe, in as few bytes as hold them. Not here: where runs come from (read-tables.ts, read-fragments.ts).

import { CutOffError, type IndexBudget, type NumberList, TableError, WordList } from './growing.js';
import { checkpointShift, type SampleArrays, SampleTable } from './samples.js';

/** Samples between two turns of others: below a millisecond even before the compiler has seen the code. */
export const samplesATurn = 2048;

/** More samples than a track of three days has: what promises more is a lie. */
export const mostSamples = 2 ** 24;

const checkpointMask = (1 << checkpointShift) - 1;

/** Adds a sentence once; a file with a million faults has a few of them said. */
export function note(notes: string[], sentence: string): void {
  if (notes.length < 50 && !notes.includes(sentence)) notes.push(sentence);
}

/** A delta from here on is a negative one of a broken muxer. */
const negativeDelta = 2 ** 31;

/** Decode times: as runs where there are few, else one delta a sample. */
export class TimesBuilder {
  readonly #count: number;
  readonly #firstTime: number;
  /** Where times are runs: first samples and start times. */
  readonly #firstSamples: Uint32Array | undefined;
  readonly #startTimes: Float64Array | undefined;
  readonly #deltas: Uint32Array;
  #runs = 0;
  #covered = 0;
  #time: number;
  #delta = 0;
  #isOdd = false;

  /** @param runs how many runs will be told, at most. */
  constructor(count: number, runs: number, firstTime: number, budget: IndexBudget) {
    this.#count = count;
    this.#firstTime = firstTime;
    this.#time = firstTime;
    const used = Math.min(count, runs);
    const areRuns = used * 4 <= count || used < 64;
    this.#firstSamples = areRuns ? budget.words(used) : undefined;
    this.#startTimes = areRuns ? budget.doubles(used) : undefined;
    this.#deltas = budget.words(areRuns ? used : count);
  }

  /** The next `samples` samples have `ticks` each. @param isEnd nothing comes behind. */
  add(samples: number, ticks: number, isEnd: boolean): void {
    const taken = Math.min(samples, this.#count - this.#covered);
    if (taken <= 0) return;
    let delta = ticks;
    const isAlone = isEnd && samples === 1 && this.#covered > 0;
    // Phones end in a sample of no length, or of a huge one: it lasts as long as the one before.
    if (isAlone && (delta === 0 || delta >= negativeDelta)) delta = this.#delta;
    else if (delta >= negativeDelta) {
      delta = 1;
      this.#isOdd = true;
    }
    if (this.#firstSamples === undefined) fillRun(this.#deltas, delta, this.#covered, taken);
    else {
      this.#firstSamples[this.#runs] = this.#covered;
      this.#startTimes![this.#runs] = this.#time;
      this.#deltas[this.#runs] = delta;
    }
    this.#runs++;
    this.#covered += taken;
    this.#time += taken * delta;
    this.#delta = delta;
  }

  /** Every sample has its time. */
  get isFull(): boolean {
    return this.#covered >= this.#count;
  }

  /** The times; samples that were told nothing of last as long as the last one that was. @throws TableError */
  finish(notes: string[]): Pick<SampleArrays, 'times' | 'firstTime'> {
    if (this.#covered === 0) throw new TableError('has no table of times (stts)');
    if (this.#time >= Number.MAX_SAFE_INTEGER) throw new TableError('has times that are too large');
    if (this.#isOdd) note(notes, 'has durations of samples that cannot be; they are taken as one tick');
    if (this.#covered < this.#count) {
      note(notes, 'says nothing of the duration of its last samples; they last as long as the one before');
      if (this.#firstSamples === undefined) this.#deltas.fill(this.#delta, this.#covered);
    }
    const firstTime = this.#firstTime;
    if (this.#firstSamples === undefined) return { times: { deltas: this.#deltas }, firstTime };
    const [firstSamples, deltas, startTimes] = [this.#firstSamples, this.#deltas, this.#startTimes!];
    return {
      times: {
        firstSamples: firstSamples.subarray(0, this.#runs),
        deltas: deltas.subarray(0, this.#runs),
        startTimes: startTimes.subarray(0, this.#runs),
      },
      firstTime,
    };
  }
}

/** A call costs more than a sample, and most runs of films with B-frames are of one. */
function fillRun(values: Uint32Array | Int16Array | Int32Array, value: number, from: number, count: number): void {
  if (count === 1) values[from] = value;
  else values.fill(value, from, from + count);
}

function greatestCommonDivisor(left: number, right: number): number {
  let [a, b] = [left, right];
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/** Composition offsets: one a sample, in as few bytes as hold them; nothing where all are 0. */
export class OffsetsBuilder {
  readonly #count: number;
  readonly #budget: IndexBudget;
  #values: Int16Array | Int32Array | undefined;
  #covered = 0;
  /** What divides all of them. */
  #unit = 0;
  #most = 0;

  constructor(count: number, budget: IndexBudget) {
    this.#count = count;
    this.#budget = budget;
  }

  /** The next `samples` samples have this offset. */
  add(samples: number, offset: number): void {
    const taken = Math.min(samples, this.#count - this.#covered);
    if (offset !== 0) {
      const size = Math.abs(offset);
      // A multiple of what divides all others changes nothing.
      if (this.#unit === 0 || size % this.#unit !== 0) this.#unit = greatestCommonDivisor(this.#unit, size);
      if (size > this.#most) this.#most = size;
      fillRun(this.#hold(), offset, this.#covered, taken);
    }
    this.#covered += taken;
  }

  /** Every sample has its offset. */
  get isFull(): boolean {
    return this.#covered >= this.#count;
  }

  #hold(): Int16Array | Int32Array {
    const isLong = this.#most > 32_767;
    const before = this.#values;
    if (before !== undefined && (!isLong || before.BYTES_PER_ELEMENT === 4)) return before;
    this.#budget.take(this.#count * (isLong ? 4 : 2));
    const values = isLong ? new Int32Array(this.#count) : new Int16Array(this.#count);
    if (before !== undefined) {
      for (let sample = 0; sample < this.#covered; sample++) values[sample] = before[sample]!;
      this.#budget.give(before.byteLength);
    }
    this.#values = values;
    return values;
  }

  /** The offsets, in units of what divides them all where that saves memory. */
  *finish(): Generator<undefined, Pick<SampleArrays, 'compositionOffsets' | 'offsetUnit'>> {
    const values = this.#values;
    if (values === undefined) return { compositionOffsets: undefined, offsetUnit: 1 };
    if (values.BYTES_PER_ELEMENT === 2 || this.#most / this.#unit > 32_767) {
      return { compositionOffsets: values, offsetUnit: 1 };
    }
    this.#budget.take(this.#count * 2);
    const narrow = new Int16Array(this.#count);
    for (let from = 0; from < this.#count; from += samplesATurn) {
      divide(values, narrow, from, Math.min(this.#count, from + samplesATurn), this.#unit);
      yield undefined;
    }
    this.#budget.give(values.byteLength);
    return { compositionOffsets: narrow, offsetUnit: this.#unit };
  }
}

function divide(from: Int16Array | Int32Array, into: Int16Array, start: number, end: number, unit: number): void {
  for (let sample = start; sample < end; sample++) into[sample] = from[sample]! / unit;
}

/** Runs of chunks that have equally many samples of one description (`stsc`). */
export class ChunkRuns {
  /** First chunk, from 0, and samples a chunk of each run. */
  readonly firsts: WordList;
  readonly samples: WordList;
  /** First sample and description, from 0, wherever the description changes. */
  readonly descriptionStarts: WordList;
  readonly descriptions: WordList;
  readonly #known: number;
  /** Samples in all runs but the last. */
  #placed = 0;
  #lastFirst = -1;

  /** @param known descriptions that there are. */
  constructor(known: number, budget: IndexBudget) {
    this.firsts = new WordList(budget);
    this.samples = new WordList(budget);
    this.descriptionStarts = new WordList(budget);
    this.descriptions = new WordList(budget);
    this.#known = known;
  }

  /** From chunk `first` on, all from 0. @throws TableError */
  add(first: number, samples: number, description: number): void {
    const last = this.firsts.length - 1;
    if (last < 0 && first !== 0) throw new TableError('has a table of chunks (stsc) without its beginning');
    if (first <= this.#lastFirst) throw new TableError('has a table of chunks (stsc) that is out of order');
    if (!(description >= 0 && description < this.#known)) {
      throw new TableError('has samples of a description that is not there (stsc)');
    }
    if (samples === 0) throw new TableError('has chunks without samples (stsc)');
    this.#lastFirst = first;
    const placed = this.count(first);
    const kinds = this.descriptions.length;
    if (kinds === 0 || this.descriptions.at(kinds - 1) !== description) {
      // Behind the last sample that can be nothing is looked up.
      this.descriptionStarts.push(Math.min(placed, mostSamples));
      this.descriptions.push(description);
    }
    if (last >= 0 && this.samples.at(last) === samples) return;
    this.#placed = placed;
    this.firsts.push(first);
    this.samples.push(samples);
  }

  /** Samples that the first `chunks` chunks have. */
  count(chunks: number): number {
    const last = this.firsts.length - 1;
    if (last < 0) return 0;
    return this.#placed + Math.max(0, chunks - this.firsts.at(last)) * this.samples.at(last);
  }

  /** Lets go of the memory. */
  release(): void {
    for (const list of [this.firsts, this.samples, this.descriptionStarts, this.descriptions]) list.release();
  }
}

/** Where chunks begin, 4 bytes each, 6 in a file that is longer than 4 GiB. */
export class ChunkPlaces {
  readonly low: Uint32Array;
  high: Uint16Array | undefined;
  readonly #budget: IndexBudget;

  constructor(chunks: number, budget: IndexBudget) {
    this.low = budget.words(chunks);
    this.#budget = budget;
  }

  /** @throws TableError for an offset behind any file */
  put(chunk: number, offset: number): void {
    if (offset >= 2 ** 32) {
      if (offset >= 2 ** 48) throw new TableError('has a chunk that begins behind the end of any file');
      this.high ??= this.#budget.halves(this.low.length);
      this.high[chunk] = Math.floor(offset / 2 ** 32);
    }
    this.low[chunk] = offset % 2 ** 32;
  }

  /** File offset of a chunk. */
  at(chunk: number): number {
    return this.high === undefined ? this.low[chunk]! : this.high[chunk]! * 2 ** 32 + this.low[chunk]!;
  }
}

/** Everything that is known of a track's samples, before it is a table. */
export interface TableParts {
  readonly count: number;
  readonly sizes: Uint16Array | Uint32Array | number;
  readonly times: TimesBuilder;
  readonly offsets: OffsetsBuilder;
  readonly runs: ChunkRuns;
  readonly places: ChunkPlaces;
  /** Sync samples from 0, rising; undefined: all. */
  readonly sync: Uint32Array | undefined;
}

/**
 * Makes the table. Gives others a turn at each yield.
 * @param notes gets a sentence for each repair.
 * @throws TableError, CutOffError
 */
export function* buildTable(
  parts: TableParts,
  fileSize: number,
  budget: IndexBudget,
  notes: string[],
): Generator<undefined, SampleTable> {
  const { count, sizes, runs, places, sync } = parts;
  const times = parts.times.finish(notes);
  yield undefined;
  const placer = new Placer(
    parts,
    'deltas' in times.times && !('startTimes' in times.times) ? times : undefined,
    fileSize,
    budget,
  );
  // Short turns first: the compiler may not have seen this yet.
  for (let most = samplesATurn / 4; !placer.run(most); most = Math.min(most * 2, samplesATurn)) yield undefined;
  const offsets = yield* parts.offsets.finish();
  yield undefined;
  const descriptions = descriptionsOf(runs, count);
  runs.release();
  return new SampleTable({
    ...{ count, sizes, ...times, ...offsets },
    ...{ chunkBits: placer.bits, chunkLow: places.low.subarray(0, placer.chunks), chunkHigh: places.high },
    ...{ sync, ...descriptions, checkpoints: placer.checkpoints },
  });
}

/** Finds where each sample lies: which begin a chunk, checkpoints, and that all of it lies in the file. */
class Placer {
  readonly checkpoints: {
    readonly offsets: Float64Array;
    readonly chunks: Uint32Array;
    readonly bytes: Float64Array;
    readonly times: Float64Array | undefined;
  };
  readonly bits: Uint32Array;
  readonly #parts: TableParts;
  readonly #deltas: Uint32Array | undefined;
  readonly #fileSize: number;
  #sample = 0;
  #offset = 0;
  #total = 0;
  #time: number;
  #run = 0;
  /** The chunk that comes next, and samples of the one before that are still to be placed. */
  #chunk = 0;
  #left = 0;

  /** @param times given where there is one delta a sample. */
  constructor(
    parts: TableParts,
    times: Pick<SampleArrays, 'times' | 'firstTime'> | undefined,
    fileSize: number,
    budget: IndexBudget,
  ) {
    this.#parts = parts;
    this.#deltas = times?.times.deltas;
    this.#time = times?.firstTime ?? 0;
    this.#fileSize = fileSize;
    const points = ((parts.count - 1) >>> checkpointShift) + 1;
    this.checkpoints = {
      offsets: budget.doubles(points),
      chunks: budget.words(points),
      bytes: budget.doubles(points),
      times: times === undefined ? undefined : budget.doubles(points),
    };
    this.bits = budget.words(((parts.count - 1) >>> 5) + 1);
  }

  /** Chunks that have samples, of those placed so far. */
  get chunks(): number {
    return this.#chunk;
  }

  /** Places up to `most` samples; true when all are. @throws CutOffError */
  run(most: number): boolean {
    const { count } = this.#parts;
    const end = Math.min(count, this.#sample + most);
    while (this.#sample < end) {
      if (this.#left === 0) this.#beginChunk();
      const stop = Math.min(end, this.#sample + this.#left);
      this.#left -= stop - this.#sample;
      this.#place(stop);
      if (this.#offset > this.#fileSize) throw new CutOffError(this.#offset, this.#fileSize);
    }
    return end === count;
  }

  #beginChunk(): void {
    const { runs, places } = this.#parts;
    const chunk = this.#chunk++;
    if (this.#run + 1 < runs.firsts.length && chunk >= runs.firsts.at(this.#run + 1)) this.#run++;
    const sample = this.#sample;
    this.bits[sample >>> 5]! |= 1 << (sample & 31);
    this.#offset = places.at(chunk);
    this.#left = runs.samples.at(this.#run);
  }

  #place(stop: number): void {
    const { sizes } = this.#parts;
    const { offsets, chunks, bytes, times } = this.checkpoints;
    let offset = this.#offset;
    let total = this.#total;
    const each = typeof sizes === 'number' ? sizes : 0;
    const table = typeof sizes === 'number' ? undefined : sizes;
    for (let sample = this.#sample; sample < stop; sample++) {
      if ((sample & checkpointMask) === 0) {
        const point = sample >>> checkpointShift;
        offsets[point] = offset;
        chunks[point] = this.#chunk - 1;
        bytes[point] = total;
        if (times !== undefined) times[point] = this.#timeAt(sample);
      }
      const size = table === undefined ? each : table[sample]!;
      offset += size;
      total += size;
    }
    this.#sample = stop;
    this.#offset = offset;
    this.#total = total;
  }

  /** The decode time of a sample at a checkpoint: that of the checkpoint before, and 512 deltas. */
  #timeAt(sample: number): number {
    const deltas = this.#deltas!;
    for (let at = Math.max(0, sample - checkpointMask - 1); at < sample; at++) this.#time += deltas[at]!;
    return this.#time;
  }
}

function descriptionsOf(runs: ChunkRuns, count: number): Pick<SampleArrays, 'descriptionStarts' | 'descriptions'> {
  let kinds = runs.descriptions.length;
  while (kinds > 1 && runs.descriptionStarts.at(kinds - 1) >= count) kinds--;
  if (kinds === 1 && runs.descriptions.at(0) === 0) return { descriptionStarts: undefined, descriptions: undefined };
  const descriptionStarts = new Uint32Array(kinds);
  const descriptions = new Uint16Array(kinds);
  runs.descriptionStarts.copyTo(descriptionStarts, 0, kinds);
  runs.descriptions.copyTo(descriptions, 0, kinds);
  return { descriptionStarts, descriptions };
}

/** Sync samples as they come: kept where they rise and are there. */
export class SyncBuilder {
  readonly #count: number;
  readonly #samples: Uint32Array;
  #length = 0;

  /** @param entries how many will be told, at most. */
  constructor(count: number, entries: number, budget: IndexBudget) {
    this.#count = count;
    this.#samples = budget.words(Math.max(1, Math.min(count, entries)));
  }

  /** A sync sample, from 0. */
  add(sample: number): void {
    if (sample < 0 || sample >= this.#count || (this.#length > 0 && sample <= this.#samples[this.#length - 1]!)) return;
    this.#samples[this.#length++] = sample;
  }

  /** The samples; undefined when all are, and the first one when none is: decoding begins there, whatever the table says. */
  finish(): Uint32Array | undefined {
    if (this.#length === this.#count) return undefined;
    return this.#samples.subarray(0, Math.max(1, this.#length));
  }
}

/** The list as 16-bit numbers where they fit, in turns. */
export function* compactSizes(
  sizes: WordList,
  largest: number,
  budget: IndexBudget,
): Generator<undefined, Uint16Array | Uint32Array> {
  const values = largest > 0xffff ? budget.words(sizes.length) : budget.halves(sizes.length);
  for (let at = 0; at < sizes.length; ) {
    at = sizes.copyTo(values, at, samplesATurn);
    yield undefined;
  }
  sizes.release();
  return values;
}

/** The list as places of chunks, in turns. @throws TableError */
export function* placesOf(offsets: NumberList, budget: IndexBudget): Generator<undefined, ChunkPlaces> {
  const places = new ChunkPlaces(offsets.length, budget);
  for (let chunk = 0; chunk < offsets.length; chunk++) {
    places.put(chunk, offsets.at(chunk));
    if (chunk % samplesATurn === samplesATurn - 1) yield undefined;
  }
  offsets.release();
  return places;
}
