// Listener: accepts connections on its sockets, owns their objects, and holds every limit that is about time or number:
// deadlines, the minimum rate of a reader, the cap on connections, the drain at the end.

import { Errno, isShortage } from '../kernel/errno.js';
import { Region } from '../memory/region.js';
import { Acceptor, type AcceptorOwner, type ListenSocket } from './acceptor.js';
import { Connection, type ConnectionOwner, type Protocol } from './connection.js';
import { type FileCounts, noFileCounts } from './file-counts.js';
import type { Loop } from './loop.js';

/** Limits of a {@link Listener}. */
export interface ListenerLimits {
  /** Open connections; beyond it a new one gets `overflow` and is closed. */
  readonly maxConnections: number;
  /** So is one whose descriptor has this number or a higher one: few are left, which others need. Without it none is. */
  readonly descriptorLimit?: number;
  /** What that is by now: the limit on open files may have been changed. */
  readonly askDescriptorLimit?: () => number;
  /** Connections that were turned away and may read why; 64 without it. */
  readonly mostParting?: number;
  /** Lets go of descriptors that others keep for later, for a connection that has a place; false where none became free. */
  readonly relieve?: () => boolean;
  /** Where connections are turned away those are closed, for the next ones, that have been idle for so long; without it none is. */
  readonly yieldAfterMs?: number;
  /** Bytes a second that a reader must take, averaged over `rateWindowMs`; 0: no limit. */
  readonly minRate: number;
  readonly rateWindowMs: number;
  /** Bytes a peer may send ahead while an answer is under way. */
  readonly backlogLimit: number;
  /** Memory for that from which on a peer may send 4 KiB ahead and no more; 64 MiB without it. Each backlog may double once behind it. */
  readonly allBacklogBytes?: number;
}

/** Numbers for metrics; written here, read by anyone. */
export interface ListenerCounts extends FileCounts {
  accepted: number;
  refused: number;
  acceptErrors: number;
  slowReaders: number;
}

/**
 * What accept(2) reports of the one connection that was next in the queue, gone before it was taken: there is no reason
 * to wait for the others.
 */
const transientAcceptErrors: ReadonlySet<number> = new Set([
  -Errno.ECONNABORTED,
  -Errno.EINTR,
  -Errno.EAGAIN,
  -Errno.EPROTO,
  -Errno.ENOPROTOOPT,
  -Errno.EOPNOTSUPP,
  -Errno.EPERM,
  -Errno.ENETDOWN,
  -Errno.ENETUNREACH,
  -Errno.EHOSTDOWN,
  -Errno.EHOSTUNREACH,
  -Errno.ENONET,
  -Errno.ETIMEDOUT,
]);

/** How long an idle connection may still ask for something when the listener drains: its request may be on the way. */
const lastAskMs = 100;

/** Connections that wait and are still taken when the listener drains: more than any kernel queues. */
const mostLast = 65_536;

/** Sockets turned away that may wait for their peers to read why. */
const usualParting = 64;
/** How long each of them may wait, and how much of what its peer still sends is thrown away meanwhile. */
const partingMs = 2000;
const partingBytes = 256 * 1024;

/** A socket that was turned away: it goes when its peer went, at `untilMs`, or when its peer sent too much. */
interface Parting {
  readonly fd: number;
  readonly untilMs: number;
  bytesLeft: number;
}

/** Memory for what peers are ahead by, of all connections, from which on none may be ahead by more than the least. */
const usualAllBacklogBytes = 64 * 1024 ** 2;
const leastBacklogBytes = 4096;

/** Nothing is asked, answered or on its way in. */
function isIdle(connection: Connection<unknown>): boolean {
  return !connection.busy && !connection.sending && !connection.hasInput && !connection.closing;
}

/** Accepts on listening sockets, which stay the caller's. */
export class Listener<S> implements ConnectionOwner<S>, AcceptorOwner {
  readonly loop: Loop;
  readonly protocol: Protocol<S>;
  readonly counts: ListenerCounts = {
    accepted: 0,
    refused: 0,
    acceptErrors: 0,
    slowReaders: 0,
    ...noFileCounts(),
  };
  heldBytes = 0;
  readonly #acceptors: Acceptor[];
  readonly #limits: ListenerLimits;
  readonly #open: Connection<S>[] = [];
  readonly #pool: Connection<S>[] = [];
  readonly #overflow: Region;
  readonly #overflowBytes: number;
  readonly #stopTicks: () => void;
  /** Sockets that were turned away, in order. */
  #parting: Parting[] = [];
  /** Connections since the last tick for which there was no place; a guess where they could not be accepted. */
  #missing = 0;
  #descriptorLimit: number;
  /** The limit was asked for since the last tick. */
  #limitAsked = false;
  #draining = false;
  /** From when on, in ms and in turns, a drain closes who is idle. */
  #lastAskMs = 0;
  #lastAskTurn = 0;
  /** A drain was cut short by {@link abortAll}. */
  #stopped = false;
  #ended = false;
  readonly #drained: Array<() => void> = [];

  /**
   * @param sockets what to accept on; a number is the descriptor of the only one.
   * @param overflow what a connection over the cap is told, in bytes ready to send.
   */
  constructor(
    loop: Loop,
    sockets: number | readonly ListenSocket[],
    protocol: Protocol<S>,
    limits: ListenerLimits,
    overflow: string,
  ) {
    this.loop = loop;
    this.protocol = protocol;
    this.#limits = limits;
    this.#descriptorLimit = limits.descriptorLimit ?? Number.POSITIVE_INFINITY;
    this.#overflow = new Region(4096);
    this.#overflowBytes = new TextEncoder().encodeInto(overflow, this.#overflow.bytes).written;
    const given = typeof sockets === 'number' ? [{ fd: sockets }] : sockets;
    this.#acceptors = given.map((socket) => new Acceptor(this, socket));
    this.#acceptAgain();
    this.#stopTicks = loop.everyTick((nowMs) => this.#tick(nowMs));
  }

  /** Accepts on these as well, from now on. */
  listen(sockets: readonly ListenSocket[]): void {
    this.#acceptors.push(...sockets.map((socket) => new Acceptor(this, socket)));
    this.#acceptAgain();
  }

  /** Where all have as much as there may be, nobody gets much more: who sends and does not read costs memory of ours, and there may be thousands of them. */
  get backlogLimit(): number {
    const { backlogLimit, allBacklogBytes } = this.#limits;
    const isRoom = this.heldBytes < (allBacklogBytes ?? usualAllBacklogBytes);
    return isRoom ? backlogLimit : Math.min(backlogLimit, leastBacklogBytes);
  }

  /** Connections open now. */
  get connections(): number {
    return this.#open.length;
  }

  /** True once {@link drain} was called: answers should end their connection. */
  get draining(): boolean {
    return this.#draining;
  }

  /** An acceptor has a connection, or failed. */
  acceptedOn(acceptor: Acceptor, result: number): void {
    if (result >= 0) this.#admit(result);
    else if (result !== -Errno.ECANCELED) this.counts.acceptErrors++;
    if (result >= 0 || transientAcceptErrors.has(result) || this.#relieve(result)) this.#acceptAgain();
    if (this.#draining && !acceptor.accepting) {
      this.#acceptLast(acceptor);
      this.#reportDrained();
    }
  }

  /**
   * Makes room where descriptors or memory are short. False where there is none to make at once, or something else is wrong: the tick
   * accepts again, or a connection that closes, so that the shortage is not answered with a spin. Idle connections make way only where
   * nothing else did; what others keep is descriptors, and gives sockets no memory.
   */
  #relieve(result: number): boolean {
    // Memory of sockets has an errno of its own.
    if (!isShortage(-result) && result !== -Errno.ENOBUFS) return false;
    this.#askLimit();
    const isOfDescriptors = result === -Errno.EMFILE || result === -Errno.ENFILE;
    const hasPlace = this.#open.length < this.#limits.maxConnections && this.#parting.length === 0;
    if (isOfDescriptors && hasPlace && this.#limits.relieve?.() === true) return true;
    this.#missing += 1 + (this.#open.length >> 4);
    return this.#partFromAll();
  }

  /** Takes in a socket of our own that is connected, however many are: as one that was accepted, and not counted as such. */
  adopt(fd: number): void {
    if (this.#stopped) this.loop.engine.closeSocket(fd);
    else this.#enter(fd);
  }

  #acceptAgain(): void {
    if (this.#draining) return;
    for (const acceptor of this.#acceptors) acceptor.begin();
  }

  /** Takes in who connected before the end, and sees to it that nobody else does: who comes later is refused at once. */
  #acceptLast({ fd, isBorrowed }: Acceptor): void {
    if (isBorrowed) return;
    const { engine } = this.loop;
    for (let count = 0; count < mostLast && !this.#stopped; count++) {
      const result = engine.acceptNow(fd);
      if (result >= 0) this.#admit(result);
      else if (result === -Errno.EAGAIN || !transientAcceptErrors.has(result)) break;
    }
    engine.stopListening(fd);
  }

  #admit(fd: number): void {
    if (this.#stopped) {
      this.loop.engine.closeSocket(fd);
      return;
    }
    const isShort = this.#isShortAt(fd);
    if (isShort || this.#open.length >= this.#limits.maxConnections) {
      this.#turnAway(fd, isShort);
      return;
    }
    this.counts.accepted++;
    this.#enter(fd);
  }

  /** Whether a descriptor's number says that few are left: the lowest that is free is given. The limit is asked for once a tick at most. */
  #isShortAt(fd: number): boolean {
    if (fd >= this.#descriptorLimit) this.#askLimit();
    return fd >= this.#descriptorLimit;
  }

  #askLimit(): void {
    if (this.#limitAsked) return;
    this.#limitAsked = true;
    this.#descriptorLimit = this.#limits.askDescriptorLimit?.() ?? this.#descriptorLimit;
  }

  #enter(fd: number): void {
    const connection = this.#pool.pop() ?? new Connection<S>(this);
    connection.position = this.#open.length;
    this.#open.push(connection);
    connection.open(fd);
  }

  /**
   * Tells a connection over the cap why, and closes it later: closed at once, or with a part of its request unread, it
   * would be reset, and the peer might not read what it was told. Few wait; the oldest goes when there are more, and all where
   * descriptors are short.
   */
  #turnAway(fd: number, isShort: boolean): void {
    const { engine } = this.loop;
    this.counts.refused++;
    this.#missing++;
    engine.sendNow(fd, this.#overflow.address, this.#overflowBytes, 0);
    engine.finish(fd);
    if (this.#parting.length >= (this.#limits.mostParting ?? usualParting)) this.#closeParting(this.#parting.shift()!);
    this.#parting.push({ fd, untilMs: this.loop.nowMs + partingMs, bytesLeft: partingBytes });
    if (isShort) this.#partFromAll();
  }

  /** Closes all that were turned away. False where there are none. */
  #partFromAll(): boolean {
    const parting = this.#parting;
    this.#parting = [];
    for (const each of parting) this.#closeParting(each);
    return parting.length > 0;
  }

  /** Closes connections that are idle, the longest first, for as many as found no place and will not have that of one that is leaving. */
  #makePlaces(nowMs: number): void {
    const { yieldAfterMs } = this.#limits;
    const leaving = this.#open.filter((each) => each.closing && !each.sending).length;
    const missing = Math.max(0, this.#missing - leaving);
    this.#missing = 0;
    if (yieldAfterMs === undefined || missing === 0) return;
    const idle = this.#open.filter((each) => isIdle(each) && nowMs - each.quietSinceMs >= yieldAfterMs);
    idle.sort((left, right) => left.quietSinceMs - right.quietSinceMs);
    for (const connection of idle.slice(0, missing)) connection.finish();
  }

  /** Throws away what came on one that was turned away. True when its peer has gone, or sends without end. */
  #isGone(parting: Parting): boolean {
    for (;;) {
      const result = this.loop.engine.discard(parting.fd, parting.bytesLeft);
      if (result === -Errno.EAGAIN) return false;
      parting.bytesLeft -= Math.max(0, result);
      if (result <= 0 || parting.bytesLeft <= 0) return true;
    }
  }

  #closeParting(parting: Parting): void {
    this.#isGone(parting);
    this.loop.engine.closeSocket(parting.fd);
  }

  /** Closes the ones that were turned away and whose time is over. */
  #partFrom(nowMs: number): void {
    this.#parting = this.#parting.filter((parting) => {
      if (!this.#isGone(parting) && nowMs < parting.untilMs) return true;
      this.loop.engine.closeSocket(parting.fd);
      return false;
    });
  }

  released(connection: Connection<S>): void {
    const last = this.#open.pop()!;
    if (last !== connection) {
      this.#open[connection.position] = last;
      last.position = connection.position;
    }
    connection.position = -1;
    if (this.#pool.length < 1024) this.#pool.push(connection);
    this.#acceptAgain();
    this.#reportDrained();
  }

  #tick(nowMs: number): void {
    this.#limitAsked = false;
    this.#acceptAgain();
    if (this.#parting.length > 0) this.#partFrom(nowMs);
    if (this.#missing > 0) this.#makePlaces(nowMs);
    if (this.#draining && nowMs >= this.#lastAskMs && this.loop.turns >= this.#lastAskTurn) this.#finishIdle();
    // From the end: a connection that goes makes the last one take its place.
    for (let index = this.#open.length - 1; index >= 0; index--) {
      const connection = this.#open[index];
      if (connection === undefined) continue;
      if (nowMs >= connection.deadlineMs) connection.expire();
      else if (
        connection.sending &&
        !connection.gone &&
        nowMs - connection.rateCheckedMs >= this.#limits.rateWindowMs
      ) {
        this.#checkRate(connection, nowMs);
      }
    }
  }

  /** Ends a connection whose reader took less than the minimum: what counts is what the peer acknowledged. */
  #checkRate(connection: Connection<S>, nowMs: number): void {
    const outstanding = this.loop.engine.unacknowledged(connection.fd);
    const acknowledged = connection.sentBytes - outstanding;
    const before = connection.rateCheckedBytes;
    const wanted = (this.#limits.minRate * (nowMs - connection.rateCheckedMs)) / 1000;
    connection.rateCheckedMs = nowMs;
    connection.rateCheckedBytes = acknowledged;
    // The first look of an output only takes the measure: what earlier answers left in the socket is not its own.
    // A reader who took everything there was waits for us (a slow disk, a paced socket), not we for it.
    if (before < 0 || outstanding === 0 || acknowledged - before >= wanted) return;
    this.counts.slowReaders++;
    connection.abort();
  }

  /**
   * Ends listening: who connected before is served, who comes later is refused. Connections that are busy, or in the middle
   * of a request, finish, which is the protocol's doing; idle ones are closed a moment later, since a request may be on its
   * way. `done` is called once when none is left.
   */
  drain(done: () => void): void {
    this.#drained.push(done);
    if (!this.#draining) {
      this.#draining = true;
      this.#lastAskMs = this.loop.nowMs + lastAskMs;
      this.#lastAskTurn = this.loop.turns + 2;
      for (const acceptor of this.#acceptors) {
        if (acceptor.accepting) acceptor.cancel();
        else this.#acceptLast(acceptor);
      }
    }
    this.#reportDrained();
  }

  #finishIdle(): void {
    for (const connection of [...this.#open]) if (isIdle(connection)) connection.finish();
  }

  /** Ends every connection at once; in a drain also those that are still to come. */
  abortAll(): void {
    this.#stopped = this.#draining;
    for (const connection of [...this.#open]) connection.abort();
  }

  /** Closes every socket though operations may be under way: for a thread that cannot go on. */
  abandon(): void {
    for (const connection of this.#open) if (connection.fd >= 0) this.loop.engine.closeSocket(connection.fd);
    for (const { fd } of this.#parting) this.loop.engine.closeSocket(fd);
  }

  #reportDrained(): void {
    if (!this.#draining || this.#open.length > 0 || this.#acceptors.some((each) => each.accepting)) return;
    if (!this.#ended) {
      this.#ended = true;
      this.#partFromAll();
      this.#stopTicks();
      for (const acceptor of this.#acceptors) this.loop.unregister(acceptor);
      this.#overflow.unmap();
    }
    for (let done = this.#drained.shift(); done !== undefined; done = this.#drained.shift()) done();
  }
}
