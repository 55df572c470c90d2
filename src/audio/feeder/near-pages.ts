// Pages of a file in the page cache before the pump asks for them, which never waits for a disk. Not here: how far ahead (feeder.ts).

import { dropCached, readAhead, readAt } from '../../kernel/file.js';
import { scratch } from '../../kernel/memory.js';
import type { SlowDisk } from './messages.js';

/** Pages are asked for so far behind what is handed over. */
const readAheadBytes = 4 * 1024 * 1024;
/** A page of each so many bytes is waited for. */
const probeBytes = 128 * 1024;

/** Brings a range of a file near, and waits for it; what follows is asked for. */
export function bringNear(fd: number, offset: number, length: number): void {
  readAhead(fd, offset, length + readAheadBytes);
  const place = scratch(8).address;
  for (let at = 0; at < length; at += probeBytes) readAt(fd, place, 1, offset + at);
  readAt(fd, place, 1, offset + length - 1);
}

/** `--inject slow-disk`: nothing is read for a while, again and again, and pages that were near are forgotten. */
export class SlowReads {
  readonly #wanted: SlowDisk | undefined;
  #due: number;
  #until = 0;

  constructor(wanted: SlowDisk | undefined) {
    this.#wanted = wanted;
    this.#due = wanted === undefined ? Number.POSITIVE_INFINITY : Date.now() + wanted.everyMs;
  }

  /** Whether nothing may be read now. @param extent of a file that is read as it is: its pages from `offset` on are forgotten */
  isSlow(extent: { readonly fd: number } | undefined, offset: number): boolean {
    const now = Date.now();
    if (this.#wanted !== undefined && now >= this.#due) {
      this.#due = now + this.#wanted.everyMs;
      this.#until = now + this.#wanted.ms;
      if (extent !== undefined) dropCached(extent.fd, offset);
    }
    return now < this.#until;
  }
}
