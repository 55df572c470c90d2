// Makes a file cold, for tests of what happens then. Not here: asking whether a page is cached (src/kernel/file.ts).

import { POSIX_FADV } from '../../src/kernel/constants.js';
import { syscall6 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';

/** Asks the kernel to drop a file's clean pages (POSIX_FADV_DONTNEED). Returns 0 or -errno. */
export function dropCached(fd: number): number {
  return syscall6(sys.fadvise64, fd, 0, 0, POSIX_FADV.DONTNEED);
}
