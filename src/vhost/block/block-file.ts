// BlockFile: the raw file behind a disk: opened, checked and locked. What is done with it ends later, by a FileRequest each; the kernel alone
// touches the bytes. Not here: requests of a guest (block-device.ts).

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { F } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { syscall3 } from '../../kernel/ffi.js';
import { syncData } from '../../kernel/file.js';
import { scratch } from '../../kernel/memory.js';
import { sys } from '../../kernel/numbers.js';

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
}

/** How to open a {@link BlockFile}. */
export interface BlockFileOptions {
  readonly readOnly: boolean;
  /** It is raw, whatever it looks like. */
  readonly isRaw: boolean;
}

/** See the file's head. */
export class BlockFile {
  readonly path: string;
  readonly isReadOnly: boolean;
  /** Whole sectors. */
  readonly sectors: number;
  readonly fd: number;
  /** A flush failed: the kernel tells once, and what was lost is not known. */
  isLost = false;

  /** @throws DiskError */
  constructor(path: string, { readOnly, isRaw }: BlockFileOptions) {
    this.path = path;
    this.isReadOnly = readOnly;
    try {
      this.fd = openSync(path, (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK);
    } catch (error) {
      throw new DiskError(
        `${path} cannot be opened (${(error as NodeJS.ErrnoException).code}): check its name and permissions`,
      );
    }
    try {
      const status = fstatSync(this.fd);
      if (!status.isFile()) throw new DiskError(`${path} is not a file: a raw image is needed`);
      if (status.size < sectorBytes)
        throw new DiskError(`${path} has ${status.size} bytes: make it larger, \`truncate -s 10G ${path}\``);
      this.sectors = Math.floor(status.size / sectorBytes);
      if (!isRaw) this.#checkFormat();
      this.#lock();
    } catch (error) {
      closeSync(this.fd);
      throw error;
    }
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

  /** One writer, or any number of readers: two writers destroy a disk. Locks of the open file, gone with it. */
  #lock(): void {
    const place = scratch(32);
    const { data, offset } = place;
    place.bytes.fill(0, offset, offset + 32);
    data.setInt16(offset, this.isReadOnly ? F.RDLCK : F.WRLCK, true);
    const result = syscall3(sys.fcntl, this.fd, F.OFD_SETLK, place.address);
    if (result === -Errno.EAGAIN || result === -Errno.EACCES) {
      throw new DiskError(`${this.path} is in use by another disk: two would destroy it`);
    }
  }

  /** Has the disk hold all that was written, and closes it; no request on it is under way. */
  close(): void {
    if (!this.isReadOnly) syncData(this.fd);
    closeSync(this.fd);
  }
}
