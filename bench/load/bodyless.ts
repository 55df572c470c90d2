// Load for HEAD: our client in C (bodyless.c), compiled on first use.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ended, type Placing, startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import type { LoadResult } from './load-result.js';

/** What to ask, as often as it is answered. */
export interface BodylessOptions {
  readonly origin: string;
  readonly connections: number;
  readonly seconds: number;
  /** The status that every answer must have. */
  readonly status: number;
  /** A file with the bytes of the request. */
  readonly requestFile: string;
  readonly scratchDirectory: string;
  readonly placing: Placing;
}

/** Runs the client once. @throws when it fails or hangs, or when there is no compiler. */
export async function runBodyless(options: BodylessOptions): Promise<LoadResult> {
  const program = join(options.scratchDirectory, 'bodyless');
  if (!existsSync(program)) {
    const absence = compilerAbsence();
    if (absence !== undefined) throw new Error(absence);
    compile('bench/load/bodyless.c', program);
  }
  const { port } = new URL(options.origin);
  const numbers = [port, options.connections, options.seconds, options.status].map(String);
  const child = startPinned(options.placing, program, [...numbers, options.requestFile]);
  const end = await ended(child, (options.seconds + 15) * 1000);
  if (end.status !== 0) throw new Error(`the client for HEAD ended with ${end.status}: ${end.stderr}`);
  const raw = JSON.parse(end.stdout) as Record<string, number>;
  const trouble = [
    raw.badStatus ? `${raw.badStatus} responses had another status than ${options.status}` : '',
    raw.socketErrors ? `${raw.socketErrors} socket errors` : '',
    raw.requests === 0 ? 'no request was answered' : '',
  ].filter((part) => part !== '');
  return {
    durationSeconds: raw.durationUs! / 1e6,
    requests: raw.requests!,
    bytes: raw.bytes!,
    p50Us: undefined,
    p99Us: undefined,
    trouble: trouble.length === 0 ? undefined : trouble.join(', '),
  };
}
