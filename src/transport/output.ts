// What a connection has still to send, in order: segments of memory, and extents of files that never enter it.
// This is the SgList of a socket: descriptors only. A segment's owner is told when its bytes are free again.

import type { Residency } from './page-cache.js';

/** Whoever lent bytes to an output: released once, when they were sent or the connection ended. */
export interface Lender {
  /** `cookie` is what was given with the segment or extent: a frame's number, say. */
  release(cookie: number): void;
}

/** An open file as an output needs it. It stays open until released. */
export interface FileSource extends Lender {
  readonly fd: number;
  /** What is known of its pages. */
  readonly residency: Residency;
}

/** Entries of one connection's output. Arrays are used again; steady state allocates nothing. */
export class Output {
  /** The entry being sent, and the end. */
  first = 0;
  last = 0;
  /** Bytes of the first entry that are gone. */
  done = 0;
  readonly #lenders: Array<Lender | undefined> = [];
  readonly #files: Array<FileSource | undefined> = [];
  readonly #cookies: number[] = [];
  /** Address of a segment, offset of an extent: doubles, exact up to 2^53. */
  readonly #places: number[] = [];
  readonly #lengths: number[] = [];

  /** True when nothing is left to send. */
  get empty(): boolean {
    return this.first === this.last;
  }

  /** Entries after the first one. */
  get following(): number {
    return this.last - this.first - 1;
  }

  /** Adds bytes at an address. */
  addSegment(address: number, length: number, lender: Lender | undefined, cookie: number): void {
    this.#add(address, length, undefined, lender, cookie);
  }

  /** Adds a range of a file. */
  addExtent(file: FileSource, offset: number, length: number, cookie: number): void {
    this.#add(offset, length, file, file, cookie);
  }

  #add(place: number, length: number, file: FileSource | undefined, lender: Lender | undefined, cookie: number): void {
    const at = this.last++;
    this.#places[at] = place;
    this.#lengths[at] = length;
    this.#files[at] = file;
    this.#lenders[at] = lender;
    this.#cookies[at] = cookie;
  }

  /** The file of an entry; undefined for a segment of memory. */
  file(index = this.first): FileSource | undefined {
    return this.#files[index];
  }

  /** Where an entry begins: an address, or an offset of its file. */
  place(index = this.first): number {
    return this.#places[index]!;
  }

  /** Bytes of an entry. */
  length(index = this.first): number {
    return this.#lengths[index]!;
  }

  /** Lets go of the first entry. */
  shift(): void {
    const at = this.first++;
    this.done = 0;
    if (this.first === this.last) {
      this.first = 0;
      this.last = 0;
    }
    const lender = this.#lenders[at];
    this.#lenders[at] = undefined;
    this.#files[at] = undefined;
    lender?.release(this.#cookies[at]!);
  }

  /** Lets go of everything. */
  clear(): void {
    while (!this.empty) this.shift();
  }
}
