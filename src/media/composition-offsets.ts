// Composition offsets of a track's samples, filled run by run, in as few bytes as hold them. Not here: where runs come from (read-tables.ts,
// fragment-track.ts), the table that they become part of (sample-builder.ts).

import { putNumbers } from './film-tables.js';
import type { IndexBudget } from './growing.js';
import { samplesATurn } from './reading.js';
import type { SampleArrays } from './samples.js';
import { stretchWords, type TableCore } from './table-core.js';

/** A call costs more than a sample, and most runs of films with B-frames are of one. */
export function fillRun(
  values: Uint32Array | Int16Array | Int32Array,
  value: number,
  from: number,
  count: number,
): void {
  if (count === 1) values[from] = value;
  else values.fill(value, from, from + count);
}

/** Offsets up to this one, and as far below 0, are kept in 16 bits. */
const mostShort = 32_767;

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
  #most = 0;

  constructor(count: number, budget: IndexBudget) {
    this.#count = count;
    this.#budget = budget;
  }

  /** The next `samples` samples have this offset. */
  add(samples: number, offset: number): void {
    const taken = Math.min(samples, this.#count - this.#covered);
    if (offset !== 0 && taken > 0) {
      this.#most = Math.max(this.#most, Math.abs(offset));
      fillRun(this.#hold(), offset, this.#covered, taken);
    }
    this.#covered += taken;
  }

  /**
   * The next runs, as `ctts` has them: a count and an offset each, in the words of the core.
   * Offsets have a sign in version 0 too: old muxers write negative ones there, and no honest one has 2^31 ticks.
   */
  addAll({ core, words, signed }: TableCore, runs: number): void {
    for (let run = 0; run < runs && !this.isFull; ) {
      const room = Math.min(stretchWords, this.#count - this.#covered);
      // Films with B-frames have a run for each sample.
      const samples = core.spreadRuns(words.at + run * 8, runs - run, signed.at, room);
      run += core.taken.value;
      this.#most = Math.max(this.#most, core.largest.value >>> 0);
      if (this.#most > 0) putNumbers(this.#hold(), signed.numbers.subarray(0, samples), this.#covered);
      this.#covered += samples;
      if (run === runs) return;
      // A run that is longer than a stretch, or than what is left.
      this.add(words.numbers[run * 2]!, words.numbers[run * 2 + 1]! | 0);
      run++;
    }
  }

  /** Every sample has its offset. */
  get isFull(): boolean {
    return this.#covered >= this.#count;
  }

  #hold(): Int16Array | Int32Array {
    const isLong = this.#most > mostShort;
    const before = this.#values;
    if (before !== undefined && (!isLong || before.BYTES_PER_ELEMENT === 4)) return before;
    const values = isLong ? this.#budget.table(Int32Array, this.#count) : this.#budget.table(Int16Array, this.#count);
    if (before !== undefined) {
      putNumbers(values, before.subarray(0, this.#covered), 0);
      this.#budget.drop(before);
    }
    this.#values = values;
    return values;
  }

  /** The offsets, in units of what divides them all where that saves memory. */
  *finish(): Generator<undefined, Pick<SampleArrays, 'compositionOffsets' | 'offsetUnit'>> {
    const values = this.#values;
    if (values === undefined) return { compositionOffsets: undefined, offsetUnit: 1 };
    if (values.BYTES_PER_ELEMENT === 2) return { compositionOffsets: values, offsetUnit: 1 };
    let unit = 0;
    for (let from = 0; from < this.#count; from += samplesATurn) {
      unit = commonUnit(values, from, Math.min(this.#count, from + samplesATurn), unit);
      yield undefined;
    }
    if (this.#most / unit > mostShort) return { compositionOffsets: values, offsetUnit: 1 };
    const narrow = this.#budget.table(Int16Array, this.#count);
    for (let from = 0; from < this.#count; from += samplesATurn) {
      divide(values, narrow, from, Math.min(this.#count, from + samplesATurn), unit);
      yield undefined;
    }
    this.#budget.drop(values);
    return { compositionOffsets: narrow, offsetUnit: unit };
  }
}

/** What divides `unit` and all offsets of a range. */
function commonUnit(values: Int16Array | Int32Array, start: number, end: number, unit: number): number {
  let common = unit;
  for (let sample = start; sample < end; sample++) {
    const size = Math.abs(values[sample]!);
    // A multiple of what divides all others changes nothing.
    if (size > 0 && (common === 0 || size % common !== 0)) common = greatestCommonDivisor(common, size);
  }
  return common;
}

function divide(from: Int16Array | Int32Array, into: Int16Array, start: number, end: number, unit: number): void {
  for (let sample = start; sample < end; sample++) into[sample] = from[sample]! / unit;
}
