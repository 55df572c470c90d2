// Spans: bytes of somebody else's memory, in pieces, each as an address for the kernel and as a view for us. Filled by Domain.translate, used
// again and again. Not here: which addresses may be touched (domain.ts).

import { wrongArgument } from '../text/coded.js';
import { copyBytes } from './copy.js';
import type { DomainMemory, PieceTaker } from './domain.js';

/** See the file's head. A place in them is counted in bytes from the first piece on. */
export class Spans implements PieceTaker {
  readonly addresses: Float64Array;
  readonly lengths: Float64Array;
  count = 0;
  byteLength = 0;
  readonly #bytes: Uint8Array<ArrayBuffer>[];
  readonly #starts: Float64Array;
  /** Where the last place was found: the piece, and the bytes before it. */
  #piece = 0;
  #before = 0;

  /** @param most pieces. */
  constructor(most: number) {
    this.addresses = new Float64Array(most);
    this.lengths = new Float64Array(most);
    this.#starts = new Float64Array(most);
    this.#bytes = new Array(most).fill(new Uint8Array(0));
  }

  /** Pieces for which there is room. */
  get most(): number {
    return this.lengths.length;
  }

  /** Forgets the pieces. */
  clear(): void {
    this.count = this.byteLength = this.#piece = this.#before = 0;
  }

  /** Takes a piece of up to 2 MiB. */
  add(address: number, length: number, memory: DomainMemory, offset: number): boolean {
    if (this.count === this.lengths.length) return false;
    const { bytes, at } = memory.window(offset, length);
    this.addresses[this.count] = address;
    this.lengths[this.count] = length;
    this.#starts[this.count] = at;
    this.#bytes[this.count++] = bytes;
    this.byteLength += length;
    return true;
  }

  /** Forgets the first `pieces`. */
  dropFirst(pieces: number): void {
    for (let index = 0; index < pieces; index++) this.byteLength -= this.lengths[index]!;
    for (let index = pieces; index < this.count; index++) {
      this.addresses[index - pieces] = this.addresses[index]!;
      this.lengths[index - pieces] = this.lengths[index]!;
      this.#starts[index - pieces] = this.#starts[index]!;
      this.#bytes[index - pieces] = this.#bytes[index]!;
    }
    this.count -= pieces;
    this.#piece = this.#before = 0;
  }

  /** Forgets the first `bytes`. @throws RangeError where there are fewer */
  skip(bytes: number): void {
    if (bytes < 0 || bytes > this.byteLength) throw wrongArgument(`there are not ${bytes} bytes in ${this.byteLength}`);
    let left = bytes;
    let pieces = 0;
    while (left > 0 && left >= this.lengths[pieces]!) left -= this.lengths[pieces++]!;
    if (pieces > 0) this.dropFirst(pieces);
    this.#piece = this.#before = 0;
    if (left === 0) return;
    this.addresses[0]! += left;
    this.#starts[0]! += left;
    this.lengths[0]! -= left;
    this.byteLength -= left;
  }

  /** Forgets all but the first `pieces`. */
  keepFirst(pieces: number): void {
    for (let index = pieces; index < this.count; index++) this.byteLength -= this.lengths[index]!;
    this.count = pieces;
    this.#piece = this.#before = 0;
  }

  /** Finds the piece of a place, which is there, from the last one found on, or from the first. */
  #find(place: number): void {
    if (place < this.#before) this.#piece = this.#before = 0;
    while (place - this.#before >= this.lengths[this.#piece]!) this.#before += this.lengths[this.#piece++]!;
  }

  /** The byte at a place. @throws RangeError outside */
  byteAt(place: number): number {
    if (place < 0 || place >= this.byteLength) throw wrongArgument(`there is no byte ${place} of ${this.byteLength}`);
    this.#find(place);
    return this.#bytes[this.#piece]![this.#starts[this.#piece]! + place - this.#before]!;
  }

  /** Sets the byte at a place. @throws RangeError outside */
  setByteAt(place: number, value: number): void {
    if (place < 0 || place >= this.byteLength) throw wrongArgument(`there is no byte ${place} of ${this.byteLength}`);
    this.#find(place);
    this.#bytes[this.#piece]![this.#starts[this.#piece]! + place - this.#before] = value;
  }

  /** Sets bytes from a place on, few ones: of a header. @throws RangeError outside */
  setBytesAt(place: number, bytes: Uint8Array, length: number): void {
    if (place < 0 || place + length > this.byteLength)
      throw wrongArgument(`${length} bytes from ${place} on are outside of ${this.byteLength}`);
    for (let done = 0; done < length; ) {
      this.#find(place + done);
      const skip = place + done - this.#before;
      const target = this.#bytes[this.#piece]!;
      const at = this.#starts[this.#piece]! + skip;
      const here = Math.min(this.lengths[this.#piece]! - skip, length - done);
      for (let index = 0; index < here; index++) target[at + index] = bytes[done + index]!;
      done += here;
    }
  }

  /**
   * Visits the bytes from a place on, stretch by stretch: an array, and where in it the stretch begins and how long it is.
   * @throws RangeError outside
   */
  stretches(place: number, length: number, visit: (bytes: Uint8Array, at: number, length: number) => void): void {
    if (place < 0 || length < 0 || place + length > this.byteLength)
      throw wrongArgument(`${length} bytes from ${place} on are outside of ${this.byteLength}`);
    if (length === 0) return;
    this.#find(place);
    for (let piece = this.#piece, skip = place - this.#before, left = length; left > 0; piece++, skip = 0) {
      const here = Math.min(this.lengths[piece]! - skip, left);
      if (here > 0) visit(this.#bytes[piece]!, this.#starts[piece]! + skip, here);
      left -= here;
    }
  }

  /** Describes the bytes from a place on to who hands them to the kernel. False: it has no room. @throws RangeError outside */
  describe(place: number, length: number, to: { add(address: number, length: number): boolean }): boolean {
    if (place < 0 || length < 0 || place + length > this.byteLength)
      throw wrongArgument(`${length} bytes from ${place} on are outside of ${this.byteLength}`);
    if (length === 0) return true;
    this.#find(place);
    for (let piece = this.#piece, skip = place - this.#before, left = length; left > 0; piece++, skip = 0) {
      const here = Math.min(this.lengths[piece]! - skip, left);
      if (here > 0 && !to.add(this.addresses[piece]! + skip, here)) return false;
      left -= here;
    }
    return true;
  }

  /**
   * Copies `length` bytes of `source`, from `from` on, to `place`, and counts them.
   * @throws RangeError where either is outside
   */
  copyFrom(reason: number, place: number, source: Spans, from: number, length: number): void {
    if (place < 0 || from < 0 || length < 0 || place + length > this.byteLength || from + length > source.byteLength)
      throw wrongArgument(`${length} bytes from ${from} to ${place} are outside`);
    for (let done = 0; done < length; ) {
      this.#find(place + done);
      source.#find(from + done);
      const [to, of] = [place + done - this.#before, from + done - source.#before];
      const here = Math.min(this.lengths[this.#piece]! - to, source.lengths[source.#piece]! - of, length - done);
      const target = this.#bytes[this.#piece]!;
      const bytes = source.#bytes[source.#piece]!;
      copyBytes(reason, target, this.#starts[this.#piece]! + to, bytes, source.#starts[source.#piece]! + of, here);
      done += here;
    }
  }
}
