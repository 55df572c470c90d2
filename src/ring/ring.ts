// The one ring discipline: power-of-two producer and consumer indices in shared memory, free-running counters that wrap at
// their width, acquire and release through Atomics. Each facility (io_uring, the BPF ring buffer, AF_XDP, a virtqueue)
// supplies only its layout: where the two indices are, and what an entry looks like at `index & mask`.

import { wrongArgument } from '../text/coded.js';

/** Memory that holds indices: of 32 bits (io_uring, AF_XDP), or of 16 (a virtqueue). */
export type RingIndices = Int32Array | Uint16Array;

function maskOf(entries: number, indices: RingIndices): number {
  // An index tells a full ring from an empty one; counts of 32 bits have a sign here.
  const most = indices.BYTES_PER_ELEMENT === 2 ? 1 << 15 : 1 << 30;
  if (!Number.isInteger(entries) || entries < 1 || (entries & (entries - 1)) !== 0 || entries > most) {
    throw wrongArgument(`a ring has a power of two of entries up to ${most}, not ${entries}`);
  }
  return entries - 1;
}

/** The bits of an index: the difference of two counts is taken within them. */
function widthOf(indices: RingIndices): number {
  return indices.BYTES_PER_ELEMENT === 2 ? 0xffff : -1;
}

/** The producing side: fill entries from `tail & mask` on, then {@link publish} them. */
export class ProducerRing {
  readonly mask: number;
  readonly entries: number;
  /** The next entry to fill; not seen by the consumer until published. */
  tail: number;
  readonly #indices: RingIndices;
  readonly #width: number;
  readonly #headAt: number;
  readonly #tailAt: number;
  #seenHead: number;

  /** @param indices view of the shared memory. @param headAt, tailAt element positions of the two indices. */
  constructor(indices: RingIndices, headAt: number, tailAt: number, entries: number) {
    this.mask = maskOf(entries, indices);
    this.entries = entries;
    this.#indices = indices;
    this.#width = widthOf(indices);
    this.#headAt = headAt;
    this.#tailAt = tailAt;
    this.tail = Atomics.load(indices, tailAt);
    this.#seenHead = Atomics.load(indices, headAt);
  }

  /**
   * Entries that can still be filled: exact where fewer than `wanted` are, else at least as many as that. The consumer's
   * index is read again only when what was seen of it leaves fewer, so whoever needs room for a record asks for all of it.
   */
  free(wanted = 1): number {
    const free = this.entries - ((this.tail - this.#seenHead) & this.#width);
    if (free >= wanted) return free;
    this.#seenHead = Atomics.load(this.#indices, this.#headAt);
    return this.entries - ((this.tail - this.#seenHead) & this.#width);
  }

  /** Makes every entry before {@link tail} visible to the consumer. */
  publish(): void {
    Atomics.store(this.#indices, this.#tailAt, this.tail);
  }
}

/** The consuming side: read entries from `head & mask` on, then {@link release} them. */
export class ConsumerRing {
  readonly mask: number;
  readonly entries: number;
  /** The next entry to read; the producer sees it as free only after {@link release}. */
  head: number;
  readonly #indices: RingIndices;
  readonly #width: number;
  readonly #headAt: number;
  readonly #tailAt: number;

  /** @param indices view of the shared memory. @param headAt, tailAt element positions of the two indices. */
  constructor(indices: RingIndices, headAt: number, tailAt: number, entries: number) {
    this.mask = maskOf(entries, indices);
    this.entries = entries;
    this.#indices = indices;
    this.#width = widthOf(indices);
    this.#headAt = headAt;
    this.#tailAt = tailAt;
    this.head = Atomics.load(indices, headAt);
  }

  /** Entries that can be read. */
  available(): number {
    return (Atomics.load(this.#indices, this.#tailAt) - this.head) & this.#width;
  }

  /** Gives every entry before {@link head} back to the producer. */
  release(): void {
    Atomics.store(this.#indices, this.#headAt, this.head);
  }
}

/**
 * The consuming side of a ring whose indices are 64 bits wide (the BPF ring buffer): counting is done in the low halves,
 * which little-endian memory has first, and the consumer's index is stored whole.
 */
export class WideConsumerRing extends ConsumerRing {
  readonly #indices: BigUint64Array;
  readonly #headAt: number;

  /** @param indices 64-bit view of the shared memory. @param headAt, tailAt element positions of the two indices. */
  constructor(indices: BigUint64Array, headAt: number, tailAt: number, entries: number) {
    const halves = new Int32Array(indices.buffer, indices.byteOffset, indices.length * 2);
    super(halves, headAt * 2, tailAt * 2, entries);
    this.#indices = indices;
    this.#headAt = headAt;
  }

  /** As the ring's own, in one store of 64 bits. */
  override release(): void {
    const released = Atomics.load(this.#indices, this.#headAt);
    const count = (this.head - Number(BigInt.asIntN(32, released))) | 0;
    Atomics.store(this.#indices, this.#headAt, released + BigInt(count));
  }
}
