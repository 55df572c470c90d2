// KnownPages: what one sender knows of the pages that it is about to send: the span that it asked about, or had fetched. One question
// for a whole segment of a film, and none again after a short write. Not here: asking (page-cache.ts).

import type { Ahead } from './ahead.js';
import type { Loop } from './loop.js';
import type { FileSource } from './output.js';
import { spanEnd } from './send-modes.js';

/** Bytes asked about as one. */
const lookBytes = 16 * 1024 * 1024;
/** Bytes of a span that are fetched as one: a segment of a film, for one wait; of a longer one so many at a time. */
const wholeBytes = 4 * 1024 * 1024;
const fetchBytes = 1024 * 1024;
/** How long what was found is believed, while it is being sent. */
const believeMs = 5000;

/** See the file's head. */
export class KnownPages {
  #file: FileSource | undefined;
  #from = 0;
  #to = 0;
  #untilMs = 0;
  /** What was fetched is sent even if memory pressure took a page again: progress comes before purity. */
  #fetchedFrom = 0;
  #fetchedTo = 0;
  /** Where a long span ends that has a page that is not there: up to it short ones are asked about. */
  #gapTo = 0;

  /** Forgets everything. */
  reset(): void {
    this.#file = undefined;
  }

  /** Bytes from `offset` of a file on that can be sent without waiting, as far as is known. */
  room(file: FileSource, offset: number, nowMs: number): number {
    if (file !== this.#file || offset < this.#from || nowMs > this.#untilMs) return 0;
    return Math.max(0, this.#to - offset);
  }

  /**
   * Whether `least` bytes of an extent can be sent without waiting for a disk; asked for the span that begins with it.
   * @param from where the extent is, without the bytes that left.
   */
  covers(from: Ahead, least: number, nowMs: number): boolean {
    const file = from.file!;
    const offset = from.place;
    if (this.room(file, offset, nowMs) >= least) return true;
    this.#turnTo(file);
    if (offset >= this.#fetchedFrom && offset + least <= this.#fetchedTo)
      return this.#know(offset, this.#fetchedTo, nowMs);
    const end = spanEnd(from, lookBytes);
    const near = fetchEnd(offset, end);
    if (near < end && offset >= this.#gapTo) {
      if (file.residency.covers(file.fd, offset, end - offset, nowMs)) return this.#know(offset, end, nowMs);
      this.#gapTo = end;
    }
    return file.residency.covers(file.fd, offset, near - offset, nowMs) && this.#know(offset, near, nowMs);
  }

  /** Of another file nothing is known. */
  #turnTo(file: FileSource): void {
    if (file === this.#file) return;
    this.#file = file;
    this.#from = this.#to = this.#fetchedFrom = this.#fetchedTo = this.#gapTo = 0;
  }

  #know(from: number, to: number, nowMs: number): true {
    this.#from = from;
    this.#to = to;
    this.#untilMs = nowMs + believeMs;
    return true;
  }

  /** Has the beginning of the span brought into memory; the endpoint of `token` is told. */
  fetch(loop: Loop, token: number, from: Ahead): void {
    const file = from.file!;
    const offset = from.place;
    const end = fetchEnd(offset, spanEnd(from, lookBytes));
    this.#turnTo(file);
    this.#from = this.#to = offset;
    this.#fetchedFrom = offset;
    this.#fetchedTo = end;
    loop.bulk.count(end - offset);
    loop.engine.fetch(token, file.fd, offset, end - offset);
  }
}

function fetchEnd(offset: number, end: number): number {
  return end - offset <= wholeBytes ? end : offset + fetchBytes;
}
