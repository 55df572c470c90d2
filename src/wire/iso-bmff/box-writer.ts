// Writes boxes into given bytes: sizes are filled in when a box ends, and nothing is allocated for a sample. Whoever uses it knows how many
// bytes it will take at most. Not here: which boxes (media/presentation).

import { setUint64 } from './boxes.js';

/** A box or a value that does not fit what was given to write into. */
class BoxRoomError extends RangeError {
  override readonly name = 'BoxRoomError';
  constructor() {
    super('a box is longer than the memory that it is written into');
  }
}

/** See the file's head. */
export class BoxWriter {
  /** Bytes written so far. */
  at = 0;
  /** Bytes, of those in the boxes that are not ended yet, that somebody else writes between what is written here. */
  elsewhere = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param bytes what is written into, from its beginning. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Begins a box; give what this returns to {@link end}. */
  begin(type: string): number {
    const start = this.at;
    this.u32(this.elsewhere);
    this.text(type);
    return start;
  }

  /** Begins a box with version and flags. */
  beginFull(type: string, version: number, flags: number): number {
    const start = this.begin(type);
    this.u32((version << 24) | flags);
    return start;
  }

  /** Ends a box: its size is known now. */
  end(start: number): void {
    // Until it is ended, its size field says what was elsewhere when it began.
    this.#view.setUint32(start, this.at - start + this.elsewhere - this.#view.getUint32(start));
  }

  /** Writes 8 bits. @throws BoxRoomError, as every method that writes. */
  u8(value: number): void {
    this.#room(1);
    this.#view.setUint8(this.at, value);
    this.at += 1;
  }

  /** Writes 16 bits, the high byte first. */
  u16(value: number): void {
    this.#room(2);
    this.#view.setUint16(this.at, value);
    this.at += 2;
  }

  /** 32 bits, signed or not. */
  u32(value: number): void {
    this.#room(4);
    this.#view.setUint32(this.at, value);
    this.at += 4;
  }

  /** 64 bits of a whole number of at most 2^53. */
  u64(value: number): void {
    this.#room(8);
    setUint64(this.#view, this.at, value);
    this.at += 8;
  }

  /** `count` zeros. */
  zeros(count: number): void {
    this.#room(count);
    this.#bytes.fill(0, this.at, this.at + count);
    this.at += count;
  }

  /** Characters up to U+00FF, a byte each, without an end. */
  text(text: string): void {
    this.#room(text.length);
    for (let index = 0; index < text.length; index++) this.#bytes[this.at++] = text.charCodeAt(index);
  }

  /** Bytes of a header: a box that goes as it is. */
  bytes(source: Uint8Array, from = 0, to = source.length): void {
    this.#room(to - from);
    for (let index = from; index < to; index++) this.#bytes[this.at++] = source[index]!;
  }

  /** What was written: a view of what was given. */
  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  #room(count: number): void {
    if (this.at + count > this.#bytes.length) throw new BoxRoomError();
  }
}

/** What `write` writes, in memory of its own of exactly that length. @param most bytes that it may take. */
export function written(most: number, write: (writer: BoxWriter) => void): Uint8Array {
  const writer = new BoxWriter(new Uint8Array(most));
  write(writer);
  return writer.taken();
}
