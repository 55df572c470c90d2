// Iovecs: pieces of memory as the kernel takes them (struct iovec): an array that a call reads or writes through, and what is left of it after
// a call that moved a part. Not here: which addresses may stand in it (domain.ts), the calls.

import { setWord64, word64 } from '../kernel/words.js';
import type { PieceTaker } from './domain.js';
import { Region } from './region.js';

/** Bytes of a struct iovec: address and length, 8 bytes each. */
const iovecBytes = 16;

/** See the file's head. It owns its array, and not the memory that the array leads to. */
export class Iovecs implements PieceTaker {
  /** Bytes of what is left. */
  byteLength = 0;
  readonly #region: Region;
  readonly #words: Uint32Array;
  /** The first piece that is left, and the one behind the last. */
  #first = 0;
  #end = 0;
  /** The piece that is cut for a while, and its length; -1: none is. */
  #cut = -1;
  #cutLength = 0;

  /** @param most pieces. */
  constructor(most: number) {
    this.#region = new Region(most * iovecBytes);
    this.#words = new Uint32Array(this.#region.buffer, 0, most * 4);
  }

  /** The address of what is left. */
  get address(): number {
    return this.#region.address + this.#first * iovecBytes;
  }

  /** Pieces that are left. */
  get count(): number {
    return this.#end - this.#first;
  }

  /** Forgets the pieces. */
  clear(): void {
    this.byteLength = this.#first = this.#end = 0;
    this.#cut = -1;
  }

  /** Pieces so far stay where they are, and {@link address} and {@link count} are of those that follow. */
  next(): void {
    this.byteLength = 0;
    this.#first = this.#end;
  }

  /** Pieces for which there is room. */
  get room(): number {
    return this.#words.length / 4 - this.#end;
  }

  add(address: number, length: number): boolean {
    const words = this.#words;
    const last = this.#end - 1;
    const before = last >= this.#first ? words[last * 4 + 2]! : 0;
    if (before > 0 && this.#addressOf(last) + before === address && before + length < 0x1_0000_0000) {
      words[last * 4 + 2] = before + length;
    } else {
      const at = this.#end * 4;
      if (at === words.length) return false;
      this.#setAddress(this.#end++, address);
      words[at + 2] = length;
      words[at + 3] = 0;
    }
    this.byteLength += length;
    return true;
  }

  #addressOf(index: number): number {
    return word64(this.#words, index * 4);
  }

  #setAddress(index: number, address: number): void {
    setWord64(this.#words, index * 4, address);
  }

  /** Whether the address of each piece is a multiple of `memory`, and its length one of `length`: powers of two. */
  isAligned(memory: number, length: number): boolean {
    const words = this.#words;
    for (let index = this.#first; index < this.#end; index++) {
      // What is above the lower word is a multiple of any.
      if ((words[index * 4]! & (memory - 1)) !== 0 || (words[index * 4 + 2]! & (length - 1)) !== 0) return false;
    }
    return true;
  }

  /** How many pieces from the first on have so many bytes at most (not 0). The last of them is cut for that, until {@link mend}: nothing else changes meanwhile. */
  cutTo(bytes: number): number {
    const words = this.#words;
    let left = bytes;
    for (let index = this.#first; index < this.#end; index++) {
      const length = words[index * 4 + 2]!;
      if (length > left) {
        if (left === 0) return index - this.#first;
        this.#cut = index;
        this.#cutLength = length;
        words[index * 4 + 2] = left;
        return index + 1 - this.#first;
      }
      left -= length;
    }
    return this.count;
  }

  /** What was cut is whole again. */
  mend(): void {
    if (this.#cut >= 0) this.#words[this.#cut * 4 + 2] = this.#cutLength;
    this.#cut = -1;
  }

  /** Takes bytes that were moved off the beginning. */
  skip(bytes: number): void {
    const words = this.#words;
    let left = bytes;
    for (; left > 0 && this.#first < this.#end; this.#first++) {
      const at = this.#first * 4 + 2;
      if (left < words[at]!) {
        this.#setAddress(this.#first, this.#addressOf(this.#first) + left);
        words[at]! -= left;
        break;
      }
      left -= words[at]!;
    }
    this.byteLength -= bytes;
  }

  /** Gives the array back. No call uses it any more. */
  unmap(): void {
    this.#region.unmap();
  }
}
