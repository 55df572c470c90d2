// PackedDeviceQueue: the packed layout (VIRTIO 1.x section 2.8) as a device sees it: one ring of descriptors, which the driver makes
// available and the device overwrites as used; two bits of each say whose it is, compared with a wrap counter of each side. Its length is any
// number, so that nothing is masked.

import { wrongArgument } from '../text/coded.js';
import type { Chain } from './chain.js';
import { addPackedTable } from './indirect.js';
import { Descriptor, type DeviceQueue, type QueueDomain, type QueueFault, type QueueFeatures } from './queue.js';

/** The parts of a packed queue as arrays over the memory that both share. */
export interface PackedRing {
  /** Entries, 1 to 32,768. */
  readonly size: number;
  /** 4 words a descriptor: address (low, high), length, id and flags. */
  readonly words: Uint32Array;
  /** The same memory in halves: the flags of descriptor `i` at 8i + 7, its id at 8i + 6. */
  readonly halves: Uint16Array;
  /** What each side wants to hear of: offset and wrap, flags. */
  readonly driverEvent: Uint16Array;
  readonly deviceEvent: Uint16Array;
}

/** Flags of the event structures. */
export const Event = { enable: 0, disable: 1, at: 2 } as const;

/** Whether flags are those of a descriptor that is available in a wrap. */
export function isAvailable(flags: number, wrap: boolean): boolean {
  return ((flags & Descriptor.available) !== 0) === wrap && ((flags & Descriptor.used) !== 0) !== wrap;
}

/** Whether who waits for an event structure is to be told that a position was reached (section 2.8.10): `now` in the wrap `wrap`. */
export function isWanted(event: Uint16Array, size: number, now: number, wrap: boolean, before: number): boolean {
  const flags = Atomics.load(event, 1) & 3;
  if (flags !== Event.at) return flags !== Event.disable;
  const wanted = Atomics.load(event, 0);
  let at = wanted & 0x7fff;
  if (wanted >>> 15 !== Number(wrap)) at -= size;
  // Something was shown: the same place is a whole turn on.
  const old = before >= now ? before - size : before;
  return ((now - at - 1) & 0xffff) < ((now - old) & 0xffff);
}

/** What a fresh queue's {@link DeviceQueue.position} is: both counters at 0, both wraps 1. */
export const packedStart = 0x8000_8000;

/** See the file's head. */
export class PackedDeviceQueue implements DeviceQueue {
  readonly size: number;
  fault: QueueFault | undefined;
  readonly #ring: PackedRing;
  readonly #domain: QueueDomain;
  readonly #features: QueueFeatures;
  #next: number;
  #wrap: boolean;
  #used: number;
  #usedWrap: boolean;
  /** The first of what is given back and not shown: its flags are written last. */
  #staged = -1;
  #stagedFlags = 0;
  #shown: number;
  #isFresh = true;
  readonly #seenWords: Uint32Array | undefined;

  /**
   * @param position as SET_VRING_BASE has it; its upper half 0: as the lower one, unless `seenWords` is given. @param seenWords where the descriptors
   * of the chain that is taken are left as they were read, 4 words each. @throws RangeError for a position outside of the queue
   */
  constructor(
    ring: PackedRing,
    domain: QueueDomain,
    features: QueueFeatures,
    position = packedStart,
    seenWords?: Uint32Array,
  ) {
    const isWhole = position >>> 16 !== 0 || seenWords !== undefined;
    const used = isWhole ? position >>> 16 : position & 0xffff;
    this.size = ring.size;
    this.#seenWords = seenWords;
    this.#ring = ring;
    this.#domain = domain;
    this.#features = features;
    this.#next = position & 0x7fff;
    this.#wrap = (position & 0x8000) !== 0;
    this.#used = this.#shown = used & 0x7fff;
    this.#usedWrap = (used & 0x8000) !== 0;
    if (this.#next >= ring.size || this.#used >= ring.size) throw wrongArgument('a position outside of the queue');
  }

  get position(): number {
    const low = this.#next | (this.#wrap ? 0x8000 : 0);
    return (low | (this.usedPlace << 16)) >>> 0;
  }

  /** Where the next chain is given back: the upper half of {@link position}. */
  get usedPlace(): number {
    return this.#used | (this.#usedWrap ? 0x8000 : 0);
  }

  take(chain: Chain): boolean {
    if (this.fault !== undefined) return false;
    const { halves } = this.#ring;
    const flags = Atomics.load(halves, this.#next * 8 + 7);
    if (!isAvailable(flags, this.#wrap)) return false;
    chain.clear(0);
    return this.#follow(chain, flags);
  }

  putBack(_chains: number, slots: number): void {
    this.#next -= slots;
    if (this.#next >= 0) return;
    this.#next += this.size;
    this.#wrap = !this.#wrap;
  }

  /** Goes through a chain, to its end even where a piece is refused: how many slots it takes has to be known. */
  #follow(chain: Chain, headFlags: number): boolean {
    const { words, halves } = this.#ring;
    let at = this.#next;
    let wrap = this.#wrap;
    for (let flags = headFlags; ; ) {
      const low = words[at * 4]!;
      const high = words[at * 4 + 1]!;
      const length = words[at * 4 + 2]!;
      chain.id = halves[at * 8 + 6]!;
      if (this.#seenWords !== undefined) {
        const to = chain.slots * 4;
        this.#seenWords[to] = low;
        this.#seenWords[to + 1] = high;
        this.#seenWords[to + 2] = length;
        this.#seenWords[to + 3] = chain.id | (flags << 16);
      }
      chain.slots++;
      const hasNext = (flags & Descriptor.next) !== 0;
      if (chain.fault === undefined) this.#add(chain, { high, low, length }, flags);
      if (++at === this.size) {
        at = 0;
        wrap = !wrap;
      }
      if (!hasNext) break;
      flags = Atomics.load(halves, at * 8 + 7);
      // The driver shows a chain's head last: the others are available by then, or never.
      if (chain.slots === this.size || !isAvailable(flags, wrap)) {
        this.fault = 'chain without end';
        return false;
      }
    }
    this.#next = at;
    this.#wrap = wrap;
    return true;
  }

  /** Makes a chain again of descriptors as the ring had them, 4 words each: of a process that has ended since. */
  retake(chain: Chain, words: Uint32Array, slots: number): void {
    chain.clear(0);
    for (let at = 0; at < slots * 4; at += 4) {
      chain.id = words[at + 3]! & 0xffff;
      chain.slots++;
      const piece = { low: words[at]!, high: words[at + 1]!, length: words[at + 2]! };
      if (chain.fault === undefined) this.#add(chain, piece, words[at + 3]! >>> 16);
    }
  }

  #add(
    chain: Chain,
    piece: { readonly high: number; readonly low: number; readonly length: number },
    flags: number,
  ): void {
    if ((flags & Descriptor.indirect) === 0) {
      chain.add(piece.high, piece.low, piece.length, (flags & Descriptor.write) !== 0);
      return;
    }
    if (!this.#features.indirect) chain.refuse('indirect not negotiated');
    else if ((flags & Descriptor.next) !== 0 || chain.slots > 1) chain.refuse('indirect and next');
    else addPackedTable(chain, this.#domain, piece);
  }

  give(id: number, slots: number, written: number): void {
    const { words, halves } = this.#ring;
    const at = this.#used;
    words[at * 4 + 2] = written;
    halves[at * 8 + 6] = id;
    const flags = (this.#usedWrap ? Descriptor.available | Descriptor.used : 0) | (written > 0 ? Descriptor.write : 0);
    if (this.#staged < 0) {
      this.#staged = at;
      this.#stagedFlags = flags;
    } else halves[at * 8 + 7] = flags;
    this.#used += slots;
    if (this.#used < this.size) return;
    this.#used -= this.size;
    this.#usedWrap = !this.#usedWrap;
  }

  publish(): boolean {
    if (this.#staged < 0) return false;
    const { halves, driverEvent } = this.#ring;
    Atomics.store(halves, this.#staged * 8 + 7, this.#stagedFlags);
    this.#staged = -1;
    const before = this.#shown;
    this.#shown = this.#used;
    if (this.#isFresh) {
      this.#isFresh = false;
      return true;
    }
    return isWanted(driverEvent, this.size, this.#used, this.#usedWrap, before);
  }

  suppressKicks(): void {
    Atomics.store(this.#ring.deviceEvent, 1, Event.disable);
  }

  awaitKick(): boolean {
    const { deviceEvent, halves } = this.#ring;
    if (this.#features.eventIndex) {
      Atomics.store(deviceEvent, 0, this.#next | (this.#wrap ? 0x8000 : 0));
      Atomics.store(deviceEvent, 1, Event.at);
    } else Atomics.store(deviceEvent, 1, Event.enable);
    return this.fault === undefined && isAvailable(Atomics.load(halves, this.#next * 8 + 7), this.#wrap);
  }
}
