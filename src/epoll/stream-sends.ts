// StreamSends: what the epoll engine's streams have to send: tried when it is begun, gone on with when the kernel tells of room. While
// many streams are answered their sends are collected and made together. Not here: who is ready (engine.ts), how calls are made together
// (socket-batch.ts).

import { EPOLL } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { send, sendMessage } from '../kernel/socket.js';
import type { EpollSet } from './epoll-set.js';
import { type Interest, type Interests, Role } from './interest.js';
import { type BatchForm, IoCall, LateBatch, type SocketBatch } from './socket-batch.js';

/** See the file's head. */
export class StreamSends {
  readonly #interests: Interests;
  readonly #set: EpollSet;
  readonly #sent: (token: number, result: number) => void;
  readonly #batch: LateBatch;
  #isCollecting = false;

  /** @param sent is told how each ended. @param form how sends are made together; the cheaper one where it is left out */
  constructor(
    interests: Interests,
    set: EpollSet,
    sent: (token: number, result: number) => void,
    form: BatchForm | undefined,
  ) {
    this.#interests = interests;
    this.#set = set;
    this.#sent = sent;
    this.#batch = new LateBatch(IoCall.write, form);
  }

  /** Whether a send with these flags would be collected now. */
  collects(flags: number): boolean {
    return this.#isCollecting && this.#batch.opened!.takes(flags);
  }

  /** Collects what is begun until {@link run}, where sends can be made together. */
  collect(): void {
    this.#isCollecting = this.#batch.open() !== undefined;
  }

  /** Begins to send bytes. */
  begin(token: number, fd: number, address: number, length: number, flags: number): void {
    const interest = this.#take(token, fd, address, flags);
    interest.message = false;
    interest.length = length;
    if (!this.collects(flags)) {
      this.goOn(interest);
      return;
    }
    const batch = this.#batch.opened!;
    interest.isCollected = true;
    batch.add(fd, interest.generation, -1, address, length, flags);
    if (batch.isFull) this.#make(batch);
  }

  /** As {@link begin}, of a msghdr at an address. */
  beginMessage(token: number, fd: number, header: number, flags: number): void {
    const interest = this.#take(token, fd, header, flags);
    interest.message = true;
    this.goOn(interest);
  }

  #take(token: number, fd: number, address: number, flags: number): Interest {
    const interest = this.#interests.of(token, fd, Role.stream);
    interest.address = address;
    interest.taken = 0;
    interest.flags = flags;
    interest.isCancelled = false;
    return interest;
  }

  /** Makes what was collected. */
  run(): void {
    this.#isCollecting = false;
    const batch = this.#batch.opened;
    if (batch !== undefined && batch.count > 0) this.#make(batch);
  }

  #make(batch: SocketBatch): void {
    const count = batch.run();
    for (let index = 0; index < count; index++) {
      const interest = this.#interests.get(batch.fds[index]!)!;
      if (interest.generation !== batch.generations[index]) continue;
      interest.isCollected = false;
      this.#took(interest, batch.result(index));
    }
  }

  /** Sends until all is taken or the socket is full; then epoll says when to go on. A message's rest is the caller's. */
  goOn(interest: Interest): void {
    if (interest.message) {
      this.#took(interest, sendMessage(interest.fd, interest.address, interest.flags));
    } else {
      const rest = interest.length - interest.taken;
      this.#took(interest, send(interest.fd, interest.address + interest.taken, rest, interest.flags));
    }
  }

  /** What a call gave that was to send. */
  #took(interest: Interest, given: number): void {
    let result = given;
    if (!interest.message) {
      if (result > 0) interest.taken += result;
      if (result > 0 && interest.taken < interest.length) result = -Errno.EAGAIN;
    }
    if (interest.isCancelled && result === -Errno.EAGAIN) result = -Errno.ECANCELED;
    const isTriedAgain = interest.sending;
    interest.sending = result === -Errno.EAGAIN;
    const failed = this.#tell(interest, isTriedAgain);
    if (failed < 0 && interest.sending) {
      interest.sending = false;
      this.#sent(interest.token, failed);
    } else if (!interest.sending) {
      this.#sent(interest.token, interest.message ? result : interest.taken > 0 ? interest.taken : result);
    }
  }

  /** Tells the kernel whether room is waited for, where it does not know. What it tells of arrivals is no send's concern. */
  #tell(interest: Interest, isTriedAgain: boolean): number {
    // Where a socket that had room took nothing, or not all: asked anew, the kernel tells of room that is there already.
    if (isTriedAgain && interest.sending) return this.#set.askAgain(interest);
    return interest.sending || (interest.registered & EPOLL.OUT) !== 0 ? this.#set.update(interest) : 0;
  }

  /** Gives its memory back. */
  close(): void {
    this.#batch.close();
  }
}
