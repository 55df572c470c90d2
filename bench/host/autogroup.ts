// Where the kernel groups processes by session (sched_autogroup), niceness counts only within a session: against the rest of the
// machine it is the session's own value that counts, and that is set here for the time of the run.

import { readFileSync, writeFileSync } from 'node:fs';

const file = '/proc/self/autogroup';

/** The niceness in a line of /proc/PID/autogroup, `/autogroup-15 nice 0`. Source: sched(7). */
export function parseAutogroup(line: string): number | undefined {
  const match = /nice (-?\d+)/.exec(line);
  return match ? Number(match[1]) : undefined;
}

/** Gives this session `niceness` until this process ends. Does nothing where that is not possible. */
export function setSessionNiceness(niceness: number): void {
  try {
    const before = parseAutogroup(readFileSync(file, 'latin1'));
    if (before === undefined || before === niceness) return;
    writeFileSync(file, String(niceness));
    process.on('exit', () => writeFileSync(file, String(before)));
  } catch {
    // no autogroups here, or not allowed: then plain niceness counts, or none
  }
}
