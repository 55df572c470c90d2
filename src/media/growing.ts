// Memory for what is found in a film's headers before it is known how much there is: bounded for the whole film, in blocks that are
// never moved, so that no turn has to copy all that came before. Not here: the tables made of it (sample-builder.ts), where they lie
// (film-tables.ts).

import { type FilmTables, putNumbers, type Table, type TableKind } from './film-tables.js';

/** A table that cannot be used: why, as the rest of a sentence. */
export class TableError extends Error {
  override readonly name = 'TableError';
}

/** The tables speak of bytes that the file does not have: it is still being written, or was cut. */
export class CutOffError extends TableError {
  constructor(needed: number, size: number) {
    super(
      `is cut off: its tables need ${needed} bytes, and the file has ${size}; wait until it is written, or copy it again`,
    );
  }
}

/** The most bytes that the tables of a film may hold while they are built: films of ten hours need less. */
const mostIndexBytes = 48 * 2 ** 20;

/** What may still be held for a film. */
export class IndexBudget {
  #left = mostIndexBytes;
  readonly #tables: FilmTables;

  /** @param tables where what is kept lies. */
  constructor(tables: FilmTables) {
    this.#tables = tables;
  }

  /** Bytes that are held. */
  get held(): number {
    return mostIndexBytes - this.#left;
  }

  /** Takes bytes before they are allocated. @throws TableError when that is more than is left */
  take(bytes: number): void {
    if (!(bytes <= this.#left))
      throw new TableError(`has tables that need more than ${mostIndexBytes / 2 ** 20} MiB of memory: split it`);
    this.#left -= bytes;
  }

  /** Gives back what is no longer held. */
  give(bytes: number): void {
    this.#left += bytes;
  }

  /** Room for `count` numbers. @throws TableError */
  table<Kind extends Table>(kind: TableKind<Kind>, count: number): Kind {
    this.take(count * kind.BYTES_PER_ELEMENT);
    return this.#tables.make(kind, count);
  }

  /** Lets go of room that was given. */
  drop(room: Table): void {
    this.give(room.byteLength);
    this.#tables.drop(room);
  }
}

const blockShift = 11;
const blockMask = (1 << blockShift) - 1;

/** A list that grows. */
abstract class Blocks<Block extends Uint32Array | Int32Array | Float64Array> {
  length = 0;
  readonly #blocks: Block[] = [];
  readonly #budget: IndexBudget;

  constructor(budget: IndexBudget) {
    this.#budget = budget;
  }

  protected abstract make(count: number): Block;

  /** Takes a block that holds nothing any more. */
  protected spare(_block: Block): void {}

  /** Adds a number at the end. @throws TableError when the film's memory is used up */
  push(value: number): void {
    const at = this.length & blockMask;
    if (at === 0) {
      const block = this.make(1 << blockShift);
      this.#budget.take(block.byteLength);
      this.#blocks.push(block);
    }
    this.#blocks[this.length >>> blockShift]![at] = value;
    this.length++;
  }

  /** The block that a place that there is lies in. */
  protected blockAt(index: number): Block {
    return this.#blocks[index >>> blockShift]!;
  }

  /** The number at a place that there is. */
  at(index: number): number {
    return this.#blocks[index >>> blockShift]![index & blockMask]!;
  }

  /** Changes the number at a place that there is. */
  set(index: number, value: number): void {
    this.#blocks[index >>> blockShift]![index & blockMask] = value;
  }

  /** Writes the numbers from `from` on into `target` at the same places, `most` of them at most. Returns where it ended. */
  copyTo(target: Uint16Array | Uint32Array | Float64Array, from: number, most: number): number {
    const end = Math.min(this.length, from + most);
    for (let index = from; index < end; index++) target[index] = this.at(index);
    return end;
  }

  /** Lets go of the memory. */
  release(): void {
    for (const block of this.#blocks) {
      this.#budget.give(block.byteLength);
      this.spare(block);
    }
    this.#blocks.length = 0;
    this.length = 0;
  }
}

/** Blocks of the thread that hold nothing now: the runs of a film's chunks, which are gone once it is read, take a hundred of them. */
const spareBlocks: Uint32Array[] = [];
const mostSpareBlocks = 256;

/** A growing list of whole numbers below 2^32. */
export class WordList extends Blocks<Uint32Array> {
  /** Adds numbers at the end. @throws TableError as {@link push} */
  pushAll(values: Uint32Array): void {
    for (let from = 0; from < values.length; ) {
      // One is pushed where a block begins.
      if ((this.length & blockMask) === 0) this.push(values[from++]!);
      const room = (blockMask + 1 - (this.length & blockMask)) & blockMask;
      const taken = Math.min(room, values.length - from);
      if (taken > 0)
        putNumbers(this.blockAt(this.length), values.subarray(from, from + taken), this.length & blockMask);
      this.length += taken;
      from += taken;
    }
  }

  /** Writes the numbers from `from` on into `target`, as many as it has room for. */
  read(from: number, target: Uint32Array): void {
    const end = Math.min(this.length, from + target.length);
    for (let at = from; at < end; ) {
      const inBlock = at & blockMask;
      const taken = Math.min(blockMask + 1 - inBlock, end - at);
      putNumbers(target, this.blockAt(at).subarray(inBlock, inBlock + taken), at - from);
      at += taken;
    }
  }

  protected override make(count: number): Uint32Array {
    return spareBlocks.pop() ?? new Uint32Array(count);
  }

  protected override spare(block: Uint32Array): void {
    if (spareBlocks.length < mostSpareBlocks) spareBlocks.push(block);
  }
}

/** A growing list of signed numbers of 32 bits. */
export class SignedList extends Blocks<Int32Array> {
  protected override make(count: number): Int32Array {
    return new Int32Array(count);
  }
}

/** A growing list of whole numbers up to 2^53. */
export class NumberList extends Blocks<Float64Array> {
  protected override make(count: number): Float64Array {
    return new Float64Array(count);
  }
}
