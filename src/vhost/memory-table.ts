// MemoryTable: the memory of a guest as its front end described and passed it: which regions there are, where they are in the guest, in the
// front end's process, and in ours. What a device may touch is its Domain. Not here: mapping (memory/shared-region.ts).

import { Access, Domain } from '../memory/domain.js';
import { SharedMemoryError, SharedRegion } from '../memory/shared-region.js';
import type { RegionMessage } from './protocol.js';

interface Known extends RegionMessage {
  readonly region: SharedRegion;
}

/** See the file's head. */
export class MemoryTable {
  readonly domain: Domain = new Domain();
  readonly #any: boolean;
  #regions: Known[] = [];

  /** @param any memory that may become shorter is allowed too. */
  constructor(any = false) {
    this.#any = any;
  }

  /** Regions that there are. */
  get count(): number {
    return this.#regions.length;
  }

  /** Adds a region; its descriptor stays the caller's. @throws SharedMemoryError with the reason */
  add(message: RegionMessage, fd: number): void {
    const { guest, length, user, offset } = message;
    for (const value of [guest, length, user, offset, guest + length, user + length]) {
      if (!Number.isSafeInteger(value)) throw new SharedMemoryError('has addresses that are beyond any memory');
    }
    if (length === 0) throw new SharedMemoryError('has no bytes');
    const overlaps = this.#regions.some(
      (each) =>
        (guest < each.guest + each.length && each.guest < guest + length) ||
        (user < each.user + each.length && each.user < user + length),
    );
    if (overlaps) throw new SharedMemoryError('overlaps another');
    const region = new SharedRegion(fd, { offset, length, any: this.#any });
    this.domain.grant(guest, length, region, 0, Access.both);
    this.#regions.push({ ...message, region });
  }

  /** Takes a region away, by where it is. False: there is no such one. Nothing of it is in use any more. */
  remove({ guest, length, user }: RegionMessage): boolean {
    const at = this.#regions.findIndex((each) => each.guest === guest && each.length === length && each.user === user);
    if (at < 0) return false;
    const [known] = this.#regions.splice(at, 1);
    this.domain.revoke(guest, length);
    known!.region.unmap();
    return true;
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

  /** The guest's address of bytes at an address of the front end's process; -1: they are not in one region. */
  guestOf(user: number, length: number): number {
    const known = this.#regions.find((each) => user >= each.user && user + length <= each.user + each.length);
    return known === undefined ? -1 : known.guest + (user - known.user);
  }

  /** Takes all of it away. */
  clear(): void {
    this.domain.clear();
    for (const { region } of this.#regions) region.unmap();
    this.#regions = [];
  }
}
