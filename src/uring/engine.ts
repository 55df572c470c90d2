// The io_uring engine: every operation is one submission entry, every event one completion; multishot accept and
// receive, frames from a provided-buffer ring, one io_uring_enter a turn. Needs Linux 6.1 (DEFER_TASKRUN).

import { Closings } from '../engine/closings.js';
import { DirectCalls } from '../engine/direct-calls.js';
import { type Engine, type EngineEvents, fetchStretchBytes } from '../engine/engine.js';
import type { FileOperations } from '../engine/file-operations.js';
import type { SendReference, ZeroCopy } from '../engine/zero-copy.js';
import {
  IORING_ACCEPT,
  IORING_ASYNC_CANCEL,
  IORING_CQE_F,
  IORING_FSYNC,
  IORING_NOTIF,
  IORING_OP,
  IORING_POLL,
  IORING_RECV,
  IORING_RECVSEND,
  IORING_SEND_ZC,
  IOSQE,
  MSG,
  POLL,
  POSIX_FADV,
  SOCK,
} from '../kernel/constants.js';
import { acceptBlocking, closeDescriptor, setNonBlocking } from '../kernel/socket.js';
import { setWord64 } from '../kernel/words.js';
import { Region } from '../memory/region.js';
import { AwaitedNotices } from './awaited-notices.js';
import { BufferRing } from './buffer-ring.js';
import { RegisteredBuffers } from './registered-buffers.js';
import { UringRing } from './ring.js';
import { TurnBell } from './turn-bell.js';

/** What a completion belongs to: the upper half of its user_data. */
const Kind = {
  ignore: 0,
  accept: 1,
  receive: 2,
  send: 3,
  writable: 4,
  fetch: 5,
  watch: 6,
  reference: 7,
  file: 8,
} as const;

const receiveGroup = 1;

/** Sizes of a {@link UringEngine}; the defaults suit a server. */
export interface UringOptions {
  /** Submission entries, a power of two. Default 1024. */
  readonly entries?: number;
  /** Receive frames, a power of two. Default 512. */
  readonly frames?: number;
  /** Bytes of a receive frame. Default 4096. */
  readonly frameBytes?: number;
}

/** See {@link Engine}. All of it belongs to the thread that made it. */
export class UringEngine extends DirectCalls implements Engine, ZeroCopy, FileOperations {
  readonly name = 'uring';
  readonly nonBlockingSockets = false;
  readonly receiveBytes: Uint8Array;
  readonly receiveFrameBytes: number;
  onBegun: ((delayMs: number) => void) | undefined;
  readonly #ring: UringRing;
  readonly #buffers: BufferRing;
  readonly #probe: Region;
  readonly #registered: RegisteredBuffers;
  readonly #notices = new AwaitedNotices();
  readonly #closings = new Closings();
  #inTurn = false;
  #begunSeen = false;
  #closed = false;
  #bell: TurnBell | undefined;
  /** Descriptors that are watched. */
  readonly #watched = new Set<number>();
  /** One of them had an event in this turn. */
  #hasHeard = false;

  /** @throws SystemError when io_uring is refused or too old, with the fix. */
  constructor(options: UringOptions = {}) {
    super();
    const entries = options.entries ?? 1024;
    this.#ring = new UringRing(entries, entries * 4);
    try {
      this.receiveFrameBytes = options.frameBytes ?? 4096;
      this.#buffers = new BufferRing(this.#ring.fd, receiveGroup, options.frames ?? 512, this.receiveFrameBytes);
      // A filter may allow two of the three calls: better known now than in the first turn.
      this.#ring.submit(false, 0);
    } catch (error) {
      this.#ring.close();
      throw error;
    }
    this.receiveBytes = this.#buffers.region.bytes;
    this.#registered = new RegisteredBuffers(this.#ring.fd);
    this.#probe = new Region(64);
  }

  get descriptor(): number {
    this.#bell ??= new TurnBell(this.#ring, this.#watched);
    return this.#bell.fd;
  }

  get framesLent(): number {
    return this.#buffers.lent;
  }

  /** Writes the words that every entry has. The low half of user_data is the token, the high half the kind. */
  #begin(operation: number, fd: number, kind: number, token: number, flags: number, priority: number): number {
    const at = this.#ring.next();
    const words = this.#ring.words;
    words[at] = operation | (flags << 8) | (priority << 16);
    words[at + 1] = fd;
    words[at + 4] = 0;
    words[at + 5] = 0;
    words[at + 6] = 0;
    words[at + 7] = 0;
    words[at + 8] = token;
    words[at + 9] = kind;
    if (!this.#inTurn && !this.#begunSeen && this.onBegun !== undefined) {
      this.#begunSeen = true;
      this.onBegun(0);
    }
    return at;
  }

  #writeAddress(at: number, address: number, length: number): void {
    const words = this.#ring.words;
    setWord64(words, at + 4, address);
    words[at + 6] = length;
  }

  accept(token: number, fd: number): void {
    const at = this.#begin(IORING_OP.ACCEPT, fd, Kind.accept, token, 0, IORING_ACCEPT.MULTISHOT);
    this.#ring.words[at + 7] = SOCK.CLOEXEC;
  }

  acceptNow(fd: number): number {
    setNonBlocking(fd, true);
    return acceptBlocking(fd);
  }

  receive(token: number, fd: number, once = false): void {
    const priority = once ? 0 : IORING_RECV.MULTISHOT;
    const at = this.#begin(IORING_OP.RECV, fd, Kind.receive, token, IOSQE.BUFFER_SELECT, priority);
    this.#ring.words[at + 10] = receiveGroup;
  }

  stopReceive(token: number, _fd: number): void {
    const at = this.#begin(IORING_OP.ASYNC_CANCEL, -1, Kind.ignore, 0, 0, 0);
    // Addressed by user_data: only the receive, not a send that is under way on the same socket.
    this.#ring.words[at + 4] = token;
    this.#ring.words[at + 5] = Kind.receive;
  }

  send(token: number, fd: number, address: number, length: number, flags: number): void {
    const at = this.#begin(IORING_OP.SEND, fd, Kind.send, token, 0, 0);
    this.#writeAddress(at, address, length);
    this.#ring.words[at + 7] = flags | MSG.NOSIGNAL | MSG.WAITALL;
  }

  sendMessage(token: number, fd: number, header: number, flags: number): void {
    const at = this.#begin(IORING_OP.SENDMSG, fd, Kind.send, token, 0, 0);
    this.#writeAddress(at, header, 1);
    this.#ring.words[at + 7] = flags | MSG.NOSIGNAL | MSG.WAITALL;
  }

  get zeroCopy(): ZeroCopy {
    return this;
  }

  register(address: number, length: number): number {
    return this.#registered.register(address, length);
  }

  unregister(buffer: number): void {
    this.#registered.unregister(buffer);
  }

  sendByReference(token: number, fd: number, send: SendReference): void {
    const { address, length, flags, buffer } = send;
    const how = IORING_SEND_ZC.REPORT_USAGE | (buffer < 0 ? 0 : IORING_RECVSEND.FIXED_BUF);
    const at = this.#begin(IORING_OP.SEND_ZC, fd, Kind.reference, this.#notices.add(token, send), 0, how);
    this.#writeAddress(at, address, length);
    this.#ring.words[at + 7] = flags | MSG.NOSIGNAL;
    if (buffer >= 0) this.#ring.words[at + 10] = buffer;
  }

  /** The first completion is the call's; the one with NOTIF says that the bytes are free, and comes only where the first has MORE. */
  #referenced(number: number, result: number, flags: number, events: EngineEvents): void {
    if ((flags & IORING_CQE_F.NOTIF) !== 0) {
      this.#notices.end(number, (result & IORING_NOTIF.USAGE_ZC_COPIED) !== 0);
      return;
    }
    const token = this.#notices.tokenOf(number);
    if ((flags & IORING_CQE_F.MORE) === 0) this.#notices.end(number, false);
    events.sent(token, result);
  }

  awaitWritable(token: number, fd: number): void {
    const at = this.#begin(IORING_OP.POLL_ADD, fd, Kind.writable, token, 0, 0);
    this.#ring.words[at + 7] = POLL.OUT;
  }

  fetch(token: number, file: number, offset: number, length: number): void {
    const advice = this.#begin(IORING_OP.FADVISE, file, Kind.ignore, 0, IOSQE.IO_HARDLINK, 0);
    const words = this.#ring.words;
    setWord64(words, advice + 2, offset);
    words[advice + 6] = length;
    words[advice + 7] = POSIX_FADV.WILLNEED;
    // One byte of each stretch: its arrival says that the read-ahead has come that far, and the disk may bring stretches in
    // any order. The bytes are not looked at.
    const last = offset + length - 1;
    for (let at = offset; at < last; at += fetchStretchBytes)
      this.#awaitByte(Kind.ignore, 0, file, at, IOSQE.IO_HARDLINK);
    this.#awaitByte(Kind.fetch, token, file, last, 0);
  }

  #awaitByte(kind: number, token: number, file: number, offset: number, flags: number): void {
    const read = this.#begin(IORING_OP.READ, file, kind, token, flags, 0);
    setWord64(this.#ring.words, read + 2, offset);
    this.#writeAddress(read, this.#probe.address, 1);
  }

  get files(): FileOperations {
    return this;
  }

  #beginFile(operation: number, token: number, file: number, offset: number): number {
    const at = this.#begin(operation, file, Kind.file, token, 0, 0);
    setWord64(this.#ring.words, at + 2, offset);
    return at;
  }

  read(token: number, file: number, iovecs: number, count: number, offset: number): void {
    const at = this.#beginFile(IORING_OP.READV, token, file, offset);
    this.#writeAddress(at, iovecs, count);
  }

  write(token: number, file: number, iovecs: number, count: number, offset: number, flags: number): void {
    const at = this.#beginFile(IORING_OP.WRITEV, token, file, offset);
    this.#writeAddress(at, iovecs, count);
    this.#ring.words[at + 7] = flags;
  }

  sync(token: number, file: number): void {
    const at = this.#beginFile(IORING_OP.FSYNC, token, file, 0);
    this.#ring.words[at + 7] = IORING_FSYNC.DATASYNC;
  }

  allocate(token: number, file: number, mode: number, offset: number, length: number): void {
    // The length stands where others have an address, and the mode where they have a length (io_fallocate_prep).
    const at = this.#beginFile(IORING_OP.FALLOCATE, token, file, offset);
    this.#writeAddress(at, length, mode);
  }

  watch(token: number, fd: number): void {
    this.#watched.add(fd);
    this.#bell?.watch(fd);
    const at = this.#begin(IORING_OP.POLL_ADD, fd, Kind.watch, token, 0, 0);
    this.#ring.words[at + 6] = IORING_POLL.ADD_MULTI;
    this.#ring.words[at + 7] = POLL.IN;
  }

  cancel(_token: number, fd: number): void {
    if (this.#watched.delete(fd)) this.#bell?.unwatch(fd);
    const at = this.#begin(IORING_OP.ASYNC_CANCEL, fd, Kind.ignore, 0, 0, 0);
    this.#ring.words[at + 7] = IORING_ASYNC_CANCEL.FD | IORING_ASYNC_CANCEL.ALL;
  }

  directCalls(fd: number, on: boolean): void {
    setNonBlocking(fd, on);
  }

  sendsAtOnce(): boolean {
    return false;
  }

  closeSocket(fd: number): void {
    if (this.#inTurn) this.#closings.add(fd);
    else closeDescriptor(fd);
  }

  recycle(frame: number): void {
    this.#buffers.recycle(frame);
  }

  flush(): void {
    if (this.#ring.unsubmitted() > 0) this.#ring.submit(false, 0);
  }

  turn(waitMs: number, events: EngineEvents): number {
    const completionRing = this.#ring.completionRing;
    this.#buffers.publish();
    this.#begunSeen = false;
    const bell = this.onBegun === undefined ? undefined : this.#bell;
    bell?.silence();
    this.#hasHeard = false;
    this.#ring.submit(waitMs !== 0 && completionRing.available() <= 0, waitMs);
    const count = completionRing.available();
    if (count > 0) this.#handOut(count, events);
    // What handlers began is submitted by the next turn: a loop that is someone else's does not know that it is due.
    if (
      bell?.listen(this.#hasHeard || count <= 0) === true ||
      (this.onBegun !== undefined && this.#ring.unsubmitted() > 0)
    ) {
      this.#begunSeen = true;
      this.onBegun?.(0);
    }
    return Math.max(count, 0);
  }

  #handOut(count: number, events: EngineEvents): void {
    const completionRing = this.#ring.completionRing;
    events.waited();
    this.#inTurn = true;
    try {
      if (count > 1) this.#handOutWatched(count, events);
      for (let index = 0; index < count; index++) {
        const at = (completionRing.head & completionRing.mask) << 2;
        completionRing.head = (completionRing.head + 1) | 0;
        const completions = this.#ring.completions;
        this.#dispatch(completions[at + 1]!, completions[at]!, completions[at + 2]!, completions[at + 3]!, events);
      }
    } finally {
      this.#inTurn = false;
      this.#closings.run();
      completionRing.release();
    }
  }

  /**
   * What is watched (files that changed, a wake-up) comes first, so that it is known before a request that was sent after it
   * is answered: a receive that finds its bytes when it is submitted completes before what happened earlier is even looked at.
   */
  #handOutWatched(count: number, events: EngineEvents): void {
    const { completions, completionRing } = this.#ring;
    const { head, mask } = completionRing;
    for (let index = 0; index < count; index++) {
      const at = ((head + index) & mask) << 2;
      if (completions[at + 1] !== Kind.watch) continue;
      // Until the head moves on the entry is ours: it is passed over when its turn comes.
      completions[at + 1] = Kind.ignore;
      this.#hasHeard = true;
      events.readable(completions[at]!, completions[at + 2]!, (completions[at + 3]! & IORING_CQE_F.MORE) !== 0);
    }
  }

  #dispatch(kind: number, token: number, result: number, flags: number, events: EngineEvents): void {
    const more = (flags & IORING_CQE_F.MORE) !== 0;
    switch (kind) {
      case Kind.receive: {
        const frame = (flags & IORING_CQE_F.BUFFER) !== 0 ? flags >>> 16 : -1;
        if (frame >= 0) this.#buffers.lent++;
        if (result <= 0 && frame >= 0) this.#buffers.recycle(frame);
        events.received(token, result, frame, more);
        return;
      }
      case Kind.send:
        events.sent(token, result);
        return;
      case Kind.reference:
        this.#referenced(token, result, flags, events);
        return;
      case Kind.writable:
        events.writable(token, result);
        return;
      case Kind.accept:
        events.accepted(token, result, more);
        return;
      case Kind.fetch:
        events.fetched(token, result);
        return;
      case Kind.file:
        events.moved(token, result);
        return;
      case Kind.watch:
        this.#hasHeard = true;
        events.readable(token, result, more);
        return;
    }
  }

  /** Closes the connections that were accepted and not handed out, which nobody else can: their peers would wait for ever. */
  #closeAccepted(): void {
    const ring = this.#ring.completionRing;
    do {
      for (let count = ring.available(); count > 0; count--) {
        const at = (ring.head & ring.mask) << 2;
        ring.head = (ring.head + 1) | 0;
        const completions = this.#ring.completions;
        if (completions[at + 1] === Kind.accept && completions[at + 2]! >= 0) closeDescriptor(completions[at + 2]!);
      }
      // The kernel keeps what did not fit, and gives it when there is room.
      ring.release();
      this.#ring.runDeferred();
    } while (ring.available() > 0);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const quiet = this.#ring.cancelAll();
    this.#closeAccepted();
    this.#ring.close();
    this.#bell?.close();
    this.#buffers.unmap();
    this.closeCalls();
    // A read that hangs may still write its byte there.
    if (quiet) this.#probe.unmap();
  }
}
