// Whether a range of a file is in memory, asked so that the answer never waits for a disk.

import { Errno } from '../kernel/errno.js';
import { cachedPages, readCached } from '../kernel/file.js';
import { pageBytes } from '../kernel/memory.js';
import { Region } from '../memory/region.js';
import type { FileResidency } from './output.js';

/** Where cachestat cannot be asked, one byte of each stretch is: less often than where a range is being fetched, since most are not. */
const stretchBytes = 256 * 1024;

let probe: Region | undefined;
let cachestatWorks = true;

function hasArrived(fd: number, offset: number): boolean {
  probe ??= new Region(64);
  return readCached(fd, probe.address, 1, offset) !== -Errno.EAGAIN;
}

/**
 * True when sending the range will not wait for a disk: all its pages are in the page cache (cachestat, Linux 6.5), and its first and
 * its last byte have arrived (preadv2 with RWF_NOWAIT): a page that is still being read counts as cached, and those of a range arrive
 * in order. On an older kernel one byte of each stretch is asked for.
 * Where neither can be asked (a file system without RWF_NOWAIT) the answer is true: nothing better is known.
 */
export function isResident(fd: number, offset: number, length: number): boolean {
  const end = offset + length - 1;
  if (!hasArrived(fd, offset) || !hasArrived(fd, end)) return false;
  if (cachestatWorks) {
    const cached = cachedPages(fd, offset, length);
    if (cached >= 0) {
      const unit = pageBytes();
      const pages = Math.ceil((offset + length) / unit) - Math.floor(offset / unit);
      return cached >= pages;
    }
    if (cached === -Errno.ENOSYS || cached === -Errno.EPERM) cachestatWorks = false;
  }
  for (let at = offset + stretchBytes; at < end; at += stretchBytes) if (!hasArrived(fd, at)) return false;
  return true;
}

/** How long what was found resident is believed to be: asking costs three calls, and pages that are in use stay. */
const believeMs = 1000;
/** Places of a file that are known at a time: its readers are at several. */
const mostRanges = 16;
const words = 3;

/** What is known of one file's pages: ranges that were found resident, and until when that is believed. */
export class Residency implements FileResidency {
  /** From, to and the time of each range. */
  readonly #ranges = new Float64Array(mostRanges * words);
  #next = 0;

  /** True when the range can be sent without waiting for a disk; asked of the kernel unless that was done lately. */
  covers(fd: number, offset: number, length: number, nowMs: number): boolean {
    const ranges = this.#ranges;
    let joins = -1;
    for (let at = 0; at < ranges.length; at += words) {
      if (nowMs >= ranges[at + 2]! || offset < ranges[at]! || offset > ranges[at + 1]!) continue;
      if (offset + length <= ranges[at + 1]!) return true;
      joins = at;
    }
    if (!isResident(fd, offset, length)) return false;
    if (joins >= 0) {
      // Readers go forward: a range that joins a known one extends it, and its age is that of the older part.
      ranges[joins + 1] = offset + length;
      return true;
    }
    const at = this.#next;
    this.#next = (at + words) % ranges.length;
    ranges[at] = offset;
    ranges[at + 1] = offset + length;
    ranges[at + 2] = nowMs + believeMs;
    return true;
  }
}
