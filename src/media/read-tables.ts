// Reads the tables of a track (`stbl`) in pieces, each table straight into what it is kept in, as many entries as there are samples and no
// more. Not here: what a track is (read-track.ts), fragments (read-fragments.ts).

import type { Box } from '../wire/iso-bmff/boxes.js';
import { OffsetsBuilder } from './composition-offsets.js';
import { putNumbers } from './film-tables.js';
import { CutOffError, type IndexBudget, TableError, WordList } from './growing.js';
import { bytesAt, entriesOf, type Reading, stretchesOf, wordsOf } from './reading.js';
import { buildTable, ChunkPlaces, ChunkRuns, mostSamples, note, SyncBuilder, TimesBuilder } from './sample-builder.js';
import type { SampleTable } from './samples.js';
import type { TableCore } from './table-core.js';

const find = (boxes: readonly Box[], type: string): Box | undefined => boxes.find((box) => box.type === type);

/**
 * Reads the tables of a track; undefined when they are of no sample at all.
 * @param mostTicks how long the track says that it is; infinite where it does not
 * @throws TableError, CutOffError, BoxError
 */
export function* readSamples(
  stbl: readonly Box[],
  descriptions: number,
  mostTicks: number,
  fileSize: number,
  budget: IndexBudget,
  notes: string[],
): Reading<SampleTable | undefined> {
  const { sizes, told } = yield* readSizes(stbl, fileSize, budget);
  if (told === 0) return undefined;
  const { runs, places, placed } = yield* readPlaces(stbl, told, descriptions, budget);
  if (placed < told) note(notes, `has ${told - placed} samples without a place in the file; they are left out`);
  const count = Math.min(told, placed);
  if (count === 0) throw new TableError('has no samples');
  const times = yield* readTimes(stbl, count, mostTicks, budget);
  const offsets = yield* readOffsets(stbl, count, budget);
  const sync = yield* readSync(stbl, count, budget);
  const kept = typeof sizes === 'number' || sizes.length === count ? sizes : sizes.subarray(0, count);
  return yield* buildTable({ count, sizes: kept, times, offsets, runs, places, sync }, fileSize, budget, notes);
}

/** The number of entries that a table says, when it has them. */
function* countOf(box: Box, at: number, entryBytes: number): Reading<number> {
  const length = box.end - box.payload;
  if (length < at + 4) throw new TableError(`has a table (${box.type}) that is cut off`);
  const count = (yield* bytesAt(box.payload, at + 4)).getUint32(at);
  if (count * entryBytes > length - at - 4) {
    throw new TableError(`has a table (${box.type}) that is shorter than it says`);
  }
  return count;
}

interface Sizes {
  readonly sizes: Uint16Array | Uint32Array | number;
  readonly told: number;
}

function* readSizes(stbl: readonly Box[], fileSize: number, budget: IndexBudget): Reading<Sizes> {
  const stsz = find(stbl, 'stsz');
  const box = stsz ?? find(stbl, 'stz2');
  if (box === undefined || box.end - box.payload < 12) throw new TableError('has no table of sizes (stsz)');
  const head = yield* bytesAt(box.payload, 12);
  const constant = stsz === undefined ? 0 : head.getUint32(4);
  const bits = stsz === undefined ? head.getUint8(7) : 32;
  const told = head.getUint32(8);
  if (told > mostSamples) throw new TableError(`has a table of sizes (${box.type}) of ${told} samples`);
  if (constant > 0) {
    if (told * constant > fileSize) throw new CutOffError(told * constant, fileSize);
    return { sizes: constant, told };
  }
  if (bits !== 4 && bits !== 8 && bits !== 16 && bits !== 32) throw new TableError(`has sizes of ${bits} bits (stz2)`);
  yield* countOf(box, 8, bits / 8);
  let sizes: Uint16Array | Uint32Array = budget.table(Uint16Array, told);
  if (bits === 32) {
    yield* stretchesOf(box, 12, 1, told, (core, taken, first, ored) => {
      sizes = takeLongSizes(core, taken, first, ored, sizes, budget);
      return true;
    });
    return { sizes, told };
  }
  // Pairs of 4-bit sizes share a byte.
  const entries = bits === 4 ? Math.ceil(told / 2) : told;
  yield* entriesOf(box, 12, bits === 4 ? 1 : bits / 8, entries, (view, taken, first) => {
    if (bits === 4) takeHalves(view, taken, first, sizes);
    else takeShortSizes(view, taken, first, sizes, bits === 8);
    return true;
  });
  return { sizes, told };
}

/** Takes 32-bit sizes; as soon as one needs more than 16 bits all have 32. Returns what they are in. */
function takeLongSizes(
  { core, words, shorts }: TableCore,
  taken: number,
  first: number,
  ored: number,
  sizes: Uint16Array | Uint32Array,
  budget: IndexBudget,
): Uint16Array | Uint32Array {
  let kept = sizes;
  if (sizes.BYTES_PER_ELEMENT === 2 && ored >>> 16 !== 0) {
    kept = budget.table(Uint32Array, sizes.length);
    putNumbers(kept, sizes.subarray(0, first), 0);
    budget.drop(sizes);
  }
  if (kept.BYTES_PER_ELEMENT === 4) putNumbers(kept, words.numbers.subarray(0, taken), first);
  else {
    core.narrowWords(words.at, taken, words.at);
    putNumbers(kept, shorts.subarray(0, taken), first);
  }
  return kept;
}

function takeShortSizes(
  view: DataView,
  taken: number,
  first: number,
  sizes: Uint16Array | Uint32Array,
  areBytes: boolean,
): void {
  for (let index = 0; index < taken; index++) {
    sizes[first + index] = areBytes ? view.getUint8(index) : view.getUint16(index * 2);
  }
}

function takeHalves(view: DataView, taken: number, first: number, sizes: Uint16Array | Uint32Array): void {
  for (let index = 0; index < taken; index++) {
    const byte = view.getUint8(index);
    const sample = (first + index) * 2;
    sizes[sample] = byte >> 4;
    if (sample + 1 < sizes.length) sizes[sample + 1] = byte & 15;
  }
}

/** Runs of chunks, and where the chunks begin that have samples. */
function* readPlaces(stbl: readonly Box[], told: number, descriptions: number, budget: IndexBudget) {
  const long = find(stbl, 'co64');
  const box = find(stbl, 'stco') ?? long;
  if (box === undefined) throw new TableError('has no table of places (stco)');
  const isLong = box === long;
  const chunks = yield* countOf(box, 4, isLong ? 8 : 4);
  const runs = yield* readRuns(stbl, descriptions, chunks, budget);
  // Every chunk has a sample: those behind the last sample are nothing.
  const used = Math.min(chunks, told);
  const places = new ChunkPlaces(used, budget);
  yield* stretchesOf(box, 8, isLong ? 2 : 1, used, (core, taken, first) => {
    if (isLong) places.putLongs(core, taken, first);
    else putNumbers(places.low, core.words.numbers.subarray(0, taken), first);
    return true;
  });
  return { runs, places, placed: runs.count(chunks) };
}

function* readRuns(
  stbl: readonly Box[],
  descriptions: number,
  chunks: number,
  budget: IndexBudget,
): Reading<ChunkRuns> {
  const box = find(stbl, 'stsc');
  if (box === undefined) throw new TableError('has no table of chunks (stsc)');
  const entries = yield* countOf(box, 4, 12);
  const runs = new ChunkRuns(descriptions, budget);
  // Runs rise: behind as many as there are chunks there is none that counts.
  yield* stretchesOf(box, 8, 3, Math.min(entries, Math.max(1, chunks)), (core, taken) =>
    runs.addAll(core, taken, chunks),
  );
  return runs;
}

function* readTimes(
  stbl: readonly Box[],
  count: number,
  mostTicks: number,
  budget: IndexBudget,
): Reading<TimesBuilder> {
  const box = find(stbl, 'stts');
  if (box === undefined) throw new TableError('has no table of times (stts)');
  const entries = yield* countOf(box, 4, 8);
  const times = new TimesBuilder(count, entries, 0, budget, mostTicks);
  yield* wordsOf(box, 8, 2, entries, (words, taken, first) => {
    for (let index = 0; index < taken; index++) {
      times.add(words[index * 2]!, words[index * 2 + 1]!, first + index === entries - 1);
    }
    return !times.isFull;
  });
  return times;
}

function* readOffsets(stbl: readonly Box[], count: number, budget: IndexBudget): Reading<OffsetsBuilder> {
  const offsets = new OffsetsBuilder(count, budget);
  const box = find(stbl, 'ctts');
  if (box === undefined) return offsets;
  const entries = yield* countOf(box, 4, 8);
  yield* stretchesOf(box, 8, 2, entries, (core, taken) => {
    offsets.addAll(core, taken);
    return !offsets.isFull;
  });
  return offsets;
}

function* readSync(stbl: readonly Box[], count: number, budget: IndexBudget): Reading<Uint32Array | undefined> {
  const box = find(stbl, 'stss');
  if (box === undefined) return undefined;
  const entries = yield* countOf(box, 4, 4);
  const sync = new SyncBuilder(count, entries, budget);
  // They rise: there are no more of them than samples.
  yield* wordsOf(box, 8, 1, Math.min(entries, count), (words, taken) => {
    for (let index = 0; index < taken; index++) sync.add(words[index]! - 1);
    return true;
  });
  return sync.finish();
}

/**
 * The samples that begin runs of the `rap ` group, where decoding may begin though they are no sync samples; undefined without such a group.
 * @throws TableError
 */
export function* readRandomAccess(
  stbl: readonly Box[],
  count: number,
  budget: IndexBudget,
): Reading<Uint32Array | undefined> {
  for (const box of stbl) {
    if (box.type !== 'sbgp' || box.end - box.payload < 12) continue;
    const head = yield* bytesAt(box.payload, 8);
    const more = head.getUint8(0) === 1 ? 4 : 0;
    if (head.getUint32(4) !== 0x72617020) continue;
    const entries = yield* countOf(box, 8 + more, 8);
    const found = new WordList(budget);
    let sample = 0;
    yield* wordsOf(box, 12 + more, 2, entries, (words, taken) => {
      for (let index = 0; index < taken && sample < count; index++) {
        const length = words[index * 2]!;
        if (length > 0 && words[index * 2 + 1]! > 0) found.push(sample);
        sample += length;
      }
      return sample < count;
    });
    const samples = budget.table(Uint32Array, found.length);
    found.copyTo(samples, 0, found.length);
    found.release();
    return samples;
  }
  return undefined;
}
