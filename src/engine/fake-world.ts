// What the fake engine is connected to: peers with a socket's buffers between, files in memory, and the script that says
// what goes wrong. Not here: operations and their events (fake.ts).

import { readSync } from 'node:fs';
import { Errno } from '../kernel/errno.js';
import { CopyReason, copyBytes } from '../memory/copy.js';

/** The steps at which a {@link FaultScript} is asked. */
export type FakeStep =
  | 'accept'
  | 'acceptMore'
  | 'receive'
  | 'receiveMore'
  | 'send'
  | 'sendReference'
  | 'notice'
  | 'sendNow'
  | 'sendFile'
  | 'fillPipe'
  | 'sendPipe'
  | 'writable'
  | 'fetch'
  | 'cancel';

/**
 * Says how a step ends. `asked` is what it would give without a fault: bytes for the steps that move bytes, 1 for the
 * others. The answer is the result instead: a negative errno (the step fails), fewer bytes (a short count; 0 of
 * `sendFile`: the file ends), or for `writable`, `fetch`, `notice` and `cancel` the number of turns it takes, and for `acceptMore`
 * and `receiveMore` 0 to end the operation with this event.
 */
export type FaultScript = (step: FakeStep, asked: number, fd: number) => number;

/** Nothing goes wrong. */
export const noFaults: FaultScript = (_step, asked) => asked;

/** Bytes that only grow. */
export class ByteLog {
  #bytes: Uint8Array = new Uint8Array(256);
  length = 0;

  /** What was added so far; a view, until more is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  /** Adds bytes. */
  append(source: Uint8Array, start: number, length: number): void {
    if (this.length + length > this.#bytes.length) {
      const room = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + length));
      copyBytes(CopyReason.application, room, 0, this.#bytes, 0, this.length);
      this.#bytes = room;
    }
    copyBytes(CopyReason.application, this.#bytes, this.length, source, start, length);
    this.length += length;
  }
}

/**
 * Both ends of a connection: the peer's, which a test holds, and the socket's, which the engine works on. What the peer
 * does is seen by the engine in its next turn.
 */
export class FakePeer {
  /** Everything the peer got, byte for byte. */
  readonly got = new ByteLog();
  /** Bytes the socket and the peer still take; the test adds to it as a reader reads. */
  room = Number.POSITIVE_INFINITY;
  /** What {@link FakeEngine.unacknowledged} says of the socket. */
  unacknowledged = 0;
  /** The last bytes that were sent said that more follows: the kernel may keep them back for a while. */
  held = false;
  /** The peer read the end of the stream: nothing can come after `got`. */
  sawEnd = false;
  /** The peer's connection was reset by the other side, which closed it with bytes unread. */
  sawReset = false;
  /** The socket's descriptor once accepted; it stays, though the number may be used again. */
  fd = -1;
  /** The socket was closed. */
  closed = false;

  /** What the peer wrote and the engine has not delivered. */
  readonly #written = new ByteLog();
  #delivered = 0;
  /** No more will be written. */
  #writeEnded = false;
  /** The peer is gone: it takes nothing, and answers with a reset. */
  #gone = false;
  /** The error that the socket's next operation meets. */
  #error = 0;
  #broken = false;

  /** Writes as the peer. */
  write(data: Uint8Array | string): void {
    if (this.#writeEnded) throw new Error('the peer ended its direction');
    const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : data;
    this.#written.append(bytes, 0, bytes.length);
  }

  /** The peer will write no more; it still reads. */
  end(): void {
    this.#writeEnded = true;
  }

  /** The peer closes: the engine reads the end, and what it sends afterwards meets a reset. */
  close(): void {
    this.#writeEnded = true;
    this.#gone = true;
  }

  /** The peer resets the connection. */
  reset(): void {
    this.close();
    this.fail(Errno.ECONNRESET);
  }

  /** The socket's next operation fails with this errno, and the connection is broken. */
  fail(errno: number): void {
    this.#error = errno;
    this.#broken = true;
  }

  /** For the engine: the connection failed under it, and the operation was told. */
  breakDown(): void {
    this.#error = 0;
    this.#broken = true;
  }

  /** For the engine: a send would not wait: there is room, or an error to report. */
  get writable(): boolean {
    return this.room > 0 || this.#error !== 0 || this.#broken;
  }

  /** Bytes that wait to be received. */
  get waiting(): number {
    return this.#written.length - this.#delivered;
  }

  /** For the engine: how a receive would go now: bytes waiting, 0 at the end, -EAGAIN, or an error (then reported). */
  receivable(): number {
    if (this.#error !== 0) return this.#takeError();
    if (this.waiting > 0 && !this.#broken) return this.waiting;
    return this.#writeEnded || this.#broken ? 0 : -Errno.EAGAIN;
  }

  /** For the engine: moves received bytes into a frame. */
  deliver(target: Uint8Array, start: number, length: number): void {
    copyBytes(CopyReason.application, target, start, this.#written.bytes, this.#delivered, length);
    this.#delivered += length;
  }

  /** For the engine: throws received bytes away; as recv(2) in what it returns. */
  discard(length: number): number {
    const waits = this.receivable();
    const result = Math.min(waits, length);
    if (result > 0) this.#delivered += result;
    return result;
  }

  /** For the engine: bytes the socket takes now, -EAGAIN when it is full, or an error. */
  sendable(length: number): number {
    if (this.#error !== 0) return this.#takeError();
    if (this.#broken || this.sawEnd) return -Errno.EPIPE;
    const takes = Math.min(length, this.room);
    return takes > 0 ? takes : -Errno.EAGAIN;
  }

  /** For the engine: bytes leave. */
  take(source: Uint8Array, start: number, length: number): void {
    this.room -= length;
    if (this.#gone) this.fail(Errno.ECONNRESET);
    else this.got.append(source, start, length);
  }

  /** For the engine: the socket is closed. */
  release(): void {
    this.closed = true;
    if (this.waiting > 0) this.sawReset = true;
    else this.sawEnd = true;
  }

  #takeError(): number {
    const error = -this.#error;
    this.#error = 0;
    return error;
  }
}

/** A file of the fake engine: bytes in memory that a test may cut, or a real file's descriptor. */
export class FakeFile {
  readonly #bytes: Uint8Array;
  readonly #descriptor: number;
  length: number;

  /** @param content the bytes, or the descriptor of a real file to read from. */
  constructor(content: Uint8Array | number) {
    const real = typeof content === 'number';
    this.#bytes = real ? new Uint8Array(0) : content;
    this.#descriptor = real ? content : -1;
    this.length = real ? Number.POSITIVE_INFINITY : this.#bytes.length;
  }

  /** Bytes from `offset` on, at most `length`; empty at the end. */
  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.length);
    if (this.#descriptor < 0) return this.#bytes.subarray(Math.min(offset, end), end);
    const room = new Uint8Array(Math.max(0, Math.min(length, end - offset)));
    return room.subarray(0, readSync(this.#descriptor, room, 0, room.length, offset));
  }
}
