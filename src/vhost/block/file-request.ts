// FileRequest: one request on a disk's file, from its beginning to its end: as many operations as it takes (a call may move a part). What is in
// the page cache is read on the spot; everything else ends later, so that a slow disk holds nobody up. Not here: what a guest asks (block-request.ts).

import type { FileOperations } from '../../engine/file-operations.js';
import { FALLOC_FL, RWF } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { readVectors } from '../../kernel/file.js';
import { Iovecs } from '../../memory/iovecs.js';
import { Region } from '../../memory/region.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';
import type { BlockFile } from './block-file.js';

/** Pieces of one request: as many as a call takes (IOV_MAX). */
const mostPieces = 1024;

/**
 * Bytes of one operation: what is in the page cache is moved by the thread that asks for it, which other guests share, and their requests wait meanwhile. More
 * than drivers ask for at once (Linux: 1,280 KiB); a hostile guest may ask for 4 GiB.
 */
export const mostBytes = 2 * 1024 ** 2;

/** What of a disk's file requests are made on. */
export type RequestedFile = Pick<
  BlockFile,
  | 'path'
  | 'isReadOnly'
  | 'sectors'
  | 'measure'
  | 'fd'
  | 'alignment'
  | 'isLost'
  | 'descriptorFor'
  | 'isLocked'
  | 'lock'
  | 'unlock'
>;

/** What is under way. */
const Step = { none: 0, read: 1, write: 2, sync: 3, discard: 4, zeroRange: 5, zeroBytes: 6 } as const;

const zeroBytes = 64 * 1024;
let zeros: Region | undefined;

/** See the file's head. One at a time of each; {@link ended} may begin the next. */
export abstract class FileRequest extends Endpoint {
  /** Where bytes come from, or go: to be filled before {@link read} and {@link write}. */
  readonly iovecs: Iovecs = new Iovecs(mostPieces);
  readonly #files: FileOperations;
  readonly #file: RequestedFile;
  #step: number = Step.none;
  #offset = 0;
  #left = 0;
  #flags = 0;

  /** @param loop of an engine with file operations */
  constructor(loop: Loop, file: RequestedFile) {
    super();
    this.#files = loop.engine.files!;
    this.#file = file;
    loop.register(this);
  }

  /** The request has ended. @param errno 0 where all of it was done */
  protected abstract ended(errno: number): void;

  #end(errno: number): void {
    this.#step = Step.none;
    this.ended(errno);
  }

  /** Fills all pieces from the file. EIO where the file ends before. */
  read(offset: number): void {
    this.#offset = offset;
    this.#step = Step.read;
    const { iovecs } = this;
    const file = this.#file;
    // Past the cache there is nothing that could be read without waiting.
    if (file.descriptorFor(iovecs, offset) === file.fd) {
      const result = readVectors(file.fd, iovecs.address, iovecs.cutTo(mostBytes), offset, RWF.NOWAIT);
      iovecs.mend();
      if (result === iovecs.byteLength) {
        this.#end(0);
        return;
      }
      if (result > 0) this.#advance(result);
    }
    this.#go();
  }

  /** Writes all pieces. @param isStable it ends when they are on the disk */
  write(offset: number, isStable: boolean): void {
    this.#offset = offset;
    this.#flags = isStable ? RWF.DSYNC : 0;
    this.#step = Step.write;
    this.#go();
  }

  /** Everything that was written is on the disk. After a failure it fails for good. */
  flush(): void {
    this.#step = Step.sync;
    if (this.#file.isLost) this.#end(Errno.EIO);
    else this.#go();
  }

  /** Gives the room of a range back; it reads as zeros. */
  discard(offset: number, length: number): void {
    this.#begin(Step.discard, offset, length, FALLOC_FL.PUNCH_HOLE | FALLOC_FL.KEEP_SIZE);
  }

  /** Writes zeros. @param mayUnmap the room may be given back */
  writeZeroes(offset: number, length: number, mayUnmap: boolean): void {
    const mode = mayUnmap ? FALLOC_FL.PUNCH_HOLE : FALLOC_FL.ZERO_RANGE;
    this.#begin(Step.zeroRange, offset, length, mode | FALLOC_FL.KEEP_SIZE);
  }

  #begin(step: number, offset: number, length: number, flags: number): void {
    this.#step = step;
    this.#offset = offset;
    this.#left = length;
    this.#flags = flags;
    this.#go();
  }

  #go(): void {
    const { iovecs, token } = this;
    const files = this.#files;
    const file = this.#file;
    const { fd } = file;
    switch (this.#step) {
      case Step.read:
        this.#read();
        return;
      case Step.zeroBytes:
        this.#fillZeros();
        files.write(token, fd, iovecs.address, iovecs.count, this.#offset, 0);
        return;
      case Step.write:
        this.#write();
        return;
      case Step.sync:
        files.sync(token, fd);
        return;
      default:
        files.allocate(token, fd, this.#flags, this.#offset, this.#left);
    }
  }

  #read(): void {
    const { iovecs, token } = this;
    const fd = this.#file.descriptorFor(iovecs, this.#offset);
    this.#files.read(token, fd, iovecs.address, iovecs.cutTo(mostBytes), this.#offset);
  }

  /** What cannot go past the cache is on the disk at once: no older copy of its block may stay behind. */
  #write(): void {
    const { iovecs, token } = this;
    const file = this.#file;
    const fd = file.descriptorFor(iovecs, this.#offset);
    const flags = file.alignment !== undefined && fd === file.fd ? this.#flags | RWF.DSYNC : this.#flags;
    this.#files.write(token, fd, iovecs.address, iovecs.cutTo(mostBytes), this.#offset, flags);
  }

  /** Pieces that all lead to the same zeros: copies of a page cost less than a write each. */
  #fillZeros(): void {
    zeros ??= new Region(zeroBytes);
    const { iovecs } = this;
    iovecs.clear();
    for (let left = Math.min(this.#left, mostBytes); left > 0; left -= zeroBytes) {
      if (!iovecs.add(zeros.address, Math.min(zeroBytes, left))) return;
    }
  }

  #advance(bytes: number): void {
    this.#offset += bytes;
    this.iovecs.skip(bytes);
  }

  override moved(result: number): void {
    this.iovecs.mend();
    if (result === -Errno.EINTR) this.#go();
    else if (this.#step === Step.read || this.#step === Step.write) this.#movedBytes(result);
    else if (this.#step === Step.zeroBytes) this.#movedZeros(result);
    else this.#done(result);
  }

  #movedBytes(result: number): void {
    if (result <= 0) {
      this.#end(result === 0 ? Errno.EIO : -result);
      return;
    }
    this.#advance(result);
    if (this.iovecs.count === 0) this.#end(0);
    else this.#go();
  }

  #movedZeros(result: number): void {
    this.#offset += Math.max(result, 0);
    this.#left -= Math.max(result, 0);
    if (result <= 0 || this.#left === 0) this.#end(result === 0 ? Errno.EIO : Math.max(-result, 0));
    else this.#go();
  }

  #done(result: number): void {
    if (this.#step === Step.sync && result < 0) this.#file.isLost = true;
    if (result !== -Errno.EOPNOTSUPP || this.#step === Step.sync) {
      this.#end(-Math.min(result, 0));
    } else if (this.#step === Step.discard) {
      // Advice: a file system that cannot keeps the room.
      this.#end(0);
    } else {
      this.#step = Step.zeroBytes;
      this.#go();
    }
  }

  /** Gives its memory back; it is not under way. */
  close(loop: Loop): void {
    loop.unregister(this);
    this.iovecs.unmap();
  }
}
