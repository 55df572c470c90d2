// Commands in mount namespaces of their own: with a file system whose server is dead, or without /proc. For tests only,
// as root; nothing of it is seen outside of the command and its children.

import { spawnSync } from 'node:child_process';
import { platformIsLinux } from '../../src/kernel/ffi.js';

/** A command line to spawn. */
export interface CommandLine {
  readonly command: string;
  readonly args: string[];
}

/** Runs a shell script in a mount namespace of its own, as root of it, and then becomes the command. */
function inMounts(script: string, values: readonly string[], command: string, args: readonly string[]): CommandLine {
  const text = `set -e; ${script}; shift ${values.length}; exec "$@"`;
  return { command: 'unshare', args: ['-m', 'sh', '-c', text, 'sh', ...values, command, ...args] };
}

/** With a FUSE file system over `directory` that nobody answers for any more: every call gives ENOTCONN. */
export function withDeadFileSystem(directory: string, command: string, args: readonly string[] = []): CommandLine {
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const script = `exec 3<>/dev/fuse; mount -i -t fuse -o ${options} dead "$1"; exec 3>&-`;
  return inMounts(script, [directory], command, args);
}

/** Without /proc. */
export function withoutProc(command: string, args: readonly string[] = []): CommandLine {
  return inMounts('umount -l /proc', [], command, args);
}

/** With `directory` read-only. */
export function withReadOnly(directory: string, command: string, args: readonly string[] = []): CommandLine {
  return inMounts('mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"', [directory], command, args);
}

/** Why such a namespace cannot be made here, for `skip`; false where it can. */
export function mountsImpossible(line: CommandLine = inMounts(':', [], 'true', [])): string | false {
  if (!platformIsLinux) return 'needs Linux: mount namespaces';
  const tried = spawnSync(line.command, line.args, { encoding: 'utf8', timeout: 60_000 });
  return tried.status === 0 ? false : `a mount namespace cannot be made here: ${tried.stderr ?? tried.error?.message}`;
}

/** In a mount namespace in which {@link runInMounts} may mount. */
export function withOwnMounts(command: string, args: readonly string[] = []): CommandLine {
  return inMounts('mount --make-rprivate /', [], command, args);
}

/** Runs a command in the mount namespace of a process. Returns its exit status and what it said. */
export function runInMounts(
  pid: number,
  ...command: string[]
): { readonly status: number | null; readonly stderr: string } {
  return spawnSync('nsenter', ['-t', String(pid), '-m', ...command], { encoding: 'utf8', timeout: 60_000 });
}
