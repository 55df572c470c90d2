// Runs a command under a seccomp filter that refuses some system calls, as container runtimes do with io_uring.
// The command may be anything; it and all its children live under the filter. For tests only.

import { type SpawnSyncOptionsWithStringEncoding, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import type { SyscallName } from '../../src/kernel/numbers.js';

/** What the default profiles of Docker and containerd refuse of io_uring. */
export const uringCalls = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const satisfies SyscallName[];

/** How a refused call fails: EPERM as Docker does, ENOSYS as newer runtimes do for calls they do not know. */
export type RefusalErrno = 'EPERM' | 'ENOSYS' | 'EACCES';

/**
 * The command line that runs `command` with `calls` refused: give it to spawn. The process that results is the command
 * itself (execve), with its own process id, signals and exit status.
 */
export function refusing(
  calls: readonly SyscallName[],
  command: string,
  args: readonly string[] = [],
  errno: RefusalErrno = 'EPERM',
): { command: string; args: string[] } {
  const launcher = fileURLToPath(new URL('./refuse-launcher.js', import.meta.url));
  return { command: process.execPath, args: [launcher, errno, calls.join(','), command, ...args] };
}

/** Runs {@link refusing} to its end. */
export function runRefusing(
  calls: readonly SyscallName[],
  command: string,
  args: readonly string[] = [],
  options: Partial<SpawnSyncOptionsWithStringEncoding> & { errno?: RefusalErrno } = {},
): SpawnSyncReturns<string> {
  const { errno, ...spawnOptions } = options;
  const line = refusing(calls, command, args, errno);
  return spawnSync(line.command, line.args, { encoding: 'utf8', timeout: 60_000, ...spawnOptions });
}

/** Why filters cannot be tried here, for `skip`; false where they can. */
export function refusingImpossible(): string | false {
  if (!platformIsLinux) return 'needs Linux: seccomp';
  const tried = runRefusing(['kcmp'], process.execPath, ['-e', '']);
  return tried.status === 0 ? false : `a seccomp filter cannot be installed here: ${tried.stderr.trim()}`;
}
