// timerfd: a descriptor that has input when a time is over. Not here: who waits for it (an engine watches it).

import { TFD } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

const monotonicClock = 1;

/** timerfd_create(2), non-blocking, of the monotonic clock. @throws SystemError EMFILE, ENFILE */
export function createTimer(): number {
  return check(syscall3(sys.timerfd_create, monotonicClock, TFD.CLOEXEC | TFD.NONBLOCK), 'timerfd_create');
}

/** It is due in so many microseconds from now; 0: never. */
export function setTimer(fd: number, us: number): void {
  const { data, offset, address } = scratch(32);
  data.setBigUint64(offset, 0n, true);
  data.setBigUint64(offset + 8, 0n, true);
  data.setBigUint64(offset + 16, BigInt(Math.floor(us / 1e6)), true);
  data.setBigUint64(offset + 24, BigInt((us % 1e6) * 1000), true);
  syscall6(sys.timerfd_settime, fd, 0, address, 0);
}
