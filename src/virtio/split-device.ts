// SplitDeviceQueue: the split layout (VIRTIO 1.x section 2.7) as a device sees it. The driver writes the available ring and the descriptors,
// the device the used ring; each reads what the other writes once, and checks it. Memory order: an index is loaded and stored by
// Atomics, which are sequentially consistent, so that a store of one and a load of the other are in that order (section 2.7.13.3.1, 2.7.10).

import type { Chain } from './chain.js';
import { addSplitTable } from './indirect.js';
import {
  Descriptor,
  type DeviceQueue,
  needsEvent,
  type QueueDomain,
  type QueueFault,
  type QueueFeatures,
} from './queue.js';

/** The parts of a split queue as arrays over the memory that both share. */
export interface SplitRing {
  /** Entries, a power of two. */
  readonly size: number;
  /** 4 words a descriptor: address (low, high), length, flags and next. */
  readonly descriptors: Uint32Array;
  /** flags, idx, ring[size], used_event. */
  readonly available: Uint16Array;
  /** flags, idx, then the elements, then avail_event at 2 + 4 x size. */
  readonly used: Uint16Array;
  /** The same memory in words: element `i` is id at 1 + 2i and length at 2 + 2i. */
  readonly usedWords: Uint32Array;
}

/** Flag of either ring's head: the other side need not tell. */
export const quiet = 1;

/** See the file's head. */
export class SplitDeviceQueue implements DeviceQueue {
  readonly size: number;
  fault: QueueFault | undefined;
  readonly #ring: SplitRing;
  readonly #domain: QueueDomain;
  readonly #features: QueueFeatures;
  /** The next available entry, and how far they were seen: indices of 16 bits. */
  #next: number;
  #seen: number;
  #used: number;
  #staged = 0;
  /** The driver was never told: what it asked for then says nothing. */
  #isFresh = true;

  /** @param position the next available entry: 0 of a fresh queue. @param used the next used one, where it was read already */
  constructor(
    ring: SplitRing,
    domain: QueueDomain,
    features: QueueFeatures,
    position = 0,
    used = Atomics.load(ring.used, 1),
  ) {
    this.size = ring.size;
    this.#ring = ring;
    this.#domain = domain;
    this.#features = features;
    this.#next = this.#seen = position & 0xffff;
    this.#used = used;
  }

  /** The index of the used ring that was shown last. */
  get usedIndex(): number {
    return this.#used;
  }

  get position(): number {
    return this.#next;
  }

  take(chain: Chain): boolean {
    if (this.fault !== undefined || (this.#next === this.#seen && !this.#look())) return false;
    const { available } = this.#ring;
    const head = available[2 + (this.#next & (this.size - 1))]!;
    if (head >= this.size) {
      this.fault = 'head outside';
      return false;
    }
    this.#next = (this.#next + 1) & 0xffff;
    chain.clear(head);
    this.#follow(chain, head);
    return true;
  }

  /** Follows a chain again that was taken before: of a process that has ended since. @param head within the queue */
  retake(chain: Chain, head: number): void {
    chain.clear(head);
    this.#follow(chain, head);
  }

  putBack(chains: number): void {
    this.#next = (this.#next - chains) & 0xffff;
  }

  /** Whether more is available than was seen. */
  #look(): boolean {
    const index = Atomics.load(this.#ring.available, 1);
    if (((index - this.#next) & 0xffff) > this.size) {
      this.fault = 'available index';
      return false;
    }
    this.#seen = index;
    return index !== this.#next;
  }

  #follow(chain: Chain, head: number): boolean {
    const { descriptors } = this.#ring;
    for (let index = head; ; ) {
      const at = index * 4;
      const low = descriptors[at]!;
      const high = descriptors[at + 1]!;
      const length = descriptors[at + 2]!;
      const last = descriptors[at + 3]!;
      const flags = last & 0xffff;
      if ((flags & Descriptor.indirect) !== 0) {
        if (!this.#features.indirect) return chain.refuse('indirect not negotiated');
        if ((flags & Descriptor.next) !== 0) return chain.refuse('indirect and next');
        return addSplitTable(chain, this.#domain, { high, low, length });
      }
      if (!chain.add(high, low, length, (flags & Descriptor.write) !== 0)) return false;
      if ((flags & Descriptor.next) === 0) return true;
      index = last >>> 16;
      if (index >= this.size) return chain.refuse('next outside');
    }
  }

  give(id: number, _slots: number, written: number): void {
    const { usedWords } = this.#ring;
    const at = 1 + 2 * ((this.#used + this.#staged++) & (this.size - 1));
    usedWords[at] = id;
    usedWords[at + 1] = written;
  }

  publish(): boolean {
    if (this.#staged === 0) return false;
    const { available, used } = this.#ring;
    const old = this.#used;
    this.#used = (old + this.#staged) & 0xffff;
    this.#staged = 0;
    Atomics.store(used, 1, this.#used);
    if (this.#isFresh) {
      this.#isFresh = false;
      return true;
    }
    if (!this.#features.eventIndex) return (Atomics.load(available, 0) & quiet) === 0;
    return needsEvent(Atomics.load(available, 2 + this.size), this.#used, old);
  }

  suppressKicks(): void {
    // By index, one that is not asked for again is asked for no more.
    if (!this.#features.eventIndex) Atomics.store(this.#ring.used, 0, quiet);
  }

  awaitKick(): boolean {
    const { available, used } = this.#ring;
    if (this.#features.eventIndex) Atomics.store(used, 2 + 4 * this.size, this.#next);
    else Atomics.store(used, 0, 0);
    return this.fault === undefined && Atomics.load(available, 1) !== this.#next;
  }
}
