// Fills the sample table of a track: times, composition offsets and places, told run by run and checked as they come, repaired where that
// is safe, in as few bytes as hold them. Not here: where runs come from (read-tables.ts, read-fragments.ts).

import { fillRun, type OffsetsBuilder } from './composition-offsets.js';
import { putNumbers, type Table } from './film-tables.js';
import { CutOffError, type IndexBudget, type NumberList, TableError, WordList } from './growing.js';
import { samplesATurn } from './reading.js';
import { checkpointShift, type SampleArrays, SampleTable } from './samples.js';
import { stretchWords, type TableCore, tableCore } from './table-core.js';

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
  readonly #mostTicks: number;
  /** Where times are runs: first samples and start times. */
  readonly #firstSamples: Uint32Array | undefined;
  readonly #startTimes: Float64Array | undefined;
  readonly #deltas: Uint32Array;
  #runs = 0;
  #covered = 0;
  #time: number;
  #delta = 0;
  #isOdd = false;

  /** @param runs how many runs will be told, at most. @param mostTicks how long the track says that it is, where it says so */
  constructor(
    count: number,
    runs: number,
    firstTime: number,
    budget: IndexBudget,
    mostTicks = Number.POSITIVE_INFINITY,
  ) {
    this.#count = count;
    this.#firstTime = firstTime;
    this.#mostTicks = mostTicks;
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
    // Phones end in a sample of no length, or of one that the track has no room for: it lasts as long as the one before.
    const hasRoom = delta <= this.#delta || this.#time + delta <= this.#mostTicks + this.#delta;
    if (isAlone && (delta === 0 || delta >= negativeDelta || !hasRoom)) delta = this.#delta;
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
  #lastDescription = 0;

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
    this.#lastDescription = description;
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

  /**
   * Entries of `stsc` in the words of the core, up to the first of a chunk that there is not.
   * @returns false when that came @throws TableError
   */
  addAll({ core, words, state, stateFloats, firsts, counts }: TableCore, entries: number, chunks: number): boolean {
    for (let entry = 0; entry < entries; ) {
      const last = this.firsts.length - 1;
      if (last >= 0) {
        // The first ones, of a description, and what is wrong are told one by one.
        state.numbers[0] = this.#lastFirst;
        state.numbers[1] = this.samples.at(last);
        state.numbers[2] = this.#lastDescription + 1;
        state.numbers[3] = this.firsts.at(last);
        stateFloats[2] = this.#placed;
        const from = words.at + entry * 12;
        const begun = core.takeRuns(state.at, from, entries - entry, chunks, firsts.at, counts.at);
        this.#lastFirst = state.numbers[0]!;
        this.#placed = stateFloats[2]!;
        this.firsts.pushAll(firsts.numbers.subarray(0, begun));
        this.samples.pushAll(counts.numbers.subarray(0, begun));
        entry += core.taken.value;
        if (entry === entries) return true;
      }
      const first = words.numbers[entry * 3]! - 1;
      if (first >= chunks && first > 0) return false;
      this.add(first, words.numbers[entry * 3 + 1]!, words.numbers[entry * 3 + 2]! - 1);
      entry++;
    }
    return true;
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

  /** Numbers of 64 bits in the words of the core, from a chunk on. @throws TableError for an offset behind any file */
  putLongs({ core, words, low, high }: TableCore, count: number, first: number): void {
    const upper = core.partLongs(words.at, count, low.at, high.at);
    if (upper >>> 16 !== 0) throw new TableError('has a chunk that begins behind the end of any file');
    if (upper !== 0) this.high ??= this.#budget.table(Uint16Array, this.low.length);
    putNumbers(this.low, low.numbers.subarray(0, count), first);
    if (this.high !== undefined) putNumbers(this.high, high.numbers.subarray(0, count), first);
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
  while (!placer.run()) yield undefined;
  const offsets = yield* parts.offsets.finish();
  yield undefined;
  const descriptions = descriptionsOf(runs, count, budget);
  runs.release();
  return new SampleTable({
    ...{ count, sizes, hasEmpty: placer.hasEmpty, ...times, ...offsets },
    ...{ chunkBits: placer.bits, chunkLow: places.low.subarray(0, placer.chunks), chunkHigh: places.high },
    ...{ sync, ...descriptions, checkpoints: placer.checkpoints },
  });
}

/** Numbers of the state of `placeSamples` (Placing in src/core/film-tables.ts): words, and floating point numbers behind them. */
const enum Placing {
  sample,
  end,
  chunk,
  left,
  perChunk,
  run,
  runs,
  each,
  isWide,
  isLong,
  words,
}
const enum PlacingFloat {
  offset = Placing.words / 2,
  fileEnd,
  total,
  end,
}

/** Where the core finds a number of a table. */
function addressOf(table: Table, index: number): number {
  return table.byteOffset + index * table.BYTES_PER_ELEMENT;
}

/** Finds where each sample lies: which begin a chunk, checkpoints, and that all of it lies in the file; and whether each has a byte. */
class Placer {
  readonly checkpoints: {
    readonly offsets: Float64Array;
    readonly chunks: Uint32Array;
    readonly bytes: Float64Array;
    readonly times: Float64Array | undefined;
  };
  readonly bits: Uint32Array;
  /** Some sample that was placed has no byte. */
  hasEmpty = false;
  readonly #parts: TableParts;
  readonly #deltas: Uint32Array | undefined;
  readonly #state = new Float64Array(PlacingFloat.end);
  readonly #words = new Uint32Array(this.#state.buffer, 0, Placing.words);
  #time: number;

  /** @param times given where there is one delta a sample. */
  constructor(
    parts: TableParts,
    times: Pick<SampleArrays, 'times' | 'firstTime'> | undefined,
    fileSize: number,
    budget: IndexBudget,
  ) {
    const { count, sizes, runs, places } = parts;
    this.#parts = parts;
    this.#deltas = times?.times.deltas;
    this.#time = times?.firstTime ?? 0;
    const points = ((count - 1) >>> checkpointShift) + 1;
    this.checkpoints = {
      offsets: budget.table(Float64Array, points),
      chunks: budget.table(Uint32Array, points),
      bytes: budget.table(Float64Array, points),
      times: times === undefined ? undefined : budget.table(Float64Array, points),
    };
    this.bits = budget.table(Uint32Array, ((count - 1) >>> 5) + 1);
    this.#words[Placing.runs] = runs.firsts.length;
    if (typeof sizes === 'number') this.#words[Placing.each] = sizes;
    else this.#words[Placing.isWide] = Number(sizes.BYTES_PER_ELEMENT === 4);
    this.#words[Placing.isLong] = Number(places.high !== undefined);
    this.#state[PlacingFloat.fileEnd] = fileSize;
  }

  /** Chunks that have samples, of those placed so far. */
  get chunks(): number {
    return this.#words[Placing.chunk]!;
  }

  /** Places some thousands of samples; true when all are. @throws CutOffError */
  run(): boolean {
    const { count, sizes, runs, places } = this.#parts;
    const core = tableCore();
    const sample = this.#words[Placing.sample]!;
    const end = Math.min(count, sample + stretchWords);
    const chunk = this.#words[Placing.chunk]!;
    const run = this.#words[Placing.run]!;
    this.#words[Placing.end] = end;
    // Each sample begins a chunk at most, and each chunk a run.
    runs.firsts.read(run, core.firsts.numbers.subarray(0, end - sample));
    runs.samples.read(run, core.counts.numbers.subarray(0, end - sample));
    putNumbers(core.stateFloats, this.#state, 0);
    const point = sample >>> checkpointShift;
    const { offsets, chunks, bytes } = this.checkpoints;
    const isInside = core.core.placeSamples(
      core.state.at,
      typeof sizes === 'number' ? 0 : addressOf(sizes, sample),
      addressOf(places.low, chunk),
      places.high === undefined ? 0 : addressOf(places.high, chunk),
      ...([core.firsts.at, core.counts.at, addressOf(this.bits, sample >>> 5)] as const),
      ...([addressOf(offsets, point), addressOf(chunks, point), addressOf(bytes, point)] as const),
    );
    putNumbers(this.#state, core.stateFloats.subarray(0, PlacingFloat.end), 0);
    if (isInside === 0) throw new CutOffError(this.#state[PlacingFloat.offset]!, this.#state[PlacingFloat.fileEnd]!);
    // Here, where others have turns: a table may have millions.
    if (typeof sizes !== 'number') this.hasEmpty ||= sizes.subarray(sample, end).includes(0);
    this.#keepTimes(sample, end);
    return end === count;
  }

  /** Keeps the decode times at checkpoints of the samples from `from` up to `to`. */
  #keepTimes(from: number, to: number): void {
    const { times } = this.checkpoints;
    if (times === undefined) return;
    const end = ((to - 1) >>> checkpointShift) + 1;
    for (let at = from >>> checkpointShift; at < end; at++) times[at] = this.#timeAt(at << checkpointShift);
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
