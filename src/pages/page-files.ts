// Files as fragments: opened once, asked again before each use, sent by sendfile. Which files is the application's word:
// unlike serve's paths these do not come from a client. Not here: sending (transport/, node-response.ts).

import { closeSync, constants, fstatSync, openSync, type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MappedFile } from '../memory/mapped-file.js';
import { memoryIsMapped } from '../memory/write-frames.js';
import type { FileResidency, FileSource } from '../transport/output.js';
import { Residency } from '../transport/page-cache.js';
import { PageError } from './page-error.js';

/** A file, or a range of it, as a fragment of a page. Made by {@link file}. */
export class PageFile {
  readonly path: string;
  readonly offset: number;
  readonly length: number | undefined;

  constructor(path: string, offset: number, length: number | undefined) {
    this.path = path;
    this.offset = offset;
    this.length = length;
  }
}

/**
 * A file as a fragment: its bytes go from the page cache to the socket and never enter the process.
 * @param path of the file, relative to the current directory, or a `file:` URL. Never one that came from a client.
 * @param range in bytes; default: from the beginning, to the end that the file has when the page is made.
 * @throws PageError for a range that is none.
 */
export function file(path: string | URL, range: { readonly offset?: number; readonly length?: number } = {}): PageFile {
  const { offset = 0, length } = range;
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  if (!isCount(offset) || (length !== undefined && !isCount(length))) {
    throw new PageError(
      'CLEARWAY_PAGE_FILE',
      `a range of a file is whole bytes from 0 on, not ${length} from ${offset}`,
    );
  }
  return new PageFile(resolve(path instanceof URL ? fileURLToPath(path) : path), offset, length);
}

const everResident: FileResidency = { covers: () => true };

/** One open inode; closed when nobody sends it and its path leads elsewhere. */
export class OpenPageFile implements FileSource {
  readonly fd: number;
  readonly path: string;
  readonly residency: FileResidency = memoryIsMapped() ? new Residency() : everResident;
  readonly mapping: MappedFile | undefined;
  /** When a page asked for it last, by performance.now(). */
  askedMs = 0;
  readonly #identity: string;
  #references = 1;

  constructor(path: string) {
    this.path = path;
    // Whatever it is, opening it waits for nobody.
    this.fd = openSync(path, (constants.O_RDONLY ?? 0) | (constants.O_NONBLOCK ?? 0));
    const status = fstatSync(this.fd);
    if (!status.isFile()) {
      closeSync(this.fd);
      throw new Error('it is not a regular file');
    }
    this.#identity = identityOf(status);
    if (memoryIsMapped()) this.mapping = new MappedFile(this.fd);
  }

  /** Whether a path still leads here. */
  isAt(path: string): boolean {
    try {
      return identityOf(statSync(path)) === this.#identity;
    } catch {
      // Opening it says why.
      return false;
    }
  }

  /** Bytes that it has now. */
  get size(): number {
    return fstatSync(this.fd).size;
  }

  /** Adds a reference: the descriptor stays open until it is released. */
  retain(): this {
    this.#references++;
    return this;
  }

  /** Drops a reference; the last one closes the descriptor. */
  release(_cookie = 0): void {
    if (--this.#references > 0) return;
    this.mapping?.unmap();
    closeSync(this.fd);
  }
}

function identityOf(status: Stats): string {
  return `${status.dev}:${status.ino}`;
}

/** Files kept open; beyond it the one that was used longest ago goes. */
const maxOpen = 256;
/** Those that are open, in the order of their last use. */
const open = new Map<string, OpenPageFile>();
/** How long one stays open that no page asks for: somebody may wait to unmount its file system. */
const idleMs = 10_000;
let sweep: NodeJS.Timeout | undefined;

function letGo(path: string, file: OpenPageFile): void {
  open.delete(path);
  file.release();
}

function closeIdle(): void {
  for (const [path, file] of open) {
    if (performance.now() - file.askedMs < idleMs) break;
    letGo(path, file);
  }
  if (open.size > 0) return;
  clearInterval(sweep);
  sweep = undefined;
}

function keep(path: string, file: OpenPageFile): OpenPageFile {
  file.askedMs = performance.now();
  open.set(path, file);
  sweep ??= setInterval(closeIdle, idleMs / 10).unref();
  return file.retain();
}

/**
 * The open file of a fragment, with a reference for the caller.
 * @throws PageError when it is not there or no regular file.
 */
export function openPageFile(fragment: PageFile): OpenPageFile {
  const { path } = fragment;
  try {
    const known = open.get(path);
    if (known !== undefined) {
      // Last in order, or gone, whatever comes of the look.
      open.delete(path);
      if (known.isAt(path)) return keep(path, known);
      known.release();
    }
    const fresh = keep(path, new OpenPageFile(path));
    if (open.size > maxOpen) {
      for (const [oldest, file] of open) {
        letGo(oldest, file);
        break;
      }
    }
    return fresh;
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new PageError('CLEARWAY_PAGE_FILE', `the file ${path} cannot be part of a page: ${reason}`, { cause });
  }
}
