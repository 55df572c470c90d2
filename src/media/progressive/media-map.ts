// Which bytes of the film a clip sends, and where they are in the clip. Bytes between used ones that are few go along, so that there
// are few ranges: of an interleaved film it is one. Not here: what is in the head (clip.ts).

import { lastAtMost } from '../rising.js';
import type { Ranges } from './virtual-file.js';

/** log2 of the bytes of a block; a block that is used in part goes along whole. */
const blockShift = 16;
const blockBytes = 2 ** blockShift;

/** Marks bytes of the film that are used: a bit for a block of 64 KiB. */
export class UsedBlocks {
  readonly #bits: Uint8Array;
  #least = Number.POSITIVE_INFINITY;
  #most = 0;

  constructor(filmBytes: number) {
    this.#bits = new Uint8Array(Math.floor(filmBytes / blockBytes / 8) + 1);
  }

  /** Marks a range. */
  add(offset: number, length: number): void {
    if (length === 0) return;
    const end = offset + length;
    if (offset < this.#least) this.#least = offset;
    if (end > this.#most) this.#most = end;
    const last = Math.floor((end - 1) / blockBytes);
    for (let block = Math.floor(offset / blockBytes); block <= last; block++)
      this.#bits[block >>> 3]! |= 1 << (block & 7);
  }

  /** The marked ranges as one. */
  map(): MediaMap {
    const offsets: number[] = [];
    const lengths: number[] = [];
    let start = -1;
    const last = Math.floor(Math.max(0, this.#most - 1) / blockBytes);
    for (let block = 0; block <= last + 1; block++) {
      const isUsed = block <= last && (this.#bits[block >>> 3]! >>> (block & 7)) & 1;
      if (isUsed && start < 0) start = Math.max(this.#least, block * blockBytes);
      if (isUsed || start < 0) continue;
      offsets.push(start);
      lengths.push(Math.min(this.#most, block * blockBytes) - start);
      start = -1;
    }
    const numbers = (values: readonly number[]) => new Float64Array(values.length).map((_, index) => values[index]!);
    return new MediaMap({ offsets: numbers(offsets), lengths: numbers(lengths) });
  }
}

/** Ranges of the film one behind the other. */
export class MediaMap {
  readonly ranges: Ranges;
  /** Bytes of all ranges. */
  readonly length: number;
  /** What the offset in the film is raised by, of each range. */
  readonly #shifts: Float64Array;
  #last = 0;

  constructor(ranges: Ranges) {
    this.ranges = ranges;
    this.#shifts = new Float64Array(ranges.offsets.length);
    let length = 0;
    for (let index = 0; index < this.#shifts.length; index++) {
      this.#shifts[index] = length - ranges.offsets[index]!;
      length += ranges.lengths[index]!;
    }
    this.length = length;
  }

  /** Says where the first range begins. */
  placeAt(start: number): void {
    for (let index = 0; index < this.#shifts.length; index++) this.#shifts[index]! += start;
  }

  /** Where a byte of the film is that is in one of the ranges. */
  placeOf(offset: number): number {
    const { offsets } = this.ranges;
    let index = this.#last;
    if (offset < offsets[index]! || offset >= (offsets[index + 1] ?? Number.POSITIVE_INFINITY)) {
      index = Math.max(0, lastAtMost(offsets, offset));
      this.#last = index;
    }
    return offset + this.#shifts[index]!;
  }
}
