// Seals of memory files (fcntl(2), F_ADD_SEALS): what nobody can do to a file any more. A file that may become shorter takes its pages away
// from whoever has mapped it, and a touch of them ends the process.

import { F } from './constants.js';
import { syscall3 } from './ffi.js';
import { sys } from './numbers.js';

/** The seals of a file: bits of {@link F}; -errno for a file that can have none (-EINVAL). */
export function sealsOf(fd: number): number {
  return syscall3(sys.fcntl, fd, F.GET_SEALS, 0);
}

/** Adds seals. Returns 0 or -errno (-EPERM: no more may be added). */
export function addSeals(fd: number, seals: number): number {
  return syscall3(sys.fcntl, fd, F.ADD_SEALS, seals);
}
