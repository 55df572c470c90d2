// BypassEngine: an engine whose stream sockets are those of our own TCP/IP, and whose files, eventfds and everything else belong to an engine of the kernel
// beneath it. Sockets of the stack have numbers above every descriptor's. What is received is borrowed where it lies: a frame is the address of its
// piece in the stack's memory. Not here: how bytes to send come into packets (frame-writer.ts), which device the packets pass (xdp-link.ts).

import { performance } from 'node:perf_hooks';
import { Owner } from '../core/control.js';
import type { Engine, EngineEvents } from '../engine/engine.js';
import type { FileOperations } from '../engine/file-operations.js';
import { DueEvents, Event, NumberList } from '../epoll/due-events.js';
import { Errno } from '../kernel/errno.js';
import type { Stack } from './stack.js';
import { StackCalls } from './stack-calls.js';
import { StackDatagrams } from './stack-datagrams.js';
import { Turned } from './stack-exports.js';
import type { StackSocket } from './stack-socket.js';

/** The token under which the engine watches its link; no caller's, which are 0 or more, and not -1, which epoll uses itself. */
const linkToken = -2;
/** What one socket may take of a turn. */
const piecesATurn = 16;
const acceptsATurn = 64;
/** A deadline of the stack's when it has none. */
const never = 0xffff_ffff;
/** How long the end waits for peers to acknowledge what was handed over. */
const goodbyeMs = 1000;

/** What the stack's packets pass through: a socket of AF_XDP, or a test's wire. */
export interface StackLink {
  /** Polls readable when packets came; -1: nobody waits for it. */
  readonly descriptor: number;
  /** The stack worked the rings. @param kick packets wait in the tx ring for the kernel to be told */
  worked(kick: boolean): void;
  /** Ends it, before the stack's memory may go. */
  close(): void;
}

/** How an engine is driven. */
export interface BypassEngineOptions {
  /** Microseconds that a turn looks for packets before it waits in the kernel. Default 0. */
  readonly pollUs?: number;
  /** Microseconds of a monotonic clock; a test gives its own. */
  readonly clockUs?: () => number;
}

/** See {@link Engine}, and the file's head. It closes the inner engine and the link. */
export class BypassEngine extends StackCalls implements Engine {
  readonly name = 'bypass';
  readonly nonBlockingSockets = false;
  readonly receiveBytes: Uint8Array;
  /** A frame's number is the address of what it holds. */
  readonly receiveFrameBytes = 1;
  framesLent = 0;
  /** Sockets of UDP. */
  readonly datagrams: StackDatagrams;
  readonly #link: StackLink;
  readonly #pollUs: number;
  readonly #clockUs: () => number;
  readonly #due = new DueEvents();
  /** Sockets to be looked at in the next turn, and those of this turn. */
  #toRead = new NumberList();
  #reading = new NumberList();
  #toWrite = new NumberList();
  #writing = new NumberList();
  #events: EngineEvents | undefined;
  #inTurn = false;
  #hasWaited = false;
  #closed = false;
  readonly #innerEvents: EngineEvents;
  readonly files?: FileOperations;

  /** @param stack with its rings attached. @param inner for everything that is no socket of the stack */
  constructor(stack: Stack, inner: Engine, link: StackLink, options: BypassEngineOptions = {}) {
    super(stack, inner);
    this.receiveBytes = stack.module.bytes;
    if (inner.files !== undefined) this.files = inner.files;
    this.#link = link;
    this.datagrams = new StackDatagrams(stack, () => this.soon());
    this.#pollUs = options.pollUs ?? 0;
    this.#clockUs = options.clockUs ?? (() => performance.now() * 1000);
    this.#innerEvents = this.#forwarded();
    if (link.descriptor >= 0) inner.watch(linkToken, link.descriptor);
  }

  /** What the inner engine tells, handed on; what is of the link stays here. */
  #forwarded(): EngineEvents {
    const none = (): never => {
      throw new Error('a stream of the kernel is not received from beside the stack');
    };
    return {
      waited: () => {
        if (!this.#hasWaited) this.#events?.waited();
        this.#hasWaited = true;
      },
      accepted: none,
      received: none,
      sent: (token, result) => this.#events?.sent(token, result),
      writable: (token, result) => this.#events?.writable(token, result),
      fetched: (token, result) => this.#events?.fetched(token, result),
      moved: (token, result) => this.#events?.moved(token, result),
      readable: (token, result, more) => {
        if (token !== linkToken) this.#events?.readable(token, result, more);
        else if (!more && !this.#closed) this.inner.watch(linkToken, this.#link.descriptor);
      },
    };
  }

  get descriptor(): number {
    return this.inner.descriptor;
  }

  get onBegun(): ((delayMs: number) => void) | undefined {
    return this.inner.onBegun;
  }

  set onBegun(begun: ((delayMs: number) => void) | undefined) {
    this.inner.onBegun = begun;
  }

  /** A socket of the stack that listens: its number for the engine, or -errno. */
  listen(host: string, port: number, backlog: number): number {
    return this.opened(this.stack.listen(host, port, backlog), true);
  }

  /** Begins a connection: its number, or -errno. It is writable when it was made, and a send fails when it was refused. */
  connect(from: string, host: string, port: number): number {
    this.soon();
    const fd = this.opened(this.stack.connect(from, host, port), false);
    if (fd >= 0) this.stream(fd).isConnecting = true;
    return fd;
  }

  /** Somebody else's loop gives it a turn. */
  protected override soon(): void {
    if (!this.#inTurn) this.onBegun?.(0);
  }

  #finish(event: number, token: number, result: number): void {
    this.#due.add(event, token, result);
    this.soon();
  }

  #readSoon(socket: StackSocket): void {
    if (socket.isReadDue) return;
    socket.isReadDue = true;
    this.#toRead.numbers[this.#toRead.count++] = socket.number;
    this.soon();
  }

  #writeSoon(socket: StackSocket): void {
    if (socket.isWriteDue) return;
    socket.isWriteDue = true;
    this.#toWrite.numbers[this.#toWrite.count++] = socket.number;
    this.soon();
  }

  sendsAtOnce(): boolean {
    return true;
  }

  accept(token: number, fd: number): void {
    const socket = this.of(fd);
    if (socket !== undefined) this.#beginRead(token, socket, false);
    else this.#finish(Event.accepted, token, -Errno.ENOTSOCK);
  }

  acceptNow(fd: number): number {
    const socket = this.stream(fd);
    return socket.isListener ? this.opened(this.core.accept(socket.number), false) : -Errno.EINVAL;
  }

  stopListening(fd: number): void {
    const socket = this.stream(fd);
    // Its number is the stack's again: there is nothing left for its owner to close.
    if (socket.isListener) this.closeSocket(fd);
  }

  receive(token: number, fd: number, once = false): void {
    const socket = this.of(fd);
    // Streams of the kernel are another engine's, whose frames are others.
    if (socket !== undefined) this.#beginRead(token, socket, once);
    else this.#finish(Event.received, token, -Errno.ENOTSOCK);
  }

  /** There may be something already, of which the stack has told. */
  #beginRead(token: number, socket: StackSocket, once: boolean): void {
    socket.readToken = token;
    socket.reading = true;
    socket.once = once;
    // What waits is received; what comes behind it stands in rows.
    if (!once && !socket.isListener) this.core.deliver(socket.number, 1);
    this.#readSoon(socket);
  }

  stopReceive(token: number, fd: number): void {
    const socket = this.stream(fd);
    if (socket.reading && socket.readToken === token) this.#endRead(socket, -Errno.ECANCELED);
  }

  #endRead(socket: StackSocket, result: number): void {
    socket.reading = false;
    this.core.deliver(socket.number, 0);
    this.#finish(socket.isListener ? Event.accepted : Event.received, socket.readToken, result);
  }

  watch(token: number, fd: number): void {
    this.inner.watch(token, fd);
  }

  send(token: number, fd: number, address: number, length: number, flags: number): void {
    const socket = this.of(fd);
    if (socket === undefined) this.inner.send(token, fd, address, length, flags);
    else this.#beginSend(token, socket, false, address, length, flags);
  }

  sendMessage(token: number, fd: number, header: number, flags: number): void {
    const socket = this.of(fd);
    if (socket === undefined) this.inner.sendMessage(token, fd, header, flags);
    else this.#beginSend(token, socket, true, header, 0, flags);
  }

  #beginSend(
    token: number,
    socket: StackSocket,
    isMessage: boolean,
    address: number,
    length: number,
    flags: number,
  ): void {
    socket.writeToken = token;
    socket.isMessage = isMessage;
    socket.address = address;
    socket.length = length;
    socket.taken = 0;
    socket.flags = flags;
    socket.sending = true;
    this.#trySend(socket);
  }

  /** Sends until all is taken or there is no room; the stack says when to go on. A message's rest is the caller's. */
  #trySend(socket: StackSocket): void {
    const { address, length, flags } = socket;
    let result: number;
    if (socket.isMessage) {
      result = this.writer.writeMessage(socket, address, flags);
    } else {
      result = this.writer.write(socket, address + socket.taken, length - socket.taken, flags);
      if (result > 0) socket.taken += result;
      if (result > 0 && socket.taken < length) result = -Errno.EAGAIN;
    }
    this.soon();
    if (result === -Errno.EAGAIN) return;
    socket.sending = false;
    this.#finish(Event.sent, socket.writeToken, socket.taken > 0 ? socket.taken : result);
  }

  awaitWritable(token: number, fd: number): void {
    const socket = this.of(fd);
    if (socket === undefined) {
      this.inner.awaitWritable(token, fd);
      return;
    }
    socket.writeToken = token;
    socket.awaiting = true;
    this.#writeSoon(socket);
  }

  /** Tells of room, where there is some, or of the end: then a send says why. */
  #tryWritable(socket: StackSocket): void {
    const room = this.writer.hasRoom(socket);
    if (room === 0) return;
    socket.awaiting = false;
    // Of a connection that never was, receiving says why.
    const why = room < 0 && socket.isConnecting ? this.core.receive(socket.number) : room;
    socket.isConnecting = false;
    this.#finish(Event.writable, socket.writeToken, Math.min(why, 0));
  }

  fetch(token: number, file: number, offset: number, length: number): void {
    this.inner.fetch(token, file, offset, length);
  }

  cancel(token: number, fd: number, closing = false): void {
    const socket = this.of(fd);
    if (socket === undefined) {
      this.inner.cancel(token, fd, closing);
      return;
    }
    if (socket.sending) {
      socket.sending = false;
      this.#finish(Event.sent, socket.writeToken, socket.taken > 0 ? socket.taken : -Errno.ECANCELED);
    }
    if (socket.awaiting) {
      socket.awaiting = false;
      this.#finish(Event.writable, socket.writeToken, -Errno.ECANCELED);
    }
    if (socket.reading) this.#endRead(socket, -Errno.ECANCELED);
  }

  recycle(frame: number): void {
    this.framesLent--;
    this.stack.giveBack(frame);
    // The peer may be told of room.
    this.soon();
  }

  flush(): void {
    this.inner.flush();
    this.#takeTurn();
  }

  /** Lets the stack take and send packets. Returns what it has to say. */
  #takeTurn(): number {
    this.stack.rows.keep();
    this.stack.flushReturned();
    const turned = this.core.turn(this.#clockUs() >>> 0);
    this.#link.worked((turned & Turned.kick) !== 0);
    return turned;
  }

  /** Looks for packets for as long as that is wished, without a call of the kernel. */
  #poll(): number {
    const end = this.#clockUs() + this.#pollUs;
    let turned = 0;
    while (turned === 0 && this.#clockUs() < end) turned = this.#takeTurn() & (Turned.more | Turned.events);
    return turned;
  }

  /** How long the kernel may be waited in. */
  #waitFor(waitMs: number): number {
    const deadlineUs = this.core.nextDeadlineUs() >>> 0;
    if (deadlineUs === never) return waitMs;
    const deadlineMs = Math.ceil(deadlineUs / 1000);
    return waitMs < 0 ? deadlineMs : Math.min(waitMs, deadlineMs);
  }

  get #isDue(): boolean {
    return this.#due.count > 0 || this.#toRead.count > 0 || this.#toWrite.count > 0 || this.datagrams.isDue;
  }

  turn(waitMs: number, events: EngineEvents): number {
    this.#inTurn = true;
    this.#hasWaited = false;
    this.#events = events;
    try {
      let turned = this.#takeTurn() & (Turned.more | Turned.events);
      const isIdle = turned === 0 && !this.#isDue && waitMs !== 0;
      if (isIdle && this.#pollUs > 0) turned = this.#poll();
      const waits = isIdle && turned === 0;
      // What is watched (a file that changed) is heard of before bytes that were sent after it: packets are taken first, handed out last.
      let count = this.inner.turn(waits ? this.#waitFor(waitMs) : 0, this.#innerEvents);
      if (waits && (this.#takeTurn() & Turned.events) !== 0) count += this.inner.turn(0, this.#innerEvents);
      return count + this.#handOut(events);
    } finally {
      this.#inTurn = false;
      this.#askForTurn();
    }
  }

  /** Where somebody else's loop gives the turns. */
  #askForTurn(): void {
    const { onBegun } = this;
    if (onBegun === undefined || this.#closed) return;
    if (this.#isDue || (this.#takeTurn() & (Turned.more | Turned.events)) !== 0) onBegun(0);
    else {
      const deadlineUs = this.core.nextDeadlineUs() >>> 0;
      if (deadlineUs !== never) onBegun(Math.max(1, Math.ceil(deadlineUs / 1000)));
    }
  }

  #handOut(events: EngineEvents): number {
    this.#takeEvents();
    let count = this.#due.handOut(events);
    const writing = this.#toWrite;
    this.#toWrite = this.#writing;
    this.#writing = writing;
    for (let index = 0; index < writing.count; index++) {
      const socket = this.sockets[writing.numbers[index]!]!;
      socket.isWriteDue = false;
      if (socket.sending) this.#trySend(socket);
      else if (socket.awaiting) this.#tryWritable(socket);
    }
    writing.count = 0;
    count += this.#handOutRows(events);
    const reading = this.#toRead;
    this.#toRead = this.#reading;
    this.#reading = reading;
    let index = 0;
    try {
      while (index < reading.count) {
        const socket = this.sockets[reading.numbers[index++]!]!;
        socket.isReadDue = false;
        if (socket.reading)
          count += socket.isListener ? this.#acceptSome(socket, events) : this.#readSome(socket, events);
      }
    } finally {
      // Where a handler threw, what is behind it waits for the next turn.
      for (; index < reading.count; index++) {
        const socket = this.sockets[reading.numbers[index]!]!;
        socket.isReadDue = false;
        this.#readSoon(socket);
      }
      reading.count = 0;
    }
    this.datagrams.handOut();
    return count;
  }

  /** Takes note of what happened to sockets. */
  #takeEvents(): void {
    for (let many = this.stack.takeNews(); many > 0; many = this.stack.takeNews()) {
      for (let index = 0; index < many; index++) {
        const number = this.stack.news[index]!;
        if (this.datagrams.note(number)) continue;
        const socket = this.socket(number);
        if (!socket.isOpen) continue;
        if (socket.reading) this.#readSoon(socket);
        if (socket.sending || socket.awaiting) this.#writeSoon(socket);
      }
    }
  }

  /** Hands out what came for sockets that are read without end. Where a handler throws, its row is kept by the next turn, and what is behind it waits. */
  #handOutRows(events: EngineEvents): number {
    const { rows } = this.stack;
    let count = 0;
    for (; rows.next(); count++) {
      this.framesLent++;
      events.received(this.sockets[rows.socket]!.readToken, rows.length, rows.address, true);
      rows.keep();
    }
    return count;
  }

  #acceptSome(listener: StackSocket, events: EngineEvents): number {
    let count = 0;
    let isDone = false;
    try {
      while (!isDone && count < acceptsATurn) {
        const result = listener.reading ? this.opened(this.core.accept(listener.number), false) : -Errno.EAGAIN;
        isDone = result < 0;
        if (result >= 0) {
          count++;
          events.accepted(listener.readToken, result, true);
        } else if (result !== -Errno.EAGAIN) this.#endRead(listener, result);
      }
    } finally {
      // There may be more, also where a handler threw.
      if (!isDone) this.#readSoon(listener);
    }
    return count;
  }

  #readSome(socket: StackSocket, events: EngineEvents): number {
    let count = 0;
    let isDone = false;
    try {
      while (!isDone && count < piecesATurn) {
        const result = socket.reading ? this.core.receive(socket.number) : -Errno.EAGAIN;
        isDone = result <= 0;
        if (result > 0) {
          count++;
          this.framesLent++;
          if (socket.once) socket.reading = false;
          // Asked before a handler may receive from another socket.
          const piece = this.stack.pieceAddress;
          isDone = !this.stack.hasMore;
          events.received(socket.readToken, result, piece, socket.reading);
        } else if (result !== -Errno.EAGAIN) this.#endRead(socket, result);
      }
    } finally {
      if (!isDone && socket.reading) this.#readSoon(socket);
    }
    return count;
  }

  close(): void {
    if (this.#closed) return;
    this.#sayGoodbye();
    this.#closed = true;
    this.inner.close();
    this.#link.close();
    this.writer.unmap();
  }

  /** Whether packets are with the stack that a peer has not acknowledged, or the kernel not sent; or ends of connections, which are in no frame meanwhile. */
  get #isUnsent(): boolean {
    if (this.core.endsUnheard() > 0) return true;
    return [Owner.stack, Owner.transmit, Owner.waiting].some((owner) => this.core.framesOwnedBy(owner) > 0);
  }

  /** Sees to it that what was handed over arrives, as a kernel would: for a bounded time. */
  #sayGoodbye(): void {
    const end = performance.now() + goodbyeMs;
    this.#events = undefined;
    while (this.#isUnsent && performance.now() < end) {
      this.#takeTurn();
      this.inner.turn(this.#waitFor(10), this.#innerEvents);
    }
  }
}
