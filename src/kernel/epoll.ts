// epoll's three system calls. struct epoll_event is packed on x64 (12 bytes) and not on arm64 (16 bytes).

import { O } from './constants.js';
import { syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** Words of 32 bits of one struct epoll_event, and where its data begins. */
export const epollEventWords = process.arch === 'x64' ? 3 : 4;
/** The word at which the 64 bits of user data begin. */
export const epollDataWord = process.arch === 'x64' ? 1 : 2;

/** epoll_create1(2), close-on-exec. @throws SystemError EMFILE, ENFILE. */
export function epollCreate(): number {
  return check(syscall6(sys.epoll_create1, O.CLOEXEC), 'epoll_create1');
}

/** epoll_ctl(2): `operation` is one of EPOLL_CTL; `low` and `high` are the user data. Returns 0 or -errno. */
export function epollControl(
  epoll: number,
  operation: number,
  fd: number,
  events: number,
  low: number,
  high: number,
): number {
  const place = scratch(16);
  place.data.setUint32(place.offset, events, true);
  place.data.setInt32(place.offset + epollDataWord * 4, low, true);
  place.data.setInt32(place.offset + epollDataWord * 4 + 4, high, true);
  return syscall6(sys.epoll_ctl, epoll, operation, fd, place.address);
}

/** epoll_pwait(2) into the array of events at `address`. Returns their number or -errno. */
export function epollWait(epoll: number, address: number, count: number, waitMs: number): number {
  return syscall6(sys.epoll_pwait, epoll, address, count, waitMs, 0, 8);
}
