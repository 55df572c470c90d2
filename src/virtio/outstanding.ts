// What a driver remembers of the requests that are out: in memory of its own, since the ring's is the device's to write too. What
// comes back is held against it. Not here: the rings.

/** See the file's head. Ids are 0 up to the queue's size. */
export class Outstanding {
  /** Descriptors that each takes; 0: it is not out. */
  readonly #slots: Uint16Array;
  readonly #writable: Float64Array;
  readonly #freeIds: number[] = [];
  free: number;

  /** @param size of the queue. */
  constructor(size: number) {
    this.#slots = new Uint16Array(size);
    this.#writable = new Float64Array(size);
    this.free = size;
    for (let id = size - 1; id >= 0; id--) this.#freeIds.push(id);
  }

  /** An id for a request of so many descriptors; -1: there is no room. */
  take(slots: number, writableBytes: number): number {
    if (slots === 0 || slots > this.free) return -1;
    const id = this.#freeIds.pop()!;
    this.free -= slots;
    this.#slots[id] = slots;
    this.#writable[id] = writableBytes;
    return id;
  }

  /** A request came back. Returns its descriptors; 0: no such one is out, or more was written than there was room for. */
  give(id: number, written: number): number {
    const slots = this.#slots[id] ?? 0;
    if (slots === 0 || written > this.#writable[id]!) return 0;
    this.#slots[id] = 0;
    this.free += slots;
    this.#freeIds.push(id);
    return slots;
  }
}

/** Bytes of pieces. */
export function bytesOf(pieces: readonly { readonly length: number }[]): number {
  let sum = 0;
  for (const { length } of pieces) sum += length;
  return sum;
}
