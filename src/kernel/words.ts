// Numbers of 64 bits as two words of 32, the low one first: how the kernel, its rings and devices lay addresses, places in files and counters.
// Exact below 2^53, where all of those are. Not here: the order of bytes on the network and in films (wire/).

/** Memory as words of 32 bits; what is stored and read here is the same in both. */
type Words = Int32Array | Uint32Array;

/** The low 32 bits of a whole number. */
export function lowWord(value: number): number {
  return value >>> 0;
}

/** What is above the low 32 bits of a whole number. */
export function highWord(value: number): number {
  return Math.floor(value / 2 ** 32);
}

/** The number whose words these are; of more than 53 bits it is not exact, and larger than any that is. */
export function fromWords(high: number, low: number): number {
  return high * 2 ** 32 + low;
}

/** Stores a number in two words from index `at` on. */
export function setWord64(words: Words, at: number, value: number): void {
  words[at] = lowWord(value);
  words[at + 1] = highWord(value);
}

/** The number in two words from index `at` on. */
export function word64(words: Words, at: number): number {
  return fromWords(words[at + 1]!, words[at]! >>> 0);
}

/** Stores a number in the eight bytes at `at`. */
export function setLittle64(data: DataView, at: number, value: number): void {
  data.setUint32(at, lowWord(value), true);
  data.setUint32(at + 4, highWord(value), true);
}

/** The number in the eight bytes at `at`. */
export function little64(data: DataView, at: number): number {
  return fromWords(data.getUint32(at + 4, true), data.getUint32(at, true));
}
