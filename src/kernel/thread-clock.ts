// The processor time of the calling thread. Node has it for the process alone.

import { CLOCK } from './constants.js';
import { syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';

/** clock_gettime(2): processor time that the calling thread has used, in nanoseconds. */
export function threadProcessorNs(): number {
  const { data, offset, address } = scratch(16);
  syscall3(sys.clock_gettime, CLOCK.THREAD_CPUTIME_ID, address);
  return Number(data.getBigInt64(offset, true)) * 1e9 + Number(data.getBigInt64(offset + 8, true));
}
