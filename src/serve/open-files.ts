// Open files: a descriptor that knows how many refer to it, closed when nobody does. Which ones are kept open while nobody
// sends them is the site's decision.

import { emptyFileStatus, type FileStatus, fileStatus } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { MappedFile } from '../memory/mapped-file.js';
import type { FileMapping, FileResidency, FileSource } from '../transport/output.js';
import { Residency } from '../transport/page-cache.js';
import type { PinnedFile } from './pins/pinned-files.js';

/** Of the file that is looked at now. */
const now = emptyFileStatus();

/** An open file, with a reference for whoever opened it. */
export class OpenFile implements FileSource {
  /** Its bytes where they are pinned in memory. */
  readonly pinned: PinnedFile | undefined;
  readonly #own: number;
  #residency: Residency | undefined;
  #mapping: MappedFile | undefined;
  /** The file as it was when the first list was made that holds for this version alone. */
  #version: FileStatus | undefined;
  #references = 1;
  readonly #files: OpenFiles;

  /** @param fd is taken over. @param pinned the same bytes in memory, referred to until it is closed. */
  constructor(files: OpenFiles, fd: number, pinned: PinnedFile | undefined) {
    this.#files = files;
    this.#own = fd;
    this.pinned = pinned;
    pinned?.retain();
  }

  /** The descriptor that its bytes are read from. */
  get fd(): number {
    return this.pinned?.fd ?? this.#own;
  }

  /** What is known of its pages; nothing as long as nobody sends them by reference. */
  get residency(): FileResidency {
    if (this.pinned !== undefined) return this.pinned;
    this.#residency ??= new Residency();
    return this.#residency;
  }

  /** Its pages as addresses; nothing is mapped as long as no short pieces of it are sent. */
  get mapping(): FileMapping {
    if (this.pinned !== undefined) return this.pinned;
    this.#mapping ??= new MappedFile(this.#own);
    return this.#mapping;
  }

  /** What is sent of it from now on holds for its version of now: see {@link isChanged}. */
  keepVersion(): void {
    if (this.#version !== undefined || this.pinned !== undefined) return;
    const status = emptyFileStatus();
    if (fileStatus(this.#own, status) === 0) this.#version = status;
  }

  /** Whether it was written to since {@link keepVersion}; other names of it, and none, are no matter. */
  get isChanged(): boolean {
    const before = this.#version;
    if (before === undefined || fileStatus(this.#own, now) !== 0) return false;
    const isSameTime = now.mtimeSeconds === before.mtimeSeconds && now.mtimeNanoseconds === before.mtimeNanoseconds;
    return !isSameTime || now.size !== before.size;
  }

  /** For whoever has taken it out of the open ones. */
  end(): void {
    this.#mapping?.unmap();
    closeDescriptor(this.#own);
    this.pinned?.release();
  }

  /** Adds a reference: the descriptor stays open until it is released. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** Drops a reference; the last one closes the descriptor. */
  release(_cookie = 0): void {
    this.#references--;
    if (this.#references === 0) this.#files.close(this);
  }

  /** What the descriptor says of the file now. Returns 0 or -errno. */
  status(status: FileStatus): number {
    return fileStatus(this.#own, status);
  }
}

/** Every open file of one site. */
export class OpenFiles {
  readonly #open = new Set<OpenFile>();

  /** Descriptors that are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Takes a descriptor over. @param pinned the same bytes in memory. */
  adopt(fd: number, pinned: PinnedFile | undefined): OpenFile {
    const file = new OpenFile(this, fd, pinned);
    this.#open.add(file);
    return file;
  }

  /** Called by a file that lost its last reference. */
  close(file: OpenFile): void {
    this.#open.delete(file);
    file.end();
  }

  /** Closes every file though some are referred to: for a thread that cannot go on. */
  abandon(): void {
    for (const file of this.#open) file.end();
    this.#open.clear();
  }
}
