// PinnedPages: all bytes of a file in memory of its own, which the kernel never takes away (mlock): loaded once, by the kernel, and sent
// from there as often as it is asked for, without a look whether they are there. It is a memory file: it has a descriptor for sendfile
// and an address for messages and for a ring's registered buffers, which a file of a disk cannot be (the kernel refuses its pages).
// What becomes of the file it was loaded from changes nothing here. Not here: which files (serve/pins/).

import { Errno } from '../kernel/errno.js';
import {
  closeMemoryFile,
  createMemoryFile,
  lockMemory,
  mapMemoryFile,
  pageBytes,
  unmapFileWindow,
} from '../kernel/memory.js';
import { sendFile } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';

/** See the file's head. Belongs to the thread that made it; others may send from it until it is released. */
export class PinnedPages {
  readonly fd: number;
  readonly address: number;
  /** Bytes of the file, and of the whole pages that hold them. */
  readonly length: number;
  readonly mappedBytes: number;
  #loaded = 0;
  #locked = 0;

  /** @param length in bytes, at least 1. @throws SystemError when there is no memory file of that length. */
  constructor(length: number) {
    this.length = length;
    this.mappedBytes = Math.ceil(length / pageBytes()) * pageBytes();
    this.fd = createMemoryFile('clearway-pinned', this.mappedBytes);
    try {
      this.address = mapMemoryFile(this.fd, this.mappedBytes);
    } catch (error) {
      closeMemoryFile(this.fd);
      throw error;
    }
  }

  /** Bytes that are there. */
  get loaded(): number {
    return this.#loaded;
  }

  /**
   * Loads and locks the next bytes of a file: the kernel moves them. May wait for its disk.
   * @param most bytes, a multiple of the page. Returns how many: 0 where the file ends.
   * @throws SystemError ENOMEM and its kin, with how to fix it; EIO of the file.
   */
  load(file: number, most: number): number {
    const ask = Math.min(most, this.length - this.#loaded);
    if (ask === 0) return 0;
    const result = sendFile(this.fd, file, this.#loaded, ask);
    if (result === -Errno.EINTR || result === -Errno.EAGAIN) return this.load(file, most);
    if (result < 0) throw new SystemError(-result, 'sendfile', 'into memory that is pinned');
    this.#loaded += result;
    // Whole pages: the last one is locked with what fills it.
    const end = this.#loaded === this.length ? this.mappedBytes : this.#loaded - (this.#loaded % pageBytes());
    if (end > this.#locked) lockMemory(this.address + this.#locked, end - this.#locked);
    this.#locked = Math.max(this.#locked, end);
    return result;
  }

  /** Gives the memory back. Nobody may send from it any more; what the kernel still refers to it keeps. */
  release(): void {
    unmapFileWindow(this.address, this.mappedBytes);
    closeMemoryFile(this.fd);
  }
}
