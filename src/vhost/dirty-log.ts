// DirtyLog: a front end's map of pages of the guest that were written, a bit each, for a guest that moves to another host while it runs
// (SET_LOG_BASE, VHOST_F_LOG_ALL); and LoggedQueue, which marks what its device wrote: the device itself knows nothing of it. A page is marked
// after it was written and before its driver is told. Not here: which pages an address of the guest is in (memory-table.ts).

import { viewMemory } from '../kernel/ffi.js';
import { SharedMemoryError, SharedRegion } from '../memory/shared-region.js';
import type { Chain } from '../virtio/chain.js';
import type { DeviceQueue, QueueFault } from '../virtio/queue.js';
import { exact64 } from './protocol.js';
import { refuse } from './refusal.js';

/** Bytes of a page in the map, whatever pages the guest has. */
const pageShift = 12;
/** Bytes of a map at most: of 8 TiB of a guest, so that the number of a page has 31 bits. */
const mostBytes = 2 ** 28;

/** See the file's head. */
export class DirtyLog {
  /** Ranges that are in part beyond the map. */
  beyond = 0;
  readonly #region: SharedRegion;
  readonly #bytes: Uint8Array;

  /** @param payload SET_LOG_BASE @param any also a file that may become shorter @throws Refusal, SharedMemoryError */
  constructor(payload: DataView, fd: number, any: boolean) {
    const [length, offset] = [exact64(payload, 0), exact64(payload, 8)];
    if (!(length > 0 && length <= mostBytes)) refuse(`keeps a log of ${length} bytes, and may of ${mostBytes}`);
    try {
      this.#region = new SharedRegion(fd, { offset, length, any });
    } catch (error) {
      if (!(error instanceof SharedMemoryError)) throw error;
      throw new SharedMemoryError(`keeps a log in memory that ${error.message}`);
    }
    this.#bytes = new Uint8Array(viewMemory(this.#region.address, length), 0);
  }

  /** Marks the pages of a range of the guest's. What is beyond the map is counted. */
  mark(start: number, length: number): void {
    if (length <= 0) return;
    const most = this.#bytes.length * 8;
    const first = Math.floor(start / 2 ** pageShift);
    let last = Math.floor((start + length - 1) / 2 ** pageShift);
    if (last >= most) {
      this.beyond++;
      last = most - 1;
    }
    for (let page = first; page <= last; ) {
      const whole = page % 8 === 0 ? (last + 1 - page) >> 3 : 0;
      // Whole bytes are written as such: whoever else sets bits of them sets none that is not.
      if (whole > 0) this.#bytes.fill(0xff, page >> 3, (page >> 3) + whole);
      else Atomics.or(this.#bytes, page >> 3, 1 << (page & 7));
      page += whole > 0 ? whole * 8 : 1;
    }
  }

  /** Lets go of it: nothing is marked in it any more. */
  unmap(): void {
    this.#region.unmap();
  }
}

/** What a queue's writes are marked by. */
export interface Marks {
  /** Goes through the guest's own addresses of what a driver's address and length name: as they are now, behind a guest's IOMMU. */
  ranges(high: number, low: number, length: number, visit: (start: number, length: number) => void): void;
  /** Marks what its device wrote, by the guest's own address. */
  written(start: number, length: number): void;
  /** Marks what the device writes of the ring itself. */
  ringWritten(): void;
}

/** See the file's head. While a guest moves: it may allocate. */
export class LoggedQueue implements DeviceQueue {
  readonly size: number;
  readonly #queue: DeviceQueue;
  readonly #marks: Marks;
  /** Where the device writes, of requests under way: starts and lengths. */
  readonly #ranges = new Map<number, readonly number[]>();

  constructor(queue: DeviceQueue, marks: Marks) {
    this.size = queue.size;
    this.#queue = queue;
    this.#marks = marks;
  }

  get fault(): QueueFault | undefined {
    return this.#queue.fault;
  }

  get position(): number {
    return this.#queue.position;
  }

  take(chain: Chain): boolean {
    if (!this.#queue.take(chain)) return false;
    const ranges: number[] = [];
    // Now: what an IOMMU's address led to may be forgotten when the request ends.
    for (let piece = chain.readable; piece < chain.count; piece++) {
      this.#marks.ranges(chain.high[piece]!, chain.low[piece]!, chain.lengths[piece]!, (start, length) => {
        ranges.push(start, length);
      });
    }
    this.#ranges.set(chain.id, ranges);
    return true;
  }

  putBack(chains: number, slots: number): void {
    this.#queue.putBack(chains, slots);
  }

  give(id: number, slots: number, written: number): void {
    const ranges = this.#ranges.get(id);
    this.#ranges.delete(id);
    // All that it may have written: a status stands behind data that was not.
    for (let at = 0; ranges !== undefined && at < ranges.length; at += 2) {
      this.#marks.written(ranges[at]!, ranges[at + 1]!);
    }
    this.#queue.give(id, slots, written);
  }

  publish(): boolean {
    const isWanted = this.#queue.publish();
    this.#marks.ringWritten();
    return isWanted;
  }

  suppressKicks(): void {
    this.#queue.suppressKicks();
    this.#marks.ringWritten();
  }

  awaitKick(): boolean {
    const isMore = this.#queue.awaitKick();
    this.#marks.ringWritten();
    return isMore;
  }
}
