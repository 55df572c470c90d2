// BlockFile: the raw file behind a disk: opened, checked and locked. What is done with it ends later, by a FileRequest each; the kernel alone
// touches the bytes. Not here: requests of a guest (block-device.ts).

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { F } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { syscall3 } from '../../kernel/ffi.js';
import { type DirectAlignment, directAlignment, fileEnd, syncData } from '../../kernel/file.js';
import { scratch } from '../../kernel/memory.js';
import { sys } from '../../kernel/numbers.js';
import type { Iovecs } from '../../memory/iovecs.js';

/** Bytes of a sector: the unit of virtio-blk, whatever the disk has. */
export const sectorBytes = 512;
/** Beginnings of files that are no raw disks, and what they are. */
const formats: readonly (readonly [magic: string, name: string])[] = [
  ['QFI\xfb', 'qcow2'],
  ['KDMV', 'VMDK'],
  ['vhdxfile', 'VHDX'],
  ['conectix', 'VHD'],
];

/** A disk that cannot be offered: why, in a sentence. */
class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code = 'CLEARWAY_DISK';
}

function openFailure(path: string, code: string | undefined): string {
  if (code === 'ENOENT')
    return `there is no file ${path}: name one that exists, or make it, \`truncate -s 10G ${path}\``;
  if (code === 'EISDIR') return `${path} is a directory: name a raw image in it`;
  if (code === 'EROFS') return `${path} lies on a read-only file system: offer it with --readonly`;
  const isForbidden = code === 'EACCES' || code === 'EPERM';
  return `${path} cannot be opened (${code}): ${isForbidden ? 'check its permissions' : 'a raw image or a block device is needed'}`;
}

/** How to open a {@link BlockFile}. */
export interface BlockFileOptions {
  readonly readOnly: boolean;
  /** It is raw, whatever it looks like. */
  readonly isRaw: boolean;
  /** Read and written without the page cache (O_DIRECT). */
  readonly direct: boolean;
  /** It is another process's still: it is locked later. */
  readonly isIncoming: boolean;
}

/** What O_DIRECT requires where the kernel does not say: no disk requires more. */
const largestBlock: DirectAlignment = { memory: 4096, offset: 4096 };

/** See the file's head. */
export class BlockFile {
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Whole sectors, as they were seen last. */
  sectors: number;
  readonly fd: number;
  /** What O_DIRECT requires, and a descriptor that has it; undefined, and -1: it is not wanted. */
  readonly alignment: DirectAlignment | undefined;
  readonly #directFd: number = -1;
  /** A flush failed: the kernel tells once, and what was lost is not known. */
  isLost = false;
  /** It is this process's alone, or its readers'. */
  isLocked = false;

  /** @throws DiskError */
  constructor(path: string, { readOnly, isRaw, direct, isIncoming }: BlockFileOptions) {
    this.path = path;
    this.isReadOnly = readOnly;
    const flags = (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK;
    try {
      this.fd = openSync(path, flags);
    } catch (error) {
      throw new DiskError(openFailure(path, (error as NodeJS.ErrnoException).code));
    }
    try {
      const status = fstatSync(this.fd);
      if (!status.isFile() && !status.isBlockDevice())
        throw new DiskError(`${path} is not a file: a raw image or a block device is needed`);
      // Also of a block device, whose status has no size.
      const bytes = fileEnd(this.fd);
      if (bytes < 0) throw new DiskError(`${path} has no end that is known: a raw image or a block device is needed`);
      if (bytes < sectorBytes)
        throw new DiskError(`${path} has ${bytes} bytes: make it larger, \`truncate -s 10G ${path}\``);
      this.sectors = Math.floor(bytes / sectorBytes);
      if (!isRaw) this.#checkFormat();
      if (!isIncoming && !this.lock()) throw new DiskError(this.#lockTrouble());
      if (!direct) return;
      this.alignment = directAlignment(this.fd) ?? largestBlock;
      this.#directFd = this.#openDirect(flags | constants.O_DIRECT);
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
  }

  #openDirect(flags: number): number {
    try {
      if (this.alignment!.offset > 0) return openSync(this.path, flags);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
    throw new DiskError(
      `${this.path} cannot be read past the page cache: its file system has no direct I/O: leave out --direct`,
    );
  }

  /**
   * What a piece of work is done through: past the page cache, where that is wanted and its pieces and offset are such as the disk
   * requires; the kernel keeps both ways in step (it writes back and drops cached pages beneath a direct call).
   */
  descriptorFor(iovecs: Iovecs, offset: number): number {
    if (this.#directFd < 0) return this.fd;
    const { memory, offset: unit } = this.alignment!;
    return offset % unit === 0 && iovecs.isAligned(memory, unit) ? this.#directFd : this.fd;
  }

  #checkFormat(): void {
    const start = Buffer.alloc(8);
    readSync(this.fd, start, 0, 8, 0);
    const found = formats.find(([magic]) => start.toString('latin1').startsWith(magic));
    if (found === undefined) return;
    const [, name] = found;
    throw new DiskError(
      `${this.path} is a ${name} image, and only raw ones are served: convert it (qemu-img convert -O raw ${this.path} disk.raw), or say --format raw`,
    );
  }

  /**
   * Locks it for one writer, or any number of readers: two writers destroy a disk. A lock of the open file, gone with it. False: another process
   * has it. (Where a file system knows no locks, nobody does.)
   */
  lock(): boolean {
    const result = this.#setLock(this.isReadOnly ? F.RDLCK : F.WRLCK);
    this.isLocked = result !== -Errno.EAGAIN && result !== -Errno.EACCES;
    return this.isLocked;
  }

  /** Lets others lock it. */
  unlock(): void {
    if (this.isLocked) this.#setLock(F.UNLCK);
    this.isLocked = false;
  }

  #setLock(kind: number): number {
    const { data, bytes, offset, address } = scratch(32);
    bytes.fill(0, offset, offset + 32);
    data.setInt16(offset, kind, true);
    return syscall3(sys.fcntl, this.fd, F.OFD_SETLK, address);
  }

  #lockTrouble(): string {
    const why = this.isReadOnly
      ? 'is in use by a process that may write to it: stop that one'
      : 'is in use by another process, and a disk that is written to must be the only one: stop that one';
    return `${this.path} ${why}, or offer a copy; where its guest is to move here, say --incoming`;
  }

  /** Sees how large it is now. True: it is another size. */
  measure(): boolean {
    const before = this.sectors;
    this.sectors = Math.floor(Math.max(fileEnd(this.fd), 0) / sectorBytes);
    return this.sectors !== before;
  }

  /** Has the disk hold all that was written, and closes it; no request on it is under way. */
  close(): void {
    if (!this.isReadOnly) syncData(this.fd);
    closeSync(this.fd);
    if (this.#directFd >= 0) closeSync(this.#directFd);
  }
}
