// The epoll engine: the same interface on readiness, for hosts where io_uring is refused. Sockets are non-blocking;
// an operation is tried when it is begun, and what it gave is handed out in the next turn, so that the order of
// events is that of the io_uring engine. Streams are edge-triggered: the kernel tells of what is new, once, and the engine
// remembers which of them have to be read again. Where many are ready at once, lists of calls read and answer them
// (socket-batch.ts).

import { Closings } from '../engine/closings.js';
import { DirectCalls } from '../engine/direct-calls.js';
import type { Engine, EngineEvents } from '../engine/engine.js';
import { EPOLL } from '../kernel/constants.js';
import { epollDataWord, epollEventWords } from '../kernel/epoll.js';
import { Errno } from '../kernel/errno.js';
import { acceptNonBlocking, closeDescriptor, receive } from '../kernel/socket.js';
import { check, SystemError } from '../kernel/system-error.js';
import { FramePool } from '../memory/frame-pool.js';
import { Arrivals } from './arrivals.js';
import { DueEvents, Event, NumberList, ReadList, readWords } from './due-events.js';
import { EpollSet } from './epoll-set.js';
import { Fetches, fetchPollMs } from './fetches.js';
import { FileThreads } from './file-threads.js';
import { type Interest, Interests, Role } from './interest.js';
import { type BatchForm, IoCall, LateBatch, type SocketBatch } from './socket-batch.js';
import { StreamSends } from './stream-sends.js';

const acceptsATurn = 64;
/** With fewer ready descriptors, what comes is read and answered one by one. */
const leastBatched = 4;

/** The token under which the engine watches its own file threads; no caller's, which are 0 or more. */
const fileToken = -1;

/** Bits of a stream that ends. */
const ends = EPOLL.RDHUP | EPOLL.HUP | EPOLL.ERR;

/** Numbers of receive frames and their bytes; with how many ready descriptors streams are read and answered together, and how. */
interface EpollOptions {
  readonly frames?: number;
  readonly frameBytes?: number;
  readonly batchFrom?: number;
  readonly batchForm?: BatchForm;
}

/** See {@link Engine}. */
export class EpollEngine extends DirectCalls implements Engine {
  readonly name = 'epoll';
  readonly nonBlockingSockets = true;
  readonly descriptor: number;
  readonly receiveBytes: Uint8Array;
  readonly receiveFrameBytes: number;
  onBegun: ((delayMs: number) => void) | undefined;
  readonly #frames: FramePool;
  readonly #set: EpollSet;
  readonly #interests = new Interests();
  readonly #fetches = new Fetches();
  readonly #fetched = (token: number, result: number): void => this.#finish(Event.fetched, token, result);
  readonly #moved = (token: number, result: number): void => this.#finish(Event.moved, token, result);
  readonly files: FileThreads = new FileThreads(() => this.watch(fileToken, this.files.bell));
  readonly #due = new DueEvents();
  /** Streams that are read in the next turn without a word of the kernel, and those of this turn. */
  #unread = new NumberList();
  #reading = new NumberList();
  readonly #read = new ReadList();
  /** What is read when many sockets are ready, where there are lists of calls; made when that is first so. */
  readonly #receives: LateBatch;
  readonly #sends: StreamSends;
  readonly #batchFrom: number;
  /** The streams of this turn are read in batches. */
  #isBatched = false;
  readonly #arrivals = new Arrivals();
  readonly #closings = new Closings();
  #inTurn = false;
  #turns = 0;
  #closed = false;

  /** @throws SystemError EMFILE, ENOMEM. */
  constructor(options: EpollOptions = {}) {
    super();
    // First what may fail: nothing has to be given back then.
    this.#set = new EpollSet();
    this.descriptor = this.#set.descriptor;
    this.receiveFrameBytes = options.frameBytes ?? 4096;
    this.#frames = new FramePool(options.frames ?? 512, this.receiveFrameBytes);
    this.receiveBytes = this.#frames.region.bytes;
    this.#batchFrom = options.batchFrom ?? leastBatched;
    this.#receives = new LateBatch(IoCall.read, options.batchForm);
    const sent = (token: number, result: number): void => this.#finish(Event.sent, token, result);
    this.#sends = new StreamSends(this.#interests, this.#set, sent, options.batchForm);
  }

  /** While many streams are answered their sends are collected. */
  sendsAtOnce(flags: number): boolean {
    return !this.#sends.collects(flags);
  }

  get framesLent(): number {
    return this.#frames.leased;
  }

  #finish(event: number, token: number, result: number): void {
    this.#due.add(event, token, result);
    if (!this.#inTurn && this.#due.count === 3) this.onBegun?.(0);
  }

  /** Has a stream read in the next turn. */
  #readSoon(interest: Interest): void {
    if (interest.isUnread) return;
    interest.isUnread = true;
    const unread = this.#unread;
    unread.numbers[unread.count++] = interest.fd;
    if (!this.#inTurn && unread.count === 1) this.onBegun?.(0);
  }

  accept(token: number, fd: number): void {
    this.#begin(token, fd, Role.listener);
  }

  acceptNow(fd: number): number {
    return acceptNonBlocking(fd);
  }

  receive(token: number, fd: number, once = false): void {
    const interest = this.#interests.of(token, fd, Role.stream);
    interest.once = once;
    if (once || (interest.registered & EPOLL.IN) !== 0) {
      // Often there is something already; and if the kernel has told of it, it does not tell again.
      interest.receiving = true;
      this.#readSoon(interest);
    } else {
      this.#begin(token, fd, Role.stream);
    }
  }

  watch(token: number, fd: number): void {
    this.#begin(token, fd, Role.watch);
  }

  #begin(token: number, fd: number, role: number): void {
    const interest = this.#interests.of(token, fd, role);
    interest.receiving = true;
    const result = this.#set.update(interest);
    if (result >= 0) return;
    interest.receiving = false;
    // What is watched is the loop's own: there is nobody to be told, and no going on without it.
    if (role === Role.watch) check(result, 'epoll_ctl', `descriptor ${fd}`);
    this.#endReceive(interest, result);
  }

  stopReceive(token: number, fd: number): void {
    const interest = this.#interests.get(fd);
    if (interest === undefined || !interest.receiving || interest.token !== token) return;
    this.#endReceive(interest, -Errno.ECANCELED);
  }

  #endReceive(interest: Interest, result: number): void {
    interest.receiving = false;
    this.#set.update(interest);
    const event =
      interest.role === Role.stream
        ? Event.received
        : interest.role === Role.listener
          ? Event.accepted
          : Event.readable;
    this.#finish(event, interest.token, result);
  }

  send(token: number, fd: number, address: number, length: number, flags: number): void {
    this.#sends.begin(token, fd, address, length, flags);
  }

  sendMessage(token: number, fd: number, header: number, flags: number): void {
    this.#sends.beginMessage(token, fd, header, flags);
  }

  awaitWritable(token: number, fd: number): void {
    const interest = this.#interests.of(token, fd, Role.stream);
    interest.awaiting = true;
    const result = this.#set.update(interest);
    if (result >= 0) return;
    interest.awaiting = false;
    this.#finish(Event.writable, token, result);
  }

  fetch(token: number, file: number, offset: number, length: number): void {
    const started = this.#fetches.begin(token, file, offset, length);
    if (started < 0) {
      this.#finish(Event.fetched, token, started);
      return;
    }
    if (!this.#inTurn) this.onBegun?.(fetchPollMs);
  }

  cancel(_token: number, fd: number, closing = false): void {
    const interest = this.#interests.get(fd);
    if (interest === undefined || interest.fd !== fd) return;
    // Closing it takes it out of the set: no call is made for that.
    if (closing) interest.isClosing = true;
    // What it gives is its final event; it is not waited for.
    if (interest.isCollected) interest.isCancelled = true;
    if (interest.sending) {
      interest.sending = false;
      this.#finish(Event.sent, interest.token, interest.taken > 0 ? interest.taken : -Errno.ECANCELED);
    }
    if (interest.awaiting) {
      interest.awaiting = false;
      this.#finish(Event.writable, interest.token, -Errno.ECANCELED);
    }
    if (interest.receiving) this.#endReceive(interest, -Errno.ECANCELED);
    else this.#set.update(interest);
  }

  directCalls(_fd: number, _on: boolean): void {
    // The sockets of this engine never block.
  }

  closeSocket(fd: number): void {
    this.#interests.forget(fd);
    if (this.#inTurn) this.#closings.add(fd);
    else closeDescriptor(fd);
  }

  recycle(frame: number): void {
    this.#frames.release(frame);
  }

  flush(): void {
    // Every call of this engine is made at once.
  }

  turn(waitMs: number, events: EngineEvents): number {
    this.#inTurn = true;
    this.#turns++;
    try {
      // Of an earlier turn in which a handler threw.
      this.#arrivals.handOut(events);
      if (this.#read.count > 0) this.#answerRead(events);
      if (this.#fetches.count > 0) this.#fetches.look(this.#fetched);
      this.#readUnread();
      let wait = waitMs;
      if (this.#due.count > 0 || this.#unread.count > 0 || this.#read.count > 0) wait = 0;
      else if (this.#fetches.count > 0 && (waitMs < 0 || waitMs > fetchPollMs)) wait = fetchPollMs;
      const ready = this.#set.wait(wait);
      if (ready < 0 && ready !== -Errno.EINTR) throw new SystemError(-ready, 'epoll_wait');
      events.waited();
      // epoll keeps no order among descriptors: what is watched (files that changed, a wake-up) comes first, so that it is
      // known before a request that was sent after it is answered.
      const { words } = this.#set;
      for (let at = epollDataWord; at < ready * epollEventWords; at += epollEventWords) {
        const mark = words[at]!;
        if (mark < 0) this.#ready(~mark, words[at + 1]!, words[at - epollDataWord]!, events);
      }
      const handed = this.#due.handOut(events);
      if (this.#read.count > 0) this.#answerRead(events);
      this.#isBatched = this.#receivesOf(ready) !== undefined;
      for (let at = epollDataWord; at < ready * epollEventWords; at += epollEventWords) {
        const fd = words[at]!;
        if (fd >= 0) this.#ready(fd, words[at + 1]!, words[at - epollDataWord]!, events);
      }
      if (this.#isBatched) this.#readBatch(events);
      return handed + Math.max(ready, 0);
    } finally {
      this.#inTurn = false;
      this.#isBatched = false;
      this.#closings.run();
      // What handlers begun and what already ended wants another turn, also in someone else's loop.
      const { count: reads } = this.#read;
      if (this.#due.count > 0 || this.#unread.count > 0 || reads > 0 || this.#arrivals.waiting) this.onBegun?.(0);
      else if (this.#fetches.count > 0) this.onBegun?.(fetchPollMs);
    }
  }

  /**
   * Reads once from each stream that waits for it. Nothing is handed out yet: the kernel is asked first what else came, so that
   * a file that changed before a request was sent is known to have changed before the request is heard of.
   */
  #readUnread(): void {
    const list = this.#unread;
    this.#unread = this.#reading;
    this.#reading = list;
    const { numbers, count } = list;
    const read = this.#read;
    const receives = this.#receivesOf(count);
    for (let index = 0; index < count; index++) {
      const interest = this.#interests.get(numbers[index]!)!;
      // Its number may have been another's by now: then it is read if that asked for it.
      if (!interest.isUnread) continue;
      interest.isUnread = false;
      if (!interest.receiving) continue;
      const frame = this.#frames.lease();
      // Frames come back when what they hold was handed out.
      if (frame < 0 && (read.count > 0 || (receives !== undefined && receives.count > 0))) this.#readSoon(interest);
      else if (frame < 0 || receives === undefined) this.#addRead(interest, this.#receiveInto(frame, interest), frame);
      else this.#collectRead(receives, interest, frame);
    }
    list.count = 0;
    if (receives !== undefined) this.#runReads(receives);
  }

  /** Hands out what {@link #readUnread} read. */
  #handRead(events: EngineEvents): void {
    const read = this.#read;
    const { numbers, count } = read;
    let index = 0;
    try {
      while (index < count) {
        index += 4;
        const interest = this.#interests.get(numbers[index - 4]!)!;
        const frame = numbers[index - 1]!;
        if (interest.generation !== numbers[index - 3]) this.#frames.release(frame);
        else this.#handReceived(interest, numbers[index - 2]!, frame, events);
      }
    } finally {
      // Where a handler threw, what is behind it waits for the next turn.
      read.drop(index);
    }
  }

  #ready(fd: number, token: number, bits: number, events: EngineEvents): void {
    const interest = this.#interests.get(fd);
    // The descriptor may have been closed, or its number used again, by a handler earlier in this turn.
    if (interest === undefined || interest.fd !== fd || interest.token !== token || interest.registered === 0) return;
    if ((bits & (EPOLL.OUT | EPOLL.ERR | EPOLL.HUP)) !== 0) {
      if (interest.sending) this.#sends.goOn(interest);
      else if (interest.awaiting) {
        interest.awaiting = false;
        this.#set.update(interest);
        this.#finish(Event.writable, token, 0);
      }
    }
    // Remembered though nothing is received now: it is not told again.
    if ((bits & ends) !== 0) interest.isEnding = true;
    if (!interest.receiving || (bits & (EPOLL.IN | ends)) === 0) return;
    if (token === fileToken) this.files.look(this.#moved);
    else if (interest.role === Role.watch) events.readable(token, bits, true);
    else if (interest.role === Role.listener) {
      // Whoever is told of a connection may close others, and their numbers may be new ones' then.
      if (this.#isBatched) this.#readBatch(events);
      this.#acceptAll(interest, events);
    }
    // What came after its answer in this turn may be younger than what the kernel told of.
    else if (interest.readTurn === this.#turns) this.#readSoon(interest);
    else if (this.#isBatched) this.#readLater(interest, events);
    else this.#receiveOnce(interest, events);
  }

  /** What so many streams are read by together; undefined: one by one. Which form of calls is the cheaper one is tried the first time. */
  #receivesOf(streams: number): SocketBatch | undefined {
    return streams < this.#batchFrom ? undefined : this.#receives.open();
  }

  /** Reads once from a stream, together with others. */
  #readLater(interest: Interest, events: EngineEvents): void {
    const receives = this.#receives.opened!;
    const frame = this.#frames.lease();
    if (frame < 0) {
      // Frames come back when what they hold was handed out, and its time is the next turn.
      if (receives.count > 0) this.#readSoon(interest);
      else this.#receiveOnce(interest, events);
      return;
    }
    this.#collectRead(receives, interest, frame);
    if (this.#read.count > 0) this.#answerRead(events);
  }

  /** Reads what {@link #readLater} collected, hands it out, and sends what is answered. */
  #readBatch(events: EngineEvents): void {
    this.#runReads(this.#receives.opened!);
    if (this.#read.count > 0) this.#answerRead(events);
  }

  #collectRead(receives: SocketBatch, interest: Interest, frame: number): void {
    receives.add(interest.fd, interest.generation, frame, this.#frames.address(frame), this.receiveFrameBytes, 0);
    if (receives.isFull) this.#runReads(receives);
  }

  /** Makes the reads that were collected; what they gave is to be handed out. */
  #runReads(receives: SocketBatch): void {
    if (receives.count === 0) return;
    const count = receives.run();
    for (let index = 0; index < count; index++) {
      const interest = this.#interests.get(receives.fds[index]!)!;
      this.#addRead(
        interest,
        this.#cameInto(receives.frames[index]!, interest, receives.result(index)),
        receives.frames[index]!,
      );
    }
  }

  #addRead(interest: Interest, bytes: number, frame: number): void {
    if (bytes <= 0) return;
    interest.readTurn = this.#turns;
    this.#read.add(interest.fd, interest.generation, bytes, frame);
  }

  /** Hands out what was read; of many, what is answered is sent together. What ended by that is closed. */
  #answerRead(events: EngineEvents): void {
    const isMany = this.#receives.opened !== undefined && this.#read.count >= this.#batchFrom * readWords;
    if (isMany) this.#sends.collect();
    try {
      this.#handRead(events);
    } finally {
      if (isMany) this.#sends.run();
    }
    if (isMany) this.#due.handOut(events);
    this.#closings.run();
  }

  #acceptAll(interest: Interest, events: EngineEvents): void {
    // Their descriptors may be the ones that are short.
    this.#closings.run();
    const { fd, generation, token } = interest;
    for (let left = acceptsATurn; left > 0 && interest.receiving && interest.generation === generation; ) {
      left -= this.#arrivals.take(fd, token, left);
      const { trouble } = this.#arrivals;
      this.#arrivals.handOut(events);
      if (trouble === -Errno.EAGAIN) return;
      if (trouble === 0 || trouble === -Errno.ECONNABORTED || trouble === -Errno.EINTR) continue;
      // Whoever was told of a connection may have ended this.
      if (interest.receiving && interest.generation === generation) this.#endReceive(interest, trouble);
      return;
    }
  }

  /** Reads once, so that nobody starves. What may be left is read in the next turn. */
  #receiveOnce(interest: Interest, events: EngineEvents): void {
    const frame = this.#frames.lease();
    const result = this.#receiveInto(frame, interest);
    if (result > 0) this.#handReceived(interest, result, frame, events);
  }

  /** Reads once into a frame. Returns the bytes; 0 where none came, and the rest of that is done. */
  #receiveInto(frame: number, interest: Interest): number {
    const result =
      frame < 0 ? -Errno.ENOBUFS : receive(interest.fd, this.#frames.address(frame), this.receiveFrameBytes);
    return this.#cameInto(frame, interest, result);
  }

  /** What a call gave that was to read into a frame. Returns as {@link #receiveInto}. */
  #cameInto(frame: number, interest: Interest, result: number): number {
    if (result > 0) return result;
    if (frame >= 0) this.#frames.release(frame);
    if (result === -Errno.EINTR) {
      this.#readSoon(interest);
    } else if (result === -Errno.EAGAIN) {
      const failed = this.#set.update(interest);
      if (failed < 0) this.#endReceive(interest, failed);
    } else {
      this.#endReceive(interest, result);
    }
    return 0;
  }

  #handReceived(interest: Interest, bytes: number, frame: number, events: EngineEvents): void {
    const { once, receiving, token } = interest;
    if (receiving) {
      if (once) interest.receiving = false;
      // A frame that is full, or an end that is told of: there may be more, and the kernel has said what it had to say.
      else if (bytes === this.receiveFrameBytes || interest.isEnding) this.#readSoon(interest);
    }
    // Where it was stopped since it was read, the end of receiving is due.
    events.received(token, bytes, frame, !(once && receiving));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#arrivals.close();
    this.#set.close();
    this.closeCalls();
    this.#frames.unmap();
    this.#fetches.unmap();
    this.#receives.close();
    this.#sends.close();
    this.files.close();
  }
}
