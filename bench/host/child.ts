// Child processes of a benchmark: pinned to a processor, waited for until ready, and certain to be gone afterwards, however
// this process ends. It ends only what it started, by process id.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { allowedCpus, processTree } from './proc.js';

/** Where and how urgently a child runs. */
export interface Placing {
  /** Processors as taskset takes them; anywhere when undefined. */
  readonly cpus: string | undefined;
  /** Added to the niceness of this process; below 0 needs root, and is left out without a word where it is refused. */
  readonly niceness: number;
}

/** Where the server under test and its load run: apart, where there are two processors. */
export interface Placement {
  readonly server: Placing;
  readonly load: Placing;
}

const living = new Set<ChildProcess>();
let guarded = false;

/** True when `command` is found on PATH. */
export function onPath(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** Server on the first allowed processor, load on the rest; both free where taskset or a second processor is missing. */
export function choosePlacement(niceness = 0, cpus = allowedCpus(), canPin = onPath('taskset')): Placement {
  const apart = canPin && cpus.length >= 2;
  const place = (chosen: number[]) => ({ cpus: apart ? chosen.join(',') : undefined, niceness });
  return { server: place(cpus.slice(0, 1)), load: place(cpus.slice(1)) };
}

/** Whether it is over: by itself or by a signal. */
export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

function killTree(child: ChildProcess): void {
  if (child.pid === undefined || hasEnded(child)) return;
  for (const pid of processTree(child.pid)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it ended in the meantime
    }
  }
}

function guard(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', () => {
    for (const child of living) killTree(child);
  });
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    process.on(signal, () => process.exit(status));
  }
}

/** This process's, but for the certificates that Node parses at every start where they are named: no server here needs any. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
  return rest;
}

let canBind: boolean | undefined;

/**
 * Starts `command` where `placing` says. The niceness is set before the program starts: a thread takes that of the one that
 * made it, and setting it later would miss those already there. stdin is a pipe: a program of ours may read its end.
 * The kernel sends SIGTERM to the child if this process is killed outright (setpriv, where there is one).
 * @param outputFile where stdout goes; a pipe to this process when undefined
 */
export function startPinned(
  { cpus, niceness }: Placing,
  command: string,
  args: readonly string[],
  outputFile?: string,
): ChildProcess {
  guard();
  canBind ??= onPath('setpriv');
  const line = [command, ...args];
  if (canBind) line.unshift('setpriv', '--pdeathsig', 'TERM', '--');
  if (niceness !== 0 && (niceness > 0 || process.getuid?.() === 0)) line.unshift('nice', '-n', String(niceness));
  if (cpus !== undefined) line.unshift('taskset', '-c', cpus);
  const output = outputFile === undefined ? 'pipe' : openSync(outputFile, 'a');
  const child = spawn(line[0]!, line.slice(1), { stdio: ['pipe', output, 'pipe'], env: environment() });
  if (typeof output === 'number') closeSync(output);
  living.add(child);
  child.once('exit', () => living.delete(child));
  child.stdin?.on('error', () => {}); // the child may end before it reads
  return child;
}

/** Everything a child wrote and how it ended. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Waits for a child's end, at most `limitMs`: then it is killed and the promise rejects. */
export async function ended(child: ChildProcess, limitMs: number): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      killTree(child);
      reject(new Error(`${child.spawnargs.join(' ')} did not end within ${limitMs} ms`));
    }, limitMs);
    child.once('error', reject);
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
  });
}

/**
 * Waits until a child's stdout matches `pattern`, at most `limitMs`, and keeps draining both streams afterwards.
 * @throws with the end of its stderr when it ends or is silent for too long.
 */
export async function waitForOutput(child: ChildProcess, pattern: RegExp, limitMs: number): Promise<RegExpExecArray> {
  let seen = '';
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-600);
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${child.spawnargs.join(' ')}: ${why} ${complaint}`.trim()));
    const timer = setTimeout(() => fail(`not ready within ${limitMs} ms`), limitMs);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (status, signal) => {
      clearTimeout(timer);
      setImmediate(() => fail(`ended with ${signal ?? status} before it was ready.`));
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      if (seen.length > 65536) return;
      seen += text;
      const match = pattern.exec(seen);
      if (!match) return;
      clearTimeout(timer);
      resolve(match);
    });
  });
}

/** Ends a child: SIGTERM, at most `graceMs`, then SIGKILL to its whole tree. Returns when it is gone. */
export async function stopChild(child: ChildProcess, graceMs = 3000): Promise<void> {
  if (hasEnded(child)) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = new AbortController();
  await Promise.race([gone, sleep(graceMs, undefined, { signal: patience.signal }).catch(() => {})]);
  patience.abort();
  killTree(child);
  await gone;
}
