// Whether a range of a file is in memory, asked so that the answer never waits for a disk.

import { Errno } from '../kernel/errno.js';
import { cachedPages, readCached } from '../kernel/file.js';
import { pageBytes } from '../kernel/memory.js';
import { Region } from '../memory/region.js';
import type { FileResidency } from './output.js';

/** One byte of each stretch is asked for: less often than where a range is being fetched, since most are not. */
const stretchBytes = 256 * 1024;

let probe: Region | undefined;
let cachestatWorks = true;

/**
 * True when sending the range will not wait for a disk: all its pages are in the page cache (cachestat, Linux 6.5),
 * and of each stretch one byte has arrived (preadv2 with RWF_NOWAIT; a page that is still being read counts as cached).
 * Where neither can be asked (a file system without RWF_NOWAIT) the answer is true: nothing better is known.
 */
export function isResident(fd: number, offset: number, length: number): boolean {
  probe ??= new Region(64);
  const end = offset + length - 1;
  for (let at = offset; at < end; at += stretchBytes) {
    if (readCached(fd, probe.address, 1, at) === -Errno.EAGAIN) return false;
  }
  if (readCached(fd, probe.address, 1, end) === -Errno.EAGAIN) return false;
  if (cachestatWorks) {
    const cached = cachedPages(fd, offset, length);
    if (cached >= 0) {
      const unit = pageBytes();
      const pages = Math.ceil((offset + length) / unit) - Math.floor(offset / unit);
      return cached >= pages;
    }
    if (cached === -Errno.ENOSYS || cached === -Errno.EPERM) cachestatWorks = false;
  }
  return true;
}

/** How long what was found resident is believed to be: asking costs two calls, and pages that are in use stay. */
const believeMs = 1000;

/** What is known of one file's pages. */
export class Residency implements FileResidency {
  #from = 0;
  #to = 0;
  #untilMs = 0;

  /** True when the range can be sent without waiting for a disk; asked of the kernel unless that was done lately. */
  covers(fd: number, offset: number, length: number, nowMs: number): boolean {
    if (nowMs < this.#untilMs && offset >= this.#from && offset + length <= this.#to) return true;
    if (!isResident(fd, offset, length)) return false;
    // Readers go forward: a range that joins the known one extends it, and its age is that of the older part.
    if (nowMs < this.#untilMs && offset >= this.#from && offset <= this.#to) {
      this.#to = offset + length;
      return true;
    }
    this.#from = offset;
    this.#to = offset + length;
    this.#untilMs = nowMs + believeMs;
    return true;
  }
}
