// Uplink: a tap at a port of a switch. Whom a packet is for is known only once it was read, so it is read to memory of ours, and copied to its guest
// from there, once; a packet of a guest is written to the tap where it lies. Not here: where packets go (switch.ts).

import type { DomainMemory } from '../../memory/domain.js';
import type { Loop } from '../../transport/loop.js';
import { countOne } from '../queue-counts.js';
import { type DropReason, Frame } from './frame.js';
import { ethernetBytes, mostPacketBytes } from './net-header.js';
import type { Switch, SwitchPort } from './switch.js';
import type { Tap } from './tap.js';
import { TapPackets } from './tap-packets.js';
import type { TapQueue } from './tap-queue.js';

/** What is counted of an uplink: packets of guests that it did not take, and of its own that reached no guest, by reason. */
export interface UplinkCounts {
  readonly sentDropped: Partial<Record<DropReason, number>>;
  readonly receivedDropped: Partial<Record<DropReason, number>>;
}

/** See the file's head. */
export class Uplink extends TapPackets implements SwitchPort {
  readonly isUplink = true;
  readonly counts: UplinkCounts = { sentDropped: {}, receivedDropped: {} };
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
    const why = this.queues[pair % this.queues.length]!.write(frame);
    // What is told later is handed on, as far as its guest goes.
    if (why === undefined || why === 'later') return undefined;
    countOne(this.counts.sentDropped, why);
    return why;
  }

  /** As of TapOwner: counts what became of a packet of a guest. */
  written(_bytes: number, why: DropReason | undefined): void {
    if (why !== undefined) countOne(this.counts.sentDropped, why);
  }

  flushPort(): void {
    this.flushWrites();
  }

  protected take(queue: TapQueue): boolean {
    const bytes = queue.read(undefined);
    const why = bytes < 0 ? undefined : this.#forward(queue, bytes);
    if (why !== undefined) countOne(this.counts.receivedDropped, why);
    return true;
  }

  /** Brings a packet that was read where it belongs. @returns why it reached no guest */
  #forward(queue: TapQueue, bytes: number): DropReason | undefined {
    if (bytes < ethernetBytes) return 'headers';
    if (bytes > mostPacketBytes) return 'buffer too small';
    const { spans, header } = this.#frame;
    spans.clear();
    spans.add(queue.own.address + queue.ownAt, bytes, this.#memories[queue.index]!, queue.ownAt);
    header.take(queue.header);
    return this.#switch.forward(this.#port, this.#frame, queue.index);
  }

  protected taken(): void {
    this.#switch.flush();
  }
}
