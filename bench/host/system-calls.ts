// System calls of a process tree while something runs, counted by strace. It slows the process down: never in a timed round.

import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ended, onPath, type Placing, startPinned } from './child.js';
import { processTree } from './proc.js';

/** Why system calls cannot be counted here; undefined when they can. */
export function straceAbsence(): string | undefined {
  return onPath('strace') ? undefined : 'strace is not on PATH (Debian: apt-get install strace)';
}

/** Reads the summary of `strace -c`. @returns the count of each system call by name */
export function parseStraceSummary(text: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of text.split('\n')) {
    // % time, seconds, usecs/call, calls, errors (often empty), name
    const match = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)\s*$/.exec(line);
    if (match && match[2] !== 'total') counts.set(match[2]!, Number(match[1]));
  }
  return counts;
}

/** Resolves when strace says that it watches `count` processes; it says so for each thread too. */
async function attached(child: ChildProcess, count: number, limitMs: number): Promise<void> {
  let seen = '';
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`strace did not attach within ${limitMs} ms: ${seen}`)), limitMs);
    child.once('exit', () => reject(new Error(`strace ended: ${seen}`)));
    child.stderr?.on('data', (text: Buffer) => {
      seen = (seen + text.toString()).slice(-4000);
      if (seen.split(/attached/).length <= count) return;
      clearTimeout(timer);
      setTimeout(resolve, 100); // its threads follow at once
    });
  });
}

/** Runs `work` while strace counts the calls of `pid` and its descendants. @throws when strace may not look */
export async function countSystemCalls<Result>(
  pid: number,
  placing: Placing,
  work: () => Promise<Result>,
): Promise<{ calls: ReadonlyMap<string, number>; result: Result }> {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-strace-'));
  const summary = join(directory, 'summary');
  try {
    const pids = processTree(pid);
    const child = startPinned(placing, 'strace', [
      '-c',
      '-f',
      '-o',
      summary,
      ...pids.flatMap((each) => ['-p', `${each}`]),
    ]);
    child.stdout?.resume();
    const end = ended(child, 120_000);
    end.catch(() => {}); // where it ends early, attached says why
    await attached(child, pids.length, 5000);
    let result: Result;
    try {
      result = await work();
    } finally {
      child.kill('SIGINT');
      await end;
    }
    return { calls: parseStraceSummary(readFileSync(summary, 'utf8')), result };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
