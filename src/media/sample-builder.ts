// Fills the sample table of a track: times, composition offsets and places, told run by run and checked as they come, repaired where that
// is safe, in as few bytes as hold them. Not here: where runs come from (read-tables.ts, read-fragments.ts).

import { fillRun, type OffsetsBuilder } from './composition-offsets.js';
import { CutOffError, type IndexBudget, type NumberList, TableError, WordList } from './growing.js';
import { samplesATurn } from './reading.js';
import { checkpointShift, type SampleArrays, SampleTable } from './samples.js';

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
    this.#firstSamples = areRuns ? budget.table(Uint32Array, used) : undefined;
    this.#startTimes = areRuns ? budget.table(Float64Array, used) : undefined;
    this.#deltas = budget.table(Uint32Array, areRuns ? used : count);
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
    this.low = budget.table(Uint32Array, chunks);
    this.#budget = budget;
  }

  /** @throws TableError for an offset behind any file */
  put(chunk: number, offset: number): void {
    if (offset >= 2 ** 32) {
      if (offset >= 2 ** 48) throw new TableError('has a chunk that begins behind the end of any file');
      this.high ??= this.#budget.table(Uint16Array, this.low.length);
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
  const descriptions = descriptionsOf(runs, count, budget);
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
  /** The run that comes next, its first chunk, and the samples a chunk of the one before. */
  #run = 0;
  #nextRun = 0;
  #perChunk = 0;
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
      offsets: budget.table(Float64Array, points),
      chunks: budget.table(Uint32Array, points),
      bytes: budget.table(Float64Array, points),
      times: times === undefined ? undefined : budget.table(Float64Array, points),
    };
    this.bits = budget.table(Uint32Array, ((parts.count - 1) >>> 5) + 1);
  }

  /** Chunks that have samples, of those placed so far. */
  get chunks(): number {
    return this.#chunk;
  }

  /** Places up to `most` samples, a whole number of checkpoints; true when all are. @throws CutOffError */
  run(most: number): boolean {
    const { count, sizes, places } = this.#parts;
    const end = Math.min(count, this.#sample + most);
    const each = typeof sizes === 'number' ? sizes : 0;
    const table = typeof sizes === 'number' ? undefined : sizes;
    const { bits } = this;
    const { low, high } = places;
    let sample = this.#sample;
    let offset = this.#offset;
    let total = this.#total;
    let left = this.#left;
    // A chunk is most often a sample or two: what is done for one is done here, without a call.
    while (sample < end) {
      if (left === 0) {
        const chunk = this.#chunk++;
        if (chunk >= this.#nextRun) this.#beginRun();
        bits[sample >>> 5]! |= 1 << (sample & 31);
        offset = high === undefined ? low[chunk]! : high[chunk]! * 2 ** 32 + low[chunk]!;
        left = this.#perChunk;
      }
      if ((sample & checkpointMask) === 0) this.#checkpoint(sample, offset, total);
      const stop = Math.min(end, sample + left, (sample | checkpointMask) + 1);
      left -= stop - sample;
      if (table === undefined) {
        offset += each * (stop - sample);
        total += each * (stop - sample);
        sample = stop;
      } else {
        for (; sample < stop; sample++) {
          const size = table[sample]!;
          offset += size;
          total += size;
        }
      }
      if (offset > this.#fileSize) throw new CutOffError(offset, this.#fileSize);
    }
    this.#sample = sample;
    this.#offset = offset;
    this.#total = total;
    this.#left = left;
    return end === count;
  }

  #beginRun(): void {
    const { firsts, samples } = this.#parts.runs;
    const run = this.#run++;
    this.#perChunk = samples.at(run);
    this.#nextRun = run + 1 < firsts.length ? firsts.at(run + 1) : Number.POSITIVE_INFINITY;
  }

  #checkpoint(sample: number, offset: number, total: number): void {
    const { offsets, chunks, bytes, times } = this.checkpoints;
    const point = sample >>> checkpointShift;
    offsets[point] = offset;
    chunks[point] = this.#chunk - 1;
    bytes[point] = total;
    if (times !== undefined) times[point] = this.#timeAt(sample);
  }

  /** The decode time of a sample at a checkpoint: that of the checkpoint before, and 512 deltas. */
  #timeAt(sample: number): number {
    const deltas = this.#deltas!;
    for (let at = Math.max(0, sample - checkpointMask - 1); at < sample; at++) this.#time += deltas[at]!;
    return this.#time;
  }
}

function descriptionsOf(
  runs: ChunkRuns,
  count: number,
  budget: IndexBudget,
): Pick<SampleArrays, 'descriptionStarts' | 'descriptions'> {
  let kinds = runs.descriptions.length;
  while (kinds > 1 && runs.descriptionStarts.at(kinds - 1) >= count) kinds--;
  if (kinds === 1 && runs.descriptions.at(0) === 0) return { descriptionStarts: undefined, descriptions: undefined };
  const descriptionStarts = budget.table(Uint32Array, kinds);
  const descriptions = budget.table(Uint16Array, kinds);
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
    this.#samples = budget.table(Uint32Array, Math.max(1, Math.min(count, entries)));
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
  const values = largest > 0xffff ? budget.table(Uint32Array, sizes.length) : budget.table(Uint16Array, sizes.length);
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
