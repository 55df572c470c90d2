// XdpPackets: what takes the packets of a network device by AF_XDP, some of them in a turn, on all of its queues, until it is taken away. Not here: where
// they go (xdp-port.ts, xdp-uplink.ts).

import { type DeviceOwner, DeviceWatch } from '../../transport/device-watch.js';
import type { Loop } from '../../transport/loop.js';
import type { Frame } from './frame.js';
import type { XdpInterface } from './xdp-interface.js';
import { type XdpOwner, XdpQueue } from './xdp-queue.js';

/** Packets of a queue in one turn. */
const packetsATurn = 64;

/** See the file's head. */
export abstract class XdpPackets implements XdpOwner, DeviceOwner {
  protected readonly queues: readonly XdpQueue[];
  readonly #interface: XdpInterface;
  readonly #loop: Loop;
  readonly #say: (sentence: string) => void;
  /** The rest of a turn's work, for each queue, and whether it is due. */
  readonly #later: readonly (() => void)[];
  readonly #isDue: boolean[];
  readonly #watch: DeviceWatch;

  constructor(loop: Loop, of: XdpInterface, say: (sentence: string) => void) {
    this.#interface = of;
    this.#loop = loop;
    this.#say = say;
    this.queues = of.ways.map((_, index) => new XdpQueue(loop, of, index, this));
    this.#watch = new DeviceWatch(loop, of.device.ifindex, this);
    this.#isDue = this.queues.map(() => false);
    this.#later = this.queues.map((queue, index) => () => {
      this.#isDue[index] = false;
      this.pump(queue);
    });
  }

  readable(queue: XdpQueue): void {
    if (!this.#isDue[queue.index]) this.pump(queue);
  }

  isUp(isUp: boolean): void {
    for (const queue of this.queues) queue.isUp = isUp;
  }

  gone(): void {
    for (const queue of this.queues) queue.rest();
    const { name } = this.#interface;
    this.#say(`the network device ${name} was taken away: make it again, and start this command again`);
  }

  /** Takes packets, as many as have a turn. */
  protected pump(queue: XdpQueue): void {
    const hasMore = queue.pump(packetsATurn);
    this.taken();
    if (hasMore) this.pumpSoon(queue);
  }

  /** Takes packets in the next turn. */
  protected pumpSoon({ index }: XdpQueue): void {
    if (this.#isDue[index] === true) return;
    this.#isDue[index] = true;
    this.#loop.nextTurn(this.#later[index]!);
  }

  /** Sends what was written to the queues. */
  protected send(): void {
    for (const queue of this.queues) queue.flush();
  }

  abstract arrived(frame: Frame, queue: XdpQueue): boolean;
  abstract malformed(): void;
  /** A turn's packets were taken. */
  protected abstract taken(): void;

  /** Lets go of the device. */
  close(): void {
    for (const queue of this.queues) queue.rest();
    this.#watch.close();
    this.#interface.close();
  }
}
