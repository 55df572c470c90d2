// How many bytes of each film left, by all workers of a server together: numbers in memory that they share. Not here: who counts
// (resources.ts), and who shows it (handler.ts).

import type { Version } from './versions.js';

/** Films that are counted together; a power of two. Those beyond are counted by each worker alone. */
const places = 2048;
/** Of a place: whose it is, and two counts of 64 bits, low word first. */
const wordsOfPlace = 5;
const generatedAt = 1;
const referencedAt = 3;

/** Words of memory that all workers share. */
export const sentWords: number = places * wordsOfPlace;

/** What left of one film. */
export class SentBytes {
  readonly #memory: Int32Array;
  readonly #at: number;

  /** @param at where its words begin. */
  private constructor(memory: Int32Array, at: number) {
    this.#memory = memory;
    this.#at = at;
  }

  /** The counts of a film: those of its version, whoever asks first. @param memory {@link sentWords} that are zeros at first. */
  static of(memory: Int32Array, { high, low }: Version): SentBytes {
    const key = high | 0 || 1;
    for (let probe = 0; probe < places; probe++) {
      const at = ((low + probe) & (places - 1)) * wordsOfPlace;
      const owner = Atomics.compareExchange(memory, at, 0, key);
      if (owner === 0 || owner === key) return new SentBytes(memory, at);
    }
    return new SentBytes(new Int32Array(wordsOfPlace), 0);
  }

  /** Heads, playlists, pages. */
  get generated(): number {
    return this.#read(generatedAt);
  }

  /** Bytes of the film, by reference. */
  get referenced(): number {
    return this.#read(referencedAt);
  }

  /** Counts bytes that left. */
  add(generated: number, referenced: number): void {
    this.#count(generatedAt, generated);
    this.#count(referencedAt, referenced);
  }

  #count(word: number, bytes: number): void {
    const low = bytes % 2 ** 32;
    const before = Atomics.add(this.#memory, this.#at + word, low | 0) >>> 0;
    const high = Math.floor(bytes / 2 ** 32) + (before + low >= 2 ** 32 ? 1 : 0);
    if (high > 0) Atomics.add(this.#memory, this.#at + word + 1, high);
  }

  /** Off by 4 GiB for the moment in which somebody carries: it is shown, and nothing depends on it. */
  #read(word: number): number {
    const low = Atomics.load(this.#memory, this.#at + word) >>> 0;
    return Atomics.load(this.#memory, this.#at + word + 1) * 2 ** 32 + low;
  }
}
