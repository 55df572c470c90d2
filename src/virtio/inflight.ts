// InflightQueue: a device's queue that notes in memory of its front end (vhost-user's inflight area) which requests it has taken and not given back,
// so that whoever goes on after its process has ended does them again, in the order in which they were taken, and none twice. The device
// sees a queue like any other: what was under way comes out of `take` before anything new. The area is written while the queue runs and
// read only when it starts: it comes from outside, as all of it. Not here: the two layouts (inflight-split.ts, inflight-packed.ts).

import type { Chain } from './chain.js';
import type { DeviceQueue, QueueFault } from './queue.js';

/** The version of both layouts that there is. An area of version 0 is fresh. */
export const inflightVersion = 1;
/** Counters above this make no sense: they would not stay exact. */
const mostCounted = 2 ** 52;
/** Bytes that the part of each queue is a multiple of. */
const partAlignment = 64;
/** Bytes of the part's head and of an entry, split and packed. */
const splitHead = 16;
const splitEntry = 16;
const packedHead = 32;
const packedEntry = 32;

/** Bytes of the part of an area that one queue has. */
export function inflightBytes(size: number, isPacked: boolean): number {
  const bytes = isPacked ? packedHead + packedEntry * size : splitHead + splitEntry * size;
  return Math.ceil(bytes / partAlignment) * partAlignment;
}

/** A queue that goes on from its area. */
export interface Resumed {
  readonly queue: DeviceQueue;
  /** Requests that were under way, and come again. */
  readonly resumed: number;
  /** Why the area was not believed, as the end of a sentence. */
  readonly doubt: string | undefined;
  /**
   * Says that the queue has ended in order and its front end was told where: the next start is a fresh one, unless something waits to be done
   * again still. @param isReset nothing of it will be done again
   */
  settle(isReset: boolean): void;
}

/** Numbers of entries by their counters; undefined: two have the same, or one is beyond all bounds. */
export function inOrder(entries: readonly number[], counterOf: (entry: number) => number): number[] | undefined {
  const counted = entries.map((entry) => ({ entry, counter: counterOf(entry) }));
  counted.sort((one, other) => one.counter - other.counter);
  const isClear = counted.every(
    ({ counter }, index) => counter < mostCounted && (index === 0 || counter !== counted[index - 1]!.counter),
  );
  return isClear ? counted.map(({ entry }) => entry) : undefined;
}

/** See the file's head. */
export abstract class InflightQueue<Queue extends DeviceQueue> implements DeviceQueue {
  readonly size: number;
  protected readonly queue: Queue;
  /** What was given back and is not shown: by what the device knows it by. */
  protected readonly staged: Uint16Array;
  protected stagedCount = 0;
  /** Requests that are to be done again, of which so many were taken. */
  protected readonly again: number;
  protected taken = 0;
  protected counter: number;
  /** Slots of the ring (split: requests) that were taken and are not shown as used: the ring has no more. */
  #out: number;
  #stagedSlots = 0;
  /** New requests so far, and the last of them: what they are known by, and their slots, for those that are put back. */
  #newCount = 0;
  readonly #newIds: Uint16Array;
  readonly #newSlots: Uint16Array;
  #fault: QueueFault | undefined;

  /** @param again requests that are to be done again, which take `out` slots. @param counter of the next request */
  constructor(queue: Queue, again: number, out: number, counter: number) {
    this.queue = queue;
    this.size = queue.size;
    this.staged = new Uint16Array(queue.size);
    this.#newIds = new Uint16Array(queue.size);
    this.#newSlots = new Uint16Array(queue.size);
    this.again = again;
    this.counter = counter;
    this.#out = out;
  }

  get fault(): QueueFault | undefined {
    return this.#fault ?? this.queue.fault;
  }

  get position(): number {
    return this.queue.position;
  }

  /** Whether nothing is under way, nor waits to be done again. */
  get isSettled(): boolean {
    return this.#out === 0;
  }

  take(chain: Chain): boolean {
    if (this.fault !== undefined) return false;
    if (this.taken < this.again) {
      this.retake(chain, this.taken++);
      return true;
    }
    if (!this.queue.take(chain)) return false;
    const slots = Math.max(chain.slots, 1);
    if (this.#out + slots > this.size) {
      this.#fault = 'available index';
      return false;
    }
    this.#out += slots;
    this.note(chain);
    const at = this.#newCount++ % this.size;
    this.#newIds[at] = chain.id;
    this.#newSlots[at] = chain.slots;
    return true;
  }

  putBack(chains: number): void {
    for (let left = chains; left > 0; left--) {
      // What was taken again goes back among what is to be done again.
      if (this.#newCount === 0) {
        this.taken--;
        continue;
      }
      this.#newCount--;
      const at = this.#newCount % this.size;
      const slots = this.#newSlots[at]!;
      this.forget(this.#newIds[at]!);
      this.queue.putBack(1, slots);
      this.#out -= Math.max(slots, 1);
    }
  }

  give(id: number, slots: number, written: number): void {
    this.queue.give(this.driverId(id), slots, written);
    this.staged[this.stagedCount++] = id;
    this.#stagedSlots += Math.max(slots, 1);
  }

  publish(): boolean {
    if (this.stagedCount === 0) return this.queue.publish();
    this.beforeShown();
    const isWanted = this.queue.publish();
    this.afterShown();
    this.#out -= this.#stagedSlots;
    this.#stagedSlots = 0;
    this.stagedCount = 0;
    return isWanted;
  }

  suppressKicks(): void {
    this.queue.suppressKicks();
  }

  awaitKick(): boolean {
    const isMore = this.queue.awaitKick();
    return isMore || (this.taken < this.again && this.fault === undefined);
  }

  /** Takes what was under way again: the request of that number. */
  protected abstract retake(chain: Chain, index: number): void;
  /** Notes a request that was taken. */
  protected abstract note(chain: Chain): void;
  /** Forgets a request that was noted: it was not taken. */
  protected abstract forget(id: number): void;
  /** By what the driver knows what the device knows by `id`. */
  protected abstract driverId(id: number): number;
  /** Notes what is about to be shown. */
  protected abstract beforeShown(): void;
  /** Notes that it was shown. */
  protected abstract afterShown(): void;
}
