// How the calling thread is scheduled: real-time classes, niceness, what it has used, and the ties to its parent. Not here: which class is
// wanted and what is tried next where it is refused (audio/pump/rights.ts).

import { PR, PRIO, RUSAGE, SCHED } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';

/** sched_setscheduler(2) of the calling thread: FIFO of a priority; threads that it makes are not. Returns 0 or -errno (-EPERM). */
export function becomeFifo(priority: number): number {
  const { data, offset, address } = scratch(4);
  data.setInt32(offset, priority, true);
  return syscall3(sys.sched_setscheduler, 0, SCHED.FIFO | SCHED.RESET_ON_FORK, address);
}

/** sched_setscheduler(2) of the calling thread: as every other. Returns 0 or -errno. */
export function becomeOrdinary(): number {
  const { data, offset, address } = scratch(4);
  data.setInt32(offset, 0, true);
  // Only who may do everything takes RESET_ON_FORK back: where it is set it stays (user_check_sched_setscheduler in kernel/sched).
  const kept = Math.max(0, syscall3(sys.sched_getscheduler, 0)) & SCHED.RESET_ON_FORK;
  return syscall3(sys.sched_setscheduler, 0, SCHED.NORMAL | kept, address);
}

/** The calling thread's class (SCHED, without flags) and real-time priority, as the kernel has them. */
export function schedulingOf(): { readonly policy: number; readonly priority: number } {
  const { data, offset, address } = scratch(4);
  const policy = Math.max(0, syscall3(sys.sched_getscheduler, 0)) & ~SCHED.RESET_ON_FORK;
  const result = syscall3(sys.sched_getparam, 0, address);
  return { policy, priority: result < 0 ? 0 : data.getInt32(offset, true) };
}

/** `struct sched_attr` of its first version: SCHED_ATTR_SIZE_VER0. */
const attributesBytes = 48;
/** SCHED_FLAG_KEEP_POLICY. */
const keepsPolicy = 8;

/**
 * sched_setattr(2) of the calling thread, which stays as urgent as it is: it asks for turns of so many nanoseconds (0: as every other). Who asks for short ones is let in before those in the middle of
 * long ones, without getting more in sum, and needs no rights for it. Kernels before 6.12 take it and do nothing (kernel/sched/fair.c, PREEMPT_SHORT). Returns 0 or -errno.
 */
export function shortenTurns(nanoseconds: number): number {
  const { data, offset, address } = scratch(attributesBytes);
  for (let at = 0; at < attributesBytes; at += 4) data.setUint32(offset + at, 0, true);
  data.setUint32(offset, attributesBytes, true);
  data.setUint32(offset + 8, keepsPolicy, true);
  data.setInt32(offset + 16, nicenessOf(), true);
  data.setUint32(offset + 24, nanoseconds, true);
  return syscall3(sys.sched_setattr, 0, address, 0);
}

/** setpriority(2) of the calling thread: -20 (first) to 19. Returns 0 or -errno (-EACCES, -EPERM). */
export function setNiceness(niceness: number): number {
  return syscall3(sys.setpriority, PRIO.PROCESS, 0, niceness);
}

/** getpriority(2) of the calling thread: -20 to 19. */
export function nicenessOf(): number {
  // The kernel gives 20 - nice, so that no niceness looks like an error.
  const result = syscall3(sys.getpriority, PRIO.PROCESS, 0);
  return result < 0 ? 0 : 20 - result;
}

/** prctl(2), PR_SET_PDEATHSIG: the signal that this process gets when the thread that made it ends. Returns 0 or -errno. */
export function signalAtParentsEnd(signal: number): number {
  return syscall6(sys.prctl, PR.SET_PDEATHSIG, signal);
}

/** prctl(2), PR_SET_TIMERSLACK: by how many nanoseconds the kernel may delay the sleeps of a thread that is not real-time. */
export function setTimerSlack(nanoseconds: number): number {
  return syscall6(sys.prctl, PR.SET_TIMERSLACK, nanoseconds);
}

/** getppid(2): the parent's process; another once it has ended. Not Node's `process.ppid`, which is a string's work away. */
export function parentProcess(): number {
  return syscall3(sys.getppid);
}

/** Words of `struct rusage`, of 32 bits, where what {@link readThreadUsage} is asked for stands (low halves). */
export const UsageWord = { minorFaults: 16, majorFaults: 18, voluntarySwitches: 32, involuntarySwitches: 34 } as const;

/** Bytes of `struct rusage`. */
export const usageBytes = 144;

/** getrusage(2) of the calling thread into memory at an address. Returns 0 or -errno. */
export function readThreadUsage(address: number): number {
  return syscall3(sys.getrusage, RUSAGE.THREAD, address);
}
