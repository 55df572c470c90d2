// Opener: opens paths beneath a site's root, watched first and opened second, so that a change in between is told. Links
// inside the root are followed, and what is reached over them is asked each time. Not here: what is known of a path (site.ts).

import { S } from '../kernel/constants.js';
import { Errno, isShortage } from '../kernel/errno.js';
import { createWatcher } from '../kernel/event.js';
import {
  emptyFileStatus,
  type FileStatus,
  fileStatus,
  openBeneath,
  openRoot,
  pathStatus,
  tryOpenRoot,
} from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import type { Loop } from '../transport/loop.js';
import { canonicalName, openFollowing } from './links.js';
import { Watcher } from './watcher.js';

/** See the file's head. */
export class Opener {
  /** The root directory's descriptor. */
  root: number;
  watcher: Watcher;
  /**
   * Who tells of a change of what was opened or watched last: the directory that it is in, -1 for a path over links; who would
   * tell when something appears where nothing is; and that directory's generation before the look. Overwritten by the next.
   */
  readonly seen = { directory: -1, told: -1, generation: 0 };
  /** How often a path went over a link: of what a link leads to nobody tells. */
  followed = 0;
  readonly #loop: Loop;
  readonly #name: string;
  readonly #relieve: () => boolean;
  readonly #status = emptyFileStatus();
  #canonicalName: string;

  /** @param relieve lets go of descriptors, if it can. @throws SystemError when the root cannot be opened. */
  constructor(loop: Loop, root: string, relieve: () => boolean) {
    this.#loop = loop;
    this.#name = root;
    this.#relieve = relieve;
    this.root = openRoot(root);
    this.#canonicalName = canonicalName(root);
    this.watcher = new Watcher(loop, this.root);
  }

  /** Opens a path and leaves in {@link seen} who would tell of a change. Returns a descriptor or -errno. */
  openWatched(path: string): number {
    const fd = this.#openWatched(path);
    return this.mayTryAgain(fd) ? this.#openWatched(path) : fd;
  }

  /** Whether a descriptor was not to be had, and others were let go of for it. */
  mayTryAgain(result: number): boolean {
    return result < 0 && isShortage(-result) && this.#relieve();
  }

  #openWatched(path: string): number {
    const { seen } = this;
    this.watch(path, path);
    const fd = openBeneath(this.root, path, 'refuse');
    if (fd !== -Errno.ELOOP) return fd;
    seen.directory = -1;
    seen.told = -1;
    this.followed++;
    return openFollowing(this.root, this.#canonicalName, path);
  }

  /** Watches what leads to `path`, or as much of the way to `existing` as is there: see {@link seen}. */
  watch(path: string, existing: string): void {
    const { seen, watcher } = this;
    seen.directory = watcher.cover(path);
    seen.told = seen.directory >= 0 ? seen.directory : watcher.coverExisting(existing);
    seen.generation = seen.told >= 0 ? watcher.generations[seen.told]! : 0;
  }

  /** Opens a path; links inside the root are followed, links out of it are not there. Returns a descriptor or -errno. */
  open(path: string): number {
    const fd = openFollowing(this.root, this.#canonicalName, path);
    return this.mayTryAgain(fd) ? openFollowing(this.root, this.#canonicalName, path) : fd;
  }

  /** What is at a path now, links followed as {@link open} does, into `status`. Returns 0 or -errno. */
  statusOf(path: string, status: FileStatus): number {
    const fd = this.open(path);
    if (fd < 0) return fd;
    const result = fileStatus(fd, status);
    closeDescriptor(fd);
    return result;
  }

  /** Whether a path is that of a directory: 1 or 0, or -errno. Over links {@link seen} says that nobody would tell. */
  isDirectory(path: string): number {
    let fd = openBeneath(this.root, path, 'refuse');
    if (this.mayTryAgain(fd)) fd = openBeneath(this.root, path, 'refuse');
    if (fd === -Errno.ELOOP) {
      this.seen.told = -1;
      this.followed++;
      fd = this.open(path);
    }
    if (fd < 0) return fd;
    const result = fileStatus(fd, this.#status);
    closeDescriptor(fd);
    return result < 0 ? result : Number((this.#status.mode & S.IFMT) === S.IFDIR);
  }

  /**
   * Opens the directory that the root's name leads to by now, if it is another: a link to a release was led elsewhere, a
   * folder was built anew. While it leads nowhere, the one that is open stays. Where nobody could tell of changes for want of a
   * descriptor, that is tried again.
   * @param leaving is called before the old one is let go of.
   */
  followName(leaving: () => void): void {
    if (this.watcher.isWanting) this.#watchAnew(leaving);
    const status = this.#status;
    if (pathStatus(this.#name, status) < 0 || (status.mode & S.IFMT) !== S.IFDIR) return;
    const { device, inode } = status;
    if (fileStatus(this.root, status) === 0 && status.device === device && status.inode === inode) return;
    const root = tryOpenRoot(this.#name);
    // Not to be had now (no permission, no descriptor): asked again at the next look.
    if (root < 0) return;
    this.watcher.retire();
    leaving();
    closeDescriptor(this.root);
    this.root = root;
    this.#canonicalName = canonicalName(this.#name);
    this.watcher = new Watcher(this.#loop, root);
  }

  #watchAnew(leaving: () => void): void {
    const fd = createWatcher();
    if (fd < 0) return;
    closeDescriptor(fd);
    leaving();
    this.watcher = new Watcher(this.#loop, this.root);
  }

  /** Closes the root; its watcher is closed by whoever knows how the loop goes on. */
  close(): void {
    closeDescriptor(this.root);
  }
}
