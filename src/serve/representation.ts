// A representation: one file as HTTP sees it, with its validators and the text of its fields, made once and kept until
// the file changes. An encoded sibling (.br, .zst, .gz) is a representation of its own, with its own entity tag.

import type { FileStatus } from '../kernel/file.js';
import { formatHttpDate } from '../wire/http/date.js';
import { makeEntityTag } from '../wire/http/etag.js';
import { contentCoding } from '../wire/http/media-type.js';
import type { CachedResponse } from './frame-cache.js';
import type { OpenFile } from './open-files.js';

/** Content codings that siblings are looked for in, in the server's order of preference. */
export const codings = [
  { name: 'br', extension: '.br' },
  { name: 'zstd', extension: '.zst' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** A file as HTTP sees it. Valid until {@link Representation.invalidate}: then ask again. */
export class Representation {
  /** Path beneath the root; of a directory's index, the index file's. */
  readonly path: string;
  /** Of an encoded sibling the path of the file itself, which says what both are; else as {@link path}. */
  readonly sourcePath: string;
  readonly file: OpenFile;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly etag: string;
  /** The modification time, but not later than now: a date ahead of the response's is not one (RFC 9110 section 8.8.2.1). */
  readonly lastModifiedSeconds: number;
  readonly lastModified: string;
  readonly contentType: string;
  /** Content coding of an encoded sibling, or of a file that has one by its nature (.svgz); else undefined. */
  readonly coding: string | undefined;
  /** Encoded siblings; undefined until someone who accepts a coding asks. */
  siblings: Representation[] | undefined;
  /** The response in a frame, when there is one. */
  cached: CachedResponse | undefined;
  /** False when the file may have changed since. */
  valid = true;
  /** False when changes go unseen by the watcher: every request asks the file again. */
  watched = true;
  /** When the descriptor was last asked, on the loop's clock. */
  checkedMs = 0;
  /** Set by use, cleared by the cache's sweep. */
  recentlyUsed = true;

  constructor(path: string, file: OpenFile, status: FileStatus, contentType: string, coding?: string) {
    this.path = path;
    this.sourcePath = coding === undefined ? path : path.slice(0, path.lastIndexOf('.'));
    this.file = file;
    this.size = status.size;
    this.mtimeSeconds = status.mtimeSeconds;
    this.mtimeNanoseconds = status.mtimeNanoseconds;
    this.contentType = contentType;
    this.coding = coding ?? contentCoding(path);
    const mtimeNs = BigInt(status.mtimeSeconds) * 1_000_000_000n + BigInt(status.mtimeNanoseconds);
    this.etag = makeEntityTag(mtimeNs, status.size, this.coding);
    this.lastModifiedSeconds = Math.min(status.mtimeSeconds, Math.floor(Date.now() / 1000));
    this.lastModified = formatHttpDate(this.lastModifiedSeconds);
  }

  /** True when the descriptor still says what this representation was made from. */
  matches(status: FileStatus): boolean {
    return (
      status.size === this.size &&
      status.mtimeSeconds === this.mtimeSeconds &&
      status.mtimeNanoseconds === this.mtimeNanoseconds &&
      status.inode === this.file.inode &&
      status.device === this.file.device
    );
  }

  /** Ends it, its siblings and their frames. Responses under way keep what they refer to until they are sent. */
  invalidate(): void {
    if (!this.valid) return;
    this.valid = false;
    this.cached?.drop();
    this.cached = undefined;
    this.forgetSiblings();
    this.file.release();
  }

  /** Has the encoded siblings looked for again. */
  forgetSiblings(): void {
    for (const sibling of this.siblings ?? []) sibling.invalidate();
    this.siblings = undefined;
  }
}
