// Domain: the software IOMMU. It says which ranges of addresses a device, a guest or an application may touch and how, and where they are in
// our memory. Every address that comes from outside goes through it, once; what lies outside is a counted fault with a reason, and
// never an access. Not here: who maps the memory (shared-region.ts), what the addresses are for (virtio/).

import { fromWords } from '../kernel/words.js';
import { wrongArgument } from '../text/coded.js';

/** What may be done with a range: bits. */
export const Access = { read: 1, write: 2, both: 3 } as const;

/** Why an address was refused: outside of every range; not to be touched in that way; beyond 2^64 or 2^53; in too many pieces. */
export type FaultReason = 'outside' | 'access' | 'wraps' | 'pieces';

/** Memory that a range lies in: a region, or a part of one. */
export interface DomainMemory {
  /** Our address of its first byte. */
  readonly address: number;
  /** Bytes of it, for headers and rings: from `offset` on at least `length` of them, in either view. */
  window(
    offset: number,
    length: number,
  ): { readonly data: DataView; readonly bytes: Uint8Array<ArrayBuffer>; readonly at: number };
}

/** Addresses from 2^53 on are in no range: their upper word says so before a number is made of them. */
const highestWord = 0x20_0000;

/** What takes the pieces that a range of outside addresses is in our memory. */
export interface PieceTaker {
  /** Takes a piece, which begins at an offset of a memory, joined with the last where it goes on from it. False: there is no room. */
  add(address: number, length: number, memory: DomainMemory, offset: number): boolean;
}

/** Pieces as numbers: filled by {@link Domain.translate}, used again and again. */
export class Pieces implements PieceTaker {
  readonly addresses: Float64Array;
  readonly lengths: Float64Array;
  count = 0;
  byteLength = 0;

  /** @param most pieces. */
  constructor(most: number) {
    this.addresses = new Float64Array(most);
    this.lengths = new Float64Array(most);
  }

  /** Forgets the pieces. */
  clear(): void {
    this.count = 0;
    this.byteLength = 0;
  }

  /** Adds a piece, joined with the last where it goes on from it. False: there is no room. */
  add(address: number, length: number): boolean {
    const last = this.count - 1;
    if (last >= 0 && this.addresses[last]! + this.lengths[last]! === address) this.lengths[last]! += length;
    else if (this.count === this.addresses.length) return false;
    else {
      this.addresses[this.count] = address;
      this.lengths[this.count++] = length;
    }
    this.byteLength += length;
    return true;
  }
}

interface Grant {
  readonly start: number;
  readonly end: number;
  readonly memory: DomainMemory;
  readonly offset: number;
  readonly access: number;
}

/** See the file's head. Ranges are few (guests have some 2 to 32), so that they are searched with the last one found first. */
export class Domain {
  /** Faults by reason. */
  readonly faults: Record<FaultReason, number> = { outside: 0, access: 0, wraps: 0, pieces: 0 };
  /** By start; none overlaps another. */
  #grants: Grant[] = [];
  #last = 0;

  /** Bytes of all ranges. */
  get byteLength(): number {
    return this.#grants.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /**
   * Allows a range. @param start its first outside address. @param offset of it in the memory.
   * @throws RangeError for one that is empty, beyond 2^53, or overlaps another
   */
  grant(start: number, length: number, memory: DomainMemory, offset: number, access: number): void {
    const end = start + length;
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || length <= 0) {
      throw wrongArgument(`${length} bytes from ${start} on are no range of addresses`);
    }
    if (this.#grants.some((each) => start < each.end && each.start < end)) {
      throw wrongArgument(`the range from ${start} to ${end} overlaps another`);
    }
    this.#grants = [...this.#grants, { start, end, memory, offset, access }].sort(
      (one, other) => one.start - other.start,
    );
    this.#last = 0;
  }

  /** Takes back every range that has a byte of this one. Whoever uses it still has to be stopped first. Returns how many. */
  revoke(start: number, length: number): number {
    const kept = this.#grants.filter((each) => start + length <= each.start || each.end <= start);
    const revoked = this.#grants.length - kept.length;
    this.#grants = kept;
    this.#last = 0;
    return revoked;
  }

  /** Takes back all of it. */
  clear(): void {
    this.#grants = [];
    this.#last = 0;
  }

  #fault(reason: FaultReason): false {
    this.faults[reason]++;
    return false;
  }

  /** The number of the range that an address is in; -1: none. */
  #find(address: number): number {
    const grants = this.#grants;
    const last = grants[this.#last];
    if (last !== undefined && address >= last.start && address < last.end) return this.#last;
    let low = 0;
    let high = grants.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const grant = grants[middle]!;
      if (address < grant.start) high = middle - 1;
      else if (address >= grant.end) low = middle + 1;
      else {
        this.#last = middle;
        return middle;
      }
    }
    return -1;
  }

  /** Whether an address is in a range, however it may be touched. */
  has(address: number): boolean {
    return this.#find(address) >= 0;
  }

  /** The first address of a range of them that may not be touched so; -1: all may; NaN: they are beyond 2^53. Nothing is counted. */
  gap(high: number, low: number, length: number, access: number): number {
    if (high >= highestWord) return Number.NaN;
    let address = fromWords(high, low);
    const end = address + length;
    for (let index = this.#find(address); address < end; index++) {
      const grant = index < 0 ? undefined : this.#grants[index];
      if (grant === undefined || address < grant.start || (grant.access & access) !== access) return address;
      address = grant.end;
    }
    return -1;
  }

  /**
   * Adds to `pieces` where a range of outside addresses is, that may lie in several ranges that touch each other. The address comes as
   * the two words that it was read as. False: a fault, counted; what `pieces` has by then is of no use.
   */
  translate(high: number, low: number, length: number, access: number, pieces: PieceTaker): boolean {
    if (high >= highestWord) return this.#fault('wraps');
    let address = fromWords(high, low);
    let left = length;
    for (let index = this.#find(address); left > 0; index++) {
      const grant = index < 0 ? undefined : this.#grants[index];
      if (grant === undefined || address < grant.start || address >= grant.end) return this.#fault('outside');
      if ((grant.access & access) !== access) return this.#fault('access');
      const here = Math.min(left, grant.end - address);
      const offset = grant.offset + (address - grant.start);
      if (!pieces.add(grant.memory.address + offset, here, grant.memory, offset)) return this.#fault('pieces');
      address += here;
      left -= here;
    }
    return true;
  }

  /**
   * A window on bytes at an outside address, for rings and headers: they are read from memory that others write, so each word is read
   * once. What lies in several ranges that touch each other is gathered, to be read alone. undefined: a fault, counted.
   */
  window(high: number, low: number, length: number, access: number): ReturnType<DomainMemory['window']> | undefined {
    if (high >= highestWord) {
      this.#fault('wraps');
      return undefined;
    }
    const address = fromWords(high, low);
    const grant = this.#grants[this.#find(address)];
    if (grant === undefined) {
      this.#fault('outside');
      return undefined;
    }
    if ((grant.access & access) !== access) {
      this.#fault('access');
      return undefined;
    }
    if (address + length <= grant.end) return grant.memory.window(grant.offset + (address - grant.start), length);
    if (access === Access.read && this.gap(high, low, length, access) === -1) return this.#gather(address, length);
    this.#fault('outside');
    return undefined;
  }

  /** A copy of bytes that lie in several ranges, all of them granted. */
  #gather(address: number, length: number): ReturnType<DomainMemory['window']> {
    const bytes = new Uint8Array(length);
    for (let done = 0, index = this.#find(address); done < length; index++) {
      const { start, end, memory, offset } = this.#grants[index]!;
      const here = Math.min(length - done, end - (address + done));
      const { data, at } = memory.window(offset + (address + done - start), here);
      for (let byte = 0; byte < here; byte++) bytes[done + byte] = data.getUint8(at + byte);
      done += here;
    }
    return { data: new DataView(bytes.buffer), bytes, at: 0 };
  }
}
