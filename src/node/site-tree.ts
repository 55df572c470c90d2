// The tree on serve's own ground: a Site per root (the kernel opens beneath it, inotify says what changed), its
// representations as files. A root is looked at by name for every request, since a deployment may put another
// directory, or a link to another, in its place.

import { fstatSync, type ReadStream, readSync, realpathSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { S } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { emptyFileStatus, fileStatus, pathStatus } from '../kernel/file.js';
import { CopyReason, countCopy } from '../memory/copy.js';
import { statusOfTrouble, type TroubleStatus } from '../serve/file-trouble.js';
import type { OpenFile } from '../serve/open-files.js';
import type { Representation } from '../serve/representation.js';
import { Site } from '../serve/site.js';
import type { Found } from '../serve/site-types.js';
import type { Loop } from '../transport/loop.js';
import { isResident } from '../transport/page-cache.js';
import { makeWeakEntityTag } from '../wire/http/etag.js';
import { mediaType } from '../wire/http/media-type.js';
import { absence, type FileTree, type Located, lendStream, type StaticFile } from './tree.js';

/** Roots kept open; each has a descriptor, a watcher and its files. */
const maxRoots = 32;
const maxPath = 4000;

const directory: Located = { kind: 'directory' };
const status = emptyFileStatus();

function nothing(status: TroubleStatus, errno?: number): Located {
  return { kind: 'nothing', status, cause: (path) => absence(path, errno) };
}

const absent = nothing(404);

/** Small contents in memory, bounded: what has not been used since the last sweep makes room. */
class Contents {
  readonly limitBytes: number;
  readonly #budget: number;
  readonly #kept = new Set<SiteFile>();
  #bytes = 0;

  constructor(limitBytes: number, budget: number) {
    this.limitBytes = limitBytes;
    this.#budget = budget;
  }

  /** Bytes kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  keep(file: SiteFile): void {
    this.#kept.add(file);
    this.#bytes += file.size;
    for (let sweep = 0; sweep < 3 && this.#bytes > this.#budget; sweep++) {
      for (const each of this.#kept) {
        if (this.#bytes <= this.#budget) return;
        if (each === file || (sweep === 0 && each.current) || (sweep === 1 && each.used)) each.used = false;
        else this.drop(each);
      }
    }
  }

  drop(file: SiteFile): void {
    if (this.#kept.delete(file)) this.#bytes -= file.size;
    file.forgetContent();
  }
}

/** A representation as a file of Node's. One per representation. */
class SiteFile implements StaticFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly contentType: string;
  readonly coding: string | undefined;
  readonly source: OpenFile;
  /** Set by use, cleared by a sweep. */
  used = true;
  readonly #representation: Representation;
  readonly #contents: Contents;
  #content: Buffer | undefined;
  #stats: Stats | undefined;

  constructor(root: string, representation: Representation, contents: Contents) {
    this.path = join(root, representation.path);
    this.size = representation.size;
    this.mtimeSeconds = representation.mtimeSeconds;
    const { mtimeSeconds, mtimeNanoseconds } = representation;
    this.etag = makeWeakEntityTag(BigInt(mtimeSeconds) * 1_000_000_000n + BigInt(mtimeNanoseconds), this.size);
    this.lastModified = representation.lastModified;
    // By the whole path: the root itself may be a `.well-known`.
    this.contentType = mediaType(this.path);
    this.coding = representation.coding;
    this.source = representation.file;
    this.#representation = representation;
    this.#contents = contents;
  }

  get current(): boolean {
    return this.#representation.valid;
  }

  /** True when the descriptor still says what the validators were made from. */
  get unchanged(): boolean {
    return this.source.status(status) === 0 && this.#representation.matches(status);
  }

  stats(): Stats {
    this.#stats ??= fstatSync(this.source.fd);
    return this.#stats;
  }

  content(): Buffer | undefined {
    this.used = true;
    if (this.#content === undefined && this.size <= this.#contents.limitBytes && this.size > 0) this.#read();
    return this.#content;
  }

  /** Only when that needs no wait for a disk; a small cold file goes by sendfile, which fetches it first. */
  #read(): void {
    if (!isResident(this.source.fd, 0, this.size)) return;
    const bytes = Buffer.allocUnsafeSlow(this.size);
    if (readSync(this.source.fd, bytes, 0, this.size, 0) !== this.size || !this.unchanged) return;
    countCopy(CopyReason.frameFill, this.size);
    this.#content = bytes;
    this.#contents.keep(this);
  }

  forgetContent(): void {
    this.#content = undefined;
  }

  openStream(start: number, end: number): ReadStream {
    return lendStream(this, this.source.fd, start, end);
  }

  retain(): void {
    this.source.retain();
  }

  release(): void {
    this.source.release();
  }
}

/** How long a root stays open that nobody asks for: somebody may wait to unmount it. As for its files (serve/descriptors.ts). */
const idleMs = 10_000;

interface Root {
  readonly site: Site;
  /** When it was asked for last, on the loop's clock. */
  askedMs: number;
  readonly device: number;
  readonly inode: number;
  /** A link is part of its name: it may lead elsewhere at any time, and nothing says so. */
  readonly linked: boolean;
  upheavals: number;
  checkedMs: number;
}

/** How long a root without links in its name is believed to be where it was: only one above it could have been moved. */
const believeMs = 50;

/** What a {@link SiteTree} may hold. */
export interface SiteTreeOptions {
  /** Files up to this size are sent from memory. */
  readonly inlineBytes: number;
  /** Memory for all of them. */
  readonly budget: number;
  /** Files kept open below each root. */
  readonly maxFiles: number;
}

/** See the file's head. */
export class SiteTree implements FileTree {
  readonly #loop: Loop;
  readonly #maxFiles: number;
  readonly #contents: Contents;
  readonly #roots = new Map<string, Root>();
  readonly #files = new WeakMap<Representation, SiteFile>();

  constructor(loop: Loop, options: SiteTreeOptions) {
    this.#loop = loop;
    this.#maxFiles = options.maxFiles;
    this.#contents = new Contents(options.inlineBytes, options.budget);
    loop.everyTick((nowMs) => this.#closeIdle(nowMs));
  }

  #closeIdle(nowMs: number): void {
    for (const [name, { site, askedMs }] of this.#roots) {
      if (nowMs - askedMs <= idleMs) continue;
      this.#roots.delete(name);
      site.retire();
    }
  }

  /** Bytes of small contents in memory. */
  get contentBytes(): number {
    return this.#contents.bytes;
  }

  /** See {@link FileTree}; never a promise. */
  find(root: string, relative: string, directoryOnly: boolean): Located {
    if (root.length > maxPath || relative.length > maxPath) return absent;
    let site = this.#site(root);
    if (typeof site === 'number') {
      // The root may be a file: then the empty path names it.
      const isFile = site === -Errno.ENOTDIR && relative === '' && !directoryOnly && root !== '/';
      return isFile ? this.find('/', root.replace(/^\/+/, ''), false) : nothing(statusOfTrouble(-site), -site);
    }
    for (let attempt = 0; ; attempt++) {
      const found = site.find({ path: relative, trailingSlash: directoryOnly, dotfile: false });
      if (found.kind === 'nothing') {
        // What is not there may be there now, in another directory of the root's name.
        const known = this.#roots.get(root)!;
        if (attempt > 0 || this.#recheck(root, known)) return nothingOf(found);
        const other = this.#open(root);
        if (typeof other === 'number') return nothing(statusOfTrouble(-other), -other);
        site = other;
        continue;
      }
      if (found.kind !== 'file') return directory;
      const file = this.#file(root, found.representation);
      // A size is never promised on the word of a cache: only bytes that are in memory already are sure.
      if (file.content() !== undefined || file.unchanged || attempt > 0) {
        file.retain();
        return { kind: 'file', file };
      }
      site.forget(found.representation);
    }
  }

  #file(root: string, representation: Representation): SiteFile {
    let file = this.#files.get(representation);
    if (file === undefined) {
      file = new SiteFile(root, representation, this.#contents);
      this.#files.set(representation, file);
    }
    return file;
  }

  /** The site of a root as it is now, or -errno. */
  #site(root: string): Site | number {
    const known = this.#roots.get(root);
    if (known === undefined) return this.#open(root);
    known.askedMs = this.#loop.nowMs;
    const { site } = known;
    site.refresh();
    if (!known.linked && known.upheavals === site.upheavals && performance.now() - known.checkedMs < believeMs)
      return site;
    return this.#recheck(root, known) ? site : this.#open(root);
  }

  /** True when a root is the directory that its site is open on; else the site is let go. */
  #recheck(root: string, known: Root): boolean {
    const { site, device, inode } = known;
    known.checkedMs = performance.now();
    known.upheavals = site.upheavals;
    if (pathStatus(root, status) === 0 && device === status.device && inode === status.inode) return true;
    this.#roots.delete(root);
    site.retire();
    return false;
  }

  #open(root: string): Site | number {
    const result = pathStatus(root, status);
    if (result < 0) return result;
    if ((status.mode & S.IFMT) !== S.IFDIR) return -Errno.ENOTDIR;
    for (const [name, { site }] of this.#roots) {
      if (this.#roots.size < maxRoots) break;
      this.#roots.delete(name);
      site.retire();
    }
    try {
      const site = new Site(this.#loop, { root, index: [], dotfiles: 'allow', maxFiles: this.#maxFiles });
      fileStatus(site.root, status);
      const { device, inode } = status;
      const linked = realpathSync.native(root) !== root;
      const askedMs = this.#loop.nowMs;
      this.#roots.set(root, { site, askedMs, device, inode, linked, upheavals: 0, checkedMs: performance.now() });
      return site;
    } catch (error) {
      return -((error as { errno?: number }).errno ?? Errno.EIO);
    }
  }
}

function nothingOf({ status, errno }: Found & { kind: 'nothing' }): Located {
  return status === 404 ? absent : nothing(status, errno);
}
