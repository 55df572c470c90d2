// The epoll engine: the same interface on readiness, for hosts where io_uring is refused. Sockets are non-blocking;
// an operation is tried when it is begun, and what it gave is handed out in the next turn, so that the order of
// events is that of the io_uring engine.

import { type Engine, type EngineEvents, fetchStretchBytes } from '../engine/engine.js';
import { EPOLL, EPOLL_CTL, MSG } from '../kernel/constants.js';
import { epollControl, epollCreate, epollDataWord, epollEventWords, epollWait } from '../kernel/epoll.js';
import { Errno } from '../kernel/errno.js';
import { readAhead, readCached } from '../kernel/file.js';
import {
  acceptNonBlocking,
  closeDescriptor,
  discardReceived,
  receive,
  send,
  sendFile,
  sendMessage,
  shutdownListening,
  shutdownSending,
  unsentBytes,
} from '../kernel/socket.js';
import { check, SystemError } from '../kernel/system-error.js';
import { FramePool } from '../memory/frame-pool.js';
import { Region } from '../memory/region.js';

const eventsATurn = 512;
const acceptsATurn = 64;
/** How often a range that is being read ahead is looked at again. */
const fetchPollMs = 1;
/** A range that is not there after this long is handed out all the same: the disk is slow, not stuck. */
const fetchLimitMs = 5000;

const Role = { stream: 0, listener: 1, watch: 2 } as const;

/** What is going on with one descriptor. Pooled by descriptor number. */
class Interest {
  fd = -1;
  token = -1;
  role: number = Role.stream;
  /** The EPOLL bits the kernel knows, 0 when the descriptor is not registered. */
  registered = 0;
  /** Its descriptor is about to be closed: the kernel need not be told of anything. */
  isClosing = false;
  receiving = false;
  awaiting = false;
  sending = false;
  message = false;
  address = 0;
  length = 0;
  taken = 0;
  flags = 0;
}

const Event = { sent: 0, writable: 1, received: 2, accepted: 3, fetched: 4, readable: 5 } as const;

/** Hands out a final event. */
function handOne(event: number, token: number, result: number, events: EngineEvents): void {
  switch (event) {
    case Event.sent:
      events.sent(token, result);
      break;
    case Event.writable:
      events.writable(token, result);
      break;
    case Event.received:
      events.received(token, result, -1, false);
      break;
    case Event.accepted:
      events.accepted(token, result, false);
      break;
    case Event.fetched:
      events.fetched(token, result);
      break;
    case Event.readable:
      events.readable(token, result, false);
      break;
  }
}

interface Fetch {
  token: number;
  file: number;
  /** The next byte whose arrival is waited for. */
  next: number;
  last: number;
  deadlineMs: number;
}

/** See {@link Engine}. */
export class EpollEngine implements Engine {
  readonly name = 'epoll';
  readonly nonBlockingSockets = true;
  readonly descriptor: number;
  readonly receiveBytes: Uint8Array;
  readonly receiveFrameBytes: number;
  onBegun: ((delayMs: number) => void) | undefined;
  readonly #frames: FramePool;
  readonly #events: Region;
  readonly #eventWords: Int32Array;
  readonly #probe: Region;
  readonly #interests: Interest[] = [];
  readonly #fetches: Fetch[] = [];
  /** Final events that are due: kind, token, result. Two lists, so that what a handler begins waits a turn. */
  #due: number[] = [];
  #handing: number[] = [];
  #inTurn = false;
  #closed = false;

  /** @param options numbers of receive frames and their bytes. @throws SystemError EMFILE, ENOMEM. */
  constructor(options: { readonly frames?: number; readonly frameBytes?: number } = {}) {
    // First what may fail: nothing has to be given back then.
    this.descriptor = epollCreate();
    this.receiveFrameBytes = options.frameBytes ?? 4096;
    this.#frames = new FramePool(options.frames ?? 512, this.receiveFrameBytes);
    this.receiveBytes = this.#frames.region.bytes;
    this.#events = new Region(eventsATurn * epollEventWords * 4);
    this.#eventWords = new Int32Array(this.#events.buffer);
    this.#probe = new Region(64);
  }

  get framesLent(): number {
    return this.#frames.leased;
  }

  #interest(token: number, fd: number, role: number): Interest {
    let interest = this.#interests[fd];
    if (interest === undefined) {
      interest = new Interest();
      while (this.#interests.length < fd) this.#interests.push(new Interest());
      this.#interests[fd] = interest;
    }
    if (interest.fd !== fd || interest.token !== token || interest.role !== role) {
      interest.fd = fd;
      interest.token = token;
      interest.role = role;
      interest.registered = 0;
      interest.isClosing = false;
      interest.receiving = false;
      interest.awaiting = false;
      interest.sending = false;
    }
    return interest;
  }

  /**
   * Tells the kernel what is wanted of a descriptor now, if that is not what it knows. Returns 0 or -errno (ENOSPC: the
   * limit on watched descriptors; ENOMEM): then nothing will come of it, and the operation that asked has failed.
   */
  #update(interest: Interest): number {
    const input = interest.receiving ? EPOLL.IN | EPOLL.RDHUP : 0;
    const output = interest.sending || interest.awaiting ? EPOLL.OUT : 0;
    const wanted = input | output;
    if (wanted === interest.registered) return 0;
    if (interest.isClosing) {
      interest.registered = wanted;
      return 0;
    }
    const operation = interest.registered === 0 ? EPOLL_CTL.ADD : wanted === 0 ? EPOLL_CTL.DEL : EPOLL_CTL.MOD;
    const result = epollControl(this.descriptor, operation, interest.fd, wanted, interest.fd, interest.token);
    if (result < 0 && operation !== EPOLL_CTL.DEL) return result;
    interest.registered = wanted;
    return 0;
  }

  #finish(event: number, token: number, result: number): void {
    this.#due.push(event, token, result);
    if (!this.#inTurn && this.#due.length === 3) this.onBegun?.(0);
  }

  accept(token: number, fd: number): void {
    this.#begin(token, fd, Role.listener);
  }

  acceptNow(fd: number): number {
    return acceptNonBlocking(fd);
  }

  stopListening(fd: number): void {
    shutdownListening(fd);
  }

  receive(token: number, fd: number): void {
    this.#begin(token, fd, Role.stream);
  }

  watch(token: number, fd: number): void {
    this.#begin(token, fd, Role.watch);
  }

  #begin(token: number, fd: number, role: number): void {
    const interest = this.#interest(token, fd, role);
    interest.receiving = true;
    const result = this.#update(interest);
    if (result >= 0) return;
    interest.receiving = false;
    // What is watched is the loop's own: there is nobody to be told, and no going on without it.
    if (role === Role.watch) check(result, 'epoll_ctl', `descriptor ${fd}`);
    this.#endReceive(interest, result);
  }

  stopReceive(token: number, fd: number): void {
    const interest = this.#interests[fd];
    if (interest === undefined || !interest.receiving || interest.token !== token) return;
    this.#endReceive(interest, -Errno.ECANCELED);
  }

  #endReceive(interest: Interest, result: number): void {
    interest.receiving = false;
    this.#update(interest);
    const event =
      interest.role === Role.stream
        ? Event.received
        : interest.role === Role.listener
          ? Event.accepted
          : Event.readable;
    this.#finish(event, interest.token, result);
  }

  send(token: number, fd: number, address: number, length: number, flags: number): void {
    const interest = this.#interest(token, fd, Role.stream);
    interest.message = false;
    interest.address = address;
    interest.length = length;
    interest.taken = 0;
    interest.flags = flags;
    this.#trySend(interest);
  }

  sendMessage(token: number, fd: number, header: number, flags: number): void {
    const interest = this.#interest(token, fd, Role.stream);
    interest.message = true;
    interest.address = header;
    interest.taken = 0;
    interest.flags = flags;
    this.#trySend(interest);
  }

  /** Sends until all is taken or the socket is full; then epoll says when to go on. A message's rest is the caller's. */
  #trySend(interest: Interest): void {
    let result: number;
    if (interest.message) {
      result = sendMessage(interest.fd, interest.address, interest.flags);
    } else {
      const rest = interest.length - interest.taken;
      result = send(interest.fd, interest.address + interest.taken, rest, interest.flags);
      if (result > 0) interest.taken += result;
      if (result > 0 && interest.taken < interest.length) result = -Errno.EAGAIN;
    }
    interest.sending = result === -Errno.EAGAIN;
    const failed = this.#update(interest);
    if (failed < 0 && interest.sending) {
      interest.sending = false;
      this.#finish(Event.sent, interest.token, failed);
    } else if (!interest.sending) {
      const done = interest.message ? result : interest.taken > 0 ? interest.taken : result;
      this.#finish(Event.sent, interest.token, done);
    }
  }

  awaitWritable(token: number, fd: number): void {
    const interest = this.#interest(token, fd, Role.stream);
    interest.awaiting = true;
    const result = this.#update(interest);
    if (result >= 0) return;
    interest.awaiting = false;
    this.#finish(Event.writable, token, result);
  }

  fetch(token: number, file: number, offset: number, length: number): void {
    const started = readAhead(file, offset, length);
    if (started < 0) {
      this.#finish(Event.fetched, token, started);
      return;
    }
    this.#fetches.push({
      token,
      file,
      next: offset,
      last: offset + length - 1,
      deadlineMs: performance.now() + fetchLimitMs,
    });
    if (!this.#inTurn) this.onBegun?.(fetchPollMs);
  }

  /** Looks as far as the range has arrived; -EAGAIN while some of it is still to come. */
  #lookAt(fetch: Fetch): number {
    for (;;) {
      const result = readCached(fetch.file, this.#probe.address, 1, fetch.next);
      if (result < 0 || fetch.next === fetch.last) return result;
      fetch.next = Math.min(fetch.next + fetchStretchBytes, fetch.last);
    }
  }

  #lookAtFetches(): void {
    const fetches = this.#fetches;
    for (let index = fetches.length - 1; index >= 0; index--) {
      const fetch = fetches[index]!;
      const { token, deadlineMs } = fetch;
      const result = this.#lookAt(fetch);
      if (result === -Errno.EAGAIN && performance.now() < deadlineMs) continue;
      // A file system without RWF_NOWAIT cannot be asked; the read-ahead was started, and that must do.
      this.#finish(Event.fetched, token, result === -Errno.EOPNOTSUPP || result === -Errno.EAGAIN ? 0 : result);
      fetches[index] = fetches[fetches.length - 1]!;
      fetches.pop();
    }
  }

  cancel(_token: number, fd: number, closing = false): void {
    const interest = this.#interests[fd];
    if (interest === undefined || interest.fd !== fd) return;
    // Closing it takes it out of the set: no call is made for that.
    if (closing) interest.isClosing = true;
    if (interest.sending) {
      interest.sending = false;
      this.#finish(Event.sent, interest.token, interest.taken > 0 ? interest.taken : -Errno.ECANCELED);
    }
    if (interest.awaiting) {
      interest.awaiting = false;
      this.#finish(Event.writable, interest.token, -Errno.ECANCELED);
    }
    if (interest.receiving) this.#endReceive(interest, -Errno.ECANCELED);
    else this.#update(interest);
  }

  directCalls(_fd: number, _on: boolean): void {
    // The sockets of this engine never block.
  }

  sendNow(fd: number, address: number, length: number, flags: number): number {
    return send(fd, address, length, flags | MSG.DONTWAIT);
  }

  sendFile(fd: number, file: number, offset: number, length: number): number {
    return sendFile(fd, file, offset, length);
  }

  unacknowledged(fd: number): number {
    return unsentBytes(fd);
  }

  finish(fd: number): void {
    shutdownSending(fd);
  }

  discard(fd: number, length: number): number {
    return discardReceived(fd, length);
  }

  closeSocket(fd: number): void {
    const interest = this.#interests[fd];
    // The number's next socket is another one, even under the same token: nothing is known of it.
    if (interest !== undefined) interest.fd = -1;
    closeDescriptor(fd);
  }

  recycle(frame: number): void {
    this.#frames.release(frame);
  }

  flush(): void {
    // Every call of this engine is made at once.
  }

  turn(waitMs: number, events: EngineEvents): number {
    if (this.#fetches.length > 0) this.#lookAtFetches();
    let wait = waitMs;
    if (this.#due.length > 0) wait = 0;
    else if (this.#fetches.length > 0 && (waitMs < 0 || waitMs > fetchPollMs)) wait = fetchPollMs;
    const ready = epollWait(this.descriptor, this.#events.address, eventsATurn, wait);
    if (ready < 0 && ready !== -Errno.EINTR) throw new SystemError(-ready, 'epoll_wait');
    events.waited();
    this.#inTurn = true;
    try {
      // epoll keeps no order among descriptors: what is watched (files that changed, a wake-up) comes first, so that it is
      // known before a request that was sent after it is answered.
      for (let index = 0; index < ready; index++) this.#readyAt(index, true, events);
      const handed = this.#handOut(events);
      for (let index = 0; index < ready; index++) this.#readyAt(index, false, events);
      return handed + Math.max(ready, 0);
    } finally {
      this.#inTurn = false;
      // What handlers begun and what already ended wants another turn, also in someone else's loop.
      if (this.#due.length > 0) this.onBegun?.(0);
      else if (this.#fetches.length > 0) this.onBegun?.(fetchPollMs);
    }
  }

  #handOut(events: EngineEvents): number {
    const due = this.#due;
    this.#due = this.#handing;
    this.#handing = due;
    const count = due.length / 3;
    let index = 0;
    try {
      while (index < due.length) {
        index += 3;
        handOne(due[index - 3]!, due[index - 2]!, due[index - 1]!, events);
      }
    } finally {
      // Where a handler threw, the events behind it wait for the next turn; none is handed out twice.
      for (; index < due.length; index++) this.#due.push(due[index]!);
      due.length = 0;
    }
    return count;
  }

  /** Handles one entry of what epoll_wait gave, if it is of a watched descriptor or not, as asked. */
  #readyAt(index: number, watched: boolean, events: EngineEvents): void {
    const at = index * epollEventWords;
    const fd = this.#eventWords[at + epollDataWord]!;
    if ((this.#interests[fd]?.role === Role.watch) !== watched) return;
    this.#ready(fd, this.#eventWords[at + epollDataWord + 1]!, this.#eventWords[at]!, events);
  }

  #ready(fd: number, token: number, bits: number, events: EngineEvents): void {
    const interest = this.#interests[fd];
    // The descriptor may have been closed, or its number used again, by a handler earlier in this turn.
    if (interest === undefined || interest.fd !== fd || interest.token !== token || interest.registered === 0) return;
    if ((bits & (EPOLL.OUT | EPOLL.ERR | EPOLL.HUP)) !== 0) {
      if (interest.sending) this.#trySend(interest);
      else if (interest.awaiting) {
        interest.awaiting = false;
        this.#update(interest);
        this.#finish(Event.writable, token, 0);
      }
    }
    if (!interest.receiving || (bits & (EPOLL.IN | EPOLL.RDHUP | EPOLL.ERR | EPOLL.HUP)) === 0) return;
    if (interest.role === Role.watch) events.readable(token, bits, true);
    else if (interest.role === Role.listener) this.#acceptAll(interest, events);
    else this.#receiveOnce(interest, events);
  }

  #acceptAll(interest: Interest, events: EngineEvents): void {
    for (let count = 0; count < acceptsATurn && interest.receiving; count++) {
      const result = acceptNonBlocking(interest.fd);
      if (result === -Errno.EAGAIN) return;
      if (result < 0 && result !== -Errno.ECONNABORTED && result !== -Errno.EINTR) {
        this.#endReceive(interest, result);
        return;
      }
      if (result >= 0) events.accepted(interest.token, result, true);
    }
  }

  /** One receive a turn and connection: level-triggered, so that what is left comes again and nobody starves. */
  #receiveOnce(interest: Interest, events: EngineEvents): void {
    const frame = this.#frames.lease();
    if (frame < 0) {
      this.#endReceive(interest, -Errno.ENOBUFS);
      return;
    }
    const result = receive(interest.fd, this.#frames.address(frame), this.receiveFrameBytes);
    if (result > 0) {
      events.received(interest.token, result, frame, true);
      return;
    }
    this.#frames.release(frame);
    if (result === -Errno.EAGAIN || result === -Errno.EINTR) return;
    this.#endReceive(interest, result);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeDescriptor(this.descriptor);
    this.#frames.unmap();
    this.#events.unmap();
    this.#probe.unmap();
  }
}
