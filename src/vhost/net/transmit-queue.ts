// TransmitQueue: a queue of packets that a guest sends. Each is read where it lies: its header once, into memory of our own, and checked; its bytes
// stay where they are until it was handed on, with others, which is within the call. Not here: where packets go.

import { Access, type Domain } from '../../memory/domain.js';
import { Chain, type ChainFault } from '../../virtio/chain.js';
import type { DeviceQueue } from '../../virtio/queue.js';
import { type DropReason, Frame, mostFramePieces, type Outcome } from './frame.js';
import { ethernetBytes, Gso, type HeaderFault, mostPacketBytes, netHeaderBytes, type Offloads } from './net-header.js';

/** Why a packet of a guest was not handed on. */
export type TransmitFault =
  | ChainFault
  | HeaderFault
  | 'short header'
  | 'runt'
  | 'too long'
  | 'writable'
  | 'pieces'
  | 'outside'
  | 'disabled';

/** What takes the packets of a {@link TransmitQueue}. */
export interface TransmitTarget {
  /** What the guest may leave unfinished. */
  readonly offloads: Offloads;
  /** Packets go nowhere: the queue is not enabled. */
  readonly isDisabled: boolean;
  /** Takes a packet, whose bytes stay until {@link flush}. */
  take(frame: Frame): Outcome;
  /** What was taken is handed on: its bytes go back to the guest. */
  flush(): void;
  /** A packet was not handed on, or was dropped. */
  dropped(reason: TransmitFault | DropReason): void;
}

/** Packets of one turn. */
const packetsATurn = 64;
/** Segments of one turn: packets of 64 KiB in segments of the usual size have fewer; those of a hostile guest many more. */
const mostSegments = 4096;

/** See the file's head. */
export class TransmitQueue {
  readonly queue: DeviceQueue;
  /** Nothing was left in it when it was run last. */
  isEmpty = true;
  readonly #domain: Domain;
  readonly #target: TransmitTarget;
  readonly #chain: Chain;
  readonly #frame = new Frame();
  /** A packet's header, in memory of our own: it is read once. */
  readonly #headerBytes = new Uint8Array(netHeaderBytes);
  readonly #header = new DataView(this.#headerBytes.buffer);
  #headerLength = 0;
  /** By what the packets of a turn are given back. */
  readonly #ids = new Uint16Array(packetsATurn);
  readonly #slots = new Uint16Array(packetsATurn);
  /** Segments that packets of this turn may have to be cut into, for each guest that takes none uncut. */
  #segments = 0;

  constructor(queue: DeviceQueue, domain: Domain, target: TransmitTarget) {
    this.queue = queue;
    this.#domain = domain;
    this.#target = target;
    this.#chain = new Chain(queue.size);
  }

  /** Hands on the packets of a turn, and gives them back in order. Returns how many; {@link isEmpty} says whether those were all. */
  run(): number {
    this.#segments = 0;
    const chain = this.#chain;
    let count = 0;
    for (; count < packetsATurn && this.#segments < mostSegments; count++) {
      this.isEmpty = !this.queue.take(chain);
      if (this.isEmpty) break;
      const why = this.#handOn();
      if (why !== undefined && why !== 'later') this.#target.dropped(why);
      this.#ids[count] = chain.id;
      this.#slots[count] = chain.slots;
    }
    if (count === 0) return 0;
    this.#target.flush();
    for (let index = 0; index < count; index++) this.queue.give(this.#ids[index]!, this.#slots[index]!, 0);
    return count;
  }

  #handOn(): TransmitFault | Outcome {
    const chain = this.#chain;
    const frame = this.#frame;
    if (this.#target.isDisabled) return 'disabled';
    if (chain.fault !== undefined) return chain.fault;
    if (chain.readable < chain.count) return 'writable';
    const bytes = chain.readableBytes - netHeaderBytes;
    if (bytes < 0) return 'short header';
    if (bytes < ethernetBytes) return 'runt';
    if (bytes > mostPacketBytes) return 'too long';
    const { header, spans } = frame;
    spans.clear();
    if (!chain.stretches(0, chain.readable, 0, chain.readableBytes, this.#addPiece))
      return spans.count === mostFramePieces ? 'pieces' : 'outside';
    this.#headerLength = 0;
    spans.stretches(0, netHeaderBytes, this.#addHeader);
    spans.skip(netHeaderBytes);
    header.read(this.#header);
    // What a guest says it has found is no news for another.
    header.isValid = false;
    const fault = header.faultOf(bytes, this.#target.offloads);
    if (fault !== undefined) return fault;
    this.#segments += header.gso === Gso.none ? 1 : Math.ceil(bytes / header.gsoSize);
    return this.#target.take(frame);
  }

  readonly #addHeader = (bytes: Uint8Array, at: number, length: number): void => {
    for (let index = 0; index < length; index++) this.#headerBytes[this.#headerLength++] = bytes[at + index]!;
  };

  readonly #addPiece = (high: number, low: number, length: number): boolean =>
    this.#domain.translate(high, low, length, Access.read, this.#frame.spans);
}
