// Makes a file cold, for tests of what happens then. Not here: asking whether a page is cached (src/kernel/file.ts).

import { Errno } from '../../src/kernel/errno.js';
import { cachedPages, dropCached, readCached } from '../../src/kernel/file.js';
import { scratch } from '../../src/kernel/memory.js';

/**
 * Drops all pages of a file of so many bytes; false where that cannot be done. Asked again for a while: a page that somebody
 * holds at that moment stays. No page is read to find out, where the kernel can be asked without (cachestat, Linux 6.5).
 */
export function becomesCold(fd: number, bytes: number): boolean {
  for (let attempt = 0; attempt < 50; attempt++) {
    dropCached(fd);
    const cached = cachedPages(fd, 0, bytes);
    if (cached === 0) return true;
    if (cached < 0) return readCached(fd, scratch(16).address, 1, bytes - 1) === -Errno.EAGAIN;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  }
  return false;
}
