// Siblings: files beside a file that hold it in a content coding (app.js.br beside app.js). Which there are is known by
// directory: where no name ends like one, none is ever asked for. Not here: choosing a coding (coding-choice.ts).

import { encodePathText } from '../text/path-text.js';
import { codings, everyCoding } from './codings.js';
import { Fact, type FileTable, Kind, mostKeyBytes, NOT_KNOWN } from './file-table.js';
import type { Watcher } from './watcher.js';

/** What siblings need of their site. */
export interface SiblingHost {
  watcher(): Watcher;
  /** Whether what is known of a file is true now. */
  isCurrent(entry: number): boolean;
  /** Opens a sibling of the file at `path` and keeps it under a key; -1 when there is none, {@link notKnown} where that cannot be told now. */
  learn(bytes: Uint8Array, length: number, known: number, coding: number, path: string): number;
  /** A sibling is older than its file. */
  stale(path: string): void;
}

/** No entry: whether there is a sibling cannot be told now, for the host is short of something or in trouble. */
export const notKnown = -2;

/** Compressors that give a sibling the time of its file copy it in microseconds (utimes), some by way of a double: so much may be lost. */
const copiedTimeNs = 2000;

/** The siblings of a site's files. */
export class Siblings {
  readonly #table: FileTable;
  readonly #host: SiblingHost;
  /** The last search could not tell of every sibling whether it is there. */
  isUnsure = false;
  /** Entries of siblings by their file's entry and coding: a hint, so that a path need not be made for each request. */
  readonly #hints = new Map<number, number>();

  constructor(table: FileTable, host: SiblingHost) {
    this.#table = table;
    this.#host = host;
  }

  /** The codings that a file's siblings have, as bits of codings.ts. */
  of(entry: number): number {
    const table = this.#table;
    if ((table.facts.get(entry) & Fact.encoded) !== 0 || table.coding.get(entry) !== 0) return 0;
    const directory = table.directory.get(entry);
    const watcher = this.#host.watcher();
    const possible = directory >= 0 ? watcher.codingsIn(directory) : everyCoding;
    if (possible === 0) return 0;
    const generation = directory >= 0 ? watcher.codedGenerations[directory]! : 0;
    if (directory >= 0 && table.siblingGeneration.get(entry) === generation) return table.siblings.get(entry);
    const found = this.#find(table.pathOf(entry), possible, entry);
    table.siblings.set(entry, found);
    if (!this.isUnsure) table.siblingGeneration.set(entry, generation);
    return found;
  }

  /** Whether a path has siblings, though no file. @param directory that it is in, -1 when changes of it go unseen. */
  areAt(path: string, directory: number): boolean {
    this.isUnsure = false;
    const possible = directory >= 0 ? this.#host.watcher().codingsIn(directory) : everyCoding;
    return possible !== 0 && this.#find(path, possible, NOT_KNOWN) !== 0;
  }

  /** @param entry of the file; {@link NOT_KNOWN} where there is none. */
  #find(path: string, possible: number, entry: number): number {
    let found = 0;
    this.isUnsure = false;
    for (let coding = 1; coding <= codings.length; coding++) {
      if ((possible & (1 << coding)) === 0) continue;
      const sibling = this.#at(path, coding);
      if (sibling === notKnown) this.isUnsure = true;
      if (sibling >= 0 && this.#isOffered(entry, sibling)) found |= 1 << coding;
    }
    return found;
  }

  /** The entry of a file's sibling in a coding, as it is now; negative when it is not offered any more. */
  get(entry: number, coding: number): number {
    const hint = this.#hints.get(entry * 8 + coding);
    if (hint !== undefined && this.#table.kind.get(hint) === Kind.file && this.#host.isCurrent(hint)) {
      return this.#isOffered(entry, hint) ? hint : -1;
    }
    const sibling = this.#at(this.#table.pathOf(entry), coding);
    if (sibling < 0) return -1;
    this.#hints.set(entry * 8 + coding, sibling);
    return this.#isOffered(entry, sibling) ? sibling : -1;
  }

  /** Forgets the hints: the table is cleared. */
  clear(): void {
    this.#hints.clear();
  }

  #at(path: string, coding: number): number {
    // A key that no request has: behind the number of its coding.
    const text = `${String.fromCharCode(coding)}/${path}${codings[coding - 1]!.extension}`;
    const bytes = new Uint8Array(text.length * 3);
    const length = encodePathText(text, bytes);
    if (length >= mostKeyBytes - 2) return -1;
    const known = this.#table.find(bytes, 0, length, true);
    if (known >= 0 && this.#table.kind.get(known) === Kind.file && this.#host.isCurrent(known)) return known;
    return this.#host.learn(bytes, length, known, coding, path);
  }

  /** Whether a sibling can be its file: not empty beside content, and not older, left from a build before. */
  #isOffered(entry: number, sibling: number): boolean {
    const table = this.#table;
    if (table.size.get(sibling) === 0) return false;
    if (entry < 0 || table.kind.get(entry) === Kind.coded) return true;
    const seconds = table.mtimeSeconds.get(sibling) - table.mtimeSeconds.get(entry);
    const nanoseconds = table.mtimeNanoseconds.get(sibling) - table.mtimeNanoseconds.get(entry);
    const older = seconds * 1e9 + nanoseconds <= -copiedTimeNs;
    if (older) this.#host.stale(table.pathOf(entry) + codings[table.coding.get(sibling) - 1]!.extension);
    return !older;
  }
}
