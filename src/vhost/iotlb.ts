// Iotlb: what the IOMMU of a guest allows its device, as the front end tells it by messages (VIRTIO_F_ACCESS_PLATFORM, VHOST_USER_IOTLB_MSG): the
// addresses in descriptors and rings are then the IOMMU's, and where they are is known a range at a time. What the device may touch is a Domain,
// filled by updates, emptied by invalidations. Not here: who asks for what is missing (iotlb-queue.ts), the messages (session.ts).

import { Domain, type DomainMemory } from '../memory/domain.js';

/** Ranges that are kept: the oldest goes for another, and is asked for again when it is needed. */
const mostRanges = 2048;

/** A range that is allowed, and where it is. */
interface Range {
  readonly start: number;
  readonly end: number;
  readonly memory: DomainMemory;
  readonly offset: number;
  readonly access: number;
}

/** See the file's head. */
export class Iotlb {
  readonly domain: Domain = new Domain();
  /** By age, the oldest first. */
  #ranges: Range[] = [];
  /** A range went for another: a request under way may lead there, or a queue lie there. */
  #hasDropped = false;

  /** Ranges that are known. */
  get count(): number {
    return this.#ranges.length;
  }

  /** Whether a byte of a range is known. */
  overlaps(start: number, length: number): boolean {
    return this.#ranges.some((each) => start < each.end && each.start < start + length);
  }

  /** Whether something may be under way over a range that is to be taken back: it may have been known before others were. */
  mayReach(start: number, length: number): boolean {
    return this.#hasDropped || this.overlaps(start, length);
  }

  /** Allows a range; what it overlaps is no more. @param start and the end beyond it are exact */
  update(start: number, length: number, memory: DomainMemory, offset: number, access: number): void {
    this.invalidate(start, length);
    let range: Range = { start, end: start + length, memory, offset, access };
    // Neighbours that go on in memory are one: what lies across them is in one piece, as tables and rings have to be.
    const before = this.#ranges.find((each) => each.end === start && goesOn(each, range));
    if (before !== undefined) {
      this.#forget(before);
      range = { ...before, end: range.end };
    }
    const behind = this.#ranges.find((each) => each.start === range.end && goesOn(range, each));
    if (behind !== undefined) {
      this.#forget(behind);
      range = { ...range, end: behind.end };
    }
    this.#allow(range);
  }

  /** Takes a range back: nothing over it is under way any more. */
  invalidate(start: number, length: number): void {
    const end = start + length;
    for (const each of this.#ranges.filter((range) => start < range.end && range.start < end)) {
      this.#forget(each);
      if (each.start < start) this.#allow({ ...each, end: start });
      if (end < each.end) this.#allow({ ...each, start: end, offset: each.offset + (end - each.start) });
    }
  }

  #allow(range: Range): void {
    if (this.#ranges.length >= mostRanges) {
      this.#hasDropped = true;
      this.#forget(this.#ranges[0]!);
    }
    this.#ranges.push(range);
    this.domain.grant(range.start, range.end - range.start, range.memory, range.offset, range.access);
  }

  #forget(range: Range): void {
    this.#ranges = this.#ranges.filter((each) => each !== range);
    this.domain.revoke(range.start, range.end - range.start);
  }

  /** Takes all of it back. */
  clear(): void {
    this.#ranges = [];
    this.#hasDropped = false;
    this.domain.clear();
  }
}

/** Whether a range goes on in another, in memory and in what is allowed. */
function goesOn(range: Range, next: Range): boolean {
  const isSame = range.memory === next.memory && range.access === next.access;
  return isSame && range.offset + (range.end - range.start) === next.offset;
}
