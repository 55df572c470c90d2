// The C library's allocator, which Node and V8 take memory from. Not here: memory of our own, which is mapped (memory.ts).

import { bind } from './ffi.js';

/** mallopt(3): how many free bytes at the end of an arena are kept. */
const trimThreshold = -1;
const mostFreeBytes = 128 * 1024;

/**
 * Has freed memory given back to the kernel. The C library keeps twice the largest piece that was ever freed, a megabyte soon, at the end of
 * each arena, and each thread of V8's and of Node's has one. It is a setting of the whole process: for a command, not for a library. With it
 * pieces of 128 KiB and more are mapped one by one, always. Nothing happens where the user has chosen it, and where the C library has no such setting (musl).
 */
export function giveFreedMemoryBack(): void {
  const { MALLOC_TRIM_THRESHOLD_: threshold, GLIBC_TUNABLES: tunables } = process.env;
  if (threshold !== undefined || tunables?.includes('malloc') === true) return;
  try {
    bind('int mallopt(int parameter, int value)')(trimThreshold, mostFreeBytes);
  } catch {
    // What is freed is kept then.
  }
}
