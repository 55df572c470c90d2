// Threads as the kernel numbers them, and a signal to one of them. Not here: what a signal does to whom (kvm/kick.ts).

import { syscall3 } from './ffi.js';
import { sys } from './numbers.js';

/** gettid(2): the kernel's number of this thread. */
export function threadNumber(): number {
  return syscall3(sys.gettid);
}

/** tgkill(2): sends a signal to a thread of this process. Returns 0 or -errno. */
export function signalThread(thread: number, signal: number): number {
  return syscall3(sys.tgkill, process.pid, thread, signal);
}
