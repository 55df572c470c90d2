// What the doors into Node ask of a file system: find a path beneath a root, and the file that was found. Two trees
// stand behind it: serve's own (site-tree.ts), and one on node:fs for where that cannot run (portable-tree.ts).

import { createReadStream, type ReadStream, read, type Stats, statSync } from 'node:fs';
import { Errno, errnoName, errnoWords } from '../kernel/errno.js';
import type { FileSource } from '../transport/output.js';

/** A file that was found, with a reference for the finder: {@link release} gives it back. */
export interface StaticFile {
  /** Its name in the file system. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Whole seconds since 1970. */
  readonly mtimeSeconds: number;
  /** A weak entity tag: what others do with the bytes on their way is not known here. */
  readonly etag: string;
  readonly lastModified: string;
  readonly contentType: string;
  /** The content coding that the file has by its nature (.svgz); undefined for nearly all. */
  readonly coding: string | undefined;
  /** The descriptor for sendfile; undefined where that is not to be had. */
  readonly source: FileSource | undefined;
  /** What fs.stat says, for listeners. */
  stats(): Stats;
  /** The whole content, if it is small, in memory and sure to be current. The bytes never change. */
  content(): Buffer | undefined;
  /** A stream of the bytes from `start` up to and including `end`, of the very file that was found. */
  openStream(start: number, end: number): ReadStream;
  retain(): void;
  release(): void;
}

/** What a path leads to. `nothing` says why by a status; `cause` gives the error of the file system. */
export type Located =
  | { readonly kind: 'file'; readonly file: StaticFile }
  | { readonly kind: 'directory' }
  | { readonly kind: 'nothing'; readonly status: number; readonly cause: (path: string) => Error | undefined };

/** Finds files beneath roots. */
export interface FileTree {
  /**
   * @param root an absolute directory; a file is found by the empty path.
   * @param relative segments joined by '/'.
   * @param directoryOnly nothing but a directory will do.
   */
  find(root: string, relative: string, directoryOnly: boolean): Located | Promise<Located>;
}

/**
 * The error that stat(2) of a path gives; one of our own with this errno where that gives none: the path is there and may
 * not be seen, or what went wrong did so later.
 */
export function absence(path: string, errno: number = Errno.ENOENT): Error {
  try {
    statSync(path);
  } catch (error) {
    return error as Error;
  }
  const code = errnoName(errno);
  const text = `${code}: ${errnoWords(errno)}, open '${path}'`;
  return Object.assign(new Error(text), { errno: -errno, code, syscall: 'open', path });
}

const streamBytes = 256 * 1024;

/**
 * A stream over a descriptor that is not its own: it emits what a stream over a path does, and closing it gives the
 * file's reference back instead of closing the descriptor, not before the last read has ended.
 * @param start first byte. @param end last byte.
 */
export function lendStream(
  file: Pick<StaticFile, 'path' | 'retain' | 'release'>,
  fd: number,
  start: number,
  end: number,
): ReadStream {
  file.retain();
  const lent = {
    open: (_path: string, _flags: string, _mode: number, opened: (error: Error | null, fd: number) => void): void => {
      opened(null, fd);
    },
    read,
    close: (_fd: number, closed: (error: Error | null) => void): void => {
      file.release();
      closed(null);
    },
  };
  return createReadStream(file.path, { start, end, highWaterMark: streamBytes, fs: lent as never });
}
