// The one ring discipline: power-of-two producer and consumer indices in shared memory, free-running 32-bit counters,
// acquire and release through Atomics. Each facility (io_uring, the log, AF_XDP, a virtqueue) supplies only its layout:
// where the two indices are, and what an entry looks like at `index & mask`.

function maskOf(entries: number): number {
  if (!Number.isInteger(entries) || entries < 1 || (entries & (entries - 1)) !== 0 || entries > 1 << 30) {
    throw new RangeError(`a ring has a power of two of entries, not ${entries}`);
  }
  return entries - 1;
}

/** The producing side: fill entries from `tail & mask` on, then {@link publish} them. */
export class ProducerRing {
  readonly mask: number;
  readonly entries: number;
  /** The next entry to fill; not seen by the consumer until published. */
  tail: number;
  readonly #indices: Int32Array;
  readonly #headAt: number;
  readonly #tailAt: number;
  #seenHead: number;

  /** @param indices 32-bit view of the shared memory. @param headAt, tailAt element positions of the two indices. */
  constructor(indices: Int32Array, headAt: number, tailAt: number, entries: number) {
    this.mask = maskOf(entries);
    this.entries = entries;
    this.#indices = indices;
    this.#headAt = headAt;
    this.#tailAt = tailAt;
    this.tail = Atomics.load(indices, tailAt);
    this.#seenHead = Atomics.load(indices, headAt);
  }

  /** Entries that can still be filled. The consumer's index is read again only when the ring seems full. */
  free(): number {
    const free = this.entries - ((this.tail - this.#seenHead) | 0);
    if (free > 0) return free;
    this.#seenHead = Atomics.load(this.#indices, this.#headAt);
    return this.entries - ((this.tail - this.#seenHead) | 0);
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
  readonly #indices: Int32Array;
  readonly #headAt: number;
  readonly #tailAt: number;

  /** @param indices 32-bit view of the shared memory. @param headAt, tailAt element positions of the two indices. */
  constructor(indices: Int32Array, headAt: number, tailAt: number, entries: number) {
    this.mask = maskOf(entries);
    this.entries = entries;
    this.#indices = indices;
    this.#headAt = headAt;
    this.#tailAt = tailAt;
    this.head = Atomics.load(indices, headAt);
  }

  /** Entries that can be read. */
  available(): number {
    return (Atomics.load(this.#indices, this.#tailAt) - this.head) | 0;
  }

  /** Gives every entry before {@link head} back to the producer. */
  release(): void {
    Atomics.store(this.#indices, this.#headAt, this.head);
  }
}
