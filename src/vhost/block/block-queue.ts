// BlockQueue: one running queue of a disk: requests are taken as they come, each ends when the file says so, and what ended in a turn is shown to
// the guest at once. Not here: what a request asks (block-request.ts), the device (block-device.ts).

import type { Loop } from '../../transport/loop.js';
import { Chain } from '../../virtio/chain.js';
import type { DeviceQueue } from '../../virtio/queue.js';
import type { MemoryTable } from '../memory-table.js';
import { interrupt, show, tellFault } from '../tell-guest.js';
import type { Vring } from '../vring.js';
import type { BlockDisk, BlockRequest } from './block-request.js';

/** Requests that are taken in one turn, and those that are under way at once. */
const requestsATurn = 64;
const mostUnderWay = 256;
/** Bytes that they have together, without the last one's: what is in the page cache is moved within the turn, and other guests' requests wait meanwhile. */
const bytesATurn = 4 * 1024 ** 2;
const mostBytesUnderWay = 16 * 1024 ** 2;
/** Requests that end in a turn and are shown together. */
const shownAtOnce = 8;

/** Requests that are not in use. */
export interface RequestPool {
  take(): BlockRequest;
  give(request: BlockRequest): void;
}

/** See the file's head. */
export class BlockQueue {
  readonly queue: DeviceQueue;
  readonly #loop: Loop;
  readonly #disk: BlockDisk;
  readonly #pool: RequestPool;
  readonly #vring: Vring;
  readonly #memory: MemoryTable;
  readonly #chain: Chain;
  readonly #say = (sentence: string): void => this.#disk.say(sentence);
  /** Requests that have not ended. */
  #underWay = 0;
  #bytesUnderWay = 0;
  /** Something ended that the guest was not shown. */
  #isGiven = false;
  /** It is looked at in a later turn, or right now. */
  #isDue = false;
  #isOver = false;
  /** Kicks that were heard since it was looked at. */
  #kicks = 0;
  #whenOver: (() => void) | undefined;

  /** @param vring with a queue */
  constructor(loop: Loop, disk: BlockDisk, pool: RequestPool, vring: Vring, memory: MemoryTable) {
    this.#loop = loop;
    this.#disk = disk;
    this.#pool = pool;
    this.#vring = vring;
    this.#memory = memory;
    this.queue = vring.queue!;
    this.#chain = new Chain(this.queue.size);
  }

  /** It began, or something of it changed: what was asked for before anybody listened is looked for, and the guest is told once. */
  start(): void {
    interrupt(this.#vring, this.#disk.counts);
    this.#runSoon();
  }

  /** The guest has kicked it. */
  kicked(): void {
    this.#disk.counts.kicks++;
    this.#kicks++;
    if (!this.#isDue) this.#run();
  }

  /** Ends it. @param done when nothing is under way any more, and all that ended is shown */
  stop(done: () => void): void {
    this.#isOver = true;
    this.#whenOver = done;
    this.#endWhenIdle();
  }

  #endWhenIdle(): void {
    if (this.#underWay > 0) return;
    this.#publish();
    this.#whenOver!();
  }

  #runSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#loop.nextTurn(this.#dueRun);
  }

  readonly #dueRun = (): void => {
    this.#isDue = false;
    if (!this.#isOver) this.#run();
  };

  /** Takes what is there, as much as has a turn; then asks for a kick. */
  #run(): void {
    const { queue } = this;
    if (queue.fault !== undefined || !this.#vring.isEnabled || !this.#disk.isOurs) {
      this.#publish();
      return;
    }
    queue.suppressKicks();
    let count = 0;
    let bytes = 0;
    // What ends within the call is shown together.
    this.#isDue = true;
    let isMore = true;
    while (isMore && this.#hasRoom() && queue.take(this.#chain)) {
      const moved = this.#chain.readableBytes + this.#chain.writableBytes;
      this.#underWay++;
      this.#bytesUnderWay += moved;
      count++;
      bytes += moved;
      isMore = count < requestsATurn && bytes < bytesATurn;
      this.#pool.take().begin(this, this.#chain, this.#memory);
      // Its driver works on these meanwhile, and neither of both sleeps.
      if (count % shownAtOnce === 0) this.#publish();
    }
    this.#isDue = false;
    this.#disk.counts.kicksSaved += Math.max(0, count - this.#kicks);
    this.#kicks = 0;
    this.#publish();
    if (queue.fault !== undefined) tellFault(queue.fault, this.#vring, this.#disk.counts, this.#say);
    else if (this.#hasRoom() && (!isMore || queue.awaitKick())) this.#runSoon();
  }

  #hasRoom(): boolean {
    return this.#underWay < mostUnderWay && this.#bytesUnderWay < mostBytesUnderWay;
  }

  /** A request of it moves bytes that its chain does not have. */
  alsoMoves(bytes: number): void {
    this.#bytesUnderWay += bytes;
  }

  /** A request of it has ended. @param written bytes of the guest's memory, from the first writable one on */
  finished(request: BlockRequest, written: number): void {
    this.queue.give(request.id, request.slots, written);
    this.#isGiven = true;
    this.#underWay--;
    this.#bytesUnderWay -= request.bytesUnderWay;
    this.#pool.give(request);
    if (this.#isOver) this.#endWhenIdle();
    else this.#runSoon();
  }

  #publish(): void {
    if (!this.#isGiven) return;
    this.#isGiven = false;
    show(this.queue, this.#vring, this.#disk.counts);
  }
}
