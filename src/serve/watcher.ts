// Watcher: tells which paths beneath a root changed, by inotify. The kernel queues an event before the call that made
// the change returns, and the loop hands events out in order: whoever changes a file and then asks for it gets the new one.
// Where it cannot see (a remote file system, no watches left) it says so, and the caller asks the file itself each time.

import { IN } from '../kernel/constants.js';
import { createWatcher, readChanges, unwatchDirectory, watchDirectory } from '../kernel/event.js';
import { isRemoteFileSystem, openBeneath } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';

/** Directories watched at most; files beyond them are asked each time. */
const maxDirectories = 8192;

/** Watches the directories that lead to the paths it is asked about. */
export class Watcher extends Endpoint {
  readonly #loop: Loop;
  readonly #root: number;
  readonly #fd: number;
  readonly #usable: boolean;
  readonly #byDirectory = new Map<string, number>();
  readonly #byWatch = new Map<number, string>();
  readonly #changed: (path: string | undefined) => void;
  #retired = false;

  /** @param changed is told a path relative to the root that changed, or undefined when anything may have. */
  constructor(loop: Loop, root: number, changed: (path: string | undefined) => void) {
    super();
    this.#loop = loop;
    this.#root = root;
    this.#changed = changed;
    this.#fd = isRemoteFileSystem(root) ? -1 : createWatcher();
    this.#usable = this.#fd >= 0;
    if (!this.#usable) return;
    loop.register(this);
    loop.engine.watch(this.token, this.#fd);
  }

  /** Directories watched now. */
  get directories(): number {
    return this.#byDirectory.size;
  }

  /**
   * Watches every directory on the way to a path (no symbolic link among them).
   * @returns false when a change of the path could go unseen.
   */
  covers(path: string): boolean {
    if (!this.#usable) return false;
    for (let end = path.indexOf('/'); ; end = path.indexOf('/', end + 1)) {
      if (end < 0) break;
      if (!this.#watch(path.slice(0, end))) return false;
    }
    return this.#watch('');
  }

  #watch(directory: string): boolean {
    if (this.#byDirectory.has(directory)) return true;
    if (this.#byDirectory.size >= maxDirectories) return false;
    // A directory that was renamed is watched already, and would lose its watch with its old name: first let go of that.
    this.check();
    const fd = openBeneath(this.#root, directory, 'refuse');
    if (fd < 0) return false;
    const watch = watchDirectory(this.#fd, fd);
    closeDescriptor(fd);
    if (watch < 0) return false;
    // The kernel gives a directory one watch, whatever it is called: the old name is no longer one of ours.
    const before = this.#byWatch.get(watch);
    if (before !== undefined) this.#byDirectory.delete(before);
    this.#byDirectory.set(directory, watch);
    this.#byWatch.set(watch, directory);
    return true;
  }

  override readable(_result: number, more: boolean): void {
    if (this.#retired) {
      if (more) return;
      closeDescriptor(this.#fd);
      this.#loop.unregister(this);
      return;
    }
    this.check();
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
  }

  /** Looks for changes now, without waiting for the loop to say that there are any. */
  check(): void {
    if (!this.#usable) return;
    while (readChanges(this.#fd, (watch, name, mask) => this.#change(watch, name, mask)));
  }

  #change(watch: number, name: string, mask: number): void {
    if ((mask & IN.Q_OVERFLOW) !== 0) {
      this.#changed(undefined);
      return;
    }
    const directory = this.#byWatch.get(watch);
    if (directory === undefined) return;
    if ((mask & (IN.IGNORED | IN.DELETE_SELF | IN.MOVE_SELF)) !== 0) {
      if (directory !== '' || (mask & IN.IGNORED) !== 0) this.#forget(directory);
      this.#changed(undefined);
      return;
    }
    const path = directory === '' ? name : `${directory}/${name}`;
    // A directory that was moved keeps its watch, but not its path: nor do those beneath it.
    if ((mask & IN.ISDIR) !== 0 && (mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) {
      for (const known of [...this.#byDirectory.keys()]) {
        if (known === path || known.startsWith(`${path}/`)) this.#forget(known);
      }
    }
    this.#changed(path);
  }

  #forget(directory: string): void {
    const watch = this.#byDirectory.get(directory);
    if (watch === undefined) return;
    this.#byDirectory.delete(directory);
    this.#byWatch.delete(watch);
    unwatchDirectory(this.#fd, watch);
  }

  /** Stops watching, in a loop that goes on: the descriptor is closed when the engine has let go of it. */
  retire(): void {
    if (!this.#usable || this.#retired) return;
    this.#retired = true;
    this.#loop.engine.cancel(this.token, this.#fd);
  }

  /** Closes the descriptor without a word to the loop: for a thread that cannot go on. */
  abandon(): void {
    if (this.#usable) closeDescriptor(this.#fd);
  }

  /** Stops watching, in a loop that is about to end. */
  close(): void {
    if (!this.#usable) return;
    this.#loop.engine.cancel(this.token, this.#fd);
    closeDescriptor(this.#fd);
  }
}
