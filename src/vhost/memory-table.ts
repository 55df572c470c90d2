// MemoryTable: the memory of a guest as its front end described and passed it: which regions there are, where they are in the guest, in the
// front end's process, and in ours. What a device may touch is its Domain. Not here: mapping (memory/shared-region.ts).

import { fromWords, highWord, lowWord } from '../kernel/words.js';
import { Access, Domain, Pieces } from '../memory/domain.js';
import { SharedMemoryError, SharedRegion } from '../memory/shared-region.js';
import { formatBytes } from '../text/units.js';
import { Iotlb } from './iotlb.js';
import type { RegionMessage } from './protocol.js';

/** How memory is accepted. */
export interface MemoryPolicy {
  /** Also memory that may lose pages. Default false. */
  readonly any?: boolean;
  /** Bytes of all regions at most. Default: any. */
  readonly mostBytes?: number;
}

interface Known extends RegionMessage {
  readonly region: SharedRegion;
  /** How often it was added: QEMU before 8.0 adds and takes away each region once for every pair of queues. */
  times: number;
}

/** Regions that are gone and may be taken away again, by as many as added them. */
const mostGone = 64;

const isSame = (one: RegionMessage, other: RegionMessage): boolean =>
  one.guest === other.guest && one.length === other.length && one.user === other.user;

/** See the file's head. */
export class MemoryTable {
  /** What a guest's own IOMMU allows, where it has one: then addresses are the IOMMU's. */
  readonly iotlb: Iotlb = new Iotlb();
  /** Whether it has. */
  hasIotlb = false;
  readonly #guest: Domain = new Domain();
  readonly #policy: MemoryPolicy;
  #regions: Known[] = [];
  /** Regions that were added more often than taken away, and are gone since the first time. */
  readonly #gone: RegionMessage[] = [];

  constructor(policy: MemoryPolicy = {}) {
    this.#policy = policy;
  }

  /** What may be touched. */
  get domain(): Domain {
    return this.hasIotlb ? this.iotlb.domain : this.#guest;
  }

  /** Bytes of all regions. */
  get byteLength(): number {
    return this.#guest.byteLength;
  }

  /** Regions that there are. */
  get count(): number {
    return this.#regions.length;
  }

  /**
   * Adds a region; its descriptor stays the caller's. One that is there already, of the same file, is there then.
   * @throws SharedMemoryError with the reason
   */
  add(message: RegionMessage, fd: number): void {
    const { guest, length, user, offset } = message;
    for (const value of [guest, length, user, offset, guest + length, user + length]) {
      if (!Number.isSafeInteger(value)) throw new SharedMemoryError('has addresses that are beyond any memory');
    }
    if (length === 0) throw new SharedMemoryError('has no bytes');
    const again = this.#regions.find((each) => isSame(each, message) && each.offset === offset);
    if (again?.region.isOf(fd) === true) {
      again.times++;
      return;
    }
    const overlaps = this.#regions.some(
      (each) =>
        (guest < each.guest + each.length && each.guest < guest + length) ||
        (user < each.user + each.length && each.user < user + length),
    );
    if (overlaps) throw new SharedMemoryError('overlaps another');
    const { any = false, mostBytes = Number.POSITIVE_INFINITY } = this.#policy;
    if (this.byteLength + length > mostBytes) {
      const [all, most] = [this.byteLength + length, mostBytes].map(formatBytes);
      throw new SharedMemoryError(
        `makes ${all} in all, and ${most} are allowed (what this host has, unless --max-memory says otherwise)`,
      );
    }
    const region = new SharedRegion(fd, { offset, length, any });
    this.#guest.grant(guest, length, region, 0, Access.both);
    this.#regions.push({ ...message, region, times: 1 });
  }

  /**
   * Takes a region away, by where it is: at the first time, however often it was added. False: there is no such one, and was none. Nothing of
   * it is in use any more.
   */
  remove(message: RegionMessage): boolean {
    const at = this.#regions.findIndex((each) => isSame(each, message));
    if (at < 0) {
      const gone = this.#gone.findIndex((each) => isSame(each, message));
      if (gone >= 0) this.#gone.splice(gone, 1);
      return gone >= 0;
    }
    const [known] = this.#regions.splice(at, 1);
    this.#guest.revoke(message.guest, message.length);
    this.iotlb.clear();
    known!.region.unmap();
    for (let left = Math.min(known!.times - 1, mostGone - this.#gone.length); left > 0; left--)
      this.#gone.push(message);
    return true;
  }

  /** Allows a range of the IOMMU's addresses, which is where the front end's process has `user`. False: that is not in one region. */
  allow(start: number, length: number, user: number, access: number): boolean {
    const known = this.#regions.find((each) => user >= each.user && user + length <= each.user + each.length);
    if (known === undefined) return false;
    this.iotlb.update(start, length, known.region, user - known.user, access);
    return true;
  }

  /** The first byte of a ring's part whose place is not known yet; -1: all are, or there is nothing to ask. */
  missingOfRing(address: number, length: number): number {
    if (!this.hasIotlb || !Number.isSafeInteger(address)) return -1;
    const gap = this.iotlb.domain.gap(highWord(address), lowWord(address), length, Access.both);
    // What is known and may not be touched so is refused, not asked for.
    return gap < 0 || this.iotlb.domain.has(gap) ? -1 : gap;
  }

  /** Our address of a ring's part, by the address that messages have of it: 0 where it is not in one piece, or not aligned. */
  ofRing(address: number, length: number, alignment: number): number {
    if (!this.hasIotlb) return this.ofUser(address, length, alignment);
    if (!Number.isSafeInteger(address) || length <= 0) return 0;
    const pieces = new Pieces(1);
    const [high, low] = [highWord(address), lowWord(address)];
    if (!this.iotlb.domain.translate(high, low, length, Access.both, pieces)) return 0;
    const ours = pieces.addresses[0]!;
    return ours % alignment === 0 ? ours : 0;
  }

  /** Goes through the guest's own addresses of what a driver's address and length name. */
  guestRanges(high: number, low: number, length: number, visit: (start: number, length: number) => void): void {
    if (!this.hasIotlb) {
      visit(fromWords(high, low), length);
      return;
    }
    this.iotlb.domain.translate(high, low, length, 0, {
      add: (_address, bytes, memory, offset) => {
        const known = this.#regions.find(({ region }) => region === memory);
        if (known !== undefined) visit(known.guest + offset, bytes);
        return true;
      },
    });
  }

  /**
   * Our address of bytes at an address of the front end's process, for the parts of rings: they have to lie in one region. 0: they do not, or
   * are not aligned.
   */
  ofUser(address: number, length: number, alignment: number): number {
    if (!Number.isSafeInteger(address)) return 0;
    const known = this.#regions.find(({ user, length: bytes }) => address >= user && address < user + bytes);
    if (known === undefined || address + length > known.user + known.length) return 0;
    const ours = known.region.address + (address - known.user);
    return ours % alignment === 0 ? ours : 0;
  }

  /** As {@link guestRanges}, of a ring's part, by the address that messages have of it. */
  guestRangesOfRing(address: number, length: number, visit: (start: number, length: number) => void): void {
    if (this.hasIotlb) {
      this.guestRanges(highWord(address), lowWord(address), length, visit);
      return;
    }
    const known = this.#regions.find((each) => address >= each.user && address + length <= each.user + each.length);
    if (known !== undefined) visit(known.guest + (address - known.user), length);
  }

  /** Takes all of it away. */
  clear(): void {
    this.#guest.clear();
    this.iotlb.clear();
    for (const { region } of this.#regions) region.unmap();
    this.#regions = [];
    this.#gone.length = 0;
  }
}
