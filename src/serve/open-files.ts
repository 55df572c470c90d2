// Open files: a descriptor that knows how many refer to it, closed when nobody does. Which ones are kept open while nobody
// sends them is the site's decision.

import { type FileStatus, fileStatus } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { MappedFile } from '../memory/mapped-file.js';
import type { FileSource } from '../transport/output.js';
import { Residency } from '../transport/page-cache.js';

/** An open file, with a reference for whoever opened it. */
export class OpenFile implements FileSource {
  readonly fd: number;
  #residency: Residency | undefined;
  #mapping: MappedFile | undefined;
  #references = 1;
  readonly #files: OpenFiles;

  constructor(files: OpenFiles, fd: number) {
    this.#files = files;
    this.fd = fd;
  }

  /** What is known of its pages; nothing as long as nobody sends them by reference. */
  get residency(): Residency {
    this.#residency ??= new Residency();
    return this.#residency;
  }

  /** Its pages as addresses; nothing is mapped as long as no short pieces of it are sent. */
  get mapping(): MappedFile {
    this.#mapping ??= new MappedFile(this.fd);
    return this.#mapping;
  }

  /** For whoever closes it: nothing of it is mapped any more. */
  unmap(): void {
    this.#mapping?.unmap();
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
    return fileStatus(this.fd, status);
  }
}

/** Every open file of one site. */
export class OpenFiles {
  readonly #open = new Set<OpenFile>();

  /** Descriptors that are open. */
  get count(): number {
    return this.#open.size;
  }

  /** Takes a descriptor over. */
  adopt(fd: number): OpenFile {
    const file = new OpenFile(this, fd);
    this.#open.add(file);
    return file;
  }

  /** Called by a file that lost its last reference. */
  close(file: OpenFile): void {
    this.#open.delete(file);
    file.unmap();
    closeDescriptor(file.fd);
  }

  /** Closes every file though some are referred to: for a thread that cannot go on. */
  abandon(): void {
    for (const file of this.#open) {
      file.unmap();
      closeDescriptor(file.fd);
    }
    this.#open.clear();
  }
}
