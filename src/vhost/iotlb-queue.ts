// IotlbQueue: a device's queue behind a guest's IOMMU: a request is handed out when all that it names is known; what is not is asked for, and the
// request waits in its ring meanwhile. The device knows nothing of it. It also says when nothing is under way over what is to be taken back. Not
// here: what is known (iotlb.ts).

import { Access, type Domain } from '../memory/domain.js';
import type { Chain } from '../virtio/chain.js';
import type { DeviceQueue, QueueFault } from '../virtio/queue.js';

/** Asks for where a byte is, that may be touched so. False: it could not be asked. */
export type AskForRange = (address: number, access: number) => boolean;

/** See the file's head. */
export class IotlbQueue implements DeviceQueue {
  readonly size: number;
  readonly #queue: DeviceQueue;
  readonly #domain: Domain;
  readonly #ask: AskForRange;
  /** What a request waits for: an address, and how it is touched; NaN: none waits. */
  #missing = Number.NaN;
  #missingAccess = 0;
  #isAsked = false;
  /** Requests under way, and who waits for them to end; nothing is taken meanwhile. */
  #underWay = 0;
  #whenIdle: (() => void) | undefined;
  #isPaused = false;

  constructor(queue: DeviceQueue, domain: Domain, ask: AskForRange) {
    this.size = queue.size;
    this.#queue = queue;
    this.#domain = domain;
    this.#ask = ask;
  }

  get fault(): QueueFault | undefined {
    return this.#queue.fault;
  }

  get position(): number {
    return this.#queue.position;
  }

  /** Whether it may be that requests are there and are not taken, for what is missing or taken back. */
  get isHeld(): boolean {
    return !Number.isNaN(this.#missing) || this.#isPaused;
  }

  take(chain: Chain): boolean {
    if (this.#isPaused || this.#isMissing() || !this.#queue.take(chain)) return false;
    if (this.#reaches(chain)) {
      this.#underWay++;
      return true;
    }
    this.#queue.putBack(1, chain.slots);
    return false;
  }

  /** Whether what was missing still is; it is asked for where that was not possible before. */
  #isMissing(): boolean {
    if (Number.isNaN(this.#missing)) return false;
    if (this.#domain.has(this.#missing)) return false;
    if (!this.#isAsked) this.#isAsked = this.#ask(this.#missing, this.#missingAccess);
    return true;
  }

  /** Whether all that a request names is known, or known not to be allowed, which is the device's to say. */
  #reaches(chain: Chain): boolean {
    this.#missing = Number.NaN;
    if (chain.fault !== undefined) {
      if (chain.fault !== 'indirect outside') return true;
      return this.#isAllowed(
        this.#domain.gap(chain.tableHigh, chain.tableLow, chain.tableLength, Access.read),
        Access.read,
      );
    }
    for (let piece = 0; piece < chain.count; piece++) {
      const access = piece < chain.readable ? Access.read : Access.write;
      const gap = this.#domain.gap(chain.high[piece]!, chain.low[piece]!, chain.lengths[piece]!, access);
      if (!this.#isAllowed(gap, access)) return false;
    }
    return true;
  }

  /** Whether there is nothing to wait for. @param gap the first address that is not to be touched so; -1: none */
  #isAllowed(gap: number, access: number): boolean {
    // What is known and may not be touched so is no miss; nor is what is no address.
    if (gap < 0 || Number.isNaN(gap) || this.#domain.has(gap)) return true;
    this.#missing = gap;
    this.#missingAccess = access;
    this.#isAsked = this.#ask(gap, access);
    return false;
  }

  putBack(chains: number, slots: number): void {
    this.#queue.putBack(chains, slots);
    this.#ended(chains);
  }

  give(id: number, slots: number, written: number): void {
    this.#queue.give(id, slots, written);
    this.#ended(1);
  }

  #ended(chains: number): void {
    this.#underWay -= chains;
    if (this.#underWay > 0) return;
    const whenIdle = this.#whenIdle;
    this.#whenIdle = undefined;
    whenIdle?.();
  }

  /** Hands out nothing until {@link resume}. @param done called when nothing is under way, at once perhaps */
  pause(done: () => void): void {
    this.#isPaused = true;
    if (this.#underWay === 0) done();
    else this.#whenIdle = done;
  }

  /** Hands out requests again. */
  resume(): void {
    this.#isPaused = false;
  }

  publish(): boolean {
    return this.#queue.publish();
  }

  suppressKicks(): void {
    this.#queue.suppressKicks();
  }

  awaitKick(): boolean {
    const isMore = this.#queue.awaitKick();
    // What waits is looked at again when something is known, and not before.
    return isMore && !this.isHeld;
  }
}
