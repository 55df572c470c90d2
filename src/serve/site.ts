// Site: from a request's path to a file, a redirect, a directory or the reason why not. Paths are opened beneath the root by
// the kernel; what was found is known by its path (file-table.ts) and believed until the watcher tells of a change, but
// never longer than a second without a look. Descriptors are a budget of their own beneath that.
// Not here: what is answered (responder.ts, quick-answers.ts), frames (frame-cache.ts).

import { S } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import {
  emptyFileStatus,
  type FileStatus,
  fileStatus,
  isRemoteFileSystem,
  openat2Refusal,
  openBeneathAt,
  statusFrom,
} from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { decodePathText, pathBytes } from '../text/path-text.js';
import type { Loop } from '../transport/loop.js';
import { CanonicalBytes, canonicalize, hasDotSegment } from '../wire/http/path.js';
import { Absences } from './absences.js';
import { ClaimedFiles } from './claimed-files.js';
import { codings } from './codings.js';
import { Descriptors } from './descriptors.js';
import { setFacts } from './file-facts.js';
import { Fact, FileTable, Kind, Maker, mostKeyBytes, NOT_KNOWN } from './file-table.js';
import { type Nothing, type TroubleStatus, Troubles } from './file-trouble.js';
import { Generated, type Moment } from './generated.js';
import { identityOf, words } from './identity.js';
import type { OpenFile } from './open-files.js';
import { Opener } from './opener.js';
import type { Representation } from './representation.js';
import { notKnown, Siblings } from './siblings.js';
import type { Found, SiteHolder, SiteOptions, SitePath } from './site-types.js';
import { Views } from './views.js';

/** {@link Site.lookUp} of a directory without an index. Statuses of what is not there are their negative. */
const DIRECTORY = -1;
/** {@link Site.lookUp} of what is beneath a file that an extension answers for. */
const BENEATH = -2;

const believeMs = 1000; // Without a look at the path: what inotify cannot see (another mount) is seen after this.
/** Paths known at most: at some 150 bytes each. When it is full, all are learnt anew. */
const mostKnown = 1 << 17;
/** What a clean URL leaves out. */
const pageExtension = '.html';
/** Paths that one answer adds, beside the names of indexes: the path, its folder, and siblings of what is found. */
const spareEntries = 16;

/** One served directory of one worker. */
export class Site {
  readonly table: FileTable;
  /** Encoded siblings of the files. */
  readonly siblings: Siblings;
  /** The files that are open. */
  readonly descriptors: Descriptors;
  readonly #absences: Absences;
  readonly #troubles: Troubles;
  /** Where there is an extension. */
  readonly #claimed: ClaimedFiles | undefined;
  /** What is kept of resources that are made of files. */
  readonly generated: Generated;
  readonly #options: SiteOptions;
  readonly #holder: SiteHolder | undefined;
  readonly #loop: Loop;
  readonly #opener: Opener;
  readonly #views: Views;
  readonly #status = emptyFileStatus();
  readonly #key = new CanonicalBytes();
  readonly #stopTicks: () => void;

  /** @throws SystemError when the root cannot be opened. */
  constructor(loop: Loop, options: SiteOptions, holder?: SiteHolder, known = mostKnown) {
    this.#loop = loop;
    this.#options = options;
    this.#holder = holder;
    this.table = new FileTable(known, options.index.length + spareEntries);
    this.#views = new Views(this.table, options.types);
    this.descriptors = new Descriptors(this.table, options.maxFiles, (entry) => this.#views.end(entry), options.pins);
    this.#troubles = new Troubles(options.trouble);
    this.#absences = new Absences((directory, generation) => this.#opener.watcher.isUnchanged(directory, generation));
    this.#opener = new Opener(loop, options.root, () => this.descriptors.relieve());
    const isCurrent = (entry: number): boolean => this.#isBelieved(entry) || this.#confirm(entry);
    this.siblings = new Siblings(this.table, {
      isCurrent,
      watcher: () => this.#opener.watcher,
      learn: (bytes, length, known, coding, path) => this.#learnSibling(bytes, length, known, coding, path),
      stale: (path) => this.#holder?.staleSibling(path),
    });
    const { claims } = options;
    this.#claimed =
      claims && new ClaimedFiles(claims, this.table, (bytes, length) => this.#resolve(bytes, length, true));
    this.generated = new Generated(this.table, {
      isCurrent,
      isUnchanged: (directory, generation) =>
        directory >= 0 && this.#opener.watcher.generations[directory] === generation,
      add: (key, moment) => this.#addGenerated(key, moment),
    });
    this.#stopTicks = loop.everyTick((nowMs) => {
      this.descriptors.closeIdle(nowMs);
      this.table.age(nowMs);
    });
  }

  /** The root directory's descriptor. */
  get root(): number {
    return this.#opener.root;
  }

  /** How often anything may have changed, the root's own place included. */
  get upheavals(): number {
    return this.#opener.watcher.upheavals;
  }

  /** Bytes of memory that what is known takes. */
  get knownBytes(): number {
    return this.table.byteLength + this.#absences.byteLength;
  }

  /**
   * Looks a request's path up.
   * @param bytes the raw path, `start` up to `end`, as the request carried it.
   * @returns an entry of {@link table}, a file or a redirect, that is true now; -1 for a directory without an index, -2 for what is beneath a file; or a negative status.
   */
  lookUp(bytes: Uint8Array, start: number, end: number): number {
    const { table } = this;
    if (table.full) this.#endAll();
    const entry = table.find(bytes, start, end, false);
    if (entry >= 0 && (table.facts.get(entry) & Fact.hidden) === 0) {
      const kind = table.kind.get(entry);
      if (kind === Kind.file && this.#isBelieved(entry)) return entry;
      if (kind !== Kind.none) return this.#current(entry);
    }
    if (this.#absences.has(bytes, start, end)) return -404;
    const key = this.#key;
    if (!canonicalize(bytes, start, end, key)) return -404;
    if (key.dotfile && !key.wellKnown && this.#options.dotfiles !== 'allow') {
      return this.#options.dotfiles === 'deny' ? -403 : -404;
    }
    return this.#resolve(key.bytes, key.length);
  }

  /** Finds what a path leads to, as an object. */
  find(target: SitePath): Found {
    if (target.dotfile && this.#options.dotfiles !== 'allow') {
      return { kind: 'nothing', status: this.#options.dotfiles === 'deny' ? 403 : 404 };
    }
    if (this.table.full) this.#endAll();
    const key = pathBytes(`/${target.path}${target.trailingSlash && target.path !== '' ? '/' : ''}`);
    const entry = this.#resolve(key, key.length);
    if (entry === BENEATH || (entry >= 0 && this.table.kind.get(entry) === Kind.generated)) return this.#beneath(key);
    return this.#found(entry, target.path);
  }

  #beneath(key: Uint8Array): Found {
    const entry = this.#claimed?.find(key, key.length) ?? NOT_KNOWN;
    const source = entry < 0 ? undefined : this.view(entry);
    if (source === undefined) return this.#troubles.nothing(503);
    return { kind: 'beneath', source, rest: decodePathText(key, this.#claimed!.end + 1, key.length) };
  }

  #addGenerated(key: Uint8Array, { directory, generation }: Moment): number {
    const known = this.table.find(key, 0, key.length, true);
    if (known >= 0) this.end(known);
    else if (!this.table.hasRoom || key.length >= mostKeyBytes - 2) return -1;
    return this.#keep(known, key, key.length, Kind.generated, directory, generation);
  }

  /** The entry of a file's path, without a look whether it is still true; negative when nothing is known. */
  entryOf(path: string): number {
    const key = pathBytes(`/${path}`);
    const entry = this.table.find(key, 0, key.length, true);
    return entry >= 0 && this.table.kind.get(entry) === Kind.file ? entry : -1;
  }

  #found(entry: number, path: string): Found {
    if (entry === DIRECTORY) return { kind: 'directory', path };
    if (entry < 0) return this.#troubles.nothing(-entry as TroubleStatus);
    if (this.table.kind.get(entry) === Kind.redirect) return { kind: 'redirect' };
    if (this.table.kind.get(entry) === Kind.coded) return { kind: 'coded', entry };
    const representation = this.view(entry);
    if (representation === undefined) return this.#troubles.nothing(503);
    return { kind: 'file', representation };
  }

  /** The representation of a file's entry; undefined when it cannot be opened now. */
  view(entry: number): Representation | undefined {
    return this.#views.get(entry, (each) => this.file(each));
  }

  /** Lets go of a representation that turned out not to be current. */
  forget(representation: Representation): void {
    if (representation.valid) this.end(representation.entry);
  }

  /** Whether a name may appear in a listing. */
  lists(name: string): boolean {
    return this.#options.dotfiles === 'allow' || !name.startsWith('.');
  }

  /** Whether an entry may be taken for true without a look at the file system. */
  #isBelieved(entry: number): boolean {
    const { table } = this;
    const directory = table.directory.get(entry);
    const known = directory >= 0 && table.generation.get(entry) === this.#opener.watcher.generations[directory];
    return known && this.#loop.nowMs - table.checkedMs.get(entry) < believeMs;
  }

  /** An entry that is known, as it is now. @param plain whether its path is to be taken for one that is not beneath a file. */
  #current(entry: number, plain = false): number {
    const { table } = this;
    const kind = table.kind.get(entry);
    const isBelieved = kind !== Kind.none && this.#isBelieved(entry);
    if (isBelieved && (kind === Kind.redirect || kind === Kind.coded)) return entry;
    if (kind === Kind.file && (isBelieved || this.#confirm(entry))) return entry;
    if (isBelieved && kind === Kind.alias) {
      const target = this.#current(table.target.get(entry));
      // The index is gone, and nobody told: then the folder is looked at anew.
      if (target >= 0) return target;
    }
    if (kind === Kind.generated) {
      if (this.generated.isCurrent(entry)) return entry;
      this.end(entry);
    }
    const key = table.copyKey(entry);
    return !plain && this.#isBeneath(key, key.length) ? BENEATH : this.#learn(key, key.length, entry);
  }

  /** Looks up a canonical path's bytes; `plain` as {@link #current}. */
  #resolve(bytes: Uint8Array, length: number, plain = false): number {
    const entry = this.table.find(bytes, 0, length, true);
    if (entry >= 0) return this.#current(entry, plain);
    return !plain && this.#isBeneath(bytes, length) ? BENEATH : this.#learn(bytes, length, NOT_KNOWN);
  }

  #isBeneath(bytes: Uint8Array, length: number): boolean {
    return this.#claimed !== undefined && this.#claimed.find(bytes, length) >= 0;
  }

  /** Whether a file's path still leads to what is known: one look, without opening it. */
  #confirm(entry: number): boolean {
    const { table } = this;
    const facts = table.facts.get(entry);
    const skip = table.coding.get(entry) === 0 ? 1 : 2;
    const isWatched = (facts & Fact.watched) !== 0;
    const known = table.directory.get(entry);
    const wasTold = isWatched && table.generation.get(entry) !== this.#opener.watcher.generations[known];
    // Its directory may not be watched any more, or its number be another's: then it is watched anew, before the look.
    const directory = wasTold ? this.#opener.watcher.cover(table.openedPathOf(entry)) : known;
    const generation = directory >= 0 ? this.#opener.watcher.generations[directory]! : 0;
    // What is neither open nor kept will be opened: that is its look.
    if (isWatched && !wasTold && this.descriptors.of(entry) === undefined && this.#holder?.holds(entry) === false) {
      if (this.file(entry) !== undefined) {
        table.checkedMs.set(entry, this.#loop.nowMs);
        return true;
      }
      this.#opener.watcher.distrust(table.pathOf(entry));
      this.end(entry);
      return false;
    }
    const status = this.#status;
    // Times do not tell of a second change within their tick; the watcher does.
    const mayStay = ((facts & Fact.racy) === 0 || (isWatched && !wasTold)) && directory >= 0 === isWatched;
    // Over links it is opened once a second, since they might lead out of the root by now; else it is looked at.
    const isOpened = !isWatched && this.#loop.nowMs - table.checkedMs.get(entry) >= believeMs;
    const found = isOpened
      ? this.#opener.statusOf(table.openedPathOf(entry), status)
      : statusFrom(this.#opener.root, table.address(entry, skip), !isWatched, status);
    if (mayStay && found === 0) {
      identityOf(status);
      if (words.high === table.identityHigh.get(entry) && words.low === table.identityLow.get(entry)) {
        if (directory !== known) table.siblingGeneration.set(entry, -1);
        table.directory.set(entry, directory);
        table.generation.set(entry, generation);
        if (isWatched || isOpened) table.checkedMs.set(entry, this.#loop.nowMs);
        return true;
      }
    }
    // Another file, and nobody told of it: a mount, perhaps, and then what is watched is not what is seen.
    if (isWatched && !wasTold) this.#opener.watcher.distrust(this.table.pathOf(entry));
    this.end(entry);
    return false;
  }

  /**
   * Opens a path and keeps what it leads to.
   * @param known the entry of the path, or {@link NOT_KNOWN}.
   */
  #learn(bytes: Uint8Array, length: number, known: number): number {
    if (length >= mostKeyBytes - 2) return -404;
    // What was made of it ends, whatever it is now.
    if (known >= 0) this.end(known);
    const isFolder = length > 1 ? bytes[length - 1] === 0x2f : true;
    const path = decodePathText(bytes, 1, Math.max(1, isFolder ? length - 1 : length));
    if (isFolder) return this.#learnFolder(path, bytes, length, known);
    const { followed } = this.#opener;
    const fd = this.#opener.openWatched(path);
    const { directory, told, generation } = this.#opener.seen;
    const status = this.#status;
    const problem = fd < 0 ? fd : fileStatus(fd, status);
    const type = problem < 0 ? 0 : status.mode & S.IFMT;
    if (type !== S.IFREG) {
      if (fd >= 0) closeDescriptor(fd);
      const page = type === S.IFDIR || problem === -Errno.ENOENT ? this.#pageOf(path) : NOT_KNOWN;
      if (page >= 0) {
        this.table.target.set(this.#keep(known, bytes, length, Kind.alias, directory, generation), page);
        return page;
      }
      if (type === S.IFDIR) return this.#keep(known, bytes, length, Kind.redirect, directory, generation);
      if (problem >= 0) return -404;
      const isAsked = problem === -Errno.ENOENT && this.#options.codedAlone === true;
      if (isAsked && this.siblings.areAt(path, directory)) {
        const entry = this.#keep(known, bytes, length, Kind.coded, directory, generation);
        this.table.coding.set(entry, 0);
        this.table.siblingGeneration.set(entry, -1);
        return entry;
      }
      // A page or a coded sibling that was looked for may be a link that leads nowhere yet.
      const isSure = this.#opener.followed === followed && !(isAsked && this.siblings.isUnsure);
      return this.#failed(-problem, path, bytes, length, isSure ? told : -1, generation);
    }
    const entry = this.#keep(known, bytes, length, Kind.file, directory, generation);
    this.#setFile(entry, 0, path, fd, status);
    return entry;
  }

  /** With clean URLs the entry of the page that a path without an extension stands for; negative when there is none. */
  #pageOf(path: string): number {
    if (this.#options.cleanUrls !== true) return NOT_KNOWN;
    const key = pathBytes(`/${path}${pageExtension}`);
    const page = this.#resolve(key, key.length);
    return page >= 0 && this.table.kind.get(page) !== Kind.redirect ? page : NOT_KNOWN;
  }

  #learnFolder(path: string, bytes: Uint8Array, length: number, known: number): number {
    const prefix = path === '' ? '' : `${path}/`;
    this.#opener.watch(`${prefix}.`, path);
    const { directory, told, generation } = this.#opener.seen;
    for (const index of this.#options.index) {
      const key = pathBytes(`/${prefix}${index}`);
      const target = this.#resolve(key, key.length);
      if (target >= 0 && this.table.kind.get(target) !== Kind.redirect) {
        this.table.target.set(this.#keep(known, bytes, length, Kind.alias, directory, generation), target);
        return target;
      }
      if (target < 0 && target !== -404 && target !== DIRECTORY) return target;
    }
    this.#opener.seen.told = told;
    const found = this.#opener.isDirectory(path);
    if (found < 0) return this.#failed(-found, path, bytes, length, this.#opener.seen.told, generation);
    return found === 1 ? DIRECTORY : -404;
  }

  /** Opens a path; links inside the root are followed, links out of it are not there. Returns a descriptor or -errno. */
  openPath(path: string): number {
    return this.#opener.open(path);
  }

  /** What an errno of the file system means for a path: said, if it is not that nothing is there. */
  failure(errno: number, path: string): Nothing {
    return this.#troubles.nothing(this.#troubles.statusOf(errno, path));
  }

  /** The status of what could not be opened. That nothing is there is kept, if somebody would tell of a change. */
  #failed(errno: number, path: string, bytes: Uint8Array, length: number, told: number, generation: number): number {
    if (told < 0 || (errno !== Errno.ENOENT && errno !== Errno.ENOTDIR)) return -this.#troubles.statusOf(errno, path);
    if (!this.#isHidden(bytes, length)) this.#absences.add(bytes, length, told, generation);
    return -404;
  }

  #keep(known: number, bytes: Uint8Array, length: number, kind: number, directory: number, generation: number): number {
    const { table } = this;
    const entry = known >= 0 ? known : table.add(bytes, 0, length);
    table.kind.set(entry, kind);
    table.maker.set(entry, Maker.none);
    table.directory.set(entry, directory);
    table.generation.set(entry, generation);
    table.checkedMs.set(entry, this.#loop.nowMs);
    table.facts.set(entry, (directory >= 0 ? Fact.watched : 0) | (this.#isHidden(bytes, length) ? Fact.hidden : 0));
    return entry;
  }

  /** Whether a request for a canonical path is refused, whatever is there. */
  #isHidden(bytes: Uint8Array, length: number): boolean {
    return this.#options.dotfiles !== 'allow' && hasDotSegment(bytes, length);
  }

  /** Writes what is known of a file from its open descriptor, which is taken over. */
  #setFile(entry: number, coding: number, path: string, fd: number, status: FileStatus): void {
    const isRemote = (this.table.facts.get(entry) & Fact.watched) === 0 && isRemoteFileSystem(fd);
    setFacts(this.table, entry, coding, path, status, isRemote);
    this.#holder?.describe(this.table, entry, path);
    this.descriptors.set(entry, fd);
  }

  /** The open file of a file's entry; opened again if need be. Undefined when it is another by now, or cannot be opened. */
  file(entry: number): OpenFile | undefined {
    const { table } = this;
    table.facts.set(entry, table.facts.get(entry) | Fact.used);
    const open = this.descriptors.of(entry);
    if (open !== undefined) return open;
    const address = table.address(entry, table.coding.get(entry) === 0 ? 1 : 2);
    let fd = openat2Refusal() === 0 ? openBeneathAt(this.#opener.root, address, 'refuse') : -Errno.ELOOP;
    if (this.#opener.mayTryAgain(fd)) fd = openBeneathAt(this.#opener.root, address, 'refuse');
    const path = fd < 0 ? this.table.openedPathOf(entry) : '';
    if (fd === -Errno.ELOOP) fd = this.#opener.open(path);
    if (fd < 0) {
      this.#troubles.statusOf(-fd, path);
      return undefined;
    }
    const status = this.#status;
    if (fileStatus(fd, status) === 0) {
      identityOf(status);
      if (words.high === table.identityHigh.get(entry) && words.low === table.identityLow.get(entry)) {
        return this.descriptors.set(entry, fd);
      }
    }
    closeDescriptor(fd);
    this.end(entry);
    return undefined;
  }

  /** Ends what is known of an entry. */
  end(entry: number): void {
    if (this.table.kind.get(entry) === Kind.none) return;
    this.descriptors.close(entry);
    this.#views.end(entry);
    this.generated.end(entry);
    this.table.kind.set(entry, Kind.none);
    this.#holder?.ended(entry);
  }

  #endAll(): void {
    for (let entry = 0; entry < this.table.count; entry++) this.end(entry);
    this.table.clear();
    this.descriptors.clear();
    this.siblings.clear();
  }

  /** Opens a sibling in a coding and keeps it; -1 when there is none. See {@link Siblings}. */
  #learnSibling(bytes: Uint8Array, length: number, known: number, coding: number, path: string): number {
    const coded = path + codings[coding - 1]!.extension;
    if (known < 0 && !this.table.hasRoom) return -1;
    const fd = this.#opener.openWatched(coded);
    if (fd < 0) {
      return this.#troubles.statusOf(-fd, coded) < 500 ? -1 : notKnown;
    }
    const status = this.#status;
    if (fileStatus(fd, status) < 0 || (status.mode & S.IFMT) !== S.IFREG) {
      closeDescriptor(fd);
      return -1;
    }
    const { directory, generation } = this.#opener.seen;
    const entry = this.#keep(known, bytes, length, Kind.file, directory, generation);
    this.#setFile(entry, coding, path, fd, status);
    return entry;
  }

  /**
   * Looks whether the root's name leads to another directory by now: a link to a release was led elsewhere, a folder was
   * built anew. While it leads nowhere, the one that is open is served on.
   */
  followRoot(): void {
    this.#opener.followName(() => {
      this.#endAll();
      this.#absences.clear();
    });
  }

  /** Looks for changes now: whoever changed a file before this call gets the new one from {@link find}. */
  refresh(): void {
    this.#opener.watcher.check();
  }

  /** As {@link close}, in a loop that goes on. */
  retire(): void {
    this.#opener.watcher.retire();
    this.#letGo();
  }

  /** Closes every descriptor though responses are under way: for a thread that cannot go on. */
  abandon(): void {
    this.#opener.watcher.abandon();
    this.descriptors.files.abandon();
    this.#opener.close();
  }

  /** Closes what is open. Responses under way keep their files until they are sent. */
  close(): void {
    this.#opener.watcher.close();
    this.#letGo();
  }

  #letGo(): void {
    this.#stopTicks();
    this.#endAll();
    for (const memory of [this.table, this.#absences]) memory.unmap();
    this.#opener.close();
  }
}
