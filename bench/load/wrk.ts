// Load for requests: wrk with one thread. Exact counts come from a script (report.lua), not from its rounded text.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended, onPath, type Placing, startPinned } from '../host/child.js';
import { repositoryRoot } from '../servers/peer.js';
import type { LoadResult } from './load-result.js';

/** Above this rate one wrk thread is the limit on the hosts seen so far, whatever the server. */
export const wrkCeilingPerSecond = 220_000;

/** Why there is no wrk; undefined when there is. */
export function wrkAbsence(): string | undefined {
  return onPath('wrk') ? undefined : 'wrk is not on PATH (Debian: apt-get install wrk)';
}

/**
 * Reads what report.lua printed. @throws when wrk's output has no such line.
 * @param wantsErrors true where every answer must have a status from 400
 */
export function parseWrk(stdout: string, wantsErrors = false): LoadResult {
  const match = /^@(\{.*\})$/m.exec(stdout);
  if (!match) throw new Error(`wrk printed no result: ${stdout.slice(-300)}`);
  const raw = JSON.parse(match[1]!) as Record<string, number>;
  const trouble = [
    !wantsErrors && raw.badStatus ? `${raw.badStatus} responses were not 2xx or 3xx` : '',
    wantsErrors && raw.badStatus !== raw.requests
      ? `${raw.requests! - raw.badStatus!} responses were no errors where all should be`
      : '',
    raw.socketErrors ? `${raw.socketErrors} socket errors` : '',
    raw.timeouts ? `${raw.timeouts} timeouts` : '',
    raw.requests === 0 ? 'no request was answered' : '',
  ].filter((part) => part !== '');
  return {
    durationSeconds: raw.durationUs! / 1e6,
    requests: raw.requests!,
    bytes: raw.bytes!,
    p50Us: raw.p50Us!,
    p99Us: raw.p99Us!,
    trouble: trouble.length === 0 ? undefined : trouble.join(', '),
  };
}

/** How to load. */
export interface WrkOptions {
  readonly url: string;
  readonly connections: number;
  /** Whole seconds: wrk takes no fractions. */
  readonly seconds: number;
  readonly placing: Placing;
  /** Mean pause of each connection before a request; none when undefined. */
  readonly pauseMs?: number;
  /** A file of requests as report.lua reads it; without it the URL is asked for. */
  readonly requests?: { readonly file: string; readonly order: 'sequence' | 'random' };
  /** Every answer must have a status from 400. */
  readonly wantsErrors?: boolean;
}

/** Writes requests into a file, a NUL behind each: what `requests` names. */
export function writeRequests(file: string, texts: readonly string[]): void {
  writeFileSync(file, texts.map((text) => `${text}\0`).join(''), 'latin1');
}

/** Runs wrk once. @throws when it fails or hangs. */
export async function runWrk(options: WrkOptions): Promise<LoadResult> {
  const script = join(repositoryRoot, 'bench/load/report.lua');
  const { seconds, connections, url, requests, pauseMs } = options;
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url, '--'];
  if (pauseMs !== undefined) args.push(`pause=${pauseMs}`);
  if (requests !== undefined) args.push(`requests=${requests.file}`, `order=${requests.order}`);
  const child = startPinned(options.placing, 'wrk', args);
  const end = await ended(child, (seconds + 15) * 1000);
  if (end.status !== 0) throw new Error(`wrk ended with ${end.status}: ${end.stderr || end.stdout}`);
  return parseWrk(end.stdout, options.wantsErrors);
}
