// The checksum of IP, TCP and UDP (RFC 1071): the sum of words of 16 bits in ones' complement, over bytes that come in pieces of any length. Not
// here: which bytes a protocol sums (vhost/net/).

/** Fewer bytes are not worth looking for words. */
const leastForWords = 64;
/** Words of 32 bits whose halves add up to less than 2^31. */
const wordsAtOnce = 8192;

/** Views of buffers as words: one for each, made when it is first asked for. */
const views = new WeakMap<ArrayBufferLike, Int32Array>();
let lastBuffer: ArrayBufferLike | undefined;
let lastView: Int32Array = new Int32Array(0);

function wordsOf(buffer: ArrayBufferLike): Int32Array {
  if (buffer === lastBuffer) return lastView;
  let view = views.get(buffer);
  if (view === undefined) {
    view = new Int32Array(buffer, 0, buffer.byteLength >> 2);
    views.set(buffer, view);
  }
  lastBuffer = buffer;
  lastView = view;
  return view;
}

/** The sum of the halves of words, in 16 bits: 0 only of zeros. */
function foldedWords(words: Int32Array, first: number, end: number): number {
  let sum = 0;
  for (let index = first; index < end; ) {
    const stop = Math.min(end, index + wordsAtOnce);
    let part = 0;
    for (; index < stop; index++) part = (part + (words[index]! & 0xffff) + (words[index]! >>> 16)) | 0;
    sum += part;
  }
  while (sum > 0xffff) sum = (sum % 0x1_0000) + Math.floor(sum / 0x1_0000);
  return sum;
}

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
    if (length < leastForWords) {
      this.#addBytes(bytes, at, at + length);
      return;
    }
    // In words of 32 bits of the whole buffer, a third of the time. What is before the first and behind the last is added as bytes.
    const words = wordsOf(bytes.buffer);
    const first = Math.ceil((bytes.byteOffset + at) / 4);
    const end = Math.floor((bytes.byteOffset + at + length) / 4);
    this.#addBytes(bytes, at, first * 4 - bytes.byteOffset);
    const sum = foldedWords(words, first, end);
    // Words of a little-endian machine have the sum's bytes swapped (RFC 1071, section 2B), and so has one that begins in the middle.
    this.#sum += this.#isOdd ? sum : ((sum & 0xff) << 8) | (sum >> 8);
    this.#addBytes(bytes, end * 4 - bytes.byteOffset, at + length);
  };

  #addBytes(bytes: Uint8Array, at: number, end: number): void {
    let sum = 0;
    let index = at;
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
    this.#sum += sum;
  }

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
