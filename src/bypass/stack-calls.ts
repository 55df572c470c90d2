// The calls of an engine over our own TCP/IP that are made on the spot, each for a socket of the stack or, beneath it, for a descriptor of the kernel. Not here: what is
// begun and ends later (bypass-engine.ts).

import type { Engine } from '../engine/engine.js';
import { Errno } from '../kernel/errno.js';
import type { SocketAddress } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { FrameWriter } from './frame-writer.js';
import type { Stack } from './stack.js';
import { SocketOption, type StackExports } from './stack-exports.js';
import { StackSocket } from './stack-socket.js';

/** The number of the stack's first socket: no descriptor is as high. */
const firstSocket = 2 ** 30;

/** What BypassEngine begins with; see {@link Engine} for each call. */
export abstract class StackCalls {
  readonly stack: Stack;
  protected readonly core: StackExports;
  protected readonly inner: Engine;
  protected readonly writer: FrameWriter;
  /** What is kept of the stack's sockets, by their numbers there. */
  protected readonly sockets: StackSocket[] = [];

  constructor(stack: Stack, inner: Engine) {
    this.stack = stack;
    this.core = stack.core;
    this.inner = inner;
    this.writer = new FrameWriter(stack);
  }

  /** Somebody else's loop is to give it a turn. */
  protected abstract soon(): void;

  /** A socket of the stack is the application's from now on. Returns its number for the engine, or -errno. */
  protected opened(number: number, isListener: boolean): number {
    if (number < 0) return number;
    this.socket(number).open(isListener);
    // What is to wait for more is held back here.
    if (!isListener) this.core.setOption(number, SocketOption.noDelay, 1);
    return firstSocket + number;
  }

  /** What is kept of a socket of the stack. */
  protected socket(number: number): StackSocket {
    let socket = this.sockets[number];
    if (socket === undefined) {
      socket = new StackSocket(number);
      this.sockets[number] = socket;
    }
    return socket;
  }

  /** The stack's socket of a number; undefined: it is a descriptor. @throws SystemError EBADF for one that is closed */
  protected of(fd: number): StackSocket | undefined {
    if (fd < firstSocket) return undefined;
    const socket = this.sockets[fd - firstSocket];
    if (socket?.isOpen !== true) throw new SystemError(Errno.EBADF, 'a call', `on socket ${fd} of our TCP/IP`);
    return socket;
  }

  /** As {@link of}, of what has to be a socket of the stack. */
  protected stream(fd: number): StackSocket {
    const socket = this.of(fd);
    if (socket === undefined) throw new SystemError(Errno.ENOTSOCK, 'a call', `on descriptor ${fd} of the kernel`);
    return socket;
  }

  /** As {@link Engine.directCalls}. */
  directCalls(fd: number, on: boolean): void {
    if (this.of(fd) === undefined) this.inner.directCalls(fd, on);
  }

  /** As {@link Engine.sendNow}. */
  sendNow(fd: number, address: number, length: number, flags: number): number {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.sendNow(fd, address, length, flags);
    this.soon();
    return this.writer.write(socket, address, length, flags);
  }

  /** As {@link Engine.sendNow}, of bytes of JavaScript's from a place on, through a socket of the stack. */
  sendBytes(fd: number, bytes: Uint8Array, from: number): number {
    this.soon();
    return this.writer.writeBytes(this.stream(fd), bytes, from);
  }

  /** As {@link Engine.closeSocket}, of a socket of the stack, and the peer is told by a reset. */
  resetSocket(fd: number): void {
    const socket = this.stream(fd);
    this.writer.drop(socket);
    socket.isOpen = false;
    this.core.abort(socket.number);
    this.soon();
  }

  /** As {@link Engine.sendFile}. */
  sendFile(fd: number, file: number, offset: number, length: number): number {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.sendFile(fd, file, offset, length);
    this.soon();
    return this.writer.writeFile(socket, file, offset, length);
  }

  /** As {@link Engine.sendMessageNow}. */
  sendMessageNow(fd: number, header: number, flags: number): number {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.sendMessageNow(fd, header, flags);
    this.soon();
    return this.writer.writeMessage(socket, header, flags);
  }

  /** As {@link Engine.fillPipe}. */
  fillPipe(file: number, offset: number, length: number): number {
    return this.inner.fillPipe(file, offset, length);
  }

  /** As {@link Engine.sendPipe}. */
  sendPipe(fd: number, more: boolean): number {
    // References to pages are the kernel's: no packet of the stack can hold one.
    return this.of(fd) === undefined ? this.inner.sendPipe(fd, more) : -Errno.EINVAL;
  }

  /** As {@link Engine.cork}. */
  cork(fd: number, on: boolean): void {
    const socket = this.of(fd);
    if (socket === undefined) {
      this.inner.cork(fd, on);
      return;
    }
    socket.corked = on;
    if (!on) this.writer.push(socket, false);
    this.soon();
  }

  /** As {@link Engine.unacknowledged}. */
  unacknowledged(fd: number): number {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.unacknowledged(fd);
    return (this.core.unacknowledged(socket.number) >>> 0) + socket.filled;
  }

  /** As {@link Engine.finish}. */
  finish(fd: number): void {
    const socket = this.of(fd);
    if (socket === undefined) {
      this.inner.finish(fd);
      return;
    }
    // What is held back leaves in one packet with the end.
    this.writer.push(socket, true);
    this.core.shutdown(socket.number);
    this.soon();
  }

  /** As {@link Engine.discard}. */
  discard(fd: number, length: number): number {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.discard(fd, length);
    let bytes = 0;
    while (bytes < length) {
      const result = this.core.receive(socket.number);
      if (result <= 0) return bytes > 0 ? bytes : result;
      bytes += result;
      this.stack.giveBack(this.stack.pieceAddress);
    }
    return bytes;
  }

  /** As {@link Engine.peerAddress}. */
  peerAddress(fd: number): SocketAddress {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.peerAddress(fd);
    const peer = this.stack.peer(socket.number);
    if (peer === undefined) throw new SystemError(Errno.ENOTCONN, 'the peer', `of socket ${fd} of our TCP/IP`);
    return peer;
  }

  /** Our own end of a socket of the stack; undefined: it is no more. */
  ownAddress(fd: number): SocketAddress | undefined {
    return this.stack.own(this.stream(fd).number);
  }

  /** Sets an option of a socket of the stack. */
  setOption(fd: number, option: keyof typeof SocketOption, on: boolean): void {
    this.core.setOption(this.stream(fd).number, SocketOption[option], on ? 1 : 0);
    this.soon();
  }

  /** As {@link Engine.isConnected}. */
  isConnected(fd: number): boolean {
    const socket = this.of(fd);
    if (socket === undefined) return this.inner.isConnected(fd);
    return this.core.sendRoom(socket.number) >= 0;
  }

  /** As {@link Engine.pace}. */
  pace(fd: number, bytesPerSecond: number): void {
    // The stack sends as fast as the path takes it.
    if (this.of(fd) === undefined) this.inner.pace(fd, bytesPerSecond);
  }

  /** As {@link Engine.closeSocket}. */
  closeSocket(fd: number): void {
    const socket = this.of(fd);
    if (socket === undefined) {
      this.inner.closeSocket(fd);
      return;
    }
    this.writer.push(socket, true);
    socket.isOpen = socket.reading = socket.sending = socket.awaiting = false;
    this.core.close(socket.number);
    this.soon();
  }
}
