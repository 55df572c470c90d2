// FilePump: moves one extent of a file into a socket by reference. sendfile is called directly while the socket takes
// bytes and the pages are there; when the socket is full it waits for room, when a page is cold it has it fetched first.
// Bounded work a turn, so that a fast reader of a large file leaves room for everyone else.

import type { Engine } from '../engine/engine.js';
import { Errno } from '../kernel/errno.js';
import { readAt } from '../kernel/file.js';
import { hasPeer } from '../kernel/socket.js';
import { CopyReason, countCopy } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import type { Loop } from './loop.js';
import type { FileSource } from './output.js';

/** Bytes looked at, fetched and sent as one. */
const windowBytes = 1024 * 1024;

/** Why an extent did not leave whole: its peer is gone, its file became shorter, or an errno of its file system. */
export type ExtentEnd = 'peer' | 'truncated' | number;

/** The connection as its pump sees it. */
interface PumpOwner {
  readonly token: number;
  readonly fd: number;
  sentBytes: number;
  /** Makes the socket ready for direct calls. */
  goDirect(): void;
  extentSent(): void;
  extentCold(): void;
  /** @param reason what ended the extent: see {@link ExtentEnd}. */
  extentFailed(reason: ExtentEnd): void;
  pumpIdle(): void;
}

/** One per connection, used for each extent in turn. */
export class FilePump {
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
  /** What may still be sent in the loop's turn of this number. */
  #turn = -1;
  #budget = 0;
  #onTurn: (() => void) | undefined;

  constructor(loop: Loop, owner: PumpOwner) {
    this.#loop = loop;
    this.#owner = owner;
  }

  /**
   * Begins an extent. True when all of it was sent at once; else it ends in the owner's extentSent or extentFailed,
   * the latter perhaps before this returns.
   */
  start(file: FileSource, offset: number, length: number): boolean {
    this.#file = file;
    this.#offset = offset;
    this.#left = length;
    this.#residentTo = 0;
    this.#fetchedTo = 0;
    this.#owner.goDirect();
    return this.#run();
  }

  /** Sends as far as it goes now. True when the extent is done. */
  #run(): boolean {
    const engine = this.#loop.engine;
    const file = this.#file!;
    if (this.#turn !== this.#loop.turns) {
      this.#turn = this.#loop.turns;
      this.#budget = this.#loop.bulk.share(this.#left);
    }
    while (this.#left > 0) {
      if (this.#budget <= 0) {
        this.#waitTurn();
        return false;
      }
      if (this.#offset >= this.#residentTo && !this.#ensureResident(file)) return false;
      const ask = Math.min(this.#left, this.#residentTo - this.#offset, this.#budget);
      let result = engine.sendFile(this.#owner.fd, file.fd, this.#offset, ask);
      if (result === -Errno.EINVAL || result === -Errno.ENOSYS || result === -Errno.EOPNOTSUPP) {
        result = copyOut(engine, this.#owner.fd, file.fd, this.#offset, ask);
      }
      if (result > 0) {
        this.#offset += result;
        this.#left -= result;
        this.#owner.sentBytes += result;
        this.#budget -= result;
        this.#loop.bulk.count(result);
      } else if (result === -Errno.EAGAIN) {
        this.waiting = true;
        engine.awaitWritable(this.#owner.token, this.#owner.fd);
        return false;
      } else if (result !== -Errno.EINTR) {
        // 0: the file ended before its extent did. Nothing may follow on this connection, or it would be read as body.
        this.#file = undefined;
        this.#owner.extentFailed(result === 0 ? 'truncated' : isOfPeer(-result, this.#owner.fd) ? 'peer' : -result);
        return false;
      }
    }
    this.#file = undefined;
    return true;
  }

  /** True when the next window can be sent without waiting for a disk; else it is being fetched. */
  #ensureResident(file: FileSource): boolean {
    const length = Math.min(this.#left, windowBytes);
    // Once fetched, a window is sent even if memory pressure took a page again: progress comes before purity.
    if (this.#fetchedTo > this.#offset) {
      this.#residentTo = Math.min(this.#fetchedTo, this.#offset + length);
      return true;
    }
    if (file.residency.covers(file.fd, this.#offset, length, this.#loop.nowMs)) {
      this.#residentTo = this.#offset + length;
      return true;
    }
    this.waiting = true;
    this.#owner.extentCold();
    this.#fetchedTo = this.#offset + length;
    this.#loop.bulk.count(length);
    this.#loop.engine.fetch(this.#owner.token, file.fd, this.#offset, length);
    return false;
  }

  #waitTurn(): void {
    this.waiting = true;
    this.#onTurn ??= () => this.#resume();
    this.#loop.whenBulk(this.#onTurn);
  }

  /** The socket takes bytes again. */
  writable(_result: number): void {
    this.#resume();
  }

  /** A cold window arrived, or could not be read: then sendfile says why. */
  fetched(_result: number): void {
    this.#resume();
  }

  /** An awaited event came; the pump may have been stopped meanwhile. */
  #resume(): void {
    this.waiting = false;
    if (this.#file === undefined) this.#owner.pumpIdle();
    else if (this.#run()) this.#owner.extentSent();
  }

  /** Gives the extent up. If {@link waiting}, the owner's pumpIdle is called when the last operation has ended. */
  stop(): void {
    this.#file = undefined;
  }
}

/** sendfile gives the socket's errors and the file's alike: one whose socket is still connected is the file's. */
function isOfPeer(errno: number, fd: number): boolean {
  return errno === Errno.EPIPE || errno === Errno.ECONNRESET || !hasPeer(fd);
}

const copyBytesAtOnce = 64 * 1024;
let copyMemory: Region | undefined;

/** For a file system whose files cannot be spliced: through memory, and counted. As sendfile in what it returns. */
function copyOut(engine: Engine, fd: number, file: number, offset: number, length: number): number {
  copyMemory ??= new Region(copyBytesAtOnce);
  const read = readAt(file, copyMemory.address, Math.min(length, copyBytesAtOnce), offset);
  if (read <= 0) return read;
  countCopy(CopyReason.notSpliceable, read);
  return engine.sendNow(fd, copyMemory.address, read, 0);
}
