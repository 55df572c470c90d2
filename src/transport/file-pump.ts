// FilePump: moves one extent of a file into a socket by reference. sendfile is called directly while the socket takes
// bytes and the pages are there; when the socket is full it waits for room, when a page is cold it has it fetched first.
// Bounded work a turn, so that a fast reader of a large file leaves room for everyone else.

import { Errno } from '../kernel/errno.js';
import type { Loop } from './loop.js';
import type { FileSource } from './output.js';
import { isResident } from './page-cache.js';

/** Bytes looked at, fetched and sent as one. */
const windowBytes = 512 * 1024;
/** Bytes one connection may send before others have their turn. */
const turnBytes = 2 * 1024 * 1024;

/** The connection as its pump sees it. */
interface PumpOwner {
  readonly token: number;
  readonly fd: number;
  sentBytes: number;
  extentSent(): void;
  extentCold(): void;
  extentFailed(truncated: boolean): void;
  pumpIdle(): void;
}

/** One per connection, used for each extent in turn. */
export class FilePump {
  /** True while the socket is in the state for direct calls. */
  direct = false;
  /** True while an operation of the engine is under way for the pump, or a turn is due. */
  waiting = false;
  readonly #loop: Loop;
  readonly #owner: PumpOwner;
  #file: FileSource | undefined;
  #offset = 0;
  #left = 0;
  /** The range known to be resident, so that it is not asked for again after a short write. */
  #residentTo = 0;
  #fetchedTo = 0;

  constructor(loop: Loop, owner: PumpOwner) {
    this.#loop = loop;
    this.#owner = owner;
  }

  /** Begins an extent. Ends in the owner's extentSent or extentFailed, perhaps before this returns. */
  start(file: FileSource, offset: number, length: number): void {
    this.#file = file;
    this.#offset = offset;
    this.#left = length;
    this.#residentTo = 0;
    this.#fetchedTo = 0;
    this.#loop.engine.directCalls(this.#owner.fd, true);
    this.direct = true;
    this.#run();
  }

  #run(): void {
    const engine = this.#loop.engine;
    const file = this.#file!;
    let budget = turnBytes;
    while (this.#left > 0) {
      if (budget <= 0) {
        this.#waitTurn();
        return;
      }
      if (this.#offset >= this.#residentTo && !this.#ensureResident(file)) return;
      const ask = Math.min(this.#left, this.#residentTo - this.#offset);
      const result = engine.sendFile(this.#owner.fd, file.fd, this.#offset, ask);
      if (result > 0) {
        this.#offset += result;
        this.#left -= result;
        this.#owner.sentBytes += result;
        budget -= result;
      } else if (result === -Errno.EAGAIN) {
        this.waiting = true;
        engine.awaitWritable(this.#owner.token, this.#owner.fd);
        return;
      } else if (result !== -Errno.EINTR) {
        // 0: the file ended before its extent did. Nothing may follow on this connection, or it would be read as body.
        this.#end();
        this.#owner.extentFailed(result === 0);
        return;
      }
    }
    this.#end();
    this.#owner.extentSent();
  }

  /** True when the next window can be sent without waiting for a disk; else it is being fetched. */
  #ensureResident(file: FileSource): boolean {
    const length = Math.min(this.#left, windowBytes);
    // Once fetched, a window is sent even if memory pressure took a page again: progress comes before purity.
    if (this.#fetchedTo > this.#offset || isResident(file.fd, this.#offset, length)) {
      this.#residentTo =
        this.#fetchedTo > this.#offset ? Math.min(this.#fetchedTo, this.#offset + length) : this.#offset + length;
      return true;
    }
    this.waiting = true;
    this.#owner.extentCold();
    this.#fetchedTo = this.#offset + length;
    this.#loop.engine.fetch(this.#owner.token, file.fd, this.#offset, length);
    return false;
  }

  #waitTurn(): void {
    this.waiting = true;
    this.#loop.nextTurn(() => {
      if (this.#resumed()) this.#run();
    });
  }

  /** The socket takes bytes again. */
  writable(_result: number): void {
    if (this.#resumed()) this.#run();
  }

  /** A cold window arrived, or could not be read: then sendfile says why. */
  fetched(_result: number): void {
    if (this.#resumed()) this.#run();
  }

  /** An awaited event came. False when the pump was stopped meanwhile. */
  #resumed(): boolean {
    this.waiting = false;
    if (this.#file !== undefined) return true;
    this.#owner.pumpIdle();
    return false;
  }

  #end(): void {
    this.#file = undefined;
    if (!this.direct) return;
    this.direct = false;
    this.#loop.engine.directCalls(this.#owner.fd, false);
  }

  /** Gives the extent up. If {@link waiting}, the owner's pumpIdle is called when the last operation has ended. */
  stop(): void {
    this.#file = undefined;
    this.direct = false;
  }
}
