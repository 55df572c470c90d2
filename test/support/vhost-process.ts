// A `clearway` that offers devices, as a process of its own, for tests: started, waited for, looked at, and killed when the test file ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { after } from 'node:test';
import { program } from './program.js';
import { until } from './until.js';

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A process that offers devices. */
export interface DeviceProcess {
  readonly pid: number;
  /** What it said so far, on both streams. */
  said(): string;
  /** Ends it by a signal. @returns its status, or the signal that killed it */
  end(signal?: NodeJS.Signals): Promise<number | string>;
}

/**
 * Starts `clearway` and waits until it listens. @param sockets whose files have to be there. @param launcher words before it, as `ip netns exec NAME`
 */
export async function startDevices(
  args: readonly string[],
  sockets: readonly string[],
  launcher: readonly string[] = [],
): Promise<DeviceProcess> {
  const [command, ...rest] = [...launcher, process.execPath, program, ...args];
  const child = spawn(command!, rest);
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  let over: number | string | undefined;
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => {
      running.delete(child);
      over = code ?? signal!;
      resolve(over);
    }),
  );
  await until('the sockets are there', () => over !== undefined || sockets.every((each) => existsSync(each)));
  await until('it is ready', () => over !== undefined || output.includes('QEMU, add'), 60_000);
  if (over !== undefined) throw new Error(`it ended with ${over}: ${output}`);
  return {
    pid: child.pid!,
    said: () => output,
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** Descriptors that a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** CPU time of a process since its start, in ms, all threads together, to a hundredth of a second. */
export function computedMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
