// The tree on node:fs: for macOS, Windows, worker threads, and wherever the FFI cannot load. The same answers as
// site-tree.ts, without its cache and without sendfile, so that people develop there and deploy on Linux.

import type { BigIntStats, ReadStream, Stats } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Errno } from '../kernel/errno.js';
import { statusOfTrouble } from '../serve/file-trouble.js';
import { formatHttpDate } from '../wire/http/date.js';
import { makeWeakEntityTag } from '../wire/http/etag.js';
import { contentCoding, mediaType } from '../wire/http/media-type.js';
import { absence, type FileTree, type Located, lendStream, type StaticFile } from './tree.js';

const directory: Located = { kind: 'directory' };

class PortableFile implements StaticFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly contentType: string;
  readonly coding: string | undefined;
  readonly source = undefined;
  readonly #handle: FileHandle;
  readonly #stats: Stats;
  #references = 1;

  constructor(path: string, handle: FileHandle, stats: Stats, exact: BigIntStats) {
    this.path = path;
    this.size = Number(exact.size);
    this.mtimeSeconds = Number(exact.mtimeNs / 1_000_000_000n);
    this.etag = makeWeakEntityTag(exact.mtimeNs, this.size);
    this.lastModified = formatHttpDate(this.mtimeSeconds);
    this.contentType = mediaType(path);
    this.coding = contentCoding(path);
    this.#handle = handle;
    this.#stats = stats;
  }

  stats(): Stats {
    return this.#stats;
  }

  content(): undefined {
    return undefined;
  }

  openStream(start: number, end: number): ReadStream {
    return lendStream(this, this.#handle.fd, start, end);
  }

  retain(): void {
    this.#references++;
  }

  release(): void {
    this.#references--;
    if (this.#references === 0) this.#handle.close().catch(() => undefined);
  }
}

/** See the file's head. */
export class PortableTree implements FileTree {
  /** See {@link FileTree}. */
  async find(root: string, relative: string, directoryOnly: boolean): Promise<Located> {
    const path = relative === '' ? root : join(root, relative);
    try {
      const stats = await stat(directoryOnly ? path + sep : path);
      if (stats.isDirectory()) return directory;
      if (!stats.isFile() || directoryOnly || !(await isBeneath(root, path))) {
        return { kind: 'nothing', status: 404, cause: absence };
      }
      const handle = await open(path, 'r');
      try {
        const exact = await handle.stat({ bigint: true });
        return { kind: 'file', file: new PortableFile(path, handle, await handle.stat(), exact) };
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      return { kind: 'nothing', status: statusOf(error as NodeJS.ErrnoException), cause: () => error as Error };
    }
  }
}

/** A link that leads out of the root is not there. */
async function isBeneath(root: string, path: string): Promise<boolean> {
  const [top, place] = await Promise.all([realpath(root), realpath(path)]);
  return place === top || place.startsWith(top.endsWith(sep) ? top : top + sep);
}

/** By the name of the error: its number is libuv's own on Windows. */
function statusOf({ code = '' }: NodeJS.ErrnoException): number {
  return statusOfTrouble((Errno as Readonly<Record<string, number>>)[code] ?? Errno.EIO);
}
