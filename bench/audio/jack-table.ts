// How late our player wakes beside a client in C (jack.c) on one JACK server without a card, at the same time: both are woken for each of its cycles. The clock is the server's. What a card does is not
// measured. Not here: the server (test/audio/jack-server.ts), the load (load.ts).

import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { JackServer, jackSkip } from '../../test/audio/jack-server.js';
import { ended, startPinned, stopChild, waitForOutput } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { type Lateness, latenessOfOurs } from './lateness.js';
import { Load } from './load.js';

/** Nothing, garbage alone that the player's main process collects (one processor is busy), that and a busy loop on each processor, or a disk read past the page cache as well. */
export const jackLoads = ['none', 'garbage', 'processors', 'all'] as const;
export type JackLoad = (typeof jackLoads)[number];

/** How it is measured. */
export interface JackSettings {
  readonly rate: number;
  /** Of a cycle. */
  readonly frames: number;
  readonly seconds: number;
  readonly load: JackLoad;
  readonly folder: string;
  /** A WAV that is longer than the run. */
  readonly file: string;
}

/** What the client in C prints. Times in microseconds. */
interface ClientOfC extends Pick<Lateness, 'count' | 'p50' | 'p99' | 'p999' | 'max' | 'late'> {
  /** That the server told it of: of any client, and of the server itself. */
  readonly xruns: number;
}

/** What is missing here; undefined: nothing. */
export function jackAbsence(): string | undefined {
  const skip = jackSkip();
  if (skip !== false) return skip;
  if (!existsSync('/usr/include/jack/jack.h')) return 'no JACK headers (Debian: apt-get install libjack-jackd2-dev)';
  return compilerAbsence();
}

const row = (name: string, found: Omit<ClientOfC, 'xruns'>, more: readonly string[]): string =>
  `| ${[name, ...[found.p50, found.p99, found.p999, found.max].map((us) => us.toFixed(0)), `${found.late} of ${found.count}`, ...more].join(' | ')} |`;

/** Measures both. Gives a table. @throws what ended the player, or the client in C */
export async function jackTable(settings: JackSettings): Promise<string> {
  const { frames, rate, seconds, folder, file } = settings;
  const program = join(folder, 'jack');
  compile('bench/audio/jack.c', program, '-ljack');
  const server = JackServer.start('clearway-bench', frames, 0, true);
  Object.assign(process.env, server.env);
  const isBusy = settings.load === 'processors' || settings.load === 'all';
  const load = isBusy ? new Load(false, settings.load === 'all' ? file : undefined) : undefined;
  let client: ChildProcess | undefined;
  try {
    client = startPinned({ cpus: undefined, niceness: 0 }, program, []);
    await waitForOutput(client, /^ready/, 10_000);
    const result = ended(client, (seconds + 60) * 1000);
    const run = { frames, rate, seconds, isRealtime: true };
    // A client that comes or goes changes the server's graph: what is counted lies between.
    const tell = (signal: NodeJS.Signals) => () => void client?.kill(signal);
    const ours = await latenessOfOurs(file, run, 'jack', settings.load !== 'none', tell('SIGUSR1'), tell('SIGUSR2'));
    client.kill('SIGTERM');
    const { status, stdout, stderr } = await result;
    if (status !== 0) throw new Error(`the client in C ended with status ${status}: ${stderr}`);
    const beside = JSON.parse(stdout.slice(stdout.indexOf('{'))) as ClientOfC;
    const faults = `${ours.minorFaults}+${ours.majorFaults}, ${ours.collections}`;
    return [
      '| client | late p50 us | p99 us | p99.9 us | latest us | late > 1 cycle | xruns | faults, collections |',
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
      row(`Clearway${ours.priority > 0 ? '' : ' (no FIFO)'}`, ours, [String(ours.xruns), faults]),
      row('a client in C', beside, [`${beside.xruns} told by the server, of whomever`, '-']),
    ].join('\n');
  } finally {
    if (client !== undefined) await stopChild(client);
    await load?.end();
    await server.stop();
  }
}
