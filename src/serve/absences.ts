// Absences: paths that lead nowhere, so that the same 404 costs no look at the file system. They come from anyone, so they
// have a small table of their own, and what is asked for once never takes the place of a file that is.

import { FileTable } from './file-table.js';

const mostAbsent = 4096;

/** Whether nothing has come into a directory since it had a generation. */
type Belief = (directory: number, generation: number) => boolean;

/** See the file's head. */
export class Absences {
  readonly #table = new FileTable(mostAbsent, 1);
  readonly #isBelieved: Belief;

  constructor(isBelieved: Belief) {
    this.#isBelieved = isBelieved;
  }

  /** Bytes of memory that it takes. */
  get byteLength(): number {
    return this.#table.byteLength;
  }

  /** Whether a request's raw path is known to lead nowhere. */
  has(bytes: Uint8Array, start: number, end: number): boolean {
    const entry = this.#table.find(bytes, start, end, false);
    return entry >= 0 && this.#isBelieved(this.#table.directory.get(entry), this.#table.generation.get(entry));
  }

  /**
   * Keeps a canonical path.
   * @param directory that a change would be told of, and its generation before the path was looked for.
   */
  add(bytes: Uint8Array, length: number, directory: number, generation: number): void {
    const table = this.#table;
    if (table.full) table.clear();
    const known = table.find(bytes, 0, length, true);
    const entry = known >= 0 ? known : table.add(bytes, 0, length);
    table.directory.set(entry, directory);
    table.generation.set(entry, generation);
  }

  /** Forgets all. */
  clear(): void {
    this.#table.clear();
  }

  /** Gives the memory back. */
  unmap(): void {
    this.#table.unmap();
  }
}
