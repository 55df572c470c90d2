// CPU time used between two moments: by a process tree, by the whole machine, and by children that have ended.
//
// Why schedstat: /proc/PID/stat counts in ticks of 10 ms, one percent of a one-second run, and a cgroup needs a mount and
// root. /proc/PID/task/*/schedstat is in nanoseconds, needs neither, and includes io_uring's worker threads. Its one gap is
// that a thread which ends takes its time with it; /proc/PID/stat keeps that time, so where the ticks show clearly more than
// the nanoseconds, the ticks win.

import { processTree, readMachineStat, readProcessStat, scheduledNsByThread, tickNs } from './proc.js';

/** CPU time of one process tree at one moment. */
export interface TreeCpu {
  readonly scheduledNs: ReadonlyMap<number, number>;
  readonly ticks: ReadonlyMap<number, number>;
}

/** Takes the CPU time of `pid` and its descendants. */
export function treeCpu(pid: number): TreeCpu {
  const scheduledNs = new Map<number, number>();
  const ticks = new Map<number, number>();
  for (const member of processTree(pid)) {
    for (const [thread, ns] of scheduledNsByThread(member)) scheduledNs.set(thread, ns);
    const stat = readProcessStat(member);
    if (stat) ticks.set(member, stat.cpuTicks);
  }
  return { scheduledNs, ticks };
}

const noCpu: TreeCpu = { scheduledNs: new Map(), ticks: new Map() };

/** The CPU time of the kernel's own threads; nothing where process 2 is not their parent, as in a container. */
export function kernelThreadsCpu(): TreeCpu {
  const kthreadd = readProcessStat(2);
  return kthreadd?.name === 'kthreadd' ? treeCpu(2) : noCpu;
}

function growth(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>): number {
  let sum = 0;
  for (const [key, value] of after) sum += Math.max(0, value - (before.get(key) ?? 0));
  return sum;
}

/**
 * Nanoseconds of CPU that a tree used between two moments. A thread or process born in between counts whole.
 * The ticks replace the nanoseconds only where they show over 30 ms more (a thread ended); two roundings make 20 ms.
 */
export function treeCpuBetweenNs(before: TreeCpu, after: TreeCpu): number {
  const scheduled = growth(before.scheduledNs, after.scheduledNs);
  const ticked = growth(before.ticks, after.ticks) * tickNs;
  return ticked > scheduled + 3 * tickNs ? ticked : scheduled;
}

/** Whole-machine time at one moment. */
export interface MachineCpu {
  readonly notIdleNs: number;
  readonly stolenNs: number;
}

/** Takes the machine's CPU time from /proc/stat: sampled by the kernel's tick, so right for runs of a second and more. */
export function machineCpu(): MachineCpu {
  const stat = readMachineStat();
  return { notIdleNs: stat.notIdleTicks * tickNs, stolenNs: stat.stolenTicks * tickNs };
}

/** CPU nanoseconds of all children of this process that have ended and been waited for (10 ms resolution). */
export function reapedChildrenCpuNs(): number {
  return (readProcessStat('self')?.reapedChildrenCpuTicks ?? 0) * tickNs;
}
