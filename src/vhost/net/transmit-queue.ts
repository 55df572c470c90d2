// TransmitQueue: a queue of packets that a guest sends. Each is read where it lies: its header once, into memory of our own, and checked; its bytes
// stay where they are until it was handed on, which is within the call. Not here: where packets go.

import { Access, type Domain } from '../../memory/domain.js';
import { Chain, type ChainFault } from '../../virtio/chain.js';
import type { DeviceQueue } from '../../virtio/queue.js';
import { type DropReason, Frame, mostFramePieces } from './frame.js';
import { ethernetBytes, type HeaderFault, mostPacketBytes, netHeaderBytes, type Offloads } from './net-header.js';

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
  /** Takes a packet. @returns why it was dropped */
  take(frame: Frame): DropReason | undefined;
  /** A packet was not handed on, or was dropped. */
  dropped(reason: TransmitFault | DropReason): void;
}

/** See the file's head. */
export class TransmitQueue {
  readonly queue: DeviceQueue;
  readonly #domain: Domain;
  readonly #target: TransmitTarget;
  readonly #chain: Chain;
  readonly #frame = new Frame();
  readonly #header = new DataView(new ArrayBuffer(netHeaderBytes));
  #headerBytes = 0;

  constructor(queue: DeviceQueue, domain: Domain, target: TransmitTarget) {
    this.queue = queue;
    this.#domain = domain;
    this.#target = target;
    this.#chain = new Chain(queue.size);
  }

  /** Hands on up to `most` packets, and gives them back in order. Returns how many. */
  run(most: number): number {
    let count = 0;
    for (; count < most && this.queue.take(this.#chain); count++) {
      const why = this.#handOn();
      if (why !== undefined) this.#target.dropped(why);
      this.queue.give(this.#chain.id, this.#chain.slots, 0);
    }
    return count;
  }

  #handOn(): TransmitFault | DropReason | undefined {
    const chain = this.#chain;
    const frame = this.#frame;
    if (this.#target.isDisabled) return 'disabled';
    if (chain.fault !== undefined) return chain.fault;
    if (chain.readable < chain.count) return 'writable';
    const bytes = chain.readableBytes - netHeaderBytes;
    if (bytes < 0) return 'short header';
    if (bytes < ethernetBytes) return 'runt';
    if (bytes > mostPacketBytes) return 'too long';
    this.#headerBytes = 0;
    if (!chain.stretches(0, chain.readable, 0, netHeaderBytes, this.#readHeader)) return 'outside';
    frame.header.read(this.#header);
    // What a guest says it has found is no news for another.
    frame.header.isValid = false;
    const fault = frame.header.faultOf(bytes, this.#target.offloads);
    if (fault !== undefined) return fault;
    frame.spans.clear();
    if (!chain.stretches(0, chain.readable, netHeaderBytes, bytes, this.#addPiece))
      return frame.spans.count === mostFramePieces ? 'pieces' : 'outside';
    return this.#target.take(frame);
  }

  readonly #readHeader = (high: number, low: number, length: number): boolean => {
    const window = this.#domain.window(high, low, length, Access.read);
    if (window === undefined) return false;
    const { bytes, at } = window;
    for (let index = 0; index < length; index++) this.#header.setUint8(this.#headerBytes++, bytes[at + index]!);
    return true;
  };

  readonly #addPiece = (high: number, low: number, length: number): boolean =>
    this.#domain.translate(high, low, length, Access.read, this.#frame.spans);
}
