// SlabPool: frames of many sizes in one region of a fixed budget. The region is cut into slabs; a slab belongs to one size
// while any frame of it is leased. A size is a slab divided by a whole number, so that nothing of a slab is left over, and the
// next one is at least a twelfth larger: of what is 1 to 8 KiB long a frame is larger by 6 % on average.
// Not here: what lies in the frames, and who must give one up when there is none (serve/frame-cache.ts).

import { Region } from './region.js';

const smallestFrame = 512;
const leastSlabBytes = 64 * 1024;
/** So much of the region is seen at first: see {@link Region.see}. */
const seenBytes = 8 * 1024 * 1024;
/** From so much on frames lie in huge pages. */
const manyBytes = 2 * 1024 * 1024;
/** Frames begin at multiples of a cache line. */
const alignment = 64;
/** How far apart sizes are at least. Finer ones come first: coarser ones are for pools that would have few slabs for each. */
const growths = [13 / 12, 5 / 4];
const slabsASize = 4;

/** The sizes of frames that a slab is cut into without a rest, smallest first, each larger than the one before by `growth` or more. */
function sizesOf(slabBytes: number, largest: number, growth: number): number[] {
  const sizes: number[] = [];
  for (let frames = Math.floor(slabBytes / largest); ; frames++) {
    const size = Math.floor(slabBytes / frames / alignment) * alignment;
    if (size < smallestFrame) return sizes.reverse();
    if (sizes.length === 0 || size * growth <= sizes.at(-1)!) sizes.push(size);
  }
}

/** A frame is its offset in the region; -1 stands for none. */
export class SlabPool {
  readonly region: Region;
  readonly slabBytes: number;
  readonly #sizes: readonly number[];
  /** Frames that are free, by size. */
  readonly #free: number[][] = [];
  /** By slab: the size its frames have, -1 when it has none; and how many frames of it are leased. */
  readonly #sizeOf: Int8Array;
  readonly #leased: Int32Array;
  readonly #freeSlabs: number[] = [];
  #freshSlab = 0;
  #prefersHuge = false;
  #leasedFrames = 0;
  #leasedBytes = 0;

  /** @param largestFrame bytes of the largest frame. @param budget bytes of memory in all; pages come as they are used. */
  constructor(largestFrame: number, budget: number) {
    const largest = Math.max(smallestFrame, Math.ceil(largestFrame / alignment) * alignment);
    // Two of the largest at least, where that is no large slab: one alone would leave half of it.
    const least = Math.max(leastSlabBytes, largest <= leastSlabBytes ? 2 * largest : largest);
    this.slabBytes = Math.ceil(least / 4096) * 4096;
    const wanted = Math.floor(budget / this.slabBytes);
    const choices = growths.map((growth) => sizesOf(this.slabBytes, largest, growth));
    this.#sizes = choices.find((sizes) => sizes.length * slabsASize <= wanted) ?? choices.at(-1)!;
    for (const _ of this.#sizes) this.#free.push([]);
    const slabs = Math.max(this.#sizes.length, wanted);
    this.region = new Region(slabs * this.slabBytes, { seen: seenBytes });
    this.#sizeOf = new Int8Array(slabs).fill(-1);
    this.#leased = new Int32Array(slabs);
  }

  /** Frames that are leased now. */
  get leased(): number {
    return this.#leasedFrames;
  }

  /** Bytes of the frames that are leased. */
  get leasedBytes(): number {
    return this.#leasedBytes;
  }

  /** Number of slabs. */
  get slabs(): number {
    return this.#sizeOf.length;
  }

  /** The number of the smallest size that holds so many bytes; -1 when none does. */
  sizeFor(bytes: number): number {
    const sizes = this.#sizes;
    let low = 0;
    let high = sizes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sizes[middle]! < bytes) low = middle + 1;
      else high = middle;
    }
    return low < sizes.length ? low : -1;
  }

  /** Leases a frame of a size (see {@link sizeFor}), the last released first; -1 when every slab is taken. */
  lease(size: number): number {
    const free = this.#free[size]!;
    let frame = free.pop();
    if (frame === undefined) {
      const slab = this.#freeSlabs.pop() ?? (this.#freshSlab < this.slabs ? this.#freshSlab++ : -1);
      if (slab < 0) return -1;
      this.#cut(slab, size);
      frame = free.pop()!;
    }
    this.#leased[this.slabOf(frame)]!++;
    this.#leasedFrames++;
    this.#leasedBytes += this.#sizes[size]!;
    return frame;
  }

  #cut(slab: number, size: number): void {
    // A pool that holds much is worth larger pages; one that holds little shall not cost them.
    if (!this.#prefersHuge && slab * this.slabBytes >= manyBytes) {
      this.#prefersHuge = true;
      this.region.preferHugePages(slab * this.slabBytes);
    }
    this.region.see((slab + 1) * this.slabBytes);
    this.#sizeOf[slab] = size;
    const bytes = this.#sizes[size]!;
    const free = this.#free[size]!;
    const start = slab * this.slabBytes;
    for (let count = Math.floor(this.slabBytes / bytes) - 1; count >= 0; count--) free.push(start + count * bytes);
  }

  /** Whether more frames of a size are there than `spare`, or a slab for them. */
  hasRoom(size: number, spare: number): boolean {
    return this.#free[size]!.length > spare || this.#freeSlabs.length > 0 || this.#freshSlab < this.slabs;
  }

  /** Gives a frame back. */
  release(frame: number): void {
    const slab = this.slabOf(frame);
    const size = this.#sizeOf[slab]!;
    this.#leased[slab]!--;
    this.#leasedFrames--;
    this.#leasedBytes -= this.#sizes[size]!;
    this.#free[size]!.push(frame);
  }

  /** The slab that a frame lies in. */
  slabOf(frame: number): number {
    return Math.floor(frame / this.slabBytes);
  }

  /** The size of a slab's frames, -1 for none. */
  sizeOf(slab: number): number {
    return this.#sizeOf[slab]!;
  }

  /** Frames of a slab that are leased. */
  leasedIn(slab: number): number {
    return this.#leased[slab]!;
  }

  /** Takes a slab away from its size, for any other. False while a frame of it is leased. */
  reclaim(slab: number): boolean {
    const size = this.#sizeOf[slab]!;
    if (size < 0 || this.#leased[slab] !== 0) return false;
    this.#free[size] = this.#free[size]!.filter((frame) => this.slabOf(frame) !== slab);
    this.#sizeOf[slab] = -1;
    this.#freeSlabs.push(slab);
    return true;
  }

  /** Unmaps the region; see {@link Region.unmap}. */
  unmap(): void {
    this.region.unmap();
  }
}
