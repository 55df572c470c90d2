// The feeder's end of the ring of descriptors: writes them, and knows how much of what was written has not been heard. Not here: what they stand for (feeder.ts), the other end (pump/fetcher.ts).

import { setWord64 } from '../../kernel/words.js';
import { ProducerRing } from '../../ring/ring.js';
import { DescriptorWord, descriptorEntries, descriptorPlace, FeederWord, PumpWord } from '../pump/shared-layout.js';

/** A descriptor, as it is written. */
export interface Descriptor {
  readonly kind: number;
  readonly frames?: number;
  readonly slot?: number;
  /** Bytes. */
  readonly offset?: number;
  readonly track?: number;
  readonly firstFrame?: number;
}

/** See the file's head. */
export class Descriptors {
  readonly #ring: ProducerRing;
  readonly #words: Int32Array;
  /** The end of what is known to have been heard, and the frames behind it. */
  #known: number;
  #ahead = 0;

  /** @param words of the shared region */
  constructor(words: Int32Array) {
    this.#words = words;
    this.#ring = new ProducerRing(words, PumpWord.head, FeederWord.tail, descriptorEntries);
    this.#known = this.#ring.tail;
  }

  /** The number of the next descriptor. */
  get tail(): number {
    return this.#ring.tail;
  }

  /** Descriptors before it have been heard. */
  get head(): number {
    return Atomics.load(this.#words, PumpWord.head);
  }

  /** Whether one more has room. */
  get hasRoom(): boolean {
    return this.#ring.free() > 0;
  }

  /** Frames that were written and not heard; whole descriptors count. */
  get framesAhead(): number {
    const head = this.head;
    while (this.#known !== head && this.#known !== this.#ring.tail) {
      this.#ahead -= this.#words[descriptorPlace(this.#known) + DescriptorWord.frames]!;
      this.#known = (this.#known + 1) | 0;
    }
    return this.#ahead;
  }

  /** Writes one, and lets the pump see it. The caller has asked for room. */
  write({ kind, frames = 0, slot = 0, offset = 0, track = 0, firstFrame = 0 }: Descriptor): void {
    const at = descriptorPlace(this.#ring.tail);
    const words = this.#words;
    words[at + DescriptorWord.kind] = kind;
    words[at + DescriptorWord.slot] = slot;
    setWord64(words, at + DescriptorWord.offset, offset);
    words[at + DescriptorWord.frames] = frames;
    words[at + DescriptorWord.track] = track;
    setWord64(words, at + DescriptorWord.firstFrame, firstFrame);
    this.#ahead += frames;
    this.#ring.tail = (this.#ring.tail + 1) | 0;
    this.#ring.publish();
  }

  /** Has the pump forget all that was written. */
  flush(): void {
    this.#words[FeederWord.flushTail] = this.#ring.tail;
    Atomics.add(this.#words, FeederWord.flushGeneration, 1);
  }
}
