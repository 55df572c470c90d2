// io_uring's three system calls. Not here: the rings themselves (uring/).

import { IORING_ENTER } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';

/** The sizes and offsets that io_uring_setup(2) reports (struct io_uring_params, io_sqring_offsets, io_cqring_offsets). */
export interface UringParameters {
  submissionEntries: number;
  completionEntries: number;
  features: number;
  submission: {
    head: number;
    tail: number;
    mask: number;
    entries: number;
    flags: number;
    dropped: number;
    array: number;
  };
  completion: {
    head: number;
    tail: number;
    mask: number;
    entries: number;
    overflow: number;
    cqes: number;
    flags: number;
  };
}

const parameterBytes = 120;

/**
 * io_uring_setup(2). Returns the ring's descriptor, or -errno: EPERM where a seccomp filter or the sysctl
 * kernel.io_uring_disabled refuses it, ENOSYS where the kernel has none, EINVAL for a flag it does not know.
 */
export function uringSetup(
  entries: number,
  flags: number,
  completionEntries: number,
): { fd: number; parameters: UringParameters } {
  const place = scratch(parameterBytes);
  const { bytes, data, offset } = place;
  bytes.fill(0, offset, offset + parameterBytes);
  data.setUint32(offset + 4, completionEntries, true);
  data.setUint32(offset + 8, flags, true);
  const fd = syscall3(sys.io_uring_setup, entries, place.address);
  const word = (at: number): number => data.getUint32(offset + at, true);
  const parameters: UringParameters = {
    submissionEntries: word(0),
    completionEntries: word(4),
    features: word(20),
    submission: {
      head: word(40),
      tail: word(44),
      mask: word(48),
      entries: word(52),
      flags: word(56),
      dropped: word(60),
      array: word(64),
    },
    completion: {
      head: word(80),
      tail: word(84),
      mask: word(88),
      entries: word(92),
      overflow: word(96),
      cqes: word(100),
      flags: word(104),
    },
  };
  return { fd, parameters };
}

/** io_uring_enter(2). `argument` is the address of a struct io_uring_getevents_arg when `flags` has EXT_ARG. */
export function uringEnter(fd: number, submit: number, wait: number, flags: number, argument = 0): number {
  const size = (flags & IORING_ENTER.EXT_ARG) !== 0 ? 24 : 0;
  return syscall6(sys.io_uring_enter, fd, submit, wait, flags, argument, size);
}

/** io_uring_register(2). Returns the kernel's value or -errno. */
export function uringRegister(fd: number, operation: number, argument: number, count: number): number {
  return syscall6(sys.io_uring_register, fd, operation, argument, count);
}
