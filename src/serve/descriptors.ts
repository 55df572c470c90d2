// Descriptors: which files of a site are kept open while nobody sends them: a budget, least recently used first, and an idle
// time, since a file system below the root may be waited for to be unmounted. Not here: opening (site.ts).

import { Fact, type FileTable } from './file-table.js';
import { type OpenFile, OpenFiles } from './open-files.js';
import type { PinnedFiles } from './pins/pinned-files.js';

/** How long a descriptor stays open that nobody asks for. */
const idleMs = 10_000;

/** Open files by entry of a table. */
export class Descriptors {
  readonly files = new OpenFiles();
  readonly #table: FileTable;
  readonly #most: number;
  readonly #closing: (entry: number) => void;
  readonly #byEntry: Array<OpenFile | undefined> = [];
  /** The entries that have one, in the order in which they are looked at for eviction. */
  readonly #opened: number[] = [];
  readonly #pins: PinnedFiles | undefined;
  #hand = 0;

  /** @param most how many are kept. @param closing is told of each entry whose file is about to be let go of. @param pins files in memory. */
  constructor(table: FileTable, most: number, closing: (entry: number) => void, pins: PinnedFiles | undefined) {
    this.#table = table;
    this.#pins = pins;
    this.#most = most;
    this.#closing = closing;
  }

  /** The open file of an entry. */
  of(entry: number): OpenFile | undefined {
    return this.#byEntry[entry];
  }

  /** Takes a descriptor over as that of an entry. */
  set(entry: number, fd: number): OpenFile {
    const { identityHigh, identityLow } = this.#table;
    const file = this.files.adopt(fd, this.#pins?.of(identityHigh.get(entry), identityLow.get(entry)));
    this.#byEntry[entry] = file;
    this.#opened.push(entry);
    this.#table.facts.set(entry, this.#table.facts.get(entry) | Fact.used);
    if (this.#opened.length > this.#most) this.#evict(1, entry);
    return file;
  }

  /** Lets go of half of them: the host is short of descriptors. False where none became free: what is being sent stays open until it was. */
  relieve(): boolean {
    const open = this.files.count;
    this.#evict(Math.ceil(this.#opened.length / 2));
    return this.files.count < open;
  }

  /** Lets go of all of them: who asks again may get another one, in memory. */
  closeAll(): void {
    while (this.#opened.length > 0) this.close(this.#opened[this.#opened.length - 1]!);
  }

  /** Lets go of descriptors, those not used since the last look first; never of `kept`. */
  #evict(count: number, kept = -1): void {
    const { facts } = this.#table;
    let left = count;
    // Twice around: on the first way only the marks of use may go.
    for (let looks = this.#opened.length * 2; looks > 0 && left > 0 && this.#opened.length > 0; looks--) {
      if (this.#hand >= this.#opened.length) this.#hand = 0;
      const entry = this.#opened[this.#hand]!;
      if (entry === kept || (facts.get(entry) & Fact.used) !== 0) {
        facts.set(entry, facts.get(entry) & ~Fact.used);
        this.#hand++;
      } else {
        this.close(entry);
        left--;
      }
    }
  }

  /** Lets go of an entry's file. */
  close(entry: number): void {
    const file = this.#byEntry[entry];
    if (file === undefined) return;
    this.#closing(entry);
    this.#byEntry[entry] = undefined;
    const at = this.#opened[this.#hand] === entry ? this.#hand : this.#opened.indexOf(entry);
    const last = this.#opened.pop()!;
    if (last !== entry) this.#opened[at] = last;
    file.release();
  }

  /** Closes what nobody asked for in a while. */
  closeIdle(nowMs: number): void {
    for (let index = this.#opened.length - 1; index >= 0; index--) {
      const entry = this.#opened[index]!;
      if (nowMs - this.#table.checkedMs.get(entry) <= idleMs) continue;
      this.#hand = index;
      this.close(entry);
    }
  }

  /** Forgets the entries, which are closed already: the table is cleared. */
  clear(): void {
    this.#byEntry.length = 0;
    this.#opened.length = 0;
  }
}
