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

/** Reads and writes packets in one guest's memory. A header that lies in one piece is read and written where it is, each field once; another one by way of memory of our own. */
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
    if (chain.fault !== undefined) return false;
    if (chain.readable > 0 && chain.lengths[0]! >= vsockHeaderBytes) {
      const window = this.#domain.window(chain.high[0]!, chain.low[0]!, vsockHeaderBytes, Access.read);
      return window !== undefined && this.#readAt(window.data, window.at, chain.readableBytes);
    }
    this.#at = 0;
    const isWhole = chain.stretches(0, chain.readable, 0, vsockHeaderBytes, this.#gather);
    return isWhole && this.#readAt(this.#view, 0, chain.readableBytes);
  }

  #readAt(view: DataView, at: number, readableBytes: number): boolean {
    const { header } = this;
    header.sourcePort = view.getUint32(at + 16, true);
    header.targetPort = view.getUint32(at + 20, true);
    header.length = view.getUint32(at + 24, true);
    header.operation = view.getUint16(at + 30, true);
    header.flags = view.getUint32(at + 32, true);
    header.room = view.getUint32(at + 36, true);
    header.taken = view.getUint32(at + 40, true);
    return (
      view.getUint32(at, true) === this.#guestCid &&
      view.getUint32(at + 4, true) === 0 &&
      view.getUint32(at + 8, true) === hostCid &&
      view.getUint32(at + 12, true) === 0 &&
      view.getUint16(at + 28, true) === streamType &&
      header.length <= readableBytes - vsockHeaderBytes
    );
  }

  #writeAt(view: DataView, at: number): void {
    const { header } = this;
    view.setUint32(at, hostCid, true);
    view.setUint32(at + 4, 0, true);
    view.setUint32(at + 8, this.#guestCid, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + 16, header.sourcePort, true);
    view.setUint32(at + 20, header.targetPort, true);
    view.setUint32(at + 24, header.length, true);
    view.setUint16(at + 28, streamType, true);
    view.setUint16(at + 30, header.operation, true);
    view.setUint32(at + 32, header.flags, true);
    view.setUint32(at + 36, header.room, true);
    view.setUint32(at + 40, header.taken, true);
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
    const { readable, count } = chain;
    const { length } = this.header;
    const whole = vsockHeaderBytes + length;
    if (readable < count && chain.lengths[readable]! >= whole) {
      const window = this.#domain.window(chain.high[readable]!, chain.low[readable]!, whole, Access.write);
      if (window === undefined) return false;
      this.#writeAt(window.data, window.at);
      const at = window.at + vsockHeaderBytes;
      if (length > 0) copyBytes(CopyReason.guestStream, window.bytes, at, bytes, start, length);
      return true;
    }
    this.#writeAt(this.#view, 0);
    this.#source = this.#bytes;
    this.#copied = 0;
    if (!chain.stretches(readable, count, 0, vsockHeaderBytes, this.#scatter)) return false;
    this.#source = bytes;
    this.#copied = start;
    return chain.stretches(readable, count, vsockHeaderBytes, length, this.#scatter);
  }
}
