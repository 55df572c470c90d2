// XdpUplink: a network device of the host, by AF_XDP, at a port of a switch: the way out of several guests. A packet costs one copy in user space each way.
// Not here: where packets go (switch.ts).

import type { Loop } from '../../transport/loop.js';
import { countOne } from '../queue-counts.js';
import type { DropReason, Frame } from './frame.js';
import type { Switch, SwitchPort } from './switch.js';
import type { UplinkCounts } from './uplink.js';
import type { XdpInterface } from './xdp-interface.js';
import { XdpPackets } from './xdp-packets.js';
import type { XdpQueue } from './xdp-queue.js';

/** See the file's head. */
export class XdpUplink extends XdpPackets implements SwitchPort {
  readonly isUplink = true;
  readonly counts: UplinkCounts = { sentDropped: {}, receivedDropped: {} };
  readonly #switch: Switch;
  readonly #port: number;

  constructor(loop: Loop, of: XdpInterface, to: Switch, say: (sentence: string) => void) {
    super(loop, of, say);
    this.#switch = to;
    this.#port = to.add(this);
  }

  deliver(frame: Frame, pair: number): DropReason | undefined {
    const why = this.queues[pair % this.queues.length]!.write(frame);
    if (why !== undefined) countOne(this.counts.sentDropped, why);
    return why;
  }

  flushPort(): void {
    this.send();
  }

  /** Brings it to whom it is for; what nobody takes is dropped. */
  arrived(frame: Frame, { index }: XdpQueue): boolean {
    const why = this.#switch.forward(this.#port, frame, index);
    if (why !== undefined) countOne(this.counts.receivedDropped, why);
    return true;
  }

  /** Counts it. */
  malformed(): void {
    countOne(this.counts.receivedDropped, 'headers');
  }

  protected taken(): void {
    this.#switch.flush();
  }
}
