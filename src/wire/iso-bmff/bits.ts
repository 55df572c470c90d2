// Bits of the headers of codecs, from the front. Not here: what they mean.

/** Behind the end there are zeros. */
export class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The next `count` bits as a number. */
  take(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.#at++) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  /** The next bit. */
  flag(): boolean {
    return this.take(1) === 1;
  }

  /** Leaves bits out. */
  skip(count: number): void {
    this.#at += count;
  }

  /** A number of as many bits as stand behind as many zeros: `ue(v)` of H.264 and H.265, `uvlc()` of AV1. */
  variable(): number {
    let zeros = 0;
    while (zeros < 32 && !this.flag()) zeros++;
    return zeros < 32 ? 2 ** zeros - 1 + this.take(zeros) : 2 ** 32 - 1;
  }

  /** Nothing behind the end was asked for. */
  get isWithin(): boolean {
    return this.#at <= this.#bytes.length * 8;
  }
}
