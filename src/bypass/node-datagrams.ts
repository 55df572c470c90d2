// Datagrams over our own TCP/IP with the shape of Node's dgram. Not here: the stack's calls (stack.ts), when they are made (bypass-engine.ts).

import { EventEmitter } from 'node:events';
import { Errno } from '../kernel/errno.js';
import { SystemError } from '../kernel/system-error.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import type { BypassEngine } from './bypass-engine.js';

/** What one socket takes of a turn. */
const datagramsATurn = 256;

/** Where a datagram came from, as Node's dgram has it. */
export interface DatagramSender {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  readonly size: number;
}

/** Events of a {@link BypassSocket}. */
export interface BypassSocketEvents {
  message: [bytes: Buffer, sender: DatagramSender];
  close: [];
}

/** A socket of UDP on a network; made by {@link BypassNetwork.createSocket}. */
export class BypassSocket extends EventEmitter<BypassSocketEvents> {
  readonly #engine: BypassEngine;
  #number = -1;

  constructor(engine: BypassEngine) {
    super();
    this.#engine = engine;
  }

  /** Receives at a port of one of the network's addresses, or of all. @param port 0: one that is free. @throws SystemError EADDRINUSE, EADDRNOTAVAIL, EMFILE, EINVAL */
  bind(port = 0, host = '::'): this {
    if (this.#number >= 0) throw new SystemError(Errno.EINVAL, 'bind', 'of a socket that is bound');
    const number = this.#engine.openDatagrams(host, port, () => this.#take());
    if (number < 0) throw new SystemError(-number, 'bind', `to ${host}, port ${port}`);
    this.#number = number;
    return this;
  }

  /** The port that it receives at; 0: it is not bound. */
  get port(): number {
    return this.#number < 0 ? 0 : this.#engine.stack.core.udpPort(this.#number);
  }

  /**
   * Sends a datagram, from a free port if the socket is not bound. False: no frame was free, or the network has no room now; it is lost, as others are on the way.
   * @throws SystemError EMSGSIZE for more than a packet carries, ENETUNREACH and EHOSTUNREACH where there is no way, EINVAL
   */
  send(bytes: Uint8Array, port: number, host: string): boolean {
    if (this.#number < 0) this.bind();
    const { stack } = this.#engine;
    const at = stack.core.udpFrame();
    if (at === 0) return false;
    const room = stack.frameBytes - (at % stack.frameBytes);
    const result = bytes.length > room ? -Errno.EMSGSIZE : this.#sendAt(at, bytes, port, host);
    if (result === 0) return true;
    if (keepsFrame.includes(-result)) stack.giveBack(at);
    if (passing.includes(-result)) return false;
    throw new SystemError(-result, 'send', `${bytes.length} bytes to ${host}, port ${port}`);
  }

  #sendAt(at: number, bytes: Uint8Array, port: number, host: string): number {
    copyBytes(CopyReason.packetFill, this.#engine.stack.module.bytes, at, bytes, 0, bytes.length);
    return this.#engine.sendDatagram(this.#number, at, bytes.length, host, port);
  }

  /** Hands out what came. */
  #take(): void {
    const { stack } = this.#engine;
    let isDone = false;
    try {
      for (let taken = 0; taken < datagramsATurn && this.#number >= 0; taken++) {
        const length = stack.core.udpReceive(this.#number);
        isDone = length === -Errno.EAGAIN;
        if (isDone) return;
        // What a host said of one that was sent before is nobody's in particular, as with sockets of the kernel.
        if (length >= 0) this.#handOut(length);
      }
    } finally {
      if (!isDone && this.#number >= 0) this.#engine.takeDatagramsSoon(this.#number);
    }
  }

  #handOut(length: number): void {
    const { stack } = this.#engine;
    const bytes = Buffer.allocUnsafe(length);
    const at = stack.pieceAddress;
    copyBytes(CopyReason.application, bytes, 0, stack.module.bytes, at, length);
    const { host, port } = stack.sender;
    stack.giveBack(at);
    const family = host.includes(':') ? 'IPv6' : 'IPv4';
    this.emit('message', bytes, { address: host, family, port, size: length });
  }

  /** Ends it: what waits is dropped. A second call does nothing. */
  close(): void {
    if (this.#number < 0) return;
    this.#engine.closeDatagrams(this.#number);
    this.#number = -1;
    setImmediate(() => this.emit('close'));
  }
}

/** After these the frame is the application's as before (src/core/README.md, udpSend); after others it is the stack's. */
const keepsFrame: readonly number[] = [Errno.EBADF, Errno.EFAULT, Errno.EINVAL, Errno.EMSGSIZE, Errno.ENETUNREACH];
/** What goes away by itself. */
const passing: readonly number[] = [Errno.EAGAIN, Errno.ENOBUFS];
