// What a driver remembers of the requests that are out: in memory of its own, since the ring's is the device's to write too. What
// comes back is held against it, and a device that begins anew gets from it what the one before did not answer. Not here: the rings.

import { highWord, lowWord } from '../kernel/words.js';
import { Descriptor, type DriverPiece } from './queue.js';

/** Bytes that a request has fewer of (VIRTIO 1.x section 2.7.5.2). */
export const longestChain = 2 ** 32;

/** Bytes of pieces. */
export function bytesOf(pieces: readonly DriverPiece[]): number {
  let bytes = 0;
  for (const { length } of pieces) bytes += length;
  return bytes;
}

/** See the file's head. A request's id is the first of its descriptors, which are numbers from 0 up to the queue's size. */
export class Outstanding {
  /** Of each descriptor: its address in two words, its length, its flags, and the one behind it, in its request or in the list of free ones. */
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly lengths: Uint32Array;
  readonly flags: Uint16Array;
  readonly after: Uint16Array;
  free: number;
  /** Of each id: descriptors that it takes (0: it is not out), the last of them, bytes that may be written, and when it was added. */
  readonly #counts: Uint16Array;
  readonly #lasts: Uint16Array;
  readonly #writable: Float64Array;
  readonly #added: Float64Array;
  #firstFree = 0;
  #addedLast = 0;

  /** @param size of the queue. */
  constructor(size: number) {
    this.high = new Uint32Array(size);
    this.low = new Uint32Array(size);
    this.lengths = new Uint32Array(size);
    this.flags = new Uint16Array(size);
    this.after = new Uint16Array(size);
    this.#counts = new Uint16Array(size);
    this.#lasts = new Uint16Array(size);
    this.#writable = new Float64Array(size);
    this.#added = new Float64Array(size);
    this.free = size;
    for (let at = 0; at < size; at++) this.after[at] = at + 1;
  }

  /** Takes descriptors for a request's pieces. Returns its id; -1: there is no room. */
  take(readable: readonly DriverPiece[], writable: readonly DriverPiece[]): number {
    const count = readable.length + writable.length;
    if (count === 0 || count > this.free || bytesOf(readable) + bytesOf(writable) >= longestChain) return -1;
    const id = this.#firstFree;
    let last = id;
    for (let index = 0; index < count; index++) {
      const isWritable = index >= readable.length;
      const { address, length } = isWritable ? writable[index - readable.length]! : readable[index]!;
      const flags = (isWritable ? Descriptor.write : 0) | (index + 1 < count ? Descriptor.next : 0);
      last = this.#describe(address, length, flags);
    }
    this.#note(id, last, count, bytesOf(writable));
    return id;
  }

  /** Takes one descriptor for a request whose pieces are in a table of so many bytes. Returns its id; -1: there is no room. */
  takeIndirect(address: number, length: number, writableBytes: number): number {
    if (length === 0 || this.free === 0) return -1;
    const id = this.#describe(address, length, Descriptor.indirect);
    this.#note(id, id, 1, writableBytes);
    return id;
  }

  /** Fills the first free descriptor, and takes it. Returns its number. */
  #describe(address: number, length: number, flags: number): number {
    const at = this.#firstFree;
    this.#firstFree = this.after[at]!;
    this.low[at] = lowWord(address);
    this.high[at] = highWord(address);
    this.lengths[at] = length;
    this.flags[at] = flags;
    return at;
  }

  #note(id: number, last: number, count: number, writableBytes: number): void {
    this.#lasts[id] = last;
    this.#counts[id] = count;
    this.#writable[id] = writableBytes;
    this.#added[id] = ++this.#addedLast;
    this.free -= count;
  }

  /** Descriptors of a request; 0: no such one is out. */
  countOf(id: number): number {
    return this.#counts[id] ?? 0;
  }

  /** A request came back. Returns its descriptors; 0: no such one is out, or more was written than there was room for. */
  give(id: number, written: number): number {
    const count = this.#counts[id] ?? 0;
    if (count === 0 || written > this.#writable[id]!) return 0;
    this.#counts[id] = 0;
    this.free += count;
    this.after[this.#lasts[id]!] = this.#firstFree;
    this.#firstFree = id;
    return count;
  }

  /** What is out, in the order in which it was added. */
  inOrder(): number[] {
    const ids: number[] = [];
    for (const [id, count] of this.#counts.entries()) if (count > 0) ids.push(id);
    return ids.sort((one, other) => this.#added[one]! - this.#added[other]!);
  }
}
