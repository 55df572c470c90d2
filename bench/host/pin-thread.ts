// Pins the thread that calls to a processor: not its whole process, as taskset does at a start (child.ts).

import { spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';

/** Pins it. Where there is no taskset it stays anywhere. @param cpu a processor, or several as taskset takes them */
export function pinThread(cpu: number | string): void {
  // PID/task/TID of whoever reads the link.
  const thread = readlinkSync('/proc/thread-self').split('/').at(-1)!;
  spawnSync('taskset', ['-cp', `${cpu}`, thread], { stdio: 'ignore' });
}
