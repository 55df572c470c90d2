// BlockFile: the raw file behind a disk: reads and writes between it and a guest's memory by the kernel, which alone touches the bytes.
// Not here: requests (block-device.ts).

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { F, FALLOC_FL } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { syscall3 } from '../../kernel/ffi.js';
import { allocate, readVectors, syncData, writeVectors } from '../../kernel/file.js';
import { scratch } from '../../kernel/memory.js';
import { sys } from '../../kernel/numbers.js';
import type { Pieces } from '../../memory/domain.js';
import { Region } from '../../memory/region.js';

/** Bytes of a sector: the unit of virtio-blk, whatever the disk has. */
export const sectorBytes = 512;
/** Pieces of one request. */
export const mostPieces = 1024;
/** Beginnings of files that are no raw disks, and what they are. */
const formats: readonly (readonly [magic: string, name: string])[] = [
  ['QFI\xfb', 'qcow2'],
  ['KDMV', 'VMDK'],
  ['vhdxfile', 'VHDX'],
  ['conectix', 'VHD'],
];

/** A disk that cannot be offered: why, in a sentence. */
export class DiskError extends Error {
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
  readonly #fd: number;
  readonly #iovecs = new Region(mostPieces * 16);
  readonly #words: Uint32Array;
  /** A flush failed: the kernel tells once, and what was lost is not known. */
  #isLost = false;

  /** @throws DiskError */
  constructor(path: string, { readOnly, isRaw }: BlockFileOptions) {
    this.path = path;
    this.isReadOnly = readOnly;
    try {
      this.#fd = openSync(path, (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK);
    } catch (error) {
      throw new DiskError(
        `${path} cannot be opened (${(error as NodeJS.ErrnoException).code}): check its name and permissions`,
      );
    }
    try {
      const status = fstatSync(this.#fd);
      if (!status.isFile()) throw new DiskError(`${path} is not a file: a raw image is needed`);
      if (status.size < sectorBytes)
        throw new DiskError(`${path} has ${status.size} bytes: make it larger, \`truncate -s 10G ${path}\``);
      this.sectors = Math.floor(status.size / sectorBytes);
      if (!isRaw) this.#checkFormat();
      this.#lock();
    } catch (error) {
      closeSync(this.#fd);
      this.#iovecs.unmap();
      throw error;
    }
    this.#words = new Uint32Array(this.#iovecs.buffer);
  }

  #checkFormat(): void {
    const start = Buffer.alloc(8);
    readSync(this.#fd, start, 0, 8, 0);
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
    const result = syscall3(sys.fcntl, this.#fd, F.OFD_SETLK, place.address);
    if (result === -Errno.EAGAIN || result === -Errno.EACCES) {
      throw new DiskError(`${this.path} is in use by another disk: two would destroy it`);
    }
  }

  #fillIovecs({ addresses, lengths, count }: Pieces): void {
    const words = this.#words;
    for (let index = 0; index < count; index++) {
      const address = addresses[index]!;
      words[index * 4] = address >>> 0;
      words[index * 4 + 1] = Math.floor(address / 0x1_0000_0000);
      words[index * 4 + 2] = lengths[index]!;
      words[index * 4 + 3] = 0;
    }
  }

  /** Moves all bytes of the pieces from, or to, the file. Returns 0 or an errno (EIO where the file ended before). */
  move(isWrite: boolean, pieces: Pieces, offset: number): number {
    this.#fillIovecs(pieces);
    let done = 0;
    let first = 0;
    while (done < pieces.byteLength) {
      const call = isWrite ? writeVectors : readVectors;
      const result = call(this.#fd, this.#iovecs.address + first * 16, pieces.count - first, offset + done);
      if (result === -Errno.EINTR) continue;
      if (result <= 0) return result === 0 ? Errno.EIO : -result;
      done += result;
      first = this.#skip(first, result, pieces.count);
    }
    return 0;
  }

  /** Takes bytes that were moved off the iovecs. Returns the first that is left. */
  #skip(first: number, bytes: number, count: number): number {
    let left = bytes;
    for (let index = first; index < count; index++) {
      const length = this.#words[index * 4 + 2]!;
      if (left < length) {
        const address = this.#words[index * 4]! + this.#words[index * 4 + 1]! * 0x1_0000_0000 + left;
        this.#words[index * 4] = address >>> 0;
        this.#words[index * 4 + 1] = Math.floor(address / 0x1_0000_0000);
        this.#words[index * 4 + 2] = length - left;
        return index;
      }
      left -= length;
    }
    return count;
  }

  /** Everything that was written is on the disk. Returns 0 or an errno; after a failure it fails for good. */
  flush(): number {
    if (this.#isLost) return Errno.EIO;
    const result = syncData(this.#fd);
    this.#isLost = result < 0;
    return -result;
  }

  /** Gives the room of a range back; it reads as zeros. Returns 0 or an errno. */
  discard(offset: number, length: number): number {
    const result = allocate(this.#fd, FALLOC_FL.PUNCH_HOLE | FALLOC_FL.KEEP_SIZE, offset, length);
    // Advice: a file system that cannot keeps the room.
    return result === -Errno.EOPNOTSUPP ? 0 : -result;
  }

  /** Writes zeros. @param mayUnmap the room may be given back. Returns 0 or an errno. */
  writeZeroes(offset: number, length: number, mayUnmap: boolean): number {
    const mode = mayUnmap ? FALLOC_FL.PUNCH_HOLE : FALLOC_FL.ZERO_RANGE;
    const result = allocate(this.#fd, mode | FALLOC_FL.KEEP_SIZE, offset, length);
    if (result !== -Errno.EOPNOTSUPP) return -result;
    return this.#writeZeroBytes(offset, length);
  }

  #writeZeroBytes(offset: number, length: number): number {
    const zeros = new Region(64 * 1024);
    try {
      for (let done = 0; done < length; ) {
        this.#words[0] = zeros.address >>> 0;
        this.#words[1] = Math.floor(zeros.address / 0x1_0000_0000);
        this.#words[2] = Math.min(zeros.byteLength, length - done);
        this.#words[3] = 0;
        const result = writeVectors(this.#fd, this.#iovecs.address, 1, offset + done);
        if (result <= 0) return result === 0 ? Errno.EIO : -result;
        done += result;
      }
      return 0;
    } finally {
      zeros.unmap();
    }
  }

  /** Closes it. */
  close(): void {
    closeSync(this.#fd);
    this.#iovecs.unmap();
  }
}
