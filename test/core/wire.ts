// A wire between hosts, in virtual time: it loses, doubles, delays, reorders and corrupts what its seed says. The same seed gives the same run.

import { writeFileSync } from 'node:fs';
import { seededRandom } from '../support/seeded-random.js';
import type { Host, HostExports } from './stack-host.js';

/** How bad a wire is; each probability is of one packet. */
export interface WireOptions {
  readonly seed?: number;
  readonly loss?: number;
  readonly duplication?: number;
  readonly corruption?: number;
  /** Packets that are held up, so that later ones overtake them. */
  readonly reordering?: number;
  readonly delayUs?: number;
  /** Bytes of an Ethernet frame that pass; longer ones are lost. */
  readonly frameBytes?: number;
}

/** What is at an end of a wire: a stack, or a test that writes packets itself. */
export interface WireEnd {
  /** A packet arrived. */
  deliver(packet: Uint8Array): unknown;
  /** One turn, at a time. */
  turn(nowUs: number): unknown;
  /** What it sent since it was asked last. */
  takeSent(): Uint8Array[];
  /** Microseconds until it wants a turn; 0xffffffff: none. */
  nextDeadlineUs(): number;
}

interface OnItsWay {
  readonly at: number;
  readonly order: number;
  readonly to: WireEnd;
  readonly packet: Uint8Array;
}

/** A stack as the end of a wire. @param act is called after each turn: the application, with what `turn` answered. */
export function endOf(host: Host<HostExports>, act: (turned: number, nowUs: number) => void = () => {}): WireEnd {
  return {
    deliver: (packet) => host.deliver(packet),
    turn(nowUs) {
      let turned = host.core.turn(nowUs >>> 0);
      act(turned, nowUs);
      for (let again = 0; (turned & 6) !== 0 && again < 16; again++) {
        turned = host.core.turn(nowUs >>> 0);
        act(turned, nowUs);
      }
    },
    takeSent: () => host.takeSent(),
    nextDeadlineUs: () => host.core.nextDeadlineUs() >>> 0,
  };
}

/** A wire between two ends. */
export class Wire {
  readonly #ends: readonly [WireEnd, WireEnd];
  readonly #options: WireOptions;
  readonly #random: () => number;
  /** A heap by time, then by order. */
  readonly #queue: OnItsWay[] = [];
  #order = 0;
  nowUs = 0;
  /** Every packet that was put on the wire, for `writePcap`; kept when `isCaptured`. */
  isCaptured = false;
  readonly captured: { readonly atUs: number; readonly packet: Uint8Array }[] = [];
  readonly counts = { sent: 0, lost: 0, doubled: 0, corrupted: 0, reordered: 0, tooLong: 0 };

  constructor(one: WireEnd, other: WireEnd, options: WireOptions = {}) {
    this.#ends = [one, other];
    this.#options = options;
    this.#random = seededRandom(options.seed ?? 1);
  }

  /**
   * Goes on in virtual time until both ends are quiet, a moment comes, or something is reached.
   * @param turnsMost a bound on turns; more of them throw.
   */
  run(untilUs: number, isReached: () => boolean = () => false, turnsMost = 1_000_000): void {
    for (let turns = 0; turns < turnsMost; turns++) {
      for (const end of this.#ends) end.turn(this.nowUs);
      this.#collect();
      if (isReached()) return;
      const next = this.#nextTime();
      if (next > untilUs) {
        this.nowUs = untilUs;
        return;
      }
      this.nowUs = Math.max(next, this.nowUs);
      while (this.#queue.length > 0 && this.#queue[0]!.at <= this.nowUs) {
        const { to, packet } = this.#pop();
        to.deliver(packet);
      }
    }
    throw new Error(`the wire is still busy after ${turnsMost} turns, at ${this.nowUs} us`);
  }

  /** Writes what was captured as a file that Wireshark and tcpdump read. */
  writePcap(path: string): void {
    const start = Buffer.alloc(24);
    start.writeUInt32LE(0xa1b2_c3d4, 0);
    start.writeUInt16LE(2, 4);
    start.writeUInt16LE(4, 6);
    start.writeUInt32LE(0xffff, 16);
    start.writeUInt32LE(1, 20);
    const parts: Uint8Array[] = [start];
    for (const { atUs, packet } of this.captured) {
      const head = Buffer.alloc(16);
      head.writeUInt32LE(Math.floor(atUs / 1e6), 0);
      head.writeUInt32LE(Math.floor(atUs % 1e6), 4);
      head.writeUInt32LE(packet.length, 8);
      head.writeUInt32LE(packet.length, 12);
      parts.push(head, packet);
    }
    writeFileSync(path, Buffer.concat(parts));
  }

  #nextTime(): number {
    let next = this.#queue[0]?.at ?? Number.POSITIVE_INFINITY;
    for (const end of this.#ends) {
      const left = end.nextDeadlineUs();
      if (left !== 0xffff_ffff) next = Math.min(next, this.nowUs + left);
    }
    return next;
  }

  #collect(): void {
    const [one, other] = this.#ends;
    for (const packet of one.takeSent()) this.#send(packet, other);
    for (const packet of other.takeSent()) this.#send(packet, one);
  }

  #send(packet: Uint8Array, to: WireEnd): void {
    const { counts } = this;
    const {
      loss = 0,
      duplication = 0,
      corruption = 0,
      reordering = 0,
      delayUs = 50,
      frameBytes = 0xffff,
    } = this.#options;
    counts.sent++;
    if (this.isCaptured) this.captured.push({ atUs: this.nowUs, packet });
    if (packet.length > frameBytes) {
      counts.tooLong++;
      return;
    }
    if (this.#random() < loss) {
      counts.lost++;
      return;
    }
    let copies = 1;
    if (this.#random() < duplication) {
      counts.doubled++;
      copies = 2;
    }
    for (let copy = 0; copy < copies; copy++) {
      let arrives = packet;
      if (this.#random() < corruption) {
        counts.corrupted++;
        arrives = packet.slice();
        arrives[Math.floor(this.#random() * arrives.length)]! ^= 1 << Math.floor(this.#random() * 8);
      }
      let at = this.nowUs + delayUs;
      if (this.#random() < reordering) {
        counts.reordered++;
        at += Math.floor(this.#random() * 4 * delayUs) + 1;
      }
      this.#push({ at, order: this.#order++, to, packet: arrives });
    }
  }

  #push(item: OnItsWay): void {
    const queue = this.#queue;
    let index = queue.push(item) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isEarlier(item, queue[parent]!)) break;
      queue[index] = queue[parent]!;
      index = parent;
    }
    queue[index] = item;
  }

  #pop(): OnItsWay {
    const queue = this.#queue;
    const first = queue[0]!;
    const item = queue.pop()!;
    if (queue.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isEarlier(queue[child + 1]!, queue[child]!)) child++;
      if (!isEarlier(queue[child]!, item)) break;
      queue[index] = queue[child]!;
      index = child;
    }
    queue[index] = item;
    return first;
  }
}

function isEarlier(one: OnItsWay, other: OnItsWay): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
