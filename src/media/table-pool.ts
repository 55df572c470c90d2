// The memory that the tables of a thread's films lie in: a part of the core's, given out first fit. What was given back is used again before the
// kernel is asked for pages that nobody touched yet. Not here: who uses a table, and how long (film-tables.ts).

import type { TableMemory, TablePiece } from './film-tables.js';
import { tableCore } from './table-core.js';

/** A piece with its length in bytes. */
interface Piece extends TablePiece {
  readonly bytes: number;
}

/** A part of a memory. */
export interface MemoryPart {
  readonly buffer: ArrayBuffer;
  readonly from: number;
  readonly to: number;
}

/** Pieces begin at multiples of it: a line of the cache. */
export const grainBytes = 64;

/** See the file's head. */
export class TablePool implements TableMemory {
  readonly #buffer: ArrayBuffer;
  /** Eight bytes at a time: V8 fills memory that is shared number by number. */
  readonly #numbers: Float64Array;
  /** Free ranges, rising, no two of them neighbours. */
  readonly #from: number;
  readonly #starts: number[];
  readonly #ends: number[];
  /** Nothing from here on was ever used: the kernel's pages are zeros. */
  #fresh: number;
  #leasedBytes = 0;
  /** Is told of a range that nobody touched before: the kernel gives pages for less by one call than when each is touched. */
  populate: (offset: number, length: number) => void = () => {};
  /** Has the kernel take the pages of a range back, which is zeros from then on; false: it is as it was. */
  discard: (offset: number, length: number) => boolean = () => false;
  /** Lets go of some of what is kept for later, where there is no room; false: nothing is. */
  makeRoom: () => boolean = () => false;

  constructor({ buffer, from, to }: MemoryPart) {
    this.#buffer = buffer;
    this.#numbers = new Float64Array(buffer, 0);
    this.#from = from;
    this.#starts = [from];
    this.#ends = [to];
    this.#fresh = from;
  }

  /** Bytes of the pieces that are leased. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  lease(bytes: number): TablePiece | undefined {
    let piece = this.#take(bytes);
    while (piece === undefined && this.makeRoom()) piece = this.#take(bytes);
    return piece;
  }

  #take(bytes: number): TablePiece | undefined {
    const wanted = Math.ceil(bytes / grainBytes) * grainBytes;
    for (let index = 0; index < this.#starts.length; index++) {
      const offset = this.#starts[index]!;
      const end = offset + wanted;
      if (end > this.#ends[index]!) continue;
      if (end < this.#ends[index]!) this.#starts[index] = end;
      else {
        this.#starts.splice(index, 1);
        this.#ends.splice(index, 1);
      }
      if (offset < this.#fresh) this.#numbers.fill(0, offset / 8, Math.min(end, this.#fresh) / 8);
      const fresh = Math.max(offset, this.#fresh);
      if (fresh < end) this.populate(fresh, end - fresh);
      this.#fresh = Math.max(this.#fresh, end);
      this.#leasedBytes += wanted;
      const piece: Piece = { buffer: this.#buffer, offset, bytes: wanted };
      return piece;
    }
    return undefined;
  }

  /** Gives the memory back, where nothing is leased any more: what is leased then has new pages. */
  giveBack(): void {
    if (this.#leasedBytes > 0 || !this.discard(this.#from, this.#fresh - this.#from)) return;
    this.#fresh = this.#from;
  }

  release(piece: TablePiece): void {
    const { offset, bytes } = piece as Piece;
    const end = offset + bytes;
    this.#leasedBytes -= bytes;
    let index = 0;
    while (index < this.#starts.length && this.#starts[index]! < offset) index++;
    const joinsBefore = index > 0 && this.#ends[index - 1] === offset;
    const joinsBehind = index < this.#starts.length && this.#starts[index] === end;
    if (joinsBefore && joinsBehind) {
      this.#ends[index - 1] = this.#ends[index]!;
      this.#starts.splice(index, 1);
      this.#ends.splice(index, 1);
    } else if (joinsBefore) this.#ends[index - 1] = end;
    else if (joinsBehind) this.#starts[index] = offset;
    else {
      this.#starts.splice(index, 0, offset);
      this.#ends.splice(index, 0, end);
    }
  }
}

let shared: TablePool | undefined;

/** The thread's, which goes with it. @throws FilmRefusal where the process may not have the addresses */
export function tablePool(): TablePool {
  shared ??= new TablePool(tableCore().pool);
  return shared;
}
