// Connection: one accepted stream. It hands received bytes to a protocol, one request at a time and in order, and sends
// the protocol's output: segments from memory, extents of files by sendfile. The protocol above sees bytes and never a
// system call; a TLS transport would take this file's place and leave the protocol as it is.
//
// In whose hands a byte is: received ones lie in the engine's frame during `received`, then in the backlog if the
// protocol did not take them; bytes to send are lent by their lender until it is released.

import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Endpoint } from './endpoint.js';
import { FilePump } from './file-pump.js';
import type { Loop } from './loop.js';
import { type FileSource, type Lender, Output } from './output.js';

/** What speaks over a connection. One object serves every connection of a listener; per-connection state is `S`. */
export interface Protocol<S> {
  /** Makes the state of a connection object; it is used again for later connections. */
  createState(): S;
  /** A connection was accepted. */
  opened(connection: Connection<S>): void;
  /** Bytes to look at, from `start` to `end`. Returns how many were taken; the rest comes again with more behind it. */
  received(connection: Connection<S>, bytes: Uint8Array, start: number, end: number): number;
  /** The peer will send no more. Output may still be wanted. */
  ended(connection: Connection<S>): void;
  /** Everything that was to be sent is in the kernel's hands. */
  drained(connection: Connection<S>): void;
  /** A time limit that the protocol set with {@link Connection.deadlineMs} passed. */
  expired(connection: Connection<S>): void;
  /** The connection is gone; its state will be used again. */
  closed(connection: Connection<S>): void;
}

/** What a connection's owner keeps account of. */
export interface ConnectionOwner<S> {
  readonly loop: Loop;
  readonly protocol: Protocol<S>;
  /** Bytes a peer may send ahead while an answer is under way. */
  readonly backlogLimit: number;
  /** What is counted of the connections' files. */
  readonly counts: { coldFetches: number; truncated: number };
  /** A connection was closed. */
  released(connection: Connection<S>): void;
}

/** How long a closing connection waits for its peer to have read, and how much it reads meanwhile. */
const lingerMs = 2000;
const lingerBytes = 256 * 1024;

const noBytes = new Uint8Array(0);

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
  /** When the rate check last looked (or the output began), and what was acknowledged then (-1: not looked yet). */
  rateCheckedMs = 0;
  rateCheckedBytes = 0;
  /** Position in the owner's list of open connections. */
  position = -1;
  /** While true the protocol is busy with a request (waiting for a file, say): no further bytes are handed to it. */
  busy = false;
  /** The peer ended its sending direction. */
  inputEnded = false;
  #receiving = false;
  #stopping = false;
  #sending = false;
  #closing = false;
  #lingering = false;
  #lingered = 0;
  #pumping = false;
  /** Bytes are being handed to the protocol: an answer that is sent at once must not hand out the ones behind it. */
  #offering = false;
  /** The socket is ready for direct calls; receiving cannot be begun on it until that is taken back. */
  #direct = false;
  /** Made for the first extent: most connections never send one. */
  #pump: FilePump | undefined;
  #backlog: Uint8Array = noBytes;
  #backlogStart = 0;
  #backlogEnd = 0;

  constructor(owner: ConnectionOwner<S>) {
    super();
    this.owner = owner;
    this.state = owner.protocol.createState();
  }

  /** True from the first byte of an answer that is queued until its last one is in the kernel's hands. */
  get sending(): boolean {
    return !this.output.empty;
  }

  /** True once the connection is on its way out: nothing more is received or queued. */
  get closing(): boolean {
    return this.#closing || this.#lingering;
  }

  /** Takes a socket into use. */
  open(fd: number): void {
    this.fd = fd;
    this.busy = false;
    this.inputEnded = false;
    this.#stopping = false;
    this.#closing = false;
    this.#lingering = false;
    this.#direct = false;
    this.sentBytes = 0;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    this.owner.loop.register(this);
    this.#beginReceive();
    this.owner.protocol.opened(this);
  }

  #beginReceive(): void {
    this.#receiving = true;
    if (this.#direct) {
      this.#direct = false;
      this.owner.loop.engine.directCalls(this.fd, false);
    }
    this.owner.loop.engine.receive(this.token, this.fd);
  }

  override received(result: number, frame: number, more: boolean): void {
    const engine = this.owner.loop.engine;
    if (!more) this.#receiving = false;
    if (result > 0) {
      const start = frame * engine.receiveFrameBytes;
      this.#take(engine.receiveBytes, start, start + result);
      engine.recycle(frame);
    } else if (result === 0) {
      this.#inputEnd();
    } else if (result !== -Errno.ENOBUFS && result !== -Errno.ECANCELED && result !== -Errno.EINTR) {
      this.abort();
    }
    if (!more) this.#receiveEnded();
  }

  #inputEnd(): void {
    this.inputEnded = true;
    if (this.#lingering) this.abort();
    else if (!this.#closing) this.owner.protocol.ended(this);
  }

  /** Receiving ended: for good, or to be begun again when there is room. */
  #receiveEnded(): void {
    if (this.#closing) {
      this.#closeWhenIdle();
      return;
    }
    if (this.inputEnded || this.#stopping || this.#pumping) return;
    // In the next turn: what ended it (frames in short supply) must have the time to pass.
    this.owner.loop.nextTurn(() => this.#resumeReceive());
  }

  /** Begins to receive again if nothing speaks against it. Called when the backlog or a file's extent is done. */
  #resumeReceive(): void {
    if (this.fd < 0 || this.#receiving || this.#closing || this.inputEnded || this.#pumping) return;
    if (this.#backlogEnd - this.#backlogStart > this.owner.backlogLimit) return;
    this.#stopping = false;
    this.#beginReceive();
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#lingering) {
      this.#lingered += end - start;
      if (this.#lingered > lingerBytes) this.abort();
      return;
    }
    if (this.#closing) return;
    if (this.#backlogEnd > this.#backlogStart || this.busy || this.sending) {
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
    this.#offering = true;
    while (at < end && !this.busy && !this.sending && !this.closing) {
      const taken = this.owner.protocol.received(this, bytes, at, end);
      if (taken === 0) break;
      at += taken;
    }
    this.#offering = false;
    return this.closing ? end : at;
  }

  #takeBacklog(): void {
    if (this.#backlogEnd > this.#backlogStart) {
      const taken = this.#offer(this.#backlog, this.#backlogStart, this.#backlogEnd);
      this.#backlogStart = taken;
      if (this.#backlogStart === this.#backlogEnd) this.#dropBacklog();
    }
    this.#limitBacklog();
  }

  #dropBacklog(): void {
    this.#backlog = noBytes;
    this.#backlogStart = 0;
    this.#backlogEnd = 0;
  }

  /** Stops receiving while the peer is too far ahead, and begins again when it is not. */
  #limitBacklog(): void {
    const length = this.#backlogEnd - this.#backlogStart;
    if (length > this.owner.backlogLimit) {
      if (this.#receiving && !this.#stopping) {
        this.#stopping = true;
        this.owner.loop.engine.stopReceive(this.token, this.fd);
      }
    } else if (this.#stopping && !this.#receiving) {
      this.#resumeReceive();
    }
  }

  /** Appends bytes that the protocol did not take. Bounded: receiving stops beyond the owner's limit. */
  #keep(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    const held = this.#backlogEnd - this.#backlogStart;
    if (this.#backlogEnd + length > this.#backlog.length) {
      const room = new Uint8Array(Math.max(1024, 1 << (32 - Math.clz32(held + length - 1))));
      copyBytes(CopyReason.requestBacklog, room, 0, this.#backlog, this.#backlogStart, held);
      this.#backlog = room;
      this.#backlogStart = 0;
      this.#backlogEnd = held;
    }
    copyBytes(CopyReason.requestBacklog, this.#backlog, this.#backlogEnd, bytes, start, length);
    this.#backlogEnd += length;
    this.#limitBacklog();
  }

  /** Queues bytes at an address; the lender has them back when they were sent or the connection ended. */
  sendSegment(address: number, length: number, lender: Lender | undefined, cookie: number): void {
    if (this.#closing || this.fd < 0) {
      lender?.release(cookie);
      return;
    }
    this.output.addSegment(address, length, lender, cookie);
  }

  /** Queues a range of a file, to be sent by sendfile. */
  sendExtent(file: FileSource, offset: number, length: number, cookie: number): void {
    if (this.#closing || this.fd < 0 || length === 0) {
      file.release(cookie);
      return;
    }
    this.output.addExtent(file, offset, length, cookie);
  }

  /** Begins to send what was queued. */
  flush(): void {
    if (this.#sending || this.#pumping || this.output.empty) return;
    this.rateCheckedMs = this.owner.loop.nowMs;
    this.rateCheckedBytes = -1;
    this.#advance();
  }

  #advance(): void {
    const output = this.output;
    if (output.empty) {
      this.#drained();
      return;
    }
    const file = output.file;
    if (file !== undefined) {
      this.#pumping = true;
      this.#pump ??= new FilePump(this.owner.loop, this);
      this.#pump.start(file, output.place, output.length);
      return;
    }
    const rest = output.length - output.done;
    const place = output.place + output.done;
    if (!output.continues) {
      this.#sending = true;
      this.owner.loop.engine.send(this.token, this.fd, place, rest, 0);
      return;
    }
    // A head goes out with what follows it, now: in the kernel it waits for the next bytes (MSG_MORE).
    const taken = this.owner.loop.engine.sendNow(this.fd, place, rest, MSG.MORE);
    this.#took(taken);
  }

  /** Bytes of a segment were taken, or the socket was full, or it failed. */
  #took(result: number): void {
    if (result > 0) {
      this.sentBytes += result;
      const output = this.output;
      output.done += result;
      if (output.done >= output.length) output.shift();
      this.#advance();
    } else if (result === -Errno.EAGAIN) {
      this.#sending = true;
      this.owner.loop.engine.awaitWritable(this.token, this.fd);
    } else if (result === -Errno.EINTR || result === -Errno.ENOBUFS) {
      // Not the peer's fault, and not for long: once more in the next turn.
      this.#sending = true;
      this.owner.loop.nextTurn(() => this.writable(0));
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
    if (this.#closing) return;
    this.owner.protocol.drained(this);
    if (this.fd >= 0 && !this.closing && !this.#offering) this.#takeBacklog();
  }

  /** Goes on with bytes that wait behind a request the protocol was busy with. */
  resume(): void {
    if (this.fd >= 0 && !this.closing) this.#takeBacklog();
  }

  override sent(result: number): void {
    this.#sending = false;
    if (this.#closing) {
      this.#closeWhenIdle();
      return;
    }
    this.#took(result);
  }

  /** The pump sent its whole extent (called by {@link FilePump}). */
  extentSent(): void {
    this.#pumping = false;
    if (this.#closing) {
      this.#closeWhenIdle();
      return;
    }
    this.output.shift();
    // Only now: while the pump had the socket, receiving could not be begun on it.
    if (!this.#receiving && !this.#stopping) this.#resumeReceive();
    this.#advance();
  }

  /** A range was not in the page cache. */
  extentCold(): void {
    this.owner.counts.coldFetches++;
  }

  /** The pump could not go on: the peer is gone, or (`truncated`) the file ended before its extent did. */
  extentFailed(truncated: boolean): void {
    this.#pumping = false;
    if (truncated) this.owner.counts.truncated++;
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
  get #inUse(): boolean {
    return this.#receiving || this.#sending || this.#pump?.waiting === true;
  }

  /** Closes after everything queued was sent, in a way that lets the peer read it: no reset while it still sends. */
  finish(): void {
    if (this.#closing || this.#lingering) return;
    if (this.inputEnded || !this.#receiving) {
      this.abort();
      return;
    }
    this.#lingering = true;
    this.#lingered = 0;
    this.#dropBacklog();
    this.owner.loop.engine.finish(this.fd);
    this.deadlineMs = this.owner.loop.nowMs + lingerMs;
  }

  /** Ends the connection at once; what was not sent is not sent. */
  abort(): void {
    if (this.#closing || this.fd < 0) return;
    this.#closing = true;
    if (this.#inUse) this.owner.loop.engine.cancel(this.token, this.fd);
    this.#pump?.stop();
    this.#closeWhenIdle();
  }

  /** The descriptor is closed, and lent bytes go back, only when no operation uses them any more. */
  #closeWhenIdle(): void {
    if (!this.#closing || this.fd < 0 || this.#inUse) return;
    const { loop, protocol } = this.owner;
    this.output.clear();
    this.#pumping = false;
    this.#dropBacklog();
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
    if (this.#lingering) this.abort();
    else this.owner.protocol.expired(this);
  }
}
