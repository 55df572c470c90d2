// Packets of virtio-vsock (VIRTIO 1.2 section 5.10) as a device reads and writes them in a guest's chains. Not here: which are sent when (vsock-device.ts).

import { CopyReason, copyBytes } from '../memory/copy.js';
import { Access, type Domain } from '../memory/domain.js';
import type { Chain } from '../virtio/chain.js';

/** Operations. */
export const VsockOp = {
  request: 1,
  response: 2,
  reset: 3,
  shutdown: 4,
  data: 5,
  credit: 6,
  creditRequest: 7,
} as const;

export const vsockHeaderBytes = 44;
const streamType = 1;
/** Our own address; guests have one from 3 on. */
const hostCid = 2;

/** What a header says. */
export interface VsockHeader {
  sourcePort: number;
  targetPort: number;
  length: number;
  operation: number;
  flags: number;
  room: number;
  taken: number;
}

/** Reads and writes packets in one guest's memory. */
export class VsockPackets {
  readonly header: VsockHeader = { sourcePort: 0, targetPort: 0, length: 0, operation: 0, flags: 0, room: 0, taken: 0 };
  readonly #domain: Domain;
  readonly #guestCid: number;
  readonly #bytes = new Uint8Array(vsockHeaderBytes);
  readonly #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(domain: Domain, guestCid: number) {
    this.#domain = domain;
    this.#guestCid = guestCid;
  }

  readonly #gather = (high: number, low: number, length: number): boolean => {
    const window = this.#domain.window(high, low, length, Access.read);
    if (window === undefined) return false;
    for (let index = 0; index < length; index++) this.#bytes[this.#at++] = window.bytes[window.at + index]!;
    return true;
  };

  /** Reads the header at a chain's beginning into {@link header}. False: it is none, and the chain is of no use. */
  read(chain: Chain): boolean {
    this.#at = 0;
    if (chain.fault !== undefined || !chain.stretches(0, chain.readable, 0, vsockHeaderBytes, this.#gather))
      return false;
    const view = this.#view;
    const { header } = this;
    header.sourcePort = view.getUint32(16, true);
    header.targetPort = view.getUint32(20, true);
    header.length = view.getUint32(24, true);
    header.operation = view.getUint16(30, true);
    header.flags = view.getUint32(32, true);
    header.room = view.getUint32(36, true);
    header.taken = view.getUint32(40, true);
    return (
      view.getUint32(0, true) === this.#guestCid &&
      view.getUint32(4, true) === 0 &&
      view.getUint32(8, true) === hostCid &&
      view.getUint32(12, true) === 0 &&
      view.getUint16(28, true) === streamType &&
      header.length <= chain.readableBytes - vsockHeaderBytes
    );
  }

  #source: Uint8Array = this.#bytes;
  #copied = 0;
  readonly #scatter = (high: number, low: number, length: number): boolean => {
    const window = this.#domain.window(high, low, length, Access.write);
    if (window === undefined) return false;
    copyBytes(CopyReason.guestStream, window.bytes, window.at, this.#source, this.#copied, length);
    this.#copied += length;
    return true;
  };

  /**
   * Writes a packet into a chain's writable pieces: {@link header}, whose `length` says how many of `bytes` from `start` on follow.
   * False: they do not lie where they may, or have no room.
   */
  write(chain: Chain, bytes: Uint8Array, start: number): boolean {
    const { header } = this;
    const view = this.#view;
    view.setBigUint64(0, BigInt(hostCid), true);
    view.setBigUint64(8, BigInt(this.#guestCid), true);
    view.setUint32(16, header.sourcePort, true);
    view.setUint32(20, header.targetPort, true);
    view.setUint32(24, header.length, true);
    view.setUint16(28, streamType, true);
    view.setUint16(30, header.operation, true);
    view.setUint32(32, header.flags, true);
    view.setUint32(36, header.room, true);
    view.setUint32(40, header.taken, true);
    const { readable, count } = chain;
    this.#source = this.#bytes;
    this.#copied = 0;
    if (!chain.stretches(readable, count, 0, vsockHeaderBytes, this.#scatter)) return false;
    this.#source = bytes;
    this.#copied = start;
    return chain.stretches(readable, count, vsockHeaderBytes, header.length, this.#scatter);
  }
}
