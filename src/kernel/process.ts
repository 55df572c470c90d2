// The process's own limits.

import { RLIMIT } from './constants.js';
import { syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** How many descriptors the process may have open (the soft RLIMIT_NOFILE); Infinity without a limit. */
export function openFileLimit(): number {
  const place = scratch(16);
  check(syscall6(sys.prlimit64, 0, RLIMIT.NOFILE, 0, place.address), 'prlimit64', 'RLIMIT_NOFILE');
  const limit = place.data.getBigUint64(place.offset, true);
  return limit > 0xffff_ffffn ? Number.POSITIVE_INFINITY : Number(limit);
}
