// The sample tables of a clip's track (`stts`, `ctts`, `stss`, `stsz`, `stsc`, chunk offsets): large ones are written entry by entry out
// of the film's index when their bytes are sent. Not here: the boxes around them (clip.ts).

import type { BoxWriter } from '../../wire/iso-bmff/box-writer.js';
import type { FilmTrack } from '../film.js';
import type { SampleTable } from '../samples.js';
import { fullBox } from '../track-boxes.js';
import type { MediaMap, UsedBlocks } from './media-map.js';
import { longNumbers, numbers, type Table } from './virtual-file.js';

/** What is gathered of the samples of one track before its tables' sizes are known. */
export interface ClipSamples {
  readonly first: number;
  readonly count: number;
  /** Runs of samples that lie one behind the other: the first sample of each, counted from the clip's first. */
  readonly chunks: Uint32Array;
  readonly chunkCount: number;
  /** Words of `stsc`: first chunk, samples in each, description; and of `stts`: samples, ticks. */
  readonly sampleToChunk: readonly number[];
  /** Undefined when there are so many that each sample has its own entry. */
  readonly timeRuns: readonly number[] | undefined;
  /** Sync samples, counted from 1; undefined when all are. */
  readonly sync: Uint32Array | undefined;
  readonly heldBytes: number;
}

/** Samples that are looked at before others have a turn: well below a millisecond. */
const samplesPerTurn = 4096;
/** More runs of equal durations than this are not kept but written a sample at a time. */
const mostTimeRuns = 4096;

/** Looks at the samples from `first` up to, and without, `end`, and marks the bytes that they use. */
export function* takeSamples(
  samples: SampleTable,
  first: number,
  end: number,
  used: UsedBlocks,
): Generator<undefined, ClipSamples, undefined> {
  const count = end - first;
  const chunks = new Words();
  const sampleToChunk = new ChunkRuns();
  let timeRuns: number[] | undefined = [];
  let expected = -1;
  let runStart = 0;
  let change = first;
  for (let sample = first; sample < end; sample++) {
    const offset = samples.offset(sample);
    const size = samples.size(sample);
    if (offset !== expected || sample === change) {
      if (sample > first) sampleToChunk.add(sample - first - runStart, samples.description(sample - 1));
      runStart = sample - first;
      chunks.push(runStart);
      if (sample === change) change = samples.descriptionEnd(sample);
    }
    used.add(offset, size);
    expected = offset + size;
    timeRuns = addTime(timeRuns, samples.duration(sample));
    if ((sample - first) % samplesPerTurn === samplesPerTurn - 1) yield undefined;
  }
  sampleToChunk.add(count - runStart, samples.description(end - 1));
  const sync = samples.syncCount === samples.count ? undefined : syncOf(samples, first, end);
  return {
    first,
    count,
    chunks: chunks.values,
    chunkCount: chunks.count,
    sampleToChunk: sampleToChunk.words,
    timeRuns,
    sync,
    heldBytes:
      chunks.values.byteLength + 8 * (sampleToChunk.words.length + (timeRuns?.length ?? 0)) + (sync?.byteLength ?? 0),
  };
}

function addTime(runs: number[] | undefined, duration: number): number[] | undefined {
  if (runs === undefined) return undefined;
  if (runs.at(-1) === duration) {
    runs[runs.length - 2]! += 1;
    return runs;
  }
  runs.push(1, duration);
  return runs.length > 2 * mostTimeRuns ? undefined : runs;
}

function syncOf(samples: SampleTable, first: number, end: number): Uint32Array {
  const numbers: number[] = [];
  for (let sample = samples.syncAtOrAfter(first); sample < end; sample = samples.syncAtOrAfter(sample + 1)) {
    numbers.push(sample - first + 1);
  }
  return Uint32Array.from(numbers);
}

/** Numbers that become more; the array has room behind them. */
class Words {
  values = new Uint32Array(1024);
  count = 0;

  push(value: number): void {
    if (this.count === this.values.length) {
      const wider = new Uint32Array(2 * this.count);
      for (let index = 0; index < this.count; index++) wider[index] = this.values[index]!;
      this.values = wider;
    }
    this.values[this.count++] = value;
  }
}

/** Entries of `stsc`: chunks of equal samples and description share one. */
class ChunkRuns {
  readonly words: number[] = [];
  #chunk = 0;

  add(count: number, description: number): void {
    this.#chunk++;
    const { words } = this;
    if (words.at(-2) === count && words.at(-1) === description + 1) return;
    words.push(this.#chunk, count, description + 1);
  }
}

/** At least the bytes of what `writeTables` writes itself. */
export function tablesBytes({ sampleToChunk, timeRuns }: ClipSamples): number {
  return 128 + 4 * (sampleToChunk.length + (timeRuns?.length ?? 2));
}

/** Writes all tables but the chunk offsets. `place` is called where bytes of a table belong behind what is written. */
export function writeTables(
  boxes: BoxWriter,
  { samples }: FilmTrack,
  clip: ClipSamples,
  place: (table: Table) => void,
): void {
  const { first, count, timeRuns, sync, sampleToChunk } = clip;
  const table = (type: string, version: number, entries: Table) => {
    fullBox(boxes, type, version, 0, () => {
      if (type === 'stsz') boxes.u32(0);
      boxes.u32(entries.count);
      place(entries);
    });
  };
  if (timeRuns === undefined)
    table(
      'stts',
      0,
      pairs(count, (index) => samples.duration(first + index)),
    );
  else writeWords(boxes, 'stts', timeRuns, 2);
  if (!samples.isInDecodeOrder)
    table(
      'ctts',
      1,
      pairs(count, (index) => samples.compositionOffset(first + index)),
    );
  if (sync !== undefined)
    table(
      'stss',
      0,
      numbers(sync.length, (index) => sync[index]!),
    );
  writeWords(boxes, 'stsc', sampleToChunk, 3);
  table(
    'stsz',
    0,
    numbers(count, (index) => samples.size(first + index)),
  );
}

function writeWords(boxes: BoxWriter, type: string, words: readonly number[], perEntry: number): void {
  fullBox(boxes, type, 0, 0, () => {
    boxes.u32(words.length / perEntry);
    for (const word of words) boxes.u32(word);
  });
}

/** Entries of one sample and a value. */
function pairs(count: number, value: (index: number) => number): Table {
  return {
    count,
    entryBytes: 8,
    writeEntry: (index, view, at) => {
      view.setUint32(at, 1);
      view.setInt32(at + 4, value(index));
    },
  };
}

/** Writes the table of chunk offsets, 32 or 64 bits wide. `place` is called where its entries belong. */
export function writeChunks(
  boxes: BoxWriter,
  { samples }: FilmTrack,
  { first, chunks, chunkCount }: ClipSamples,
  map: MediaMap,
  isWide: boolean,
  place: (table: Table) => void,
): void {
  const placeOf = (index: number) => map.placeOf(samples.offset(first + chunks[index]!));
  fullBox(boxes, isWide ? 'co64' : 'stco', 0, 0, () => {
    boxes.u32(chunkCount);
    place(isWide ? longNumbers(chunkCount, placeOf) : numbers(chunkCount, placeOf));
  });
}
