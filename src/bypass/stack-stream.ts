// StackStream: a connection of our own TCP/IP as a Duplex of Node's, with what a user of net.Socket expects of one. What comes is copied out of its frame, what goes into
// frames, each once and counted: streams own their chunks. Who listens to `lent` gets what comes where it lies instead. Not here: servers and connecting (node-net.ts).

import { addAbortSignal, Duplex } from 'node:stream';
import { Errno } from '../kernel/errno.js';
import type { SocketAddress } from '../kernel/socket.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Endpoint, mayReceiveAgain } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import type { BypassEngine } from './bypass-engine.js';
import { LentBytes } from './lent.js';
import { misuse, NetworkError } from './node-errors.js';

type Done = (error?: Error | null) => void;

/** How a connection behaves, as `net` has it. */
export interface StackStreamOptions {
  /** Our direction stays open when the peer has ended its own. Default false. */
  readonly allowHalfOpen?: boolean;
  /** Nothing is read before somebody asks for it. Default false. */
  readonly pauseOnConnect?: boolean;
  /** See {@link StackStream.setKeepAlive}. Default false. */
  readonly keepAlive?: boolean;
  /** See {@link StackStream.setTimeout}. Default none. */
  readonly timeout?: number;
  /** Destroys the stream when it is aborted. */
  readonly signal?: AbortSignal;
  readonly highWaterMark?: number;
}

/** What a stream is made of; by node-net.ts alone. */
export interface StackStreamStart extends StackStreamOptions {
  readonly loop: Loop;
  readonly engine: BypassEngine;
  /** The engine's number; -1: there is no connection, for the reason that is given. */
  readonly fd: number;
  readonly failure?: Error;
  readonly remote: SocketAddress;
  readonly isConnecting: boolean;
}

/** The longest time of a timer. */
const longestMs = 2 ** 31 - 1;

const familyOf = (host: string): 'IPv4' | 'IPv6' => (host.includes(':') ? 'IPv6' : 'IPv4');

/** See the file's head. Beside the events of a Duplex: `connect`, `ready`, `timeout`, and `lent` with a {@link LentBytes}; `close` says whether there was an error. */
export class StackStream extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: 'IPv4' | 'IPv6';
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly localFamily: 'IPv4' | 'IPv6' | undefined;
  /** Bytes that came, and those that were handed over to be sent. */
  bytesRead = 0;
  bytesWritten = 0;
  /** Milliseconds of {@link setTimeout}; 0: none. */
  timeout = 0;
  #connecting: boolean;
  readonly #loop: Loop;
  readonly #engine: BypassEngine;
  readonly #endpoint: StreamEndpoint;
  #fd: number;
  #receiving = false;
  #awaiting = false;
  #chunk: Uint8Array | undefined;
  #from = 0;
  #written: Done | undefined;
  #closed: Done | undefined;
  #isReset = false;
  /** Receiving is being stopped. */
  #stopping = false;
  /** Somebody would read, as soon as it is connected, or receiving has stopped. */
  #isWanted = false;
  #timer: NodeJS.Timeout | undefined;

  /** It is told of by `connect`, or destroyed. Made by node-net.ts alone */
  constructor({ loop, engine, fd, remote, isConnecting, failure, ...options }: StackStreamStart) {
    const { highWaterMark } = options;
    super({
      allowHalfOpen: options.allowHalfOpen === true,
      emitClose: false,
      ...(highWaterMark !== undefined && { highWaterMark }),
    });
    this.remoteAddress = remote.host;
    this.remotePort = remote.port;
    this.remoteFamily = familyOf(remote.host);
    this.#connecting = isConnecting && fd >= 0;
    this.#loop = loop;
    this.#engine = engine;
    this.#fd = fd;
    this.#endpoint = new StreamEndpoint(
      (result, frame, more) => this.#received(result, frame, more),
      (result) => this.#writable(result),
    );
    if (options.signal !== undefined) addAbortSignal(options.signal, this);
    if (options.timeout !== undefined) this.setTimeout(options.timeout);
    if (fd < 0) {
      this.destroy(failure);
      return;
    }
    loop.register(this.#endpoint);
    const own = engine.ownAddress(fd);
    this.localAddress = own?.host;
    this.localPort = own?.port;
    this.localFamily = own && familyOf(own.host);
    if (options.keepAlive === true) this.setKeepAlive(true);
    this.on('pause', () => this.#pauseLent());
    this.on('resume', () => this._read());
    if (isConnecting) this.#await();
    else if (options.pauseOnConnect !== true) this.read(0);
  }

  /** Whether the peer has not answered yet. */
  get connecting(): boolean {
    return this.#connecting;
  }

  /** As of net.Socket: not connected yet. */
  get pending(): boolean {
    return this.#connecting;
  }

  /** As of net.Socket. */
  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.#connecting) return 'opening';
    if (this.readable) return this.writable ? 'open' : 'readOnly';
    return this.writable ? 'writeOnly' : 'closed';
  }

  /** Our own end, as of net.Socket; `{}` where there is none. */
  address(): { address: string; family: string; port: number } | Record<string, never> {
    const { localAddress: address, localFamily: family, localPort: port } = this;
    if (address === undefined || family === undefined || port === undefined) return {};
    return { address, family, port };
  }

  /** True, the default: what is written leaves at once. False: small pieces wait for what is under way (Nagle's algorithm). */
  setNoDelay(on = true): this {
    if (this.#fd >= 0) this.#engine.setOption(this.#fd, 'noDelay', on);
    return this;
  }

  /** Asks a silent peer whether it is still there. When and how often is the network's: `keepIdleMs` and its kin; a delay that is given here is not used. */
  setKeepAlive(on = false, _initialDelay?: number): this {
    if (this.#fd >= 0) this.#engine.setOption(this.#fd, 'keepAlive', on);
    return this;
  }

  /** Emits `timeout` when nothing came or went for so many milliseconds; 0: never. Nothing is ended by it. @throws RangeError ERR_OUT_OF_RANGE */
  setTimeout(ms: number, callback?: () => void): this {
    if (!(ms >= 0 && ms <= longestMs))
      throw misuse(RangeError, 'ERR_OUT_OF_RANGE', `a timeout is 0 to ${longestMs} milliseconds, not ${ms}`);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.timeout = ms;
    if (ms > 0) {
      this.#timer = setTimeout(() => this.emit('timeout'), ms).unref();
      if (callback !== undefined) this.once('timeout', callback);
    } else if (callback !== undefined) this.off('timeout', callback);
    return this;
  }

  /** Ends it when everything has been written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Ends it by a reset. */
  resetAndDestroy(): this {
    this.#isReset = true;
    return this.destroy();
  }

  /** The network has ended, and the connection with it. */
  lost(error?: Error): void {
    if (this.#fd >= 0) {
      this.#engine.closeSocket(this.#fd);
      this.#forget();
    }
    this.destroy(error);
  }

  override _read(): void {
    // While receiving is being stopped nothing can begin: it does behind that.
    this.#isWanted = this.#connecting || this.#stopping;
    if (this.#receiving || this.#connecting || this.#fd < 0 || this.#closed !== undefined) return;
    this.#receiving = true;
    this.#engine.receive(this.#endpoint.token, this.#fd);
  }

  #pauseLent(): void {
    if (this.listenerCount('lent') > 0) this.#stopReading();
  }

  #stopReading(): void {
    this.#isWanted = false;
    if (!this.#receiving || this.#stopping) return;
    this.#stopping = true;
    this.#engine.stopReceive(this.#endpoint.token, this.#fd);
  }

  #received(result: number, frame: number, more: boolean): void {
    const wasStopped = this.#stopping;
    if (!more) this.#receiving = this.#stopping = false;
    this.#timer?.refresh();
    if (result > 0) {
      this.bytesRead += result;
      this.#take(result, frame);
    } else if (result === 0) {
      this.push(null);
      // The end is told also where nothing is left that somebody would read, as of net.Socket.
      if (this.listenerCount('lent') > 0) this.resume();
      else this.read(0);
    } else if (!mayReceiveAgain(result)) this.destroy(this.#error(-result, 'read'));
    else if (this.#isWanted || !wasStopped) this._read();
    this.#closeWhenIdle();
  }

  #take(length: number, frame: number): void {
    const engine = this.#engine;
    if (this.listenerCount('lent') > 0 && !this.destroyed) {
      const { buffer } = engine.receiveBytes;
      this.emit('lent', new LentBytes(Buffer.from(buffer, frame, length), () => engine.recycle(frame)));
      return;
    }
    const chunk = Buffer.allocUnsafe(length);
    copyBytes(CopyReason.application, chunk, 0, engine.receiveBytes, frame, length);
    engine.recycle(frame);
    if (!this.destroyed && !this.push(chunk)) this.#stopReading();
  }

  #error(errno: number, syscall: string): NetworkError {
    const { remoteAddress: host, remotePort: port } = this;
    return new NetworkError(errno, syscall, syscall === 'connect' ? { host, port } : undefined);
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
    if (result > 0) {
      this.#from += result;
      this.bytesWritten += result;
      this.#timer?.refresh();
    }
    if (result < 0 && result !== -Errno.EAGAIN) this.#writeEnded(this.#error(-result, 'write'));
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
      this.destroy(this.#error(-result, 'connect'));
      return;
    }
    this.#timer?.refresh();
    this.emit('connect');
    this.emit('ready');
    if (this.destroyed) return;
    if (this.#isWanted || !this.isPaused()) this._read();
    this.#send();
  }

  override _final(done: Done): void {
    // The end follows what was written, and that follows the beginning.
    if (this.#connecting) {
      this.once('connect', () => this._final(done));
      return;
    }
    if (this.#fd >= 0) this.#engine.finish(this.#fd);
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    clearTimeout(this.#timer);
    this.#connecting = false;
    this.#closed = () => {
      done(error);
      // Behind `error`, as of net.Socket.
      setImmediate(() => this.emit('close', error !== null));
    };
    this.#chunk = undefined;
    if (this.#fd >= 0) {
      this.#isReset ||= error !== null;
      this.#engine.cancel(this.#endpoint.token, this.#fd, true);
    }
    this.#closeWhenIdle();
  }

  /** The number is given back when no operation uses it any more. */
  #closeWhenIdle(): void {
    const closed = this.#closed;
    if (closed === undefined) return;
    if (this.#fd >= 0) {
      if (this.#receiving || this.#awaiting) return;
      if (this.#isReset) this.#engine.resetSocket(this.#fd);
      else this.#engine.closeSocket(this.#fd);
      this.#forget();
    }
    this.#closed = () => {};
    closed();
  }

  #forget(): void {
    this.#fd = -1;
    this.#receiving = this.#awaiting = false;
    this.#loop.unregister(this.#endpoint);
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
