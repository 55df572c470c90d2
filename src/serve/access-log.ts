// The access log of one worker: lines are written as bytes into memory of its own and leave in large writes, by the worker
// itself: no other thread has to be awake for it. What the reader does not take at once waits, up to a bound; beyond
// it records are lost, counted and said, and serving never waits. Not here: lines (log-format.ts), descriptors (log-sink.ts).

import { monotonicMs } from '../kernel/clock.js';
import { Errno } from '../kernel/errno.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import type { LogEntry } from './log-entry.js';
import { type LineFormat, lineFormat, mostLineBytes } from './log-format.js';
import { LogSink, type LogTarget } from './log-sink.js';

/** What waits for its reader at most. Pages are taken from the kernel as they are first needed. */
const bufferBytes = 8 * 1024 * 1024;
/** What is taken away from the front at least before the rest is moved there: each byte is moved once at most, on average. */
const moveBytes = bufferBytes / 4;
/** As much is written in one call; less once a tick. */
const writeBytes = 64 * 1024;
/** How long {@link AccessLog.end} waits between two looks, for a reader that takes nothing, and in all. */
const endPollMs = 2;
const endWaitMs = 500;
const endMostMs = 3000;
const lineFeed = 0x0a;

/** What a worker says of its log: it cannot be written, records are lost, and how many were when it is well again. */
export type LogNews =
  | { readonly state: 'failing'; readonly errno: number }
  | { readonly state: 'losing' }
  | { readonly state: 'well' | 'ended'; readonly lost: number };

/** See the file's head. */
export class AccessLog extends Endpoint {
  /** Records that were written, or wait; and ones that were lost. */
  records = 0;
  dropped = 0;
  readonly #loop: Loop;
  readonly #sink: LogSink;
  readonly #format: LineFormat;
  readonly #said: (news: LogNews) => void;
  readonly #region = new Region(bufferBytes);
  readonly #bytes = this.#region.bytes;
  /** What waits: from `#head` to `#tail`. */
  #head = 0;
  #tail = 0;
  /** The reader has to read before a write makes sense; `#awaiting` when the engine says so. */
  #isFull = false;
  #awaiting = false;
  /** What was written last ends within a line. */
  #isCut = false;
  /** Why the last write failed; 0 where it did not. */
  #errno = 0;
  /** Records lost before the present trouble, at the last tick, and whether the trouble was said. */
  #droppedBefore = 0;
  #droppedAtTick = 0;
  #isLosing = false;
  #isFailing = false;

  /** @param index the worker's. @param said is told of trouble, and of its end. */
  constructor(
    loop: Loop,
    target: LogTarget,
    index: number,
    format: 'combined' | 'json',
    said: (news: LogNews) => void,
  ) {
    super();
    this.#loop = loop;
    this.#sink = new LogSink(target, index);
    this.#format = lineFormat(format, this.#region);
    this.#said = said;
    loop.register(this);
    loop.everyTick(() => this.#tick());
  }

  /** Bytes that wait for their reader. */
  get waitingBytes(): number {
    return this.#tail - this.#head;
  }

  /** Writes one record. */
  write(entry: LogEntry, status: number, bodyBytes: number, way: number, latencyMs: number): void {
    if (this.#tail + mostLineBytes(entry) > bufferBytes && !this.#makeRoom(mostLineBytes(entry))) {
      this.dropped++;
      if (!this.#isLosing) this.#said({ state: 'losing' });
      this.#isLosing = true;
      return;
    }
    this.records++;
    this.#tail = this.#format.write(this.#tail, entry, status, bodyBytes, way, latencyMs);
    if (this.#tail - this.#head >= writeBytes && !this.#isFull) this.flush();
  }

  #makeRoom(wanted: number): boolean {
    if (!this.#isFull) this.flush();
    if (this.#head >= moveBytes) {
      const length = this.#tail - this.#head;
      copyBytes(CopyReason.accessLog, this.#bytes, 0, this.#bytes, this.#head, length);
      this.#head = 0;
      this.#tail = length;
    }
    return this.#tail + wanted <= bufferBytes;
  }

  /** Writes what waits, as far as it is taken without waiting. */
  flush(): void {
    if (this.#head === this.#tail || !this.#sink.take()) return;
    let result = 0;
    while (this.#head < this.#tail) {
      result = this.#sink.write(this.#bytes, this.#region.address, this.#head, this.#tail);
      if (result === -Errno.EINTR) continue;
      if (result <= 0) break;
      this.#head += result;
      this.#isCut = this.#bytes[this.#head - 1] !== lineFeed;
      this.#errno = 0;
    }
    this.#sink.give(this.#isCut);
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
    else this.#stopped(-result);
  }

  /** Of a write that took nothing: a reader that comes later is waited for, anything else is tried again at the next tick. */
  #stopped(errno: number): void {
    this.#isFull = true;
    if (errno === Errno.EAGAIN) {
      if (!this.#awaiting) this.#loop.engine.awaitWritable(this.token, this.#sink.target.fd);
      this.#awaiting = true;
      return;
    }
    if (errno === this.#errno) return;
    this.#errno = errno;
    this.#isFailing = true;
    this.#said({ state: 'failing', errno });
  }

  override writable(_result: number): void {
    this.#awaiting = false;
    this.#isFull = false;
    this.flush();
  }

  #tick(): void {
    this.#isFull = false;
    this.flush();
    const isWell = this.#head === this.#tail && this.dropped === this.#droppedAtTick;
    this.#droppedAtTick = this.dropped;
    if (!isWell || !(this.#isLosing || this.#isFailing)) return;
    this.#isLosing = this.#isFailing = false;
    this.#said({ state: 'well', lost: this.dropped - this.#droppedBefore });
    this.#droppedBefore = this.dropped;
  }

  /**
   * Writes the last lines, when nothing is served any more. A reader that is slow gets what there still is; one that takes
   * nothing for half a second does not: then they are lost.
   */
  end(): void {
    const clockMemory = new SharedArrayBuffer(4);
    const clock = new Int32Array(clockMemory, 0, 1);
    const lastMs = monotonicMs() + endMostMs;
    for (let idleMs = 0; idleMs < endWaitMs && monotonicMs() < lastMs; idleMs += endPollMs) {
      const waited = this.waitingBytes;
      this.flush();
      if (this.waitingBytes === 0 || this.#errno !== 0) break;
      if (this.waitingBytes < waited) idleMs = 0;
      Atomics.wait(clock, 0, 0, endPollMs);
    }
    const before = this.dropped;
    for (let at = this.#head; at < this.#tail; at++) if (this.#bytes[at] === lineFeed) this.dropped++;
    this.#head = this.#tail = 0;
    this.records -= this.dropped - before;
    const lost = this.dropped - this.#droppedBefore;
    if (lost > 0 || this.#isLosing || this.#isFailing) this.#said({ state: 'ended', lost });
    this.#isLosing = this.#isFailing = false;
    this.#droppedBefore = this.dropped;
  }

  /** Gives the memory back, when nothing is written any more. */
  unmap(): void {
    this.#region.unmap();
  }
}
