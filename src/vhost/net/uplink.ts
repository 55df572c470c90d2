// Uplink: a tap at a port of a switch. Whom a packet is for is known only once it was read, so it is read to memory of ours, and copied to its guest
// from there, once; a packet of a guest is written to the tap where it lies. Not here: where packets go (switch.ts).

import type { DomainMemory } from '../../memory/domain.js';
import type { Loop } from '../../transport/loop.js';
import { type DropReason, Frame } from './frame.js';
import { ethernetBytes, mostPacketBytes } from './net-header.js';
import type { Switch, SwitchPort } from './switch.js';
import type { Tap } from './tap.js';
import { TapPackets } from './tap-packets.js';
import type { TapQueue } from './tap-queue.js';

/** See the file's head. */
export class Uplink extends TapPackets implements SwitchPort {
  readonly isUplink = true;
  readonly #switch: Switch;
  readonly #port: number;
  readonly #frame = new Frame();
  readonly #memories: readonly DomainMemory[];

  constructor(loop: Loop, tap: Tap, to: Switch, say: (sentence: string) => void) {
    super(loop, tap, say);
    this.#switch = to;
    this.#port = to.add(this);
    this.#memories = this.queues.map(({ own }) => ({
      address: own.address,
      window: (offset) => ({ data: own.data, bytes: own.bytes as Uint8Array<ArrayBuffer>, at: offset }),
    }));
    // What a guest does not take unfinished is finished on its way to it.
    tap.offer(tap.accepts);
  }

  deliver(frame: Frame, pair: number): DropReason | undefined {
    return this.queues[pair % this.queues.length]!.write(frame);
  }

  flushPort(): void {}

  protected take(queue: TapQueue): boolean {
    const bytes = queue.read(undefined);
    if (bytes < ethernetBytes || bytes > mostPacketBytes) return true;
    const { spans, header } = this.#frame;
    spans.clear();
    spans.add(queue.own.address + queue.ownAt, bytes, this.#memories[queue.index]!, queue.ownAt);
    header.take(queue.header);
    this.#switch.forward(this.#port, this.#frame, queue.index);
    return true;
  }

  protected taken(): void {
    this.#switch.flush();
  }
}
