// The fake engine of the fault tests: the same interface over peers and files in memory, without a kernel. What happens
// is decided by the test and its script alone, so that a run can be repeated to the byte. It also holds its caller to
// the contract: an operation begun twice, on a closed socket, or a frame given back twice, is an error at once.
// Not here: peers, files and the script's language (fake-world.ts).

import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { viewMemory } from '../kernel/ffi.js';
import type { Engine, EngineEvents } from './engine.js';
import { FakeFiles } from './fake-files.js';
import { type FakeMapping, FakeMemory } from './fake-memory.js';
import { isOutput, type Kind, type Operation } from './fake-operation.js';
import { type FakeOptions, wrong } from './fake-options.js';
import { FakeStillCalls } from './fake-still.js';
import { FakeFile, FakePeer, type FaultScript, noFaults } from './fake-world.js';
import { FakeZeroCopy } from './fake-zero-copy.js';

export { FakePeer, type FakeStep, type FaultScript, noFaults } from './fake-world.js';

/** No real descriptor has such a number: a system call made by mistake fails with EBADF. */
const firstDescriptor = 1 << 20;

type SendStep = 'send' | 'sendReference' | 'sendNow' | 'sendFile' | 'sendPipe';
interface Socket {
  readonly peer: FakePeer;
  direct: boolean;
  corked: boolean;
  finished: boolean;
}

/** See {@link Engine}, and the file's head. */
export class FakeEngine extends FakeStillCalls implements Engine {
  readonly name = 'fake';
  readonly descriptor = -1;
  readonly nonBlockingSockets = false;
  readonly sendsAtOnce: () => boolean;
  readonly zeroCopy: FakeZeroCopy = new FakeZeroCopy(this);
  readonly files: FakeFiles = new FakeFiles();
  readonly receiveBytes: Uint8Array;
  readonly receiveFrameBytes: number;
  onBegun: ((delayMs: number) => void) | undefined;
  script: FaultScript;
  /** Turns so far. */
  turns = 0;
  readonly #memory: FakeMemory;
  #pipe: Uint8Array[] = [];
  readonly #lent: boolean[];
  readonly #operations = new Set<Operation>();
  readonly #sockets = new Map<number, Socket>();
  readonly #listeners = new Map<number, FakePeer[]>();
  readonly #files = new Map<number, FakeFile>();
  readonly #signalled = new Set<number>();
  #closed = false;

  constructor(options: FakeOptions = {}) {
    super(options.pairs ?? true);
    const frames = options.frames ?? 16;
    this.receiveFrameBytes = options.frameBytes ?? 256;
    this.receiveBytes = new Uint8Array(frames * this.receiveFrameBytes);
    this.#lent = new Array<boolean>(frames).fill(false);
    this.script = options.script ?? noFaults;
    this.sendsAtOnce = () => options.sendsAtOnce ?? false;
    this.#memory = new FakeMemory(options.memory ?? ((address, length) => new Uint8Array(viewMemory(address, length))));
  }

  get framesLent(): number {
    return this.#lent.filter((lent) => lent).length;
  }

  // The test's side.

  /** A listening socket. */
  listen(): number {
    const fd = this.#freeNumber();
    this.#listeners.set(fd, []);
    return fd;
  }

  /** A peer connects; it is accepted in a later turn, or refused by a socket that no longer listens. */
  connect(listener: number): FakePeer {
    const peer = new FakePeer();
    const queue = this.#listeners.get(listener);
    if (queue === undefined) peer.sawReset = true;
    else queue.push(peer);
    return peer;
  }

  /** A connected socket that nobody has to accept. */
  socket(peer = new FakePeer()): FakePeer {
    peer.fd = this.#freeNumber();
    this.#sockets.set(peer.fd, { peer, direct: false, corked: false, finished: false });
    return peer;
  }

  /** Opens a file; close it with {@link closeFile}. */
  openFile(content: Uint8Array | number): number {
    const fd = this.#freeNumber();
    this.#files.set(fd, new FakeFile(content));
    return fd;
  }

  /** Maps a file for messages: what a file's mapping is to a sender. */
  mapFile(file: number): FakeMapping {
    return this.#memory.map(this.#file(file));
  }

  /** Cuts a file of memory. */
  truncate(file: number, length: number): void {
    this.#file(file).length = length;
  }

  /** Closes a file; nothing may be reading it. */
  closeFile(file: number): void {
    for (const operation of this.#operations) {
      if (operation.kind === 'fetch' && operation.fd === file) wrong(`file ${file} closed while it is fetched`);
    }
    this.#file(file);
    this.#files.delete(file);
  }

  /** A watched descriptor has input. */
  signal(fd: number): void {
    this.#signalled.add(fd);
  }

  /** What is still in use, in words; empty when everything was given back. Listening sockets do not count. */
  leaks(): string[] {
    const found = [...this.#operations].map(({ kind, token, fd }) => `${kind} of token ${token} on ${fd} under way`);
    for (const fd of this.#sockets.keys()) found.push(`socket ${fd} open`);
    for (const fd of this.#files.keys()) found.push(`file ${fd} open`);
    if (this.framesLent > 0) found.push(`${this.framesLent} frames lent`);
    return found;
  }

  /** Operations under way. */
  get operations(): number {
    return this.#operations.size;
  }

  // The engine's side.

  accept(token: number, fd: number): void {
    if (!this.#listeners.has(fd)) wrong(`accept on ${fd}, which does not listen`);
    this.#begin('accept', token, fd);
  }

  acceptNow(fd: number): number {
    for (const { kind, fd: used } of this.#operations) {
      if (kind === 'accept' && used === fd) wrong(`a connection of ${fd} taken while it is being accepted on`);
    }
    const queue = this.#listeners.get(fd) ?? wrong(`a connection taken of ${fd}, which does not listen`);
    if (queue.length === 0) return -Errno.EAGAIN;
    const result = this.script('accept', 1, fd);
    if (result === -Errno.ECONNABORTED) queue.shift();
    return result < 0 ? result : this.socket(queue.shift()).fd;
  }

  stopListening(fd: number): void {
    const queue = this.#listeners.get(fd) ?? wrong(`${fd} does not listen`);
    for (const peer of queue) peer.sawReset = true;
    this.#listeners.delete(fd);
  }

  receive(token: number, fd: number, once = false): void {
    if (this.#socket(fd).direct) wrong(`receive begun on ${fd} while it is for direct calls`);
    this.#begin('receive', token, fd).once = once;
  }

  stopReceive(token: number, fd: number): void {
    for (const operation of this.#operations) {
      if (operation.kind === 'receive' && operation.fd === fd && operation.token === token) this.#cancelOne(operation);
    }
  }

  send(token: number, fd: number, address: number, length: number, flags: number): void {
    this.#socket(fd);
    this.#begin('send', token, fd, [this.#memory.bytes(address, length)], (flags & MSG.MORE) !== 0);
  }

  /** For {@link zeroCopy}. */
  beginReference(token: number, fd: number, address: number, length: number, flags: number): Operation {
    this.#socket(fd);
    return this.#begin('send', token, fd, [this.#memory.bytes(address, length)], (flags & MSG.MORE) !== 0, true);
  }

  /** For {@link zeroCopy}. */
  isUnderWay(operation: Operation): boolean {
    return this.#operations.has(operation);
  }

  /** For {@link zeroCopy}. */
  noticeTurns(fd: number): number {
    return this.script('notice', 1, fd);
  }

  sendMessage(token: number, fd: number, header: number, flags: number): void {
    this.#socket(fd);
    this.#begin('send', token, fd, this.#memory.pieces(header), (flags & MSG.MORE) !== 0);
  }

  awaitWritable(token: number, fd: number): void {
    this.#socket(fd);
    const operation = this.#begin('writable', token, fd);
    const turns = this.script('writable', 1, fd);
    operation.dueTurn = turns < 0 ? turns : this.turns + turns;
  }

  fetch(token: number, file: number, _offset: number, _length: number): void {
    this.#file(file);
    const operation = this.#begin('fetch', token, file);
    const turns = this.script('fetch', 1, file);
    operation.dueTurn = turns < 0 ? turns : this.turns + turns;
  }

  watch(token: number, fd: number): void {
    this.#begin('watch', token, fd);
  }

  cancel(_token: number, fd: number): void {
    for (const operation of this.#operations) {
      if (operation.fd === fd) this.#cancelOne(operation);
    }
  }

  directCalls(fd: number, on: boolean): void {
    const socket = this.#socket(fd);
    if (socket.direct === on) wrong(`direct calls on ${fd} switched ${on ? 'on' : 'off'} twice`);
    socket.direct = on;
  }

  sendNow(fd: number, address: number, length: number, flags: number): number {
    const { peer } = this.#socket(fd);
    this.#notSending(fd);
    return this.#push(peer, 'sendNow', fd, [this.#memory.bytes(address, length)], 0, (flags & MSG.MORE) !== 0);
  }

  sendMessageNow(fd: number, header: number, flags: number): number {
    const { peer } = this.#socket(fd);
    this.#notSending(fd);
    const pieces = this.#memory.pieces(header);
    if (pieces[0]?.length === 0) return -Errno.EFAULT;
    return this.#push(peer, 'sendNow', fd, pieces, 0, (flags & MSG.MORE) !== 0);
  }

  fillPipe(file: number, offset: number, length: number): number {
    const bytes = this.#file(file).read(offset, length);
    if (bytes.length === 0) return 0;
    const result = Math.min(this.script('fillPipe', bytes.length, file), bytes.length);
    if (result > 0) this.#pipe.push(bytes.subarray(0, result));
    return result;
  }

  sendPipe(fd: number, more: boolean): number {
    const { peer, direct } = this.#socket(fd);
    if (!direct) wrong(`splice to ${fd}, which is not for direct calls`);
    this.#notSending(fd);
    const pieces = this.#pipe;
    this.#pipe = [];
    return pieces.length === 0 ? 0 : this.#push(peer, 'sendPipe', fd, pieces, 0, more);
  }

  cork(fd: number, on: boolean): void {
    const socket = this.#socket(fd);
    if (socket.corked === on) wrong(`socket ${fd} corked or uncorked twice`);
    socket.corked = on;
    if (!on) socket.peer.held = false;
  }

  sendFile(fd: number, file: number, offset: number, length: number): number {
    const { peer, direct } = this.#socket(fd);
    if (!direct) wrong(`sendfile on ${fd}, which is not for direct calls`);
    this.#notSending(fd);
    const bytes = this.#file(file).read(offset, length);
    if (bytes.length === 0) return 0;
    return this.#push(peer, 'sendFile', fd, [bytes], 0, false);
  }

  unacknowledged(fd: number): number {
    return this.#socket(fd).peer.unacknowledged;
  }

  finish(fd: number): void {
    const socket = this.#socket(fd);
    this.#notSending(fd);
    if (socket.finished) wrong(`socket ${fd} finished twice`);
    socket.finished = true;
    socket.peer.sawEnd = true;
  }

  discard(fd: number, length: number): number {
    for (const operation of this.#operations) {
      if (operation.kind === 'receive' && operation.fd === fd) wrong(`discard on ${fd}, which is being received from`);
    }
    return this.#socket(fd).peer.discard(length);
  }

  closeSocket(fd: number): void {
    const { peer } = this.#socket(fd);
    for (const { kind, fd: used } of this.#operations) if (used === fd) wrong(`socket ${fd} closed under a ${kind}`);
    this.#sockets.delete(fd);
    peer.release();
  }

  recycle(frame: number): void {
    if (this.#lent[frame] !== true) wrong(`frame ${frame} given back, which is not lent`);
    this.#lent[frame] = false;
    // What is read from a frame after it was given back is someone else's.
    this.receiveBytes.fill(0xdd, frame * this.receiveFrameBytes, (frame + 1) * this.receiveFrameBytes);
  }

  turn(_waitMs: number, events: EngineEvents): number {
    if (this.#closed) wrong('a turn of a closed engine');
    this.turns++;
    events.waited();
    let count = this.files.handOut(events);
    // What handlers begin has its first chance in the next turn.
    for (const operation of [...this.#operations]) {
      if (this.#operations.has(operation)) count += this.#advance(operation, events);
    }
    this.zeroCopy.advance();
    return count;
  }

  close(): void {
    this.#closed = true;
    this.#operations.clear();
  }

  // Operations.

  #begin(
    kind: Kind,
    token: number,
    fd: number,
    parts: readonly Uint8Array[] = [],
    more = false,
    isReference = false,
  ): Operation {
    if (token < 0) wrong(`${kind} begun without a token`);
    for (const other of this.#operations) {
      if (other.token === token && other.fd !== fd && other.kind !== 'fetch' && kind !== 'fetch') {
        wrong(`${kind} of token ${token} on ${fd}, which is in use for ${other.fd}`);
      }
      const both = other.kind === kind || (isOutput(other.kind) && isOutput(kind));
      if (other.token === token && both) wrong(`${kind} of token ${token} begun during its ${other.kind}`);
    }
    const never = Number.POSITIVE_INFINITY;
    const begun = this.turns;
    const state = { taken: 0, begun, dueTurn: 0, once: false, cancelTurn: never };
    const operation = { kind, token, fd, parts, more, isReference, ...state };
    this.#operations.add(operation);
    this.onBegun?.(0);
    return operation;
  }

  #cancelOne(operation: Operation): void {
    operation.cancelTurn = Math.min(operation.cancelTurn, this.turns + this.script('cancel', 1, operation.fd));
  }

  /** Lets an operation go on. Returns the number of events. */
  #advance(operation: Operation, events: EngineEvents): number {
    const cancelled = this.turns >= operation.cancelTurn;
    switch (operation.kind) {
      case 'accept':
        return this.#advanceAccept(operation, cancelled, events);
      case 'receive':
        return this.#advanceReceive(operation, cancelled, events);
      case 'send':
        return this.#advanceSend(operation, cancelled, events);
      case 'writable':
        return this.#advanceWritable(operation, cancelled, events);
      case 'fetch':
        if (operation.dueTurn > this.turns && !cancelled) return 0;
        this.#operations.delete(operation);
        events.fetched(operation.token, cancelled ? -Errno.ECANCELED : Math.min(operation.dueTurn, 0));
        return 1;
      case 'watch':
        return this.#advanceWatch(operation, cancelled, events);
    }
  }

  #advanceAccept(operation: Operation, cancelled: boolean, events: EngineEvents): number {
    const { token, fd } = operation;
    const queue = this.#listeners.get(fd) ?? [];
    if (cancelled || queue.length === 0) return cancelled ? this.#end(operation, -Errno.ECANCELED, events) : 0;
    const result = this.script('accept', 1, fd);
    if (result === -Errno.ECONNABORTED) queue.shift();
    if (result < 0) return this.#end(operation, result, events);
    const more = this.script('acceptMore', 1, fd) !== 0;
    if (!more) this.#operations.delete(operation);
    events.accepted(token, this.socket(queue.shift()).fd, more);
    return 1;
  }

  #advanceReceive(operation: Operation, cancelled: boolean, events: EngineEvents): number {
    const { token, fd } = operation;
    const socket = this.#socket(fd);
    if (cancelled) return this.#end(operation, -Errno.ECANCELED, events);
    // Begun, and then the socket became non-blocking before the kernel saw it.
    if (socket.direct && operation.begun === this.turns - 1) return this.#end(operation, -Errno.EAGAIN, events);
    const waiting = socket.peer.receivable();
    if (waiting === -Errno.EAGAIN) return 0;
    if (waiting <= 0) return this.#end(operation, waiting, events);
    const asked = Math.min(waiting, this.receiveFrameBytes);
    const frame = this.#lent.indexOf(false);
    const result = frame < 0 ? -Errno.ENOBUFS : Math.min(this.script('receive', asked, fd), asked);
    if (result <= 0) {
      if (result !== -Errno.ENOBUFS && result !== -Errno.EINTR) socket.peer.breakDown();
      return this.#end(operation, result, events);
    }
    this.#lent[frame] = true;
    socket.peer.deliver(this.receiveBytes, frame * this.receiveFrameBytes, result);
    const more = !operation.once && this.script('receiveMore', 1, fd) !== 0;
    if (!more) this.#operations.delete(operation);
    events.received(token, result, frame, more);
    return 1;
  }

  #advanceSend(operation: Operation, cancelled: boolean, events: EngineEvents): number {
    const { fd, parts } = operation;
    const { peer, direct } = this.#socket(fd);
    const wanted = parts.reduce((sum, part) => sum + part.length, 0);
    const step = operation.isReference ? 'sendReference' : 'send';
    const result = cancelled ? -Errno.ECANCELED : this.#push(peer, step, fd, parts, operation.taken, operation.more);
    if (result > 0) operation.taken += result;
    // A socket that is full is waited for, and a short count of the script ends the send.
    const full = operation.taken < wanted && peer.room <= 0 && !direct;
    if (!cancelled && full && (result > 0 || result === -Errno.EAGAIN)) return 0;
    return this.#end(operation, operation.taken > 0 ? operation.taken : result, events);
  }

  #advanceWritable(operation: Operation, cancelled: boolean, events: EngineEvents): number {
    if (cancelled) return this.#end(operation, -Errno.ECANCELED, events);
    if (operation.dueTurn < 0) return this.#end(operation, operation.dueTurn, events);
    if (operation.dueTurn > this.turns || !this.#socket(operation.fd).peer.writable) return 0;
    return this.#end(operation, 0, events);
  }

  #advanceWatch(operation: Operation, cancelled: boolean, events: EngineEvents): number {
    if (cancelled) return this.#end(operation, -Errno.ECANCELED, events);
    if (!this.#signalled.delete(operation.fd)) return 0;
    events.readable(operation.token, 1, true);
    return 1;
  }

  /** Ends an operation with its final event. */
  #end(operation: Operation, result: number, events: EngineEvents): number {
    const { kind, token } = operation;
    this.#operations.delete(operation);
    if (kind === 'accept') events.accepted(token, result, false);
    else if (kind === 'receive') events.received(token, result, -1, false);
    else if (kind === 'send') events.sent(token, result);
    else if (kind === 'writable') events.writable(token, result);
    else if (kind === 'watch') events.readable(token, result, false);
    return 1;
  }

  /** Gives a peer what the script lets through of the parts after `skip` bytes. Bytes taken or -errno. */
  #push(peer: FakePeer, step: SendStep, fd: number, parts: readonly Uint8Array[], skip: number, more: boolean): number {
    const length = parts.reduce((sum, part) => sum + part.length, 0) - skip;
    const takes = peer.sendable(length);
    if (takes < 0) return takes;
    const result = Math.min(this.script(step, takes, fd), takes);
    if (result === -Errno.ECONNRESET || result === -Errno.EPIPE) peer.breakDown();
    let before = skip;
    let rest = result;
    for (const part of parts) {
      const start = Math.min(before, part.length);
      const count = Math.max(0, Math.min(part.length - start, rest));
      if (count > 0) peer.take(part, start, count);
      before -= start;
      rest -= count;
    }
    // A part of what was given, or a full socket, is sent whatever follows.
    if (result > 0) peer.held = (more && result === length) || this.#socket(fd).corked;
    return result;
  }

  #notSending(fd: number): void {
    for (const { kind, fd: used } of this.#operations) {
      if (used === fd && isOutput(kind)) wrong(`socket ${fd} used directly during a ${kind}`);
    }
  }

  #socket(fd: number): Socket {
    return this.#sockets.get(fd) ?? wrong(`${fd} is no open socket`);
  }

  #file(fd: number): FakeFile {
    return this.#files.get(fd) ?? wrong(`${fd} is no open file`);
  }

  /** The lowest free number, as the kernel gives them: a number is used again as soon as it can be. */
  #freeNumber(): number {
    let fd = firstDescriptor;
    while (this.#sockets.has(fd) || this.#listeners.has(fd) || this.#files.has(fd)) fd++;
    return fd;
  }
}
