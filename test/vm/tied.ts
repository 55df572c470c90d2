// Processes that end with the one that started them, however that ends: a test file that is killed leaves no machine and no back
// end behind. Not here: what they are.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process that ends with this one. */
export type Tied = ChildProcessWithoutNullStreams;

/** Starts a program that ends with this process. */
export function startTied(program: string, args: readonly string[]): Tied {
  return spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: 'pipe' });
}

/** Ends it, and waits for its end. Returns its exit status, or the signal that ended it. */
export async function endTied(child: Tied, signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }
  return child.exitCode ?? child.signalCode!;
}
