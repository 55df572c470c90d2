// The checksum of IP, TCP and UDP (RFC 1071): the sum of words of 16 bits in ones' complement, over bytes that come in pieces of any length. Not
// here: which bytes a protocol sums (vhost/net/).

/** See the file's head. Used again and again. */
export class InternetChecksum {
  #sum = 0;
  /** The next byte is the lower one of its word. */
  #isOdd = false;

  /** Begins another sum. */
  clear(): void {
    this.#sum = 0;
    this.#isOdd = false;
  }

  /** Adds bytes. A function of its own, so that it can be handed to whoever has them. */
  readonly add = (bytes: Uint8Array, at: number, length: number): void => {
    let sum = this.#sum;
    let index = at;
    const end = at + length;
    if (this.#isOdd && index < end) {
      sum += bytes[index++]!;
      this.#isOdd = false;
    }
    for (; index + 1 < end; index += 2) sum += (bytes[index]! << 8) | bytes[index + 1]!;
    if (index < end) {
      sum += bytes[index]! << 8;
      this.#isOdd = true;
    }
    // Far from 2^53, which takes 2^37 such words.
    this.#sum = sum;
  };

  /** Adds a word of 16 bits, at an even place. */
  addWord(word: number): void {
    this.#sum += word;
  }

  /** The sum of what was added, in 16 bits, not yet complemented: 0 only of zeros. */
  get folded(): number {
    let sum = this.#sum;
    while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
    return sum;
  }

  /** The checksum of what was added, in 16 bits. */
  get value(): number {
    return ~this.folded & 0xffff;
  }
}
