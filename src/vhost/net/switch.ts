// Switch: joins the guests of one process to each other, and to a tap: a packet goes to the port where its address was heard last, or to all
// others where it is for many, or nobody was heard under it. Each guest that gets it costs one copy, since its buffers are its own. Isolated,
// guests reach the tap alone. Nothing is kept: what a port does not take is lost for it. Not here: the ports (guest-port.ts, uplink.ts).

import type { Loop } from '../../transport/loop.js';
import type { DropReason, Frame } from './frame.js';
import { MacTable } from './mac-table.js';

/** Addresses of a guest, and of a tap, that are kept. */
const mostAddresses = { guest: 256, tap: 4096 } as const;
/** Addresses that a bridge keeps to itself: 01:80:c2:00:00:00 up to 0f (IEEE 802.1D). */
const reservedFrom = 0x0180_c200_0000;

/** Where packets of a switch go to. */
export interface SwitchPort {
  /** It is the way out, which isolated guests reach. */
  readonly isUplink: boolean;
  /** Takes a packet. @param pair of queues that it came from. @returns why not */
  deliver(frame: Frame, pair: number): DropReason | undefined;
  /** What was delivered may be told of. */
  flushPort(): void;
}

const macAt = ({ spans }: Frame, place: number): number => {
  let mac = 0;
  for (let at = place; at < place + 6; at++) mac = mac * 256 + spans.byteAt(at);
  return mac;
};

const isForMany = (mac: number): boolean => (Math.floor(mac / 2 ** 40) & 1) === 1;

/** See the file's head. */
export class Switch {
  readonly #loop: Loop;
  readonly #isIsolated: boolean;
  readonly #ports: SwitchPort[] = [];
  readonly #table = new MacTable();

  constructor(loop: Loop, isIsolated: boolean) {
    this.#loop = loop;
    this.#isIsolated = isIsolated;
  }

  /** Adds a port. Returns its number. */
  add(port: SwitchPort): number {
    this.#ports.push(port);
    return this.#table.addPort(port.isUplink ? mostAddresses.tap : mostAddresses.guest);
  }

  #maySpeak(from: number, to: number): boolean {
    if (from === to) return false;
    return !this.#isIsolated || this.#ports[from]!.isUplink || this.#ports[to]!.isUplink;
  }

  /** Brings a packet of a port where it belongs. @returns why it went nowhere */
  forward(from: number, frame: Frame, pair: number): DropReason | undefined {
    const target = macAt(frame, 0);
    const source = macAt(frame, 6);
    if (isForMany(source) || (target >= reservedFrom && target < reservedFrom + 16)) return 'address';
    const { nowMs } = this.#loop;
    this.#table.hear(source, from, nowMs);
    // Guests that are isolated reach nothing else, whatever address another of them claims to have.
    if (this.#isIsolated && !this.#ports[from]!.isUplink) return this.#flood(from, frame, pair);
    const to = isForMany(target) ? -1 : this.#table.portOf(target, nowMs);
    if (to < 0) return this.#flood(from, frame, pair);
    return this.#maySpeak(from, to) ? this.#ports[to]!.deliver(frame, pair) : 'address';
  }

  /** Brings a packet to all others. @returns why it reached none */
  #flood(from: number, frame: Frame, pair: number): DropReason | undefined {
    let why: DropReason | undefined = 'down';
    for (let to = 0; to < this.#ports.length; to++) {
      if (!this.#maySpeak(from, to)) continue;
      const refused = this.#ports[to]!.deliver(frame, pair);
      why = why === undefined ? undefined : refused;
    }
    return why;
  }

  /** Tells of what was delivered, on all ports. */
  flush(): void {
    for (const port of this.#ports) port.flushPort();
  }

  /** Whoever was at a port has gone. */
  left(port: number): void {
    this.#table.forget(port);
  }
}
