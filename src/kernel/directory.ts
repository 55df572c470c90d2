// The names in an open directory, by its descriptor (getdents64): no path, so that nothing can have taken its place, and no
// /proc. Not here: what is shown of them (serve/listing.ts), what they lead to.

import { decodePathText } from '../text/path-text.js';
import { syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';

/** Of `struct linux_dirent64` (include/linux/dirent.h): inode and offset, 8 bytes each, before the record's length; then a type. */
const lengthAt = 16;
const nameAt = 19;
const bufferBytes = 32 * 1024;
const DOT = 0x2e;

/**
 * Calls `name(bytes, start, end)` for each name in the directory that `fd` is open on, without `.` and `..`, in the file
 * system's order, until it returns false. The bytes are borrowed: no system call may be made within. Returns 0 or -errno.
 */
export function readNames(fd: number, name: (bytes: Uint8Array, start: number, end: number) => boolean): number {
  for (;;) {
    const { address, data, bytes, offset } = scratch(bufferBytes);
    const result = syscall3(sys.getdents64, fd, address, bufferBytes);
    if (result <= 0) return result;
    for (let at = offset; at < offset + result; at += data.getUint16(at + lengthAt, true)) {
      const start = at + nameAt;
      let end = start;
      while (bytes[end] !== 0) end++;
      const isDots = bytes[start] === DOT && (end === start + 1 || (end === start + 2 && bytes[start + 1] === DOT));
      if (!isDots && !name(bytes, start, end)) return 0;
    }
  }
}

/**
 * The names as text.
 * @param limit at most so many. @returns the names, or -errno.
 */
export function directoryNames(fd: number, limit: number): string[] | number {
  const names: string[] = [];
  const result = readNames(fd, (bytes, start, end) => names.push(decodePathText(bytes, start, end)) < limit);
  return result < 0 ? result : names;
}
