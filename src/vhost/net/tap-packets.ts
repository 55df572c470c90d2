// TapPackets: what reads the packets of a tap, some of them in a turn, on all of its queues, until it is taken away. Not here: where they go
// (tap-port.ts, uplink.ts).

import type { Loop } from '../../transport/loop.js';
import type { DropReason } from './frame.js';
import type { Tap } from './tap.js';
import { type TapOwner, TapQueue } from './tap-queue.js';

/** Packets of a queue in one turn. */
const packetsATurn = 64;

/** See the file's head. */
export abstract class TapPackets implements TapOwner {
  protected readonly tap: Tap;
  protected readonly queues: readonly TapQueue[];
  protected isGone = false;
  readonly #loop: Loop;
  readonly #say: (sentence: string) => void;
  /** The rest of a turn's work, for each queue, and whether it is due. */
  readonly #later: readonly (() => void)[];
  readonly #isDue: boolean[];

  constructor(loop: Loop, tap: Tap, say: (sentence: string) => void) {
    this.tap = tap;
    this.#loop = loop;
    this.#say = say;
    this.queues = tap.descriptors.map((fd, index) => new TapQueue(loop, fd, index, this));
    this.#isDue = this.queues.map(() => false);
    this.#later = this.queues.map((queue, index) => () => {
      this.#isDue[index] = false;
      this.pump(queue);
    });
  }

  readable(queue: TapQueue): void {
    if (!this.#isDue[queue.index]) this.pump(queue);
  }

  gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    for (const queue of this.queues) queue.rest();
    this.#say(`the tap ${this.tap.name} was taken away: make it again, and start this command again`);
  }

  /** Takes packets, as many as have a turn. */
  protected pump(queue: TapQueue): void {
    let count = 0;
    while (queue.isReady && count++ < packetsATurn) if (!this.take(queue)) break;
    this.taken();
    if (count <= packetsATurn || this.#isDue[queue.index]) return;
    this.#isDue[queue.index] = true;
    this.#loop.nextTurn(this.#later[queue.index]!);
  }

  /** Packets that were written together go, and their owner is told. */
  protected flushWrites(): void {
    for (const queue of this.queues) queue.flush();
  }

  abstract written(bytes: number, why: DropReason | undefined): void;

  /** Takes a packet, if one waits. False: there is no room for one. */
  protected abstract take(queue: TapQueue): boolean;
  /** A turn's packets were taken. */
  protected abstract taken(): void;

  /** Lets go of the tap. */
  close(): void {
    for (const queue of this.queues) queue.close();
  }
}
