// The memory that the tables of a thread's films lie in: one region, given out in whole pages, first fit. What was given back is used
// again before the kernel is asked for pages that nobody touched yet. Not here: who uses a table, and how long (film-tables.ts).

import { pageBytes } from '../../kernel/memory.js';
import { SystemError } from '../../kernel/system-error.js';
import { Region } from '../../memory/region.js';
import type { TableMemory, TablePiece } from '../film-tables.js';

/** A piece with its length in bytes, whole pages. */
interface Piece extends TablePiece {
  readonly bytes: number;
}

/** Pages that a table is given at once, in bytes: half a millisecond. Those of longer ones come as they are used. */
const mostAtOnce = 2 ** 20;

/** See the file's head. */
export class TablePool implements TableMemory {
  readonly #budget: number;
  readonly #pageBytes = pageBytes();
  #region: Region | undefined;
  /** Free ranges, rising, no two of them neighbours. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** Nothing from here on was ever used: the kernel's pages are zeros. */
  #fresh = 0;
  #leasedBytes = 0;
  #isRefused = false;

  /** @param budget bytes in all, reserved with the first table; pages come as they are used. */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Bytes of the pieces that are leased. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  lease(bytes: number): TablePiece | undefined {
    const region = this.#reserved();
    if (region === undefined) return undefined;
    const wanted = Math.ceil(bytes / this.#pageBytes) * this.#pageBytes;
    for (let index = 0; index < this.#starts.length; index++) {
      const offset = this.#starts[index]!;
      const end = offset + wanted;
      if (end > this.#ends[index]!) continue;
      if (end < this.#ends[index]!) this.#starts[index] = end;
      else {
        this.#starts.splice(index, 1);
        this.#ends.splice(index, 1);
      }
      if (offset < this.#fresh) region.bytes.fill(0, offset, Math.min(end, this.#fresh));
      const fresh = Math.max(offset, this.#fresh);
      if (fresh < end) region.populate(fresh, Math.min(end - fresh, mostAtOnce));
      this.#fresh = Math.max(this.#fresh, end);
      this.#leasedBytes += wanted;
      const piece: Piece = { buffer: region.buffer, offset, bytes: wanted };
      return piece;
    }
    return undefined;
  }

  /** Where memory cannot be reserved the tables are the collector's, as they are without a pool. */
  #reserved(): Region | undefined {
    if (this.#region !== undefined || this.#isRefused) return this.#region;
    try {
      this.#region = new Region(this.#budget);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#isRefused = true;
      return undefined;
    }
    this.#starts.push(0);
    this.#ends.push(this.#region.byteLength);
    return this.#region;
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

  /** Gives the memory back; only when nobody uses a table of it any more. */
  unmap(): void {
    this.#region?.unmap();
  }
}
