// PinKeeper: the main thread's side of files that are pinned in memory (`--pin`). It finds them, loads each in parts, so that the thread
// stays free for signals, tells every serving thread, and looks again: what has changed or gone is let go of, and freed when no thread
// sends from it any more. Within a bound. Not here: sending (transport/list-pump.ts), what a thread knows (pinned-files.ts).

import { setImmediate as nextTurn } from 'node:timers/promises';
import { S } from '../../kernel/constants.js';
import { dropCached, emptyFileStatus, fileStatus, openBeneath, tryOpenRoot } from '../../kernel/file.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { SystemError } from '../../kernel/system-error.js';
import { PinnedPages } from '../../memory/pinned-pages.js';
import { formatBytes } from '../../text/units.js';
import { identityOf, words } from '../identity.js';
import type { DotfilePolicy } from '../site-types.js';
import { findFiles } from './find-files.js';
import type { ToldPin } from './told-pin.js';

/** Bytes that are loaded in one turn of the thread. */
const loadBytes = 4 * 1024 * 1024;
/** How often the folder is looked through; seldom where that takes long. */
const lookMs = 2000;
const lookShare = 50;
/** A file is pinned when nobody has written to it for so long. */
const settledMs = 2000;
/** How much of the memory that is available one file may take. */
const availableShare = 0.8;

/** Who is told. */
export interface PinHost {
  /** Tells the threads that serve. Returns the numbers of those that were told. */
  pin(pin: ToldPin): readonly number[];
  unpin(id: number): void;
  /** In words. */
  warning(message: string): void;
  /** Everything that can be pinned is, for now. */
  pinned(files: number, bytes: number): void;
}

/** What to pin. */
export interface PinOptions {
  readonly root: string;
  /** Patterns of paths from the root on: path-pattern.ts. */
  readonly patterns: readonly string[];
  /** Bytes at most, of all of them. */
  readonly mostBytes: number;
  readonly dotfiles: DotfilePolicy;
}

interface Pin {
  readonly path: string;
  readonly pages: PinnedPages;
  readonly told: ToldPin;
  /** Threads that may send from it. */
  readonly threads: Set<number>;
}

/** See the file's head. */
export class PinKeeper {
  readonly #options: PinOptions;
  readonly #host: PinHost;
  readonly #byPath = new Map<string, Pin>();
  /** Not pinned any more, and some thread still sends from it. */
  readonly #leaving = new Map<number, Pin>();
  /** What was said of a path, so that it is said once. */
  readonly #said = new Map<string, string>();
  readonly #status = emptyFileStatus();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;
  #nextId = 1;
  #bytes = 0;
  /** What is pinned is not what was told last. */
  #isChanged = true;

  constructor(options: PinOptions, host: PinHost) {
    this.#options = options;
    this.#host = host;
    void this.#look();
  }

  /** Files that are pinned. */
  get files(): number {
    return this.#byPath.size;
  }

  /** Bytes of memory that all take, those that are being let go of too. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A thread serves from now on: it is told of everything. */
  joined(thread: number): readonly ToldPin[] {
    return [...this.#byPath.values()].map(({ told, threads }) => {
      threads.add(thread);
      return told;
    });
  }

  /** A thread is done with what was unpinned. */
  unpinned(thread: number, id: number): void {
    const pin = this.#leaving.get(id);
    if (pin === undefined) return;
    pin.threads.delete(thread);
    this.#freeIfIdle(pin);
  }

  /** A thread has ended: it sends nothing any more. */
  gone(thread: number): void {
    for (const pin of this.#byPath.values()) pin.threads.delete(thread);
    for (const pin of this.#leaving.values()) {
      pin.threads.delete(thread);
      this.#freeIfIdle(pin);
    }
  }

  /** Ends it: the threads have ended. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const pin of [...this.#byPath.values(), ...this.#leaving.values()]) pin.pages.release();
    this.#byPath.clear();
    this.#leaving.clear();
    this.#bytes = 0;
  }

  /** Looks through the folder, and again some time later. */
  async #look(): Promise<void> {
    const { root, patterns, dotfiles } = this.#options;
    const startMs = performance.now();
    const paths = await findFiles(root, patterns, dotfiles);
    const tookMs = performance.now() - startMs;
    const there = new Set(paths);
    for (const [path, pin] of this.#byPath) if (!there.has(path)) this.#unpin(pin);
    for (const path of this.#said.keys()) if (!there.has(path)) this.#said.delete(path);
    await this.#considerAll(paths);
    if (this.#isClosed) return;
    if (this.#isChanged) this.#host.pinned(this.files, this.#pinnedBytes());
    this.#isChanged = false;
    this.#timer = setTimeout(() => void this.#look(), Math.max(lookMs, tookMs * lookShare));
    this.#timer.unref();
  }

  async #considerAll(paths: readonly string[]): Promise<void> {
    const root = paths.length === 0 ? -1 : tryOpenRoot(this.#options.root);
    if (root < 0) return;
    try {
      for (const path of paths) {
        if (this.#isClosed) return;
        await this.#consider(root, path);
      }
    } finally {
      closeDescriptor(root);
    }
  }

  /** Pins a file, if it is not or was another. */
  async #consider(root: number, path: string): Promise<void> {
    const fd = openBeneath(root, path.slice(1), 'beneath');
    if (fd < 0) return;
    try {
      const version = this.#versionOf(fd);
      const pin = this.#byPath.get(path);
      if (pin !== undefined && version !== undefined && isSame(pin.told, version)) return;
      if (pin !== undefined) this.#unpin(pin);
      if (version !== undefined && version.size > 0) await this.#pin(path, fd, version);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#say(path, `${path} is not pinned: ${error.message}`);
    } finally {
      closeDescriptor(fd);
    }
  }

  /** What tells the version of an open file; undefined where it is no regular file, or has just been written to. */
  #versionOf(fd: number): FileVersion | undefined {
    const status = this.#status;
    if (fileStatus(fd, status) < 0 || (status.mode & S.IFMT) !== S.IFREG) return undefined;
    if (Date.now() - status.mtimeSeconds * 1000 < settledMs) return undefined;
    identityOf(status);
    return { high: words.high, low: words.low, size: status.size };
  }

  async #pin(path: string, fd: number, version: FileVersion): Promise<void> {
    const { mostBytes } = this.#options;
    const left = mostBytes - this.#bytes;
    const available = process.availableMemory() * availableShare;
    if (version.size > left) {
      // There may be room when that is done.
      if (this.#leaving.size > 0) return;
      const limit = `${formatBytes(left)} of --pin-memory ${formatBytes(mostBytes)} are left`;
      return this.#say(path, `${path} is not pinned: it takes ${formatBytes(version.size)}, and ${limit}`);
    }
    if (version.size > available) {
      const limit = `the memory that is available is ${formatBytes(process.availableMemory())}`;
      return this.#say(path, `${path} is not pinned: it takes ${formatBytes(version.size)}, and ${limit}`);
    }
    const pages = new PinnedPages(version.size);
    this.#bytes += pages.mappedBytes;
    let isTold = false;
    try {
      while (pages.loaded < version.size && !this.#isClosed) {
        if (pages.load(fd, loadBytes) === 0) break;
        await nextTurn();
      }
      const after = this.#versionOf(fd);
      // Written to meanwhile: the next look sees whether it has settled.
      if (this.#isClosed || after === undefined || after.high !== version.high || after.low !== version.low) return;
      // The same bytes twice would be memory for nothing.
      dropCached(fd);
      const told: ToldPin = {
        id: this.#nextId++,
        identityHigh: version.high,
        identityLow: version.low,
        fd: pages.fd,
        address: pages.address,
        length: pages.length,
        mappedBytes: pages.mappedBytes,
      };
      this.#byPath.set(path, { path, pages, told, threads: new Set(this.#host.pin(told)) });
      this.#said.delete(path);
      this.#isChanged = true;
      isTold = true;
    } finally {
      if (!isTold) this.#free(pages);
    }
  }

  #pinnedBytes(): number {
    return [...this.#byPath.values()].reduce((sum, { told }) => sum + told.mappedBytes, 0);
  }

  #unpin(pin: Pin): void {
    this.#isChanged = true;
    this.#byPath.delete(pin.path);
    this.#leaving.set(pin.told.id, pin);
    this.#host.unpin(pin.told.id);
    this.#freeIfIdle(pin);
  }

  #freeIfIdle({ told, threads, pages }: Pin): void {
    if (threads.size > 0 || !this.#leaving.delete(told.id)) return;
    this.#free(pages);
  }

  #free(pages: PinnedPages): void {
    pages.release();
    this.#bytes -= pages.mappedBytes;
  }

  #say(path: string, message: string): void {
    if (this.#said.get(path) === message) return;
    this.#said.set(path, message);
    this.#host.warning(message);
  }
}

interface FileVersion {
  readonly high: number;
  readonly low: number;
  readonly size: number;
}

function isSame(told: ToldPin, { high, low }: FileVersion): boolean {
  return told.identityHigh === high && told.identityLow === low;
}
