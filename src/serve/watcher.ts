// Watcher: tells which directories beneath a root changed, by inotify. The kernel queues an event before the call that made
// the change returns, and the loop hands events out in order: whoever changes a file and then asks for it gets the new one.
// A change is a number that went up: whoever remembers the number of a directory knows whether anything happened in it.
// Where inotify cannot see (a remote file system, no watches left) a directory has no number, and its files are asked each time.

import { IN } from '../kernel/constants.js';
import { readNames } from '../kernel/directory.js';
import { Errno, isShortage } from '../kernel/errno.js';
import { createWatcher, readChanges, unwatchDirectory, watchDirectory } from '../kernel/event.js';
import { emptyFileStatus, fileStatus, isRemoteFileSystem, openBeneath } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { codingOfName, everyCoding } from './codings.js';
import { identityOf, words } from './identity.js';

/** Directories watched at most; files beyond them are asked each time. */
const maxDirectories = 8192;
/** A directory with more entries is not searched for coded siblings: any of its files may have them. */
const mostSearched = 20_000;
/** How often a directory is looked at of which something is believed. */
const lookMs = 1000;
/** A directory that changed so lately may change again without another time. */
const freshSeconds = 2;
/** No number of a directory: none is there; one is there that nobody tells of. */
const NOT_THERE = -1;
const BLIND = -2;
/** Codings of a directory that nobody searched yet. */
const unsearched = 0x80;

/** Watches the directories that lead to the paths it is asked about. */
export class Watcher extends Endpoint {
  /** By directory: goes up when something in it changed, or may lead elsewhere by now. Never down. */
  readonly generations = new Int32Array(maxDirectories);
  /** As {@link generations}, of names that a coded sibling may have. */
  readonly codedGenerations = new Int32Array(maxDirectories);
  /** How often anything may have changed, the root's own place included. */
  upheavals = 0;
  readonly #loop: Loop;
  readonly #root: number;
  readonly #fd: number;
  readonly #usable: boolean;
  /** Codings that names in a directory have: bits of codings.ts. */
  readonly #codings = new Uint8Array(maxDirectories);
  readonly #byPath = new Map<string, number>();
  readonly #byWatch = new Map<number, number>();
  readonly #paths: string[] = [];
  readonly #watches = new Int32Array(maxDirectories);
  /** When a directory was looked at last, and its identity then: inode, device, times and size. */
  readonly #lookedMs = new Float64Array(maxDirectories);
  readonly #identities = new Int32Array(maxDirectories * 2);
  readonly #status = emptyFileStatus();
  readonly #free: number[] = [];
  #retired = false;

  constructor(loop: Loop, root: number) {
    super();
    this.#loop = loop;
    this.#root = root;
    this.#fd = isRemoteFileSystem(root) ? NOT_THERE : createWatcher();
    this.#usable = this.#fd >= 0;
    if (!this.#usable) return;
    loop.register(this);
    loop.engine.watch(this.token, this.#fd);
  }

  /** It tells of nothing because the host was short of something, which may be over. */
  get isWanting(): boolean {
    return !this.#usable && isShortage(-this.#fd);
  }

  /** Directories watched now. */
  get directories(): number {
    return this.#byPath.size;
  }

  /**
   * Watches every directory on the way to a path (no symbolic link among them).
   * @returns the number of the directory that the path's last segment is in; -1 when a change could go unseen.
   */
  cover(path: string): number {
    return Math.max(NOT_THERE, this.#cover(path));
  }

  /** As {@link cover}; NOT_THERE where a directory on the way is missing, BLIND where one is that nobody would tell of. */
  #cover(path: string): number {
    if (!this.#usable) return BLIND;
    const known = this.#byPath.get(path.slice(0, Math.max(0, path.lastIndexOf('/'))));
    if (known !== undefined) return known;
    // A directory that was renamed is watched already, and would lose its watch with its old name: first let go of that.
    this.check();
    let directory = this.#watch('');
    for (let end = path.indexOf('/'); end >= 0 && directory >= 0; end = path.indexOf('/', end + 1)) {
      directory = this.#watch(path.slice(0, end));
    }
    return directory;
  }

  /** The deepest directory on the way to a path that is there: where something would have to appear for the path to be. */
  coverExisting(path: string): number {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = this.#cover(path.slice(0, end));
      // Of what appears in a directory that is there, and blind, none further up tells.
      if (directory !== NOT_THERE) return Math.max(NOT_THERE, directory);
    }
    return this.cover('');
  }

  #watch(path: string): number {
    const known = this.#byPath.get(path);
    if (known !== undefined) return known;
    if (this.#byPath.size >= maxDirectories) return BLIND;
    const fd = openBeneath(this.#root, path, 'refuse');
    if (fd < 0) return fd === -Errno.ENOENT || fd === -Errno.ENOTDIR ? NOT_THERE : BLIND;
    // A mount beneath the root may be of another host.
    const watch = isRemoteFileSystem(fd) ? -1 : watchDirectory(this.#fd, fd);
    closeDescriptor(fd);
    if (watch < 0) return watch === -Errno.ENOTDIR ? NOT_THERE : BLIND;
    // The kernel gives a directory one watch, whatever it is called: the old name is no longer one of ours.
    const before = this.#byWatch.get(watch);
    if (before !== undefined) this.#release(before);
    const directory = this.#free.pop() ?? this.#paths.length;
    this.#paths[directory] = path;
    this.#watches[directory] = watch;
    this.#codings[directory] = unsearched;
    this.#lookedMs[directory] = Number.NEGATIVE_INFINITY;
    this.#identities.fill(0, directory * 2, directory * 2 + 2);
    this.#changed(directory, true);
    this.#byPath.set(path, directory);
    this.#byWatch.set(watch, directory);
    return directory;
  }

  /**
   * Whether nothing has come into a directory since it had a generation. It is looked at once a second for what nobody tells of, a mount over
   * it or a name that came by another host: whatever is new in it changes its times. Then its generation goes up, too.
   */
  isUnchanged(directory: number, generation: number): boolean {
    const { nowMs } = this.#loop;
    if (nowMs - this.#lookedMs[directory]! >= lookMs) {
      this.#lookedMs[directory] = nowMs;
      if (!this.#isAsSeen(directory)) this.#changed(directory, true);
    }
    return this.generations[directory] === generation;
  }

  /** Whether a directory's path leads to the one of the last look, with the same times. */
  #isAsSeen(directory: number): boolean {
    const identities = this.#identities;
    const at = directory * 2;
    const [high, low] = [identities[at], identities[at + 1]];
    const fd = openBeneath(this.#root, this.#paths[directory]!, 'refuse');
    const status = this.#status;
    const found = fd < 0 ? fd : fileStatus(fd, status);
    if (fd >= 0) closeDescriptor(fd);
    const isFresh = found < 0 || Date.now() / 1000 - status.ctimeSeconds < freshSeconds;
    if (!isFresh) identityOf(status);
    identities[at] = isFresh ? 0 : words.high;
    identities[at + 1] = isFresh ? 0 : words.low;
    return !isFresh && high === words.high && low === words.low;
  }

  /** Codings that siblings in a directory may have, as bits of codings.ts. It is searched once; what comes later is told. */
  codingsIn(directory: number): number {
    const known = this.#codings[directory]!;
    if (known !== unsearched) return known;
    const fd = openBeneath(this.#root, this.#paths[directory]!, 'refuse');
    if (fd < 0) return everyCoding;
    let found = 0;
    let seen = 0;
    const result = readNames(fd, (bytes, start, end) => {
      found |= codingOfName(bytes, start, end);
      return ++seen < mostSearched && found !== everyCoding;
    });
    closeDescriptor(fd);
    if (result < 0 || seen >= mostSearched) found = everyCoding;
    this.#codings[directory] = found;
    return found;
  }

  /** Lets go of the directories that lead to a path: it was found to lead elsewhere, and nobody had told. */
  distrust(path: string): void {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const directory = this.#byPath.get(path.slice(0, end));
      if (directory !== undefined) this.#forget(directory);
    }
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
    const { upheavals } = this;
    while (readChanges(this.#fd, (watch, name, mask) => this.#change(watch, name, mask)));
    // Once for all events that were read: there may be thousands, and directories too.
    if (upheavals !== this.upheavals) this.#changeAll();
  }

  #change(watch: number, name: string, mask: number): void {
    if ((mask & IN.Q_OVERFLOW) !== 0) {
      // What was renamed meanwhile is not known: every directory is watched anew when it is asked about.
      this.upheavals++;
      this.#forgetBeneath('');
      return;
    }
    const directory = this.#byWatch.get(watch);
    if (directory === undefined) return;
    if ((mask & (IN.IGNORED | IN.DELETE_SELF | IN.MOVE_SELF | IN.UNMOUNT)) !== 0) {
      if (this.#paths[directory] !== '' || (mask & IN.IGNORED) !== 0) this.#forgetBeneath(this.#paths[directory]!);
      this.upheavals++;
      return;
    }
    if ((mask & IN.ISDIR) !== 0) {
      this.upheavals++;
      // A directory that was moved keeps its watch, but not its path: nor do those beneath it.
      if ((mask & (IN.MOVED_FROM | IN.DELETE)) !== 0) {
        const parent = this.#paths[directory]!;
        this.#forgetBeneath(parent === '' ? name : `${parent}/${name}`);
      }
      return;
    }
    const coding = codingOfName(nameBytes, 0, encodeName(name));
    if (coding !== 0 && this.#codings[directory] !== unsearched) this.#codings[directory]! |= coding;
    this.#changed(directory, coding !== 0);
  }

  #changed(directory: number, coded: boolean): void {
    this.generations[directory] = (this.generations[directory]! + 1) | 0;
    if (coded) this.codedGenerations[directory] = (this.codedGenerations[directory]! + 1) | 0;
  }

  #changeAll(): void {
    for (let directory = 0; directory < this.#paths.length; directory++) this.#changed(directory, true);
  }

  /** Lets go of a directory and of all beneath it; the root's path is empty. */
  #forgetBeneath(path: string): void {
    for (const [known, each] of [...this.#byPath]) {
      if (path === '' || known === path || known.startsWith(`${path}/`)) this.#forget(each);
    }
  }

  #forget(directory: number): void {
    const watch = this.#watches[directory]!;
    if (this.#byWatch.get(watch) !== directory) return;
    this.#release(directory);
    unwatchDirectory(this.#fd, watch);
  }

  /** The number may be another directory's next. Its generation went up, so that nobody takes the one for the other. */
  #release(directory: number): void {
    this.#changed(directory, true);
    this.#byPath.delete(this.#paths[directory]!);
    this.#byWatch.delete(this.#watches[directory]!);
    this.#free.push(directory);
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

const nameBytes = new Uint8Array(1024);

/** The end of a name is all that counts, and it is ASCII. */
function encodeName(name: string): number {
  const length = Math.min(name.length, nameBytes.length);
  for (let index = 0; index < length; index++) nameBytes[index] = name.charCodeAt(name.length - length + index) & 0x7f;
  return length;
}
