// Chain: one request as a driver made it available: pieces of its memory, first those that the device reads, then those that it writes.
// Filled by a queue (split-device.ts, packed-device.ts) and used again for the next. Addresses are the driver's own, as they were read, once;
// they are checked where they are followed (memory/domain.ts).

import { highWord, lowWord } from '../kernel/words.js';

/** What is wrong with a chain whose head is known: it is given back without having been served. */
export type ChainFault =
  | 'too long'
  | 'next outside'
  | 'order'
  | 'indirect outside'
  | 'indirect length'
  | 'indirect nested'
  | 'indirect not negotiated'
  | 'indirect and next'
  | 'bytes';

/** See the file's head. */
export class Chain {
  /** The address of each piece, as two words, and its length in bytes. */
  readonly high: Uint32Array;
  readonly low: Uint32Array;
  readonly lengths: Uint32Array;
  /** Pieces, and how many of them the device reads: the others it writes. */
  count = 0;
  readable = 0;
  readableBytes = 0;
  writableBytes = 0;
  /** By which it is given back: the head (split), or the driver's own number (packed). */
  id = 0;
  /** Slots of the ring that it takes (packed). */
  slots = 0;
  fault: ChainFault | undefined;
  /** Where a table of its descriptors is, that lies outside. */
  tableHigh = 0;
  tableLow = 0;
  tableLength = 0;

  /** @param most pieces: the queue's size. */
  constructor(most: number) {
    this.high = new Uint32Array(most);
    this.low = new Uint32Array(most);
    this.lengths = new Uint32Array(most);
  }

  /** Begins another chain. */
  clear(id: number): void {
    this.count = 0;
    this.readable = 0;
    this.readableBytes = 0;
    this.writableBytes = 0;
    this.id = id;
    this.slots = 0;
    this.fault = undefined;
  }

  /** Adds a piece. False: it must not stand there, or is one too many, which {@link fault} says. */
  add(high: number, low: number, length: number, isWritable: boolean): boolean {
    if (this.count === this.lengths.length) return this.refuse('too long');
    if (!isWritable && this.count > this.readable) return this.refuse('order');
    this.high[this.count] = high;
    this.low[this.count] = low;
    this.lengths[this.count++] = length;
    if (isWritable) this.writableBytes += length;
    else {
      this.readable = this.count;
      this.readableBytes += length;
    }
    return this.readableBytes + this.writableBytes < 0x1_0000_0000 || this.refuse('bytes');
  }

  /**
   * Goes through `bytes` of the pieces from number `from` up to, and without, `to`, beginning with byte `skip` of them; each stretch as
   * an address in two words, and a length. False: there are fewer, or `visit` said so, and it ended there.
   */
  stretches(
    from: number,
    to: number,
    skip: number,
    bytes: number,
    visit: (high: number, low: number, length: number) => boolean,
  ): boolean {
    let before = skip;
    let left = bytes;
    for (let index = from; index < to && left > 0; index++) {
      const start = Math.min(before, this.lengths[index]!);
      before -= start;
      const length = Math.min(this.lengths[index]! - start, left);
      if (length === 0) continue;
      const low = this.low[index]! + start;
      if (!visit(this.high[index]! + highWord(low), lowWord(low), length)) return false;
      left -= length;
    }
    return left === 0;
  }

  /** Takes note of a fault. */
  refuse(fault: ChainFault): false {
    this.fault ??= fault;
    return false;
  }
}
