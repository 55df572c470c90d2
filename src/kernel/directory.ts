// The names in an open directory, by its descriptor (getdents64): no path, so that nothing can have taken its place, and no
// /proc. Not here: what is shown of them (serve/listing.ts).

import { syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';

/** Of `struct linux_dirent64` (include/linux/dirent.h): inode and offset, 8 bytes each, before the record's length; then a type. */
const lengthAt = 16;
const nameAt = 19;
const bufferBytes = 32 * 1024;
// A mark at the beginning of a name is a part of it.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * Names in the directory that `fd` is open on, in the file system's order, without `.` and `..`.
 * @param limit at most so many. @returns the names, or -errno.
 */
export function directoryNames(fd: number, limit: number): string[] | number {
  const names: string[] = [];
  while (names.length < limit) {
    const { address, data, bytes, offset } = scratch(bufferBytes);
    const result = syscall3(sys.getdents64, fd, address, bufferBytes);
    if (result < 0) return result;
    if (result === 0) break;
    for (let at = offset; at < offset + result && names.length < limit; ) {
      const start = at + nameAt;
      const name = decoder.decode(bytes.subarray(start, bytes.indexOf(0, start)));
      if (name !== '.' && name !== '..') names.push(name);
      at += data.getUint16(at + lengthAt, true);
    }
  }
  return names;
}
