// The memory of a film's tables: it is the core's, whose functions go through them, and is used again, so that films come and go without work for the
// collector and without new pages of the kernel's. Not here: how much a film may hold (growing.ts), the memory itself (table-pool.ts).

import type { SampleTable } from './samples.js';

/** Part of a memory that tables lie in. */
export interface TablePiece {
  readonly buffer: ArrayBuffer;
  /** Where it begins, a multiple of 8. */
  readonly offset: number;
}

/** Memory that tables lie in, and that is used again. */
export interface TableMemory {
  /** Room for so many bytes, all of them 0; undefined when there is none. */
  lease(bytes: number): TablePiece | undefined;
  /** Takes the room back. */
  release(piece: TablePiece): void;
}

/** What a film knows of its samples is numbers of one of these. */
export type Table = Uint16Array | Int16Array | Uint32Array | Int32Array | Float64Array;
/** Puts numbers into a table, from a place on: what a film's header says, none of its media. */
export function putNumbers(table: Table, numbers: Table, at: number): void {
  table.set(numbers, at);
}

/** Makes one: of its own memory, or over a part of another. */
export type TableKind<Kind extends Table> = {
  new (count: number): Kind;
  new (buffer: ArrayBuffer, offset: number, count: number): Kind;
  readonly BYTES_PER_ELEMENT: number;
};

/** The tables of one film, kept as long as somebody uses them: made with one user, whoever had the film read. */
export class FilmTables {
  readonly #memory: TableMemory;
  readonly #pieces = new Map<Table, TablePiece>();
  #samples: readonly SampleTable[] = [];
  #users = 1;

  /** @param memory where tables lie. */
  constructor(memory: TableMemory) {
    this.#memory = memory;
  }

  /** Room for so many numbers, all of them 0. @throws RangeError where there is none */
  make<Kind extends Table>(kind: TableKind<Kind>, count: number): Kind {
    if (count === 0) return new kind(0);
    const piece = this.#memory.lease(count * kind.BYTES_PER_ELEMENT);
    if (piece === undefined) throw new RangeError('no memory is left for the tables of films');
    const table = new kind(piece.buffer, piece.offset, count);
    this.#pieces.set(table, piece);
    return table;
  }

  /** Lets go of a table that {@link make} gave, before the others. */
  drop(table: Table): void {
    const piece = this.#pieces.get(table);
    if (piece === undefined) return;
    this.#pieces.delete(table);
    this.#memory.release(piece);
  }

  /** Says what is closed with them. */
  closing(samples: readonly SampleTable[]): void {
    this.#samples = samples;
  }

  /** One user more. */
  retain(): void {
    this.#users++;
  }

  /** A user needs them no longer. With the last one their memory is others': a sample whose place or time is looked up then throws. */
  release(): void {
    if (--this.#users > 0) return;
    for (const samples of this.#samples) samples.close();
    for (const piece of this.#pieces.values()) this.#memory.release(piece);
    this.#pieces.clear();
  }
}
