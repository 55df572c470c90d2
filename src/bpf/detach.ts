// Detaching many programs at once, without waiting for it where the kernel makes one wait. It closes links; what a link is
// stands in link.ts.

import { spawn } from 'node:child_process';
import { Btf } from './btf.js';
import type { Link } from './link.js';

/** The kernel's function by which all trampolines share one ftrace_ops; without it each has its own. */
const sharedByAll = 'update_ftrace_direct_del';

/**
 * True where the last program at a function is taken off only after a grace period of RCU-tasks: each trampoline has an
 * ftrace_ops of its own there, and ftrace_shutdown (kernel/trace/ftrace.c) calls synchronize_rcu_tasks() for it, holding
 * the lock that every other one needs. One such period takes 100 ms at least (`rcu_tasks.gp_sleep`, kernel/rcu/tasks.h): it is
 * sleep, not work, and neither threads nor a faster machine shorten it. Kernels with one ftrace_ops for all do not wait.
 */
export function detachingWaits(types: Pick<Btf, 'functionId'> = Btf.kernel()): boolean {
  return types.functionId(sharedByAll) === undefined;
}

/** Fewer than this many functions are waited for: a process would cost as much. */
const fewest = 2;

/**
 * Detaches all of some links, the last first. Where the kernel makes each function wait, the descriptors are handed to a process
 * that ends at once, so that the waiting is done in its exit and not here: it has no memory of ours and cannot fail to
 * end. The programs are gone when it is.
 */
export function detachAll(links: readonly Link[], waits: () => boolean = detachingWaits): void {
  const slow = links.filter(({ program }) => program.source.type === 'fentry' || program.source.type === 'fexit');
  if (slow.length >= fewest && waits()) handOver(slow);
  for (const link of links.toReversed()) link.detach();
}

/** Gives copies of the descriptors to a process that ends. Where none can be started, nothing is lost but time. */
function handOver(links: readonly Link[]): void {
  try {
    const child = spawn('true', {
      argv0: 'clearway-detach',
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', ...links.map(({ fd }) => fd)],
    });
    child.on('error', () => {});
    child.unref();
  } catch {
    // No process: the links are closed by ourselves, one after the other.
  }
}
