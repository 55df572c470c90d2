// Bytes of a module, read forward and never beyond their end. Not here: what they mean.

import { refuse } from './refusal.js';

/** See the file's head. The bytes stay the caller's. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  /** @param at the first byte @param end one behind the last */
  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Whether nothing is left. */
  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  /** One byte. @throws CompileError at the end */
  byte(): number {
    if (this.at >= this.end) refuse(`the module ends too early, at byte ${this.end}`);
    return this.bytes[this.at++]!;
  }

  /** An unsigned number of at most 32 bits (LEB128). @throws CompileError for a longer one */
  u32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      if (shift === 28 && byte > 0x0f) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return refuse(`a number before byte ${this.at} has more than 32 bits`);
  }

  /** A signed number of at most 32 bits. @throws CompileError for a longer one */
  s32(): number {
    const value = this.#signed(5);
    if (value < -0x8000_0000n || value > 0x7fff_ffffn) refuse(`a number before byte ${this.at} has more than 32 bits`);
    return Number(value);
  }

  /** A signed number of at most 64 bits. @throws CompileError for a longer one */
  s64(): bigint {
    const value = this.#signed(10);
    if (BigInt.asIntN(64, value) !== value) refuse(`a number before byte ${this.at} has more than 64 bits`);
    return value;
  }

  #signed(most: number): bigint {
    let value = 0n;
    for (let index = 0; index < most; index++) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(index * 7);
      if (byte < 0x80) return BigInt.asIntN(index * 7 + 7, value);
    }
    return refuse(`a number before byte ${this.at} does not end`);
  }

  /** Eight bytes, as the bits of a number. */
  bits64(): bigint {
    let value = 0n;
    for (let index = 0; index < 8; index++) value |= BigInt(this.byte()) << BigInt(index * 8);
    return value;
  }

  /** A count of things, of which there may be so many. @param what they are, for the refusal */
  count(most: number, what: string): number {
    const count = this.u32();
    if (count > most) refuse(`the module has ${count} ${what}, and ${most} are the most`);
    return count;
  }

  /** Bytes from here on as a reader of their own. @throws CompileError where there are fewer */
  part(length: number): Reader {
    if (length > this.end - this.at) refuse(`the module ends too early, at byte ${this.end}`);
    const part = new Reader(this.bytes, this.at, this.at + length);
    this.at += length;
    return part;
  }

  /** A name: its length, and UTF-8. @throws CompileError for one of more than 1,000 bytes */
  text(): string {
    const part = this.part(this.count(1000, 'bytes in a name'));
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(part.bytes.subarray(part.at, part.end));
    } catch {
      return refuse(`a name before byte ${this.at} is no UTF-8`);
    }
  }
}
