// Open files: one descriptor per inode, however many readers and paths. A file is closed when nobody refers to it.

import { emptyFileStatus, type FileStatus, fileSize, fileStatus } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import type { FileSource } from '../transport/output.js';
import { Residency } from '../transport/page-cache.js';

/** An open file that knows how many refer to it. */
export class OpenFile implements FileSource {
  readonly fd: number;
  readonly device: number;
  readonly inode: number;
  readonly residency = new Residency();
  #references = 0;
  readonly #files: OpenFiles;

  constructor(files: OpenFiles, fd: number, status: FileStatus) {
    this.#files = files;
    this.fd = fd;
    this.device = status.device;
    this.inode = status.inode;
  }

  /** Adds a reference: the descriptor stays open until it is released. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** Drops a reference; the last one closes the descriptor. */
  release(_cookie = 0): void {
    this.#references--;
    if (this.#references === 0) this.#files.forget(this);
  }

  /** The file's size in bytes now, or -errno. */
  get size(): number {
    return fileSize(this.fd);
  }

  /** What the descriptor says of the file now. Returns 0 or -errno. */
  status(status: FileStatus): number {
    return fileStatus(this.fd, status);
  }
}

/** Every open file of one worker, by inode. */
export class OpenFiles {
  readonly #byInode = new Map<string, OpenFile>();
  readonly #status = emptyFileStatus();

  /** Descriptors that are open. */
  get count(): number {
    return this.#byInode.size;
  }

  /**
   * Takes a descriptor over: if its inode is open already, the descriptor is closed and the open file given instead.
   * The file comes with a reference for the caller.
   */
  adopt(fd: number, status: FileStatus): OpenFile {
    const key = `${status.device}:${status.inode}`;
    const known = this.#byInode.get(key);
    if (known !== undefined) {
      closeDescriptor(fd);
      return known.retain();
    }
    const file = new OpenFile(this, fd, status);
    this.#byInode.set(key, file);
    return file.retain();
  }

  /** Called by a file that lost its last reference. */
  forget(file: OpenFile): void {
    this.#byInode.delete(`${file.device}:${file.inode}`);
    closeDescriptor(file.fd);
  }

  /** Closes every file though some are referred to: for a thread that cannot go on. */
  abandon(): void {
    for (const file of this.#byInode.values()) closeDescriptor(file.fd);
    this.#byInode.clear();
  }

  /** A status record for one-off questions; overwritten by the next one who asks. */
  get sharedStatus(): FileStatus {
    return this.#status;
  }
}
