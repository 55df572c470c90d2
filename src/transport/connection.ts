// Connection: one accepted stream. It hands received bytes to a protocol, one request at a time and in order, and sends
// the protocol's output: segments from memory, and by a pump what has extents of files among it. A TLS transport would take this file's place.
//
// In whose hands a byte is: received ones lie in the engine's frame during `received`, then in the backlog if the
// protocol did not take them; bytes to send are lent by their lender until it is released.

import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { Backlog } from './backlog.js';
import { Endpoint, mayReceiveAgain } from './endpoint.js';
import type { FileCounts } from './file-counts.js';
import { type ExtentEnd, ListPump } from './list-pump.js';
import { type FileSource, type Lender, Output } from './output.js';
import type { ConnectionOwner } from './protocol.js';
import { TurnWork } from './turn-work.js';

export type { ConnectionOwner, Protocol } from './protocol.js';

/** How long a closing connection waits for its peer to have read, and how much it reads meanwhile. */
const lingerMs = 2000;
const lingerBytes = 256 * 1024;

/** What a connection does in the next turn: bits. */
const Turn = { receive: 1, send: 2, offer: 4 } as const;
/** Requests that are answered at once when many came together; the others' time is a later turn. */
const requestsAtOnce = 8;

/** See the file's head. Pooled: after `closed` the object serves another connection. */
export class Connection<S> extends Endpoint {
  readonly owner: ConnectionOwner<S>;
  readonly state: S;
  readonly output = new Output();
  /** The socket, -1 when closed. */
  fd = -1;
  /** When {@link Protocol.expired} is due on the loop's clock; Infinity for never. */
  deadlineMs = Number.POSITIVE_INFINITY;
  /** Bytes given to the kernel on this connection. */
  sentBytes = 0;
  /** Bytes a second at which a response with extents leaves; 0: as fast as it can. It holds for one that is not begun yet. */
  rate = 0;
  /** When the rate check last looked (or the output began), and what was acknowledged then (-1: not looked yet). */
  rateCheckedMs = 0;
  rateCheckedBytes = 0;
  /** Since when nothing is under way, while nothing is: since the last answer left, or the connection came. */
  quietSinceMs = 0;
  /** Position in the owner's list of open connections. */
  position = -1;
  /** While true the protocol is busy with a request (waiting for a file, say): no further bytes are handed to it. */
  busy = false;
  /** The peer ended its sending direction. */
  inputEnded = false;
  /** The protocol ends the connection as soon as what is queued was taken: the last bytes leave in one packet with the end. */
  endFollows = false;
  /** Receiving is under way with the engine; it was asked to stop, and the final event is awaited. */
  #receiving = false;
  #stopping = false;
  /** A send is under way with the engine. */
  #sending = false;
  /** The protocol is looking at bytes; a drained output is reported after that. */
  #offering = false;
  #drainDue = false;
  #endTold = false;
  /** Requests wait for the next turn. */
  #yielding = false;
  /** finish() waits for the output; abort() was called, and operations are being waited for. */
  #finishing = false;
  #closing = false;
  #lingering = false;
  #lingered = 0;
  #pumping = false;
  /** The socket is ready for direct calls; receiving cannot be begun on it until that is taken back. */
  #direct = false;
  /** Made for the first response with extents: most connections never send one. */
  #pump: ListPump | undefined;
  /** Made for the first work. */
  #turnWork: TurnWork | undefined;
  /** Bytes the protocol did not take yet; undefined when there are none. */
  #backlog: Backlog | undefined;

  constructor(owner: ConnectionOwner<S>) {
    super();
    this.owner = owner;
    this.state = owner.protocol.createState();
  }

  /** True from the first byte of an answer that is queued until its last one is in the kernel's hands. */
  get sending(): boolean {
    return !this.output.empty;
  }

  /** What is counted of the files that it sends. */
  get counts(): FileCounts {
    return this.owner.counts;
  }

  /** True once the connection is on its way out: nothing more is received or queued. */
  get closing(): boolean {
    return this.#closing || this.#lingering || this.#finishing;
  }

  /** True while bytes wait that the protocol did not take: the beginning of a request, say. */
  get hasInput(): boolean {
    return this.#backlog !== undefined;
  }

  /** True once {@link abort} was called: the connection only waits for its last operations to end. */
  get gone(): boolean {
    return this.#closing;
  }

  /** Takes a socket into use. */
  open(fd: number): void {
    this.fd = fd;
    this.busy = this.inputEnded = this.endFollows = false;
    this.#stopping = this.#offering = this.#drainDue = this.#endTold = this.#yielding = false;
    this.#finishing = this.#closing = this.#lingering = this.#direct = false;
    this.#pump?.renew();
    this.sentBytes = this.rate = 0;
    this.quietSinceMs = this.owner.loop.nowMs;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.owner.loop.register(this);
    this.#beginReceive(true);
    this.owner.protocol.opened(this);
  }

  /** Does something in the next turn, for whatever connection the object serves then. A send keeps it from closing until then. */
  #inNextTurn(work: number): void {
    this.#turnWork ??= new TurnWork(this.owner.loop, (bits) => {
      if ((bits & Turn.receive) !== 0) this.#resumeReceive();
      if ((bits & Turn.send) !== 0) this.writable(0);
      this.#yielding = false;
      if ((bits & Turn.offer) !== 0) this.resume();
    });
    this.#turnWork.add(work);
  }

  /** @param once the first bytes are the last ones of many a connection: then there is nothing to cancel. */
  #beginReceive(once: boolean): void {
    this.#receiving = true;
    if (this.#direct) {
      this.#direct = false;
      this.owner.loop.engine.directCalls(this.fd, false);
    }
    this.owner.loop.engine.receive(this.token, this.fd, once);
  }

  override received(result: number, frame: number, more: boolean): void {
    const engine = this.owner.loop.engine;
    if (!more) this.#receiving = false;
    if (result > 0) {
      const start = frame * engine.receiveFrameBytes;
      try {
        this.#take(engine.receiveBytes, start, start + result);
      } finally {
        engine.recycle(frame);
      }
    } else if (result === 0) {
      this.inputEnded = true;
      if (this.#lingering) this.abort();
      else this.#tellEnd();
    } else if (!mayReceiveAgain(result)) this.abort();
    if (!more) this.#receiveEnded();
  }

  #tellEnd(): void {
    if (!this.inputEnded || this.#endTold || this.#offering || this.closing) return;
    if (this.busy || this.sending || this.#yielding) return;
    this.#endTold = true;
    this.owner.protocol.ended(this);
  }

  /** Receiving ended: for good, or to be begun again when there is room. */
  #receiveEnded(): void {
    if (this.#closing) {
      this.#closeWhenIdle();
      return;
    }
    this.#stopping = false;
    // In the next turn: what ended it (frames in short supply) must have the time to pass. Before an end that is on its way nothing is asked for.
    if (!this.inputEnded && !(this.endFollows && this.#sending)) this.#inNextTurn(Turn.receive);
  }

  /** Begins to receive again if nothing speaks against it. Called whenever something that did is over. */
  #resumeReceive(): void {
    if (this.fd < 0 || this.#receiving || this.#closing || this.inputEnded || this.#pumping) return;
    if (this.#isTooFarAhead()) return;
    this.#beginReceive(false);
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#lingering) {
      this.#lingered += end - start;
      if (this.#lingered > lingerBytes) this.abort();
      return;
    }
    if (this.#closing) return;
    if (this.#backlog !== undefined || this.busy || this.sending) {
      this.#keep(bytes, start, end);
      this.#takeBacklog();
      return;
    }
    const taken = this.#offer(bytes, start, end);
    if (taken < end) this.#keep(bytes, taken, end);
  }

  /** Offers bytes to the protocol, a request at a time, until it is busy or wants more. Returns the first byte left. */
  #offer(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    let requests = 0;
    this.#offering = true;
    try {
      while (at < end && !this.busy && !this.sending && !this.closing) {
        if (requests++ === requestsAtOnce) {
          this.#yielding = true;
          this.#inNextTurn(Turn.offer);
          break;
        }
        const taken = this.owner.protocol.received(this, bytes, at, end);
        at += taken;
        while (this.#drainDue) this.#reportDrained();
        if (taken === 0) break;
      }
    } finally {
      this.#offering = false;
    }
    return this.closing ? end : at;
  }

  #takeBacklog(): void {
    if (this.#offering) return;
    const backlog = this.#backlog;
    if (backlog !== undefined) {
      backlog.start = this.#offer(backlog.bytes, backlog.start, backlog.end);
      if (this.closing) return;
      if (backlog.length === 0) this.#backlog = backlog.letGo();
    }
    this.#limitBacklog();
    this.#tellEnd();
  }

  /** An idle protocol that wants more gets more: it has limits of its own. No getter: V8 goes through its runtime for a private one. */
  #isTooFarAhead(): boolean {
    const waits = this.busy || this.sending || this.#yielding;
    return waits && this.#backlog !== undefined && this.#backlog.length >= this.owner.backlogLimit;
  }

  /** Stops receiving while the peer is too far ahead, and begins again when it is not. */
  #limitBacklog(): void {
    if (!this.#isTooFarAhead()) this.#resumeReceive();
    else if (this.#receiving && !this.#stopping) {
      this.#stopping = true;
      this.owner.loop.engine.stopReceive(this.token, this.fd);
    }
  }

  /** Appends bytes that the protocol did not take. Bounded: receiving stops at the owner's limit. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#backlog ??= new Backlog(end - start, this.owner);
    this.#backlog.append(bytes, start, end);
    this.#limitBacklog();
  }

  /** Queues bytes at an address; the lender has them back when they were sent or the connection ended. */
  sendSegment(address: number, length: number, lender: Lender | undefined, cookie: number): void {
    if (this.closing || this.fd < 0 || length === 0) lender?.release(cookie);
    else this.output.addSegment(address, length, lender, cookie);
  }

  /** Queues a range of a file, to be sent by reference. */
  sendExtent(file: FileSource, offset: number, length: number, cookie: number): void {
    if (this.closing || this.fd < 0 || length === 0) file.release(cookie);
    else this.output.addExtent(file, offset, length, file, cookie);
  }

  /** Queues pieces of a file, offset and length each, of `bytes` in all, to be sent by reference. */
  sendPieces(file: FileSource, places: Float64Array, bytes: number): void {
    if (this.closing || this.fd < 0) file.release(0);
    else this.output.addPieces(file, places, bytes);
  }

  /** Begins to send what was queued. */
  flush(): void {
    if (this.#sending || this.#pumping || this.output.empty) return;
    this.rateCheckedMs = this.owner.loop.nowMs;
    this.rateCheckedBytes = -1;
    this.#advance();
  }

  /** Sends as far as it goes now. */
  #advance(): void {
    const output = this.output;
    // A lender that was just released may have ended the connection, or queued and flushed more.
    while (!this.#closing && !this.#sending && !this.#pumping) {
      if (output.empty) {
        this.#drained();
        return;
      }
      if (output.extents > 0) {
        this.#pumping = true;
        this.#pump ??= new ListPump(this.owner.loop, this);
        if (!this.#pump.start(output)) return;
        this.#pumpEnded();
      } else {
        this.#sendFirst();
      }
    }
  }

  /** Sends segments: one through the engine, several by one call of it. */
  #sendFirst(): void {
    const { fd, output, owner } = this;
    const { engine, bulk, nowMs } = owner.loop;
    const rest = output.length - output.done;
    const place = output.place + output.done;
    if (!output.continues) {
      const flags = this.endFollows ? MSG.MORE : 0;
      bulk.noteSmall(nowMs);
      if (owner.protocol.sendsAtOnce || engine.sendsAtOnce(flags)) this.#took(engine.sendNow(fd, place, rest, flags));
      else {
        this.#sending = true;
        engine.send(this.token, fd, place, rest, flags);
      }
    } else if (!this.#sendGathered()) this.#took(engine.sendNow(fd, place, rest, MSG.MORE));
  }

  /** Sends the segments that the output begins with by one call. False when there is no room for its message. */
  #sendGathered(): boolean {
    const header = this.output.gather();
    if (header === 0) return false;
    this.#sending = true;
    const continues = this.output.gatherContinues;
    const flags = continues || this.endFollows ? MSG.MORE : 0;
    if (!continues) this.owner.loop.bulk.noteSmall(this.owner.loop.nowMs);
    this.owner.loop.engine.sendMessage(this.token, this.fd, header, flags);
    return true;
  }

  /** Bytes of the first segment, or of a run of them, were taken, or the socket was full, or it failed. */
  #took(result: number): void {
    if (result > 0) {
      this.sentBytes += result;
      this.output.take(result);
    } else if (result === -Errno.EAGAIN) {
      this.#sending = true;
      this.owner.loop.engine.awaitWritable(this.token, this.fd);
    } else if (result === -Errno.EINTR || result === -Errno.ENOBUFS) {
      // Not the peer's fault, and not for long: once more in the next turn.
      this.#sending = true;
      this.#inNextTurn(Turn.send);
    } else {
      this.abort();
    }
  }

  /** The pump asks for the socket to be ready for direct calls. */
  goDirect(): void {
    if (this.#direct) return;
    this.#direct = true;
    this.owner.loop.engine.directCalls(this.fd, true);
  }

  #drained(): void {
    // The protocol is asked nothing while it looks at bytes: it may still be at work on the answer that is now gone.
    if (this.#offering) {
      this.#drainDue = true;
      return;
    }
    this.#reportDrained();
    if (this.fd >= 0 && !this.closing) this.#takeBacklog();
  }

  #reportDrained(): void {
    this.#drainDue = false;
    if (this.#closing) return;
    this.quietSinceMs = this.owner.loop.nowMs;
    this.owner.protocol.drained(this);
    if (this.#finishing && !this.#closing && this.output.empty) this.#linger();
  }

  /** Goes on with bytes that wait behind a request the protocol was busy with; not needed within `received`. */
  resume(): void {
    if (this.fd >= 0 && !this.closing) this.#takeBacklog();
  }

  override sent(result: number): void {
    if (!this.#sending) {
      this.#pump?.sent(result);
      return;
    }
    this.#sending = false;
    this.output.gathered();
    if (this.#closing) {
      this.#closeWhenIdle();
      return;
    }
    this.#took(result);
    this.#advance();
  }

  /** The pump sent everything, later than at once (called by {@link ListPump}). */
  listSent(): void {
    this.#pumpEnded();
    this.#advance();
  }

  #pumpEnded(): void {
    this.#pumping = false;
    // A lender that was released by the pump may have finished the connection: what its peer sends is awaited from now on.
    if (this.#lingering) this.#resumeReceive();
  }

  /** The pump could not go on; what was promised cannot be kept, so the connection ends. */
  listFailed(reason: ExtentEnd): void {
    this.#pumping = false;
    if (reason === 'truncated') this.owner.counts.truncated++;
    else if (reason !== 'peer') this.owner.protocol.fileFailed?.(reason);
    this.abort();
  }

  override writable(result: number): void {
    if (!this.#sending) {
      this.#pump?.writable(result);
      return;
    }
    this.#sending = false;
    if (this.#closing) this.#closeWhenIdle();
    else this.#advance();
  }

  override fetched(result: number): void {
    this.#pump?.fetched(result);
  }

  /** True while the pump or an engine's operation still uses the socket. */
  #isInUse(): boolean {
    return this.#receiving || this.#sending || this.#pump?.waiting === true;
  }

  /** Closes after everything queued was sent, in a way that lets the peer read it: no reset while it still sends. */
  finish(): void {
    if (this.closing || this.fd < 0) return;
    this.#finishing = !this.output.empty;
    if (this.#finishing) this.flush();
    else this.#linger();
  }

  /** Says that this was all, and reads what the peer sends until it has seen that: a reset would take it away again. */
  #linger(): void {
    this.#finishing = false;
    if (this.inputEnded) {
      this.abort();
      return;
    }
    this.#lingering = true;
    this.#lingered = 0;
    this.#backlog = this.#backlog?.letGo();
    this.owner.loop.engine.finish(this.fd);
    this.deadlineMs = this.owner.loop.nowMs + lingerMs;
    this.#resumeReceive();
  }

  /** Ends the connection at once; what was not sent is not sent. */
  abort(): void {
    if (this.#closing || this.fd < 0) return;
    this.#closing = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    // First: what waits for a time of its own is no operation of the engine's.
    this.#pump?.stop();
    if (this.#isInUse()) this.owner.loop.engine.cancel(this.token, this.fd, true);
    this.#closeWhenIdle();
  }

  /** The descriptor is closed, and lent bytes go back, only when no operation uses them any more. */
  #closeWhenIdle(): void {
    if (!this.#closing || this.fd < 0 || this.#isInUse()) return;
    const { loop, protocol } = this.owner;
    this.output.clear();
    this.#pumping = false;
    this.#backlog = this.#backlog?.letGo();
    loop.engine.closeSocket(this.fd);
    this.fd = -1;
    loop.unregister(this);
    protocol.closed(this);
    this.owner.released(this);
  }

  /** Called by the pump when its last operation on a closing connection ended. */
  pumpIdle(): void {
    this.#closeWhenIdle();
  }

  /** The owner's clock passed {@link deadlineMs}. */
  expire(): void {
    this.deadlineMs = Number.POSITIVE_INFINITY;
    if (this.#closing) return;
    if (this.#lingering) this.abort();
    else this.owner.protocol.expired(this);
  }
}
