// A host whose application speaks TCP, for tests: sockets by number, events by socket, and bytes that can be told apart.

import { Host, type HostOptions, ipv4Of, type StackExports } from './stack-host.js';
import { endOf, type WireEnd } from './wire.js';

/** The byte at a place of a stream, told from its neighbours and from other streams. */
export function byteAt(stream: number, place: number): number {
  return (place * 31 + (place >>> 8) * 7 + stream * 101) & 0xff;
}

/** See the file's head. */
export class TcpHost extends Host<StackExports> {
  /** 64 bytes that the stack does not use: addresses are given there. */
  readonly scratch: number;

  constructor(options: HostOptions) {
    super(options);
    this.scratch = this.place('umem') - 2048;
  }

  /** Writes an address as the stack takes it. */
  address(ipv4: string): number {
    this.bytes.fill(0, this.scratch, this.scratch + 10);
    this.bytes.fill(0xff, this.scratch + 10, this.scratch + 12);
    this.bytes.set(ipv4Of(ipv4), this.scratch + 12);
    return this.scratch;
  }

  listen(port: number, backlog = 64): number {
    return this.core.listen(0, port, backlog);
  }

  connect(ipv4: string, port: number): number {
    return this.core.connect(0, this.address(ipv4), port);
  }

  /** Hands over bytes of a stream from a place on, one frame. Returns how many, 0 without a frame, or -errno. */
  sendPiece(socket: number, stream: number, from: number, most: number, more = 0): number {
    const address = this.core.frameForSend(socket);
    if (address === 0) return 0;
    const length = Math.min(most, this.core.sendBytes(socket));
    for (let index = 0; index < length; index++) this.bytes[address + index] = byteAt(stream, from + index);
    const sent = this.core.sendFrame(socket, address, length, more);
    return sent === 0 ? length : sent;
  }

  /** Takes one piece, holds it to the stream, and gives its frame back. Returns as `receive`. */
  takePiece(socket: number, stream: number, from: number): number {
    const length = this.core.receive(socket);
    if (length <= 0) return length;
    const at = this.place('pieceAddress');
    this.check(at, length, stream, from);
    const back = this.core.recycle(at);
    if (back !== 0) throw new Error(`recycle: ${back}`);
    return length;
  }

  /** Holds bytes at an address to those of a stream from a place on. @throws Error */
  check(at: number, length: number, stream: number, from: number): void {
    for (let index = 0; index < length; index++) {
      if (this.bytes[at + index] !== byteAt(stream, from + index)) {
        throw new Error(`byte ${from + index} of stream ${stream} is ${this.bytes[at + index]}`);
      }
    }
  }

  /** What happened, in order. */
  events(): { socket: number; what: number }[] {
    const events = [];
    for (let event = this.core.nextEvent(); event !== 0n; event = this.core.nextEvent()) {
      events.push({ socket: Number(event & 0xffff_ffffn), what: Number(event >> 32n) });
    }
    return events;
  }

  end(act?: (turned: number, nowUs: number) => void): WireEnd {
    return endOf(this, act);
  }
}
