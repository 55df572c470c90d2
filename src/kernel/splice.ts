// Pipes and splice(2): references to pages move from a file into a pipe, and from a pipe into a socket.
// Not here: what goes through a pipe and when (engine/send-pipe.ts).

import { AT, F, O, SPLICE_F } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { cString, scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';
import { setLittle64 } from './words.js';

/** A pipe's ends, the bytes of whole pages that it holds, and what takes its rest and throws it away (-1: nothing does). */
export interface Pipe {
  readonly readEnd: number;
  readonly writeEnd: number;
  readonly capacity: number;
  readonly sink: number;
}

/**
 * pipe2(2), with room for `wanted` bytes in whole pages if the kernel gives it: a user without privileges has
 * /proc/sys/fs/pipe-max-size for each pipe, and so many pages for all of them. @throws SystemError EMFILE, ENFILE.
 */
export function createPipe(wanted: number): Pipe {
  const place = scratch(8);
  check(syscall3(sys.pipe2, place.address, O.CLOEXEC | O.NONBLOCK), 'pipe2');
  const readEnd = place.data.getInt32(place.offset, true);
  const writeEnd = place.data.getInt32(place.offset + 4, true);
  const given = syscall3(sys.fcntl, writeEnd, F.SETPIPE_SZ, wanted);
  const capacity = given > 0 ? given : syscall3(sys.fcntl, writeEnd, F.GETPIPE_SZ);
  const sink = syscall6(sys.openat, AT.FDCWD, cString('/dev/null'), O.WRONLY | O.CLOEXEC);
  return { readEnd, writeEnd, capacity, sink };
}

/** splice(2) of a file's range into a pipe. Bytes (fewer: it is full), 0 where the file ends, or -errno (-EAGAIN: full). */
export function spliceFile(file: number, offset: number, length: number, writeEnd: number): number {
  const place = scratch(8);
  setLittle64(place.data, place.offset, offset);
  return syscall6(sys.splice, file, place.address, writeEnd, 0, length, SPLICE_F.NONBLOCK);
}

/**
 * splice(2) of what is in a pipe to a descriptor. `more` says that more follows at once. A socket that is not
 * non-blocking makes it wait (fs/splice.c, splice_to_socket). Bytes or -errno.
 */
export function splicePipe(readEnd: number, fd: number, length: number, more: boolean): number {
  return syscall6(sys.splice, readEnd, 0, fd, 0, length, SPLICE_F.NONBLOCK | (more ? SPLICE_F.MORE : 0));
}

/**
 * Whether the kernel can take hold of a page of memory as a read past the page cache (O_DIRECT) has to: vmsplice(2) asks the same of it. A
 * driver's ring that is no memory with pages of its own refuses it (EFAULT). Returns 0 or -errno. `address` begins a page.
 */
export function pageRefusal(address: number): number {
  const pipe = createPipe(4096);
  const { data, offset, address: vector } = scratch(16);
  data.setBigUint64(offset, BigInt(address), true);
  data.setBigUint64(offset + 8, 4096n, true);
  const result = syscall6(sys.vmsplice, pipe.writeEnd, vector, 1, SPLICE_F.NONBLOCK);
  for (const fd of [pipe.readEnd, pipe.writeEnd, pipe.sink]) if (fd >= 0) syscall3(sys.close, fd);
  return Math.min(result, 0);
}
