// FrontQueue: a queue of a front end: its ring in memory that the back end maps, the driver's side of it, and the events by which the two tell each
// other. Not here: what a request is (block-driver.ts, net-driver.ts), how the back end learns of it (front-end.ts).

import { awaitInput, createEventDescriptor, signalEvent, takeEventCount } from '../../kernel/event.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { wrongArgument, wrongState } from '../../text/coded.js';
import { PackedDriverQueue } from '../../virtio/packed-driver.js';
import { type DriverQueue, mostDescriptors, type QueueFeatures } from '../../virtio/queue.js';
import { SplitDriverQueue } from '../../virtio/split-driver.js';
import { FrontEndError } from './front-end-error.js';
import type { GuestMemory } from './guest-memory.js';
import { Readiness } from './readiness.js';

/** Offsets of the three parts of a ring; of a packed one the second and third are the events of its device and of its driver. */
interface RingPlaces {
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
}

function makePacked(memory: GuestMemory, size: number, features: QueueFeatures) {
  const places = { descriptors: memory.take(16 * size), used: memory.take(4), available: memory.take(4) };
  const { buffer } = memory.region;
  const driver = new PackedDriverQueue(
    {
      size,
      words: new Uint32Array(buffer, places.descriptors, 4 * size),
      halves: new Uint16Array(buffer, places.descriptors, 8 * size),
      deviceEvent: new Uint16Array(buffer, places.used, 2),
      driverEvent: new Uint16Array(buffer, places.available, 2),
    },
    features,
  );
  return { driver, places };
}

function makeSplit(memory: GuestMemory, size: number, features: QueueFeatures) {
  const places = {
    descriptors: memory.take(16 * size),
    available: memory.take(6 + 2 * size),
    used: memory.take(6 + 8 * size),
  };
  const { buffer } = memory.region;
  const driver = new SplitDriverQueue(
    {
      size,
      descriptors: new Uint32Array(buffer, places.descriptors, 4 * size),
      available: new Uint16Array(buffer, places.available, size + 3),
      used: new Uint16Array(buffer, places.used, 4 * size + 3),
      usedWords: new Uint32Array(buffer, places.used, 2 * size + 1),
    },
    features,
  );
  return { driver, places };
}

/** See the file's head. */
export class FrontQueue {
  readonly index: number;
  readonly places: RingPlaces;
  /** Eventfds: what the driver signals, what the device signals, and what it signals when it cannot go on. */
  readonly kick: number;
  readonly call: number;
  readonly error: number;
  /** Kicks that were sent, and interrupts that came. */
  kicks = 0;
  interrupts = 0;
  readonly #driver: DriverQueue;
  readonly #readiness: Readiness;
  #isOpen = true;

  /** @throws RangeError for a size that no queue has; FrontEndError where the memory has no room */
  constructor(
    index: number,
    memory: GuestMemory,
    size: number,
    features: QueueFeatures & { readonly packed: boolean },
  ) {
    const isSize = size >= 1 && size <= mostDescriptors && (features.packed || (size & (size - 1)) === 0);
    if (!isSize) throw wrongArgument(`a queue of ${size} entries: 1 to 32768, and a power of two unless it is packed`);
    this.index = index;
    const made = (features.packed ? makePacked : makeSplit)(memory, size, features);
    this.#driver = made.driver;
    this.places = made.places;
    this.kick = createEventDescriptor();
    this.call = createEventDescriptor();
    this.error = createEventDescriptor();
    this.#readiness = new Readiness(this.call);
  }

  /** The driver's side of its ring. @throws Error (CLEARWAY_STATE) once it is closed: its memory has gone */
  get driver(): DriverQueue {
    this.checkOpen();
    return this.#driver;
  }

  /** @throws Error (CLEARWAY_STATE) once it is closed */
  checkOpen(): void {
    if (!this.#isOpen) throw wrongState(`queue ${this.index} is closed`);
  }

  /** Shows the device what was added, and kicks it if it wants that. */
  publish(): void {
    if (this.driver.publish()) this.kickNow();
  }

  /** Kicks the device, whether it asked for that or not. */
  kickNow(): void {
    this.checkOpen();
    this.kicks++;
    signalEvent(this.kick);
  }

  /** Holds this thread until an interrupt comes, at most `limitMs`. False: none came. Ask for one first ({@link DriverQueue.awaitInterrupt}). */
  waitNow(limitMs: number): boolean {
    this.checkOpen();
    const isThere = awaitInput(this.call, limitMs);
    if (isThere) this.interrupts += takeEventCount(this.call);
    return isThere;
  }

  /** As {@link waitNow}, and others run meanwhile. */
  async wait(limitMs: number): Promise<boolean> {
    this.checkOpen();
    const isThere = await this.#readiness.wait(limitMs);
    this.checkOpen();
    if (isThere) this.interrupts += takeEventCount(this.call);
    return isThere;
  }

  /**
   * Waits until something is back, which {@link DriverQueue.takeBack} gives: one at a time. An id that was taken back may be another request's
   * after it: what belongs to it is looked up at once. @throws FrontEndError when nothing comes, or what makes no sense
   */
  async untilBack(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!this.driver.awaitInterrupt()) {
      if (this.driver.fault !== undefined) throw new FrontEndError(`queue ${this.index}: ${this.driver.fault}`);
      if (await this.wait(deadline - performance.now())) continue;
      const isBroken = takeEventCount(this.error) > 0;
      throw new FrontEndError(
        `queue ${this.index}: ${isBroken ? 'the device stopped it' : `nothing came back within ${limitMs} ms`}`,
      );
    }
  }

  /** Closes its descriptors; who waits is told. A second call does nothing. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#readiness.close();
    for (const fd of [this.kick, this.call, this.error]) closeDescriptor(fd);
  }
}
