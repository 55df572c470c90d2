// StackStream: a connection of our own TCP/IP as a Duplex of Node's. What comes is copied out of its frame, what goes into frames, each once and counted: streams own their
// chunks. Not here: servers and connecting (node-net.ts).

import { Duplex } from 'node:stream';
import { Errno } from '../kernel/errno.js';
import { SystemError } from '../kernel/system-error.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Endpoint, mayReceiveAgain } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import type { BypassEngine } from './bypass-engine.js';

type Done = (error?: Error | null) => void;

/** See the file's head. Its addresses and ports are named as those of net.Socket. */
export class StackStream extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  #connecting: boolean;
  readonly #loop: Loop;
  readonly #engine: BypassEngine;
  readonly #endpoint: StreamEndpoint;
  #fd: number;
  #receiving = false;
  /** More was asked for, perhaps while the receive before is still ending. */
  #wanted = false;
  #awaiting = false;
  #chunk: Uint8Array | undefined;
  #from = 0;
  #written: Done | undefined;
  #closed: Done | undefined;
  #isReset = false;

  /** @param isConnecting it is told of by `connect`, or destroyed. Made by node-net.ts alone */
  constructor(
    loop: Loop,
    engine: BypassEngine,
    fd: number,
    remote: { readonly host: string; readonly port: number },
    isConnecting: boolean,
  ) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remote.host;
    this.remotePort = remote.port;
    this.#connecting = isConnecting;
    this.#loop = loop;
    this.#engine = engine;
    this.#fd = fd;
    this.#endpoint = new StreamEndpoint(
      (result, frame, more) => this.#received(result, frame, more),
      (result) => this.#writable(result),
    );
    loop.register(this.#endpoint);
    if (isConnecting) this.#await();
  }

  /** Whether the peer has not answered yet. */
  get connecting(): boolean {
    return this.#connecting;
  }

  override _read(): void {
    this.#wanted = true;
    if (this.#receiving || this.#connecting || this.#fd < 0 || this.#closed !== undefined) return;
    this.#receiving = true;
    this.#engine.receive(this.#endpoint.token, this.#fd);
  }

  #received(result: number, frame: number, more: boolean): void {
    if (!more) this.#receiving = false;
    if (result > 0) {
      const chunk = Buffer.allocUnsafe(result);
      copyBytes(CopyReason.application, chunk, 0, this.#engine.receiveBytes, frame, result);
      this.#engine.recycle(frame);
      this.#wanted = false;
      if (!this.destroyed && !this.push(chunk) && !this.#wanted && this.#receiving)
        this.#engine.stopReceive(this.#endpoint.token, this.#fd);
    } else if (result === 0) this.push(null);
    else if (!mayReceiveAgain(result)) this.destroy(new SystemError(-result, 'receive', 'through our TCP/IP'));
    else if (this.#wanted && !this.#receiving) this._read();
    this.#closeWhenIdle();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#chunk = chunk;
    this.#from = 0;
    this.#written = done;
    if (!this.#connecting) this.#send();
  }

  /** Sends as far as there is room. */
  #send(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || this.#awaiting) return;
    const result = this.#engine.sendBytes(this.#fd, chunk, this.#from);
    if (result > 0) this.#from += result;
    if (result < 0 && result !== -Errno.EAGAIN)
      this.#writeEnded(new SystemError(-result, 'send', 'through our TCP/IP'));
    else if (this.#from === chunk.length) this.#writeEnded();
    else this.#await();
  }

  #writeEnded(error?: Error): void {
    const done = this.#written;
    this.#chunk = this.#written = undefined;
    done?.(error);
  }

  #await(): void {
    this.#awaiting = true;
    this.#engine.awaitWritable(this.#endpoint.token, this.#fd);
  }

  #writable(result: number): void {
    this.#awaiting = false;
    if (this.#closed !== undefined) this.#closeWhenIdle();
    else if (this.#connecting) this.#connected(result);
    else this.#send();
  }

  #connected(result: number): void {
    this.#connecting = false;
    if (result < 0) {
      this.destroy(new SystemError(-result, 'connect', `to ${this.remoteAddress}, port ${this.remotePort}`));
      return;
    }
    this.emit('connect');
    this._read();
    this.#send();
  }

  override _final(done: Done): void {
    if (this.#fd >= 0) this.#engine.finish(this.#fd);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#closed = () => done(error);
    this.#chunk = undefined;
    if (this.#fd >= 0) {
      this.#isReset = error !== null;
      this.#engine.cancel(this.#endpoint.token, this.#fd, true);
    }
    this.#closeWhenIdle();
  }

  /** The number is given back when no operation uses it any more. */
  #closeWhenIdle(): void {
    const closed = this.#closed;
    if (closed === undefined || this.#fd < 0 || this.#receiving || this.#awaiting) return;
    if (this.#isReset) this.#engine.resetSocket(this.#fd);
    else this.#engine.closeSocket(this.#fd);
    this.#fd = -1;
    this.#loop.unregister(this.#endpoint);
    closed();
  }
}

/** Hands the events of a stream's token on. */
class StreamEndpoint extends Endpoint {
  override readonly received: (result: number, frame: number, more: boolean) => void;
  override readonly writable: (result: number) => void;

  constructor(received: (result: number, frame: number, more: boolean) => void, writable: (result: number) => void) {
    super();
    this.received = received;
    this.writable = writable;
  }
}
