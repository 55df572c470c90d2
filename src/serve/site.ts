// Site: from a request's path to a representation, a redirect, a directory or the reason why not. Paths are opened
// beneath the root by the kernel; what was found is kept until the watcher says that it changed.

import { S } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { emptyFileStatus, fileStatus, openBeneath, openRoot, pathStatus } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import type { Loop } from '../transport/loop.js';
import { mediaType } from '../wire/http/media-type.js';
import { isShortage, statusOfTrouble, type TroubleStatus } from './file-trouble.js';
import { canonicalName, openFollowing } from './links.js';
import { OpenFiles } from './open-files.js';
import { codings, Representation } from './representation.js';
import { Watcher } from './watcher.js';

/** How a path that begins with a dot is answered: as if it were not there, with 403, or like any other. */
export type DotfilePolicy = 'ignore' | 'allow' | 'deny';

/** What a {@link Site} needs to know. */
export interface SiteOptions {
  readonly root: string;
  readonly index: readonly string[];
  readonly dotfiles: DotfilePolicy;
  /** Media types of the operator, by extension. */
  readonly types?: ReadonlyMap<string, string>;
  /** Descriptors of files and their encoded siblings kept open; the ones that responses still send come on top. */
  readonly maxFiles: number;
  /** Told of a file that is not known to be missing and could not be opened or looked at: an errno, and its path. */
  readonly trouble?: (errno: number, path: string) => void;
}

/** A request's path after canonicalisation. */
export interface SitePath {
  /** Segments joined by '/', without one at either end; empty for the root. */
  readonly path: string;
  readonly trailingSlash: boolean;
  readonly dotfile: boolean;
}

/** What a path leads to. `directory` has no index; `status` says why there is nothing. */
export type Found =
  | { readonly kind: 'file'; readonly representation: Representation }
  | { readonly kind: 'redirect' }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'nothing'; readonly status: TroubleStatus; readonly errno?: number };

const noSiblings: readonly Representation[] = [];
const notFound: Found & { kind: 'nothing' } = { kind: 'nothing', status: 404 };
const forbidden: Found & { kind: 'nothing' } = { kind: 'nothing', status: 403 };
const redirect: Found = { kind: 'redirect' };

/** How long a watched representation is believed without a look at its descriptor: what inotify cannot see (a write
 * through a shared mapping, another mount of a network file system) is seen after this long. */
const believeMs = 1000;

/** Paths kept for each file that may be open: a folder and its index are two, and some files have several names. */
const pathsAFile = 4;

/** One served directory of one worker. */
export class Site {
  readonly files = new OpenFiles();
  /** How often anything may have changed, the root's own place included. */
  upheavals = 0;
  readonly #options: SiteOptions;
  readonly #loop: Loop;
  #root: number;
  #rootName: string;
  #watcher: Watcher;
  readonly #byPath = new Map<string, Representation>();
  /** Representations by each path whose change ends them: their own, their directories', their siblings'. */
  readonly #dependents = new Map<string, Set<Representation>>();
  readonly #dependencies = new Map<Representation, string[]>();
  readonly #status = emptyFileStatus();

  /** @throws SystemError when the root cannot be opened. */
  constructor(loop: Loop, options: SiteOptions) {
    this.#loop = loop;
    this.#options = options;
    this.#root = openRoot(options.root);
    this.#rootName = canonicalName(options.root);
    this.#watcher = new Watcher(loop, this.#root, (path) => this.#changed(path));
  }

  /** The root directory's descriptor. */
  get root(): number {
    return this.#root;
  }

  /** Representations kept now. */
  get size(): number {
    return this.#byPath.size;
  }

  /** Finds what a path leads to. */
  find(target: SitePath): Found {
    if (target.dotfile && this.#options.dotfiles !== 'allow') {
      return this.#options.dotfiles === 'deny' ? forbidden : notFound;
    }
    const key = target.trailingSlash ? `${target.path}/` : target.path;
    const known = this.#known(key);
    if (known !== undefined) return { kind: 'file', representation: known };
    if (target.path === '' || target.trailingSlash) return this.#findDirectory(target, key);
    return this.#open(target.path, key, [target.path], () => redirect);
  }

  /** Lets go of a representation that turned out not to be current. */
  forget(representation: Representation): void {
    this.#drop(representation);
  }

  /** Whether a name may appear in a listing. */
  lists(name: string): boolean {
    return this.#options.dotfiles === 'allow' || !name.startsWith('.');
  }

  #known(key: string): Representation | undefined {
    const known = this.#byPath.get(key);
    if (known === undefined) return undefined;
    if (this.isCurrent(known)) return known;
    if (known.watched) this.#drop(known);
    return undefined;
  }

  /** True when a representation may still be served. Asks its descriptor when it was not asked lately. */
  isCurrent(representation: Representation): boolean {
    if (!representation.valid) return false;
    representation.recentlyUsed = true;
    const now = this.#loop.nowMs;
    if (representation.watched && now - representation.checkedMs < believeMs) return true;
    // Unwatched: the path may lead elsewhere by now, and only opening it again would tell.
    if (!representation.watched) return false;
    if (representation.file.status(this.#status) < 0 || !representation.matches(this.#status)) return false;
    representation.checkedMs = now;
    return true;
  }

  #findDirectory(target: SitePath, key: string): Found {
    const tried: string[] = [];
    for (const index of this.#options.index) {
      const path = target.path === '' ? index : `${target.path}/${index}`;
      tried.push(path);
      const found = this.#open(path, key, [...tried], () => notFound);
      if (found.kind === 'file' || (found.kind === 'nothing' && found.status !== 404)) return found;
    }
    const fd = this.openPath(target.path);
    if (fd < 0) return this.failure(-fd, target.path);
    const result = fileStatus(fd, this.#status);
    closeDescriptor(fd);
    if (result < 0) return this.failure(-result, target.path);
    if ((this.#status.mode & S.IFMT) !== S.IFDIR) return notFound;
    return { kind: 'directory', path: target.path };
  }

  /** Opens a path; links inside the root are followed, links out of it are not there. Returns a descriptor or -errno. */
  openPath(path: string): number {
    return openFollowing(this.#root, this.#rootName, path);
  }

  #open(path: string, key: string, watchedPaths: string[], isDirectory: () => Found): Found {
    // Watched first, opened second: a change in between is then seen.
    const plain = watchedPaths.every((each) => this.#watcher.covers(each));
    const refused = openBeneath(this.#root, path, 'refuse');
    const fd = refused === -Errno.ELOOP ? this.openPath(path) : refused;
    if (fd < 0) return this.failure(-fd, path);
    const status = this.#status;
    const looked = fileStatus(fd, status);
    if (looked < 0) {
      closeDescriptor(fd);
      return this.failure(-looked, path);
    }
    const type = status.mode & S.IFMT;
    if (type !== S.IFREG) {
      closeDescriptor(fd);
      return type === S.IFDIR ? isDirectory() : notFound;
    }
    const previous = this.#byPath.get(key);
    if (previous?.valid === true && previous.path === path && previous.matches(status)) {
      // An unwatched one, opened again: it still is what it was, and keeps its frame.
      closeDescriptor(fd);
      previous.forgetSiblings();
      return { kind: 'file', representation: previous };
    }
    const representation = new Representation(
      path,
      this.files.adopt(fd, status),
      status,
      mediaType(path, this.#options.types),
    );
    representation.watched = plain && refused >= 0;
    representation.checkedMs = this.#loop.nowMs;
    this.#keep(key, representation, watchedPaths);
    return { kind: 'file', representation };
  }

  /** What an errno of the file system means for a path: said, if it is not that nothing is there. */
  failure(errno: number, path: string): Found & { kind: 'nothing' } {
    const status = statusOfTrouble(errno);
    if (status === 404) return notFound;
    if (status === 403) return forbidden;
    if (isShortage(errno)) this.#evict(Math.ceil(this.#byPath.size / 2));
    this.#options.trouble?.(errno, path);
    return { kind: 'nothing', status, errno };
  }

  #keep(key: string, representation: Representation, watchedPaths: string[]): void {
    const previous = this.#byPath.get(key);
    if (previous !== undefined) this.#drop(previous);
    this.#makeRoom(representation);
    this.#byPath.set(key, representation);
    const paths = new Set<string>([key]);
    for (const path of watchedPaths) {
      for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) paths.add(path.slice(0, end));
      paths.add(path);
      for (const { extension } of codings) paths.add(path + extension);
    }
    this.#dependencies.set(representation, [...paths]);
    for (const path of paths) {
      const dependents = this.#dependents.get(path);
      if (dependents === undefined) this.#dependents.set(path, new Set([representation]));
      else dependents.add(representation);
    }
  }

  /**
   * Holds the bounds on descriptors and on paths, by letting go of others than `kept`. One opens few, so few go. Paths have
   * a bound of their own since links make any number of them lead to one file (`a -> .`: /a/x, /a/a/x, ...).
   */
  #makeRoom(kept: Representation): void {
    const { maxFiles } = this.#options;
    const isFull = (): boolean => this.files.count > maxFiles || this.#byPath.size > maxFiles * pathsAFile;
    for (let gone = 0; gone <= codings.length && isFull(); gone++) this.#evict(1, kept);
  }

  /** Lets go of representations, those not used since the last sweep first. */
  #evict(count: number, kept?: Representation): void {
    let left = count;
    for (let sweep = 0; sweep < 2 && left > 0; sweep++) {
      for (const representation of [...this.#byPath.values()]) {
        if (left === 0) return;
        if (representation === kept) continue;
        if (representation.recentlyUsed && sweep === 0) representation.recentlyUsed = false;
        else {
          this.#drop(representation);
          left--;
        }
      }
    }
  }

  #drop(representation: Representation): void {
    const paths = this.#dependencies.get(representation);
    if (paths === undefined) return;
    this.#dependencies.delete(representation);
    for (const path of paths) {
      const dependents = this.#dependents.get(path);
      dependents?.delete(representation);
      if (dependents?.size === 0) this.#dependents.delete(path);
      if (this.#byPath.get(path) === representation) this.#byPath.delete(path);
    }
    representation.invalidate();
  }

  #changed(path: string | undefined): void {
    if (path === undefined) {
      this.upheavals++;
      for (const representation of [...this.#dependencies.keys()]) this.#drop(representation);
      return;
    }
    for (const representation of [...(this.#dependents.get(path) ?? [])]) this.#drop(representation);
  }

  /** The encoded siblings of a file: looked for once, when somebody accepts a coding. */
  siblings(representation: Representation): readonly Representation[] {
    if (representation.siblings !== undefined) return representation.siblings;
    // What is compressed by its nature is not compressed twice.
    if (representation.coding !== undefined) return noSiblings;
    const found: Representation[] = [];
    for (const { name, extension } of codings) {
      let fd = openBeneath(this.#root, representation.path + extension, 'refuse');
      if (fd === -Errno.ELOOP) {
        // Where a link leads is not watched: from now on this file and what stands beside it are asked each time.
        representation.watched = false;
        fd = this.openPath(representation.path + extension);
      }
      if (isShortage(-fd)) {
        // It may be there: make room, and have it looked for again by the next request.
        this.#evict(Math.ceil(this.#byPath.size / 2), representation);
        representation.watched = false;
      }
      if (fd < 0) continue;
      const status = this.#status;
      if (fileStatus(fd, status) < 0 || (status.mode & S.IFMT) !== S.IFREG) {
        closeDescriptor(fd);
        continue;
      }
      const file = this.files.adopt(fd, status);
      const sibling = new Representation(
        representation.path + extension,
        file,
        status,
        representation.contentType,
        name,
      );
      sibling.checkedMs = this.#loop.nowMs;
      found.push(sibling);
    }
    for (const sibling of found) sibling.watched = representation.watched;
    representation.siblings = found;
    this.#makeRoom(representation);
    return found;
  }

  /**
   * Looks whether the root's name leads to another directory by now: a link to a release was led elsewhere, a folder was
   * built anew. While it leads nowhere, the one that is open is served on.
   */
  followRoot(): void {
    const named = this.#status;
    if (pathStatus(this.#options.root, named) < 0 || (named.mode & S.IFMT) !== S.IFDIR) return;
    const { device, inode } = named;
    if (fileStatus(this.#root, named) === 0 && named.device === device && named.inode === inode) return;
    let root: number;
    try {
      root = openRoot(this.#options.root);
    } catch {
      // Not to be had now (no permission, no descriptor): asked again at the next look.
      return;
    }
    this.retire();
    this.#root = root;
    this.#rootName = canonicalName(this.#options.root);
    this.#watcher = new Watcher(this.#loop, root, (path) => this.#changed(path));
  }

  /** Looks for changes now: whoever changed a file before this call gets the new one from {@link find}. */
  refresh(): void {
    this.#watcher.check();
  }

  /** As {@link close}, in a loop that goes on. */
  retire(): void {
    this.#watcher.retire();
    this.#changed(undefined);
    closeDescriptor(this.#root);
  }

  /** Closes every descriptor though responses are under way: for a thread that cannot go on. */
  abandon(): void {
    this.#watcher.abandon();
    this.files.abandon();
    closeDescriptor(this.#root);
  }

  /** Closes what is open. Responses under way keep their files until they are sent. */
  close(): void {
    this.#watcher.close();
    this.#changed(undefined);
    closeDescriptor(this.#root);
  }
}
