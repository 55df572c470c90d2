// BypassUdpSocket: a socket for datagrams of our own stack with the shape of Node's dgram.Socket, as far as that costs nothing: no broadcast, no multicast, no names, and
// nothing longer than one packet. What comes is copied out of its frame, or lent where it lies to who listens to `lent`; what goes is copied into a frame, or written there
// by the application (`borrow`). Not here: frames and events (stack-datagrams.ts).

import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { Errno } from '../kernel/errno.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { shown } from '../text/shown.js';
import { LentBytes } from './lent.js';
import { misuse, NetworkError, portOf } from './node-errors.js';
import type { Stack } from './stack.js';
import type { StackDatagrams } from './stack-datagrams.js';

/** How a socket is made. */
export interface BypassUdpOptions {
  readonly type: 'udp4' | 'udp6';
  /** Closes the socket when it is aborted. */
  readonly signal?: AbortSignal;
}

/** Who sent a datagram, as dgram says it. */
export interface RemoteInfo {
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  readonly port: number;
  readonly size: number;
}

/** Events of a {@link BypassUdpSocket}. */
export interface BypassUdpEvents {
  /** A datagram, copied. It is not emitted while somebody listens to `lent`. */
  message: [message: Buffer, from: RemoteInfo];
  /** A datagram where it lies: to be given back, or sent back. */
  lent: [datagram: LentDatagram];
  listening: [];
  connect: [];
  close: [];
  error: [error: Error];
}

type Sent = (error: Error | null, bytes: number) => void;
type Bytes = string | NodeJS.ArrayBufferView;

/** What a socket stands on. */
export interface UdpHome {
  readonly datagrams: StackDatagrams;
  readonly stack: Stack;
  /** The network's own addresses. */
  readonly addresses: readonly string[];
  /** Takes a port of an address from the kernel; gives it back. @throws SystemError EADDRINUSE */
  take(host: string, port: number): void;
  leave(host: string, port: number): void;
  /** Whether the network has ended. */
  isOver(): boolean;
}

const headerBytes = { udp4: 28, udp6: 48 } as const;

/** A received datagram where it lies. */
export class LentDatagram extends LentBytes {
  readonly from: RemoteInfo;
  readonly #sendBack: (length: number) => void;

  /** Made by the socket alone */
  constructor(bytes: Buffer, from: RemoteInfo, giveBack: () => void, sendBack: (length: number) => void) {
    super(bytes, giveBack);
    this.from = from;
    this.#sendBack = sendBack;
  }

  /**
   * Sends it back to whom it came from, in its own frame: no byte is copied. What is to be answered is written over its bytes before. It is given back by this.
   * @param length of the answer; default: all. @throws RangeError ERR_OUT_OF_RANGE; Error ERR_INVALID_STATE when it was given back
   */
  reply(length: number = this.bytes.length): void {
    checkLength(length, this.bytes.length);
    this.take();
    this.#sendBack(length);
  }
}

/** An empty frame to write a datagram into. */
export class BorrowedDatagram extends LentBytes {
  readonly #sendIt: (length: number, port: number, address: string) => void;

  /** Made by the socket alone */
  constructor(bytes: Buffer, giveBack: () => void, sendIt: (length: number, port: number, address: string) => void) {
    super(bytes, giveBack);
    this.#sendIt = sendIt;
  }

  /** Sends its first bytes: none is copied. It is given back by this. @throws RangeError; NetworkError EHOSTUNREACH and its kin */
  send(length: number, port: number, address: string): void {
    checkLength(length, this.bytes.length);
    portOf(port, 1);
    this.take();
    this.#sendIt(length, port, address);
  }
}

function checkLength(length: number, most: number): void {
  if (!Number.isInteger(length) || length < 0 || length > most)
    throw misuse(RangeError, 'ERR_OUT_OF_RANGE', `the datagram has room for ${most} bytes, not ${length}`);
}

const encoder = new TextEncoder();

function viewOf(piece: unknown): Uint8Array {
  if (typeof piece === 'string') return encoder.encode(piece);
  if (ArrayBuffer.isView(piece)) return new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
  throw misuse(TypeError, 'ERR_INVALID_ARG_TYPE', 'a message is a string, a Buffer, a typed array, or a list of them');
}

/** See the file's head. Made by the network's `createSocket`. */
export class BypassUdpSocket extends EventEmitter<BypassUdpEvents> {
  readonly type: 'udp4' | 'udp6';
  readonly #home: UdpHome;
  #number = -1;
  #own: { readonly host: string; readonly port: number } | undefined;
  #remote: { readonly host: string; readonly port: number } | undefined;
  #isClosed = false;

  /** @throws TypeError ERR_SOCKET_BAD_TYPE */
  constructor(home: UdpHome, { type, signal }: BypassUdpOptions) {
    super();
    if (type !== 'udp4' && type !== 'udp6')
      throw misuse(TypeError, 'ERR_SOCKET_BAD_TYPE', `a socket is of type udp4 or udp6, not ${shown(type)}`);
    this.type = type;
    this.#home = home;
    if (signal === undefined) return;
    const close = (): void => void (this.#isClosed || this.close());
    if (signal.aborted) process.nextTick(close);
    else signal.addEventListener('abort', close, { once: true });
  }

  /**
   * Takes a port (0 or none: any free one) of the network's address; `listening` says that it has it, `error` why not: EADDRINUSE, EADDRNOTAVAIL.
   * @throws RangeError ERR_SOCKET_BAD_PORT; Error ERR_SOCKET_ALREADY_BOUND, ERR_SOCKET_DGRAM_NOT_RUNNING
   */
  bind(options: { readonly port?: number; readonly address?: string }, done?: () => void): this;
  bind(port?: number, done?: () => void): this;
  bind(port: number, address?: string, done?: () => void): this;
  bind(done: () => void): this;
  /** Each of the forms above. */
  bind(...given: readonly unknown[]): this {
    this.#mustRun();
    if (this.#number >= 0) throw misuse(Error, 'ERR_SOCKET_ALREADY_BOUND', 'the socket has a port already');
    const [first] = given;
    const named = (typeof first === 'object' && first !== null ? first : { port: first }) as Record<string, unknown>;
    const port = typeof named['port'] === 'function' ? 0 : portOf(named['port'] ?? 0, 0);
    const address = named['address'] ?? given.slice(1).find((each) => typeof each === 'string');
    const done = given.find((each) => typeof each === 'function') as (() => void) | undefined;
    if (done !== undefined) this.once('listening', done);
    const error = this.#open(port, address as string | undefined);
    if (error === undefined) process.nextTick(() => this.#isClosed || this.emit('listening'));
    else process.nextTick(() => this.emit('error', error));
    return this;
  }

  /** Opens it. Returns why it cannot be. */
  #open(port: number, address: string | undefined): Error | undefined {
    const isSix = this.type === 'udp6';
    const isAny = address === undefined || address === '' || address === '0.0.0.0' || address === '::';
    const host = isAny ? this.#home.addresses.find((each) => each.includes(':') === isSix) : address;
    if (host === undefined || !this.#home.addresses.includes(host) || host.includes(':') !== isSix)
      return new NetworkError(Errno.EADDRNOTAVAIL, 'bind', { host: host ?? (isSix ? '::' : '0.0.0.0'), port });
    const { datagrams } = this.#home;
    const number = datagrams.open(host, port, () => this.#read());
    if (number < 0) return new NetworkError(-number, 'bind', { host, port });
    const own = { host, port: datagrams.port(number) };
    try {
      this.#home.take(host, own.port);
    } catch (error) {
      datagrams.close(number);
      return error as Error;
    }
    this.#number = number;
    this.#own = own;
    return undefined;
  }

  #mustRun(): void {
    if (this.#isClosed || this.#home.isOver())
      throw misuse(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'the socket is closed');
  }

  /** Our own end. @throws Error EBADF before it is bound */
  address(): { address: string; family: 'IPv4' | 'IPv6'; port: number } {
    if (this.#own === undefined) throw new NetworkError(Errno.EBADF, 'getsockname');
    return { address: this.#own.host, family: this.#family, port: this.#own.port };
  }

  get #family(): 'IPv4' | 'IPv6' {
    return this.type === 'udp6' ? 'IPv6' : 'IPv4';
  }

  /** From now on it speaks to one peer and hears nobody else. @throws Error ERR_SOCKET_DGRAM_IS_CONNECTED, RangeError ERR_SOCKET_BAD_PORT */
  connect(port: number, address?: string | (() => void), done?: () => void): void {
    this.#mustRun();
    if (this.#remote !== undefined) throw misuse(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'the socket is connected');
    const host = typeof address === 'string' ? address : this.type === 'udp6' ? '::1' : '127.0.0.1';
    const called = typeof address === 'function' ? address : done;
    const remote = { host, port: portOf(port, 1) };
    if (called !== undefined) this.once('connect', called);
    const error = this.#hostError('connect', remote) ?? (this.#number < 0 ? this.#open(0, undefined) : undefined);
    if (error === undefined) {
      this.#remote = remote;
      process.nextTick(() => this.emit('connect'));
    } else process.nextTick(() => this.emit('error', error));
  }

  /** Ends {@link connect}. @throws Error ERR_SOCKET_DGRAM_NOT_CONNECTED */
  disconnect(): void {
    if (this.#remote === undefined)
      throw misuse(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'the socket is not connected');
    this.#remote = undefined;
  }

  /** The peer of {@link connect}. @throws Error ERR_SOCKET_DGRAM_NOT_CONNECTED */
  remoteAddress(): { address: string; family: 'IPv4' | 'IPv6'; port: number } {
    if (this.#remote === undefined)
      throw misuse(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'the socket is not connected');
    return { address: this.#remote.host, family: this.#family, port: this.#remote.port };
  }

  #hostError(call: string, remote: { readonly host: string; readonly port: number }): NetworkError | undefined {
    const { host } = remote;
    if (isIP(host) === 0 || host.includes('%'))
      return new NetworkError(Errno.EINVAL, call, remote, 'a host is an address here');
    if (host.includes(':') !== (this.type === 'udp6')) return new NetworkError(Errno.EINVAL, call, remote);
    return undefined;
  }

  /**
   * Sends a datagram, copied into a frame. What goes wrong is told to `sent`, or else by `error`: EMSGSIZE for more than one packet holds, EHOSTUNREACH; and to `sent` alone ENOBUFS, where all frames are taken now.
   * @throws TypeError ERR_INVALID_ARG_TYPE, RangeError ERR_SOCKET_BAD_PORT, ERR_OUT_OF_RANGE
   */
  send(message: Bytes | readonly Bytes[], port?: number, address?: string, sent?: Sent): void;
  send(message: Bytes | readonly Bytes[], port?: number, sent?: Sent): void;
  send(message: Bytes | readonly Bytes[], sent?: Sent): void;
  send(message: Bytes, offset: number, length: number, port?: number, address?: string, sent?: Sent): void;
  /** Each of the forms above. */
  send(message: Bytes | readonly Bytes[], ...given: readonly unknown[]): void {
    this.#mustRun();
    let pieces = (Array.isArray(message) ? message : [message]).map(viewOf);
    const sent = given.find((each) => typeof each === 'function') as Sent | undefined;
    const numbers = given.filter((each) => typeof each !== 'function');
    // Offset and length stand before a port and an address; with a peer they stand alone.
    if (typeof numbers[0] === 'number' && typeof numbers[1] === 'number') {
      const [offset, length] = numbers.splice(0, 2) as [number, number];
      const [piece] = pieces as [Uint8Array];
      checkLength(offset, piece.length);
      checkLength(length, piece.length - offset);
      pieces = [piece.subarray(offset, offset + length)];
    }
    const remote = this.#remoteOf(numbers[0], numbers[1]);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const error = this.#sendPieces(pieces, bytes, remote);
    if (sent !== undefined) process.nextTick(sent, error ?? null, error === undefined ? bytes : 0);
    // That all frames are taken now is no fault of the socket's: who wants to know it asks.
    else if (error !== undefined && (error as NodeJS.ErrnoException).code !== 'ENOBUFS')
      process.nextTick(() => this.emit('error', error));
  }

  #remoteOf(port: unknown, address: unknown): { readonly host: string; readonly port: number } {
    if (this.#remote !== undefined) {
      if (port === undefined) return this.#remote;
      throw misuse(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'the socket is connected: leave port and address out');
    }
    const host = address === undefined ? (this.type === 'udp6' ? '::1' : '127.0.0.1') : `${address}`;
    return { host, port: portOf(port, 1) };
  }

  #sendPieces(
    pieces: readonly Uint8Array[],
    bytes: number,
    remote: { readonly host: string; readonly port: number },
  ): Error | undefined {
    const { datagrams, stack } = this.#home;
    const refused = this.#ready('send', remote);
    if (refused !== undefined) return refused;
    if (bytes > this.#mostBytes) return new NetworkError(Errno.EMSGSIZE, 'send', remote);
    const frame = datagrams.frame();
    if (frame === 0) return new NetworkError(Errno.ENOBUFS, 'send', remote);
    let at = frame;
    for (const piece of pieces) {
      copyBytes(CopyReason.packetFill, stack.module.bytes, at, piece, 0, piece.length);
      at += piece.length;
    }
    return this.#sendFrame(frame, bytes, remote, false);
  }

  /** Whether it can send to somebody; it takes a port where it has none. */
  #ready(call: string, remote: { readonly host: string; readonly port: number }): Error | undefined {
    return this.#hostError(call, remote) ?? (this.#number < 0 ? this.#open(0, undefined) : undefined);
  }

  get #mostBytes(): number {
    return this.#home.stack.mtu - headerBytes[this.type];
  }

  #sendFrame(
    frame: number,
    length: number,
    remote: { readonly host: string; readonly port: number },
    isReceived: boolean,
  ): NetworkError | undefined {
    const { host, port } = remote;
    const result = this.#home.datagrams.send(this.#number, frame, length, host, port, isReceived);
    // The ring is full, or too much waits for a neighbour that has not answered: it is lost, and counted, as others are on the way.
    if (result === -Errno.EAGAIN) return undefined;
    return result < 0 ? new NetworkError(-result, 'send', remote) : undefined;
  }

  /** An empty frame to write a datagram into, which is sent without a copy; undefined: none is free now. @throws Error ERR_SOCKET_DGRAM_NOT_RUNNING, EADDRNOTAVAIL */
  borrow(): BorrowedDatagram | undefined {
    this.#mustRun();
    const refused = this.#number < 0 ? this.#open(0, undefined) : undefined;
    if (refused !== undefined) throw refused;
    const { datagrams, stack } = this.#home;
    const frame = datagrams.frame();
    if (frame === 0) return undefined;
    return new BorrowedDatagram(
      Buffer.from(stack.module.bytes.buffer, frame, this.#mostBytes),
      () => datagrams.drop(frame),
      (length, port, host) => {
        const remote = { host, port };
        const unfit = this.#isClosed ? new NetworkError(Errno.EBADF, 'send', remote) : this.#hostError('send', remote);
        if (unfit !== undefined) datagrams.drop(frame);
        const error = unfit ?? this.#sendFrame(frame, length, remote, false);
        if (error !== undefined) throw error;
      },
    );
  }

  /** Takes what waits. Returns whether that was all. */
  #read(): boolean {
    const { datagrams } = this.#home;
    while (this.#number >= 0) {
      const isLent = this.listenerCount('lent') > 0;
      const length = datagrams.receive(this.#number, isLent);
      if (length === -Errno.EAGAIN) return true;
      if (length < 0) this.#failed(-length);
      else this.#take(length, isLent);
    }
    return true;
  }

  /** What became of a datagram that was sent: told to who speaks to one peer, as the kernel does. */
  #failed(errno: number): void {
    if (this.#remote !== undefined) this.emit('error', new NetworkError(errno, 'recvmsg', this.#remote));
  }

  #take(length: number, isLent: boolean): void {
    const { datagrams, stack } = this.#home;
    const at = datagrams.pieceAddress;
    const { host, port } = datagrams.sender();
    if (this.#remote !== undefined && (host !== this.#remote.host || port !== this.#remote.port)) {
      datagrams.recycle(at);
      return;
    }
    const from: RemoteInfo = { address: host, family: this.#family, port, size: length };
    if (!isLent) {
      const message = Buffer.allocUnsafe(length);
      copyBytes(CopyReason.application, message, 0, stack.module.bytes, at, length);
      datagrams.recycle(at);
      this.emit('message', message, from);
      return;
    }
    const lent = new LentDatagram(
      Buffer.from(stack.module.bytes.buffer, at, length),
      from,
      () => datagrams.recycle(at),
      (bytes) => {
        if (this.#number < 0) datagrams.recycle(at);
        else this.#sendFrame(at, bytes, { host, port }, true);
      },
    );
    this.emit('lent', lent);
  }

  /** Closes it; what was received and not read is dropped. @throws Error ERR_SOCKET_DGRAM_NOT_RUNNING when it is closed */
  close(done?: () => void): this {
    if (this.#isClosed) throw misuse(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'the socket is closed');
    if (done !== undefined) this.once('close', done);
    this.#end();
    return this;
  }

  #end(): void {
    this.#isClosed = true;
    if (this.#number >= 0) {
      this.#home.datagrams.close(this.#number);
      const { host, port } = this.#own!;
      this.#home.leave(host, port);
      this.#number = -1;
    }
    process.nextTick(() => this.emit('close'));
  }

  /** The network has ended. */
  lost(): void {
    if (!this.#isClosed) this.#end();
  }
}
