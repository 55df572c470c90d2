// Ahead: a place in what is queued, and a walk from there, piece by piece: entries, and the pieces of a list that are none. It changes
// nothing, and is used again: who walks has one of its own. Not here: what is queued (output.ts).

import type { FileSource, QueuedEntry } from './output.js';

/** See the file's head. */
export class Ahead {
  /** The file of the piece that it stands at; undefined for a segment of memory. */
  file: FileSource | undefined;
  place = 0;
  length = 0;
  #entry: QueuedEntry | undefined;
  /** Where the next piece stands in the entry's list. */
  #at = 0;

  /** Stands at an entry. @param gone bytes of it that left already. */
  begin(entry: QueuedEntry, gone: number): void {
    this.#enter(entry);
    this.place += gone;
    this.length -= gone;
  }

  /** Stands where another one does. */
  from(other: Ahead): void {
    this.#entry = other.#entry;
    this.#at = other.#at;
    this.file = other.file;
    this.place = other.place;
    this.length = other.length;
  }

  /** Goes on to the next piece. False: there is none. */
  next(): boolean {
    const entry = this.#entry!;
    const { rest } = entry;
    if (rest !== undefined && this.#at < rest.places.length) {
      this.place = rest.places[this.#at]!;
      this.length = rest.places[this.#at + 1]!;
      this.#at += 2;
      return true;
    }
    if (entry.next === undefined) return false;
    this.#enter(entry.next);
    return true;
  }

  #enter(entry: QueuedEntry): void {
    this.#entry = entry;
    this.#at = entry.rest?.at ?? 0;
    this.file = entry.file;
    this.place = entry.place;
    this.length = entry.length;
  }
}
