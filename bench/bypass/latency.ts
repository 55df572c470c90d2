// Ping-pong over TCP, one message under way: servers and clients of the kernel's sockets and of our own TCP/IP in pairs, on one wire, in turns. Not here: the tables (render.ts).

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ended, type Placement, stopChild, waitForOutput } from '../host/child.js';
import { compile } from '../host/compile.js';
import { addresses, device, Wire } from './wires.js';

/** How one end of a connection is made: our own stack looks for packets without end. */
export type LatencyEnd = 'kernel, waiting' | 'kernel, spinning' | 'ours, polling';

/** Who speaks with whom. `bound` is of its p50 to that of the first row with the same client, or of the first of all where both ends are ours. */
export interface LatencyRow {
  readonly client: LatencyEnd;
  readonly server: LatencyEnd;
  readonly bound?: number;
}

/** The rows; the first server of each client is what the others are compared with. */
export const latencyRows: readonly LatencyRow[] = [
  { client: 'kernel, waiting', server: 'kernel, waiting' },
  { client: 'kernel, waiting', server: 'ours, polling' },
  { client: 'kernel, spinning', server: 'kernel, waiting' },
  { client: 'kernel, spinning', server: 'kernel, spinning' },
  { client: 'kernel, spinning', server: 'ours, polling', bound: 0.5 },
  { client: 'ours, polling', server: 'ours, polling', bound: 0.5 },
];

/** Bytes of a message. */
export const latencyBytes = [1, 64] as const;

/** One measurement, in ns; `sendNs` is the client's call that sends, where it is the kernel's. */
export interface LatencyMeasurement {
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly sendNs: number;
}

/** A row with messages of a length, each round of it. */
export interface LatencyCell extends LatencyRow {
  readonly bytes: number;
  readonly rounds: LatencyMeasurement[];
}

const program = fileURLToPath(new URL('./latency-ours.js', import.meta.url));
const startMs = 15_000;
/** Messages a second, roughly: how many make a measurement of the time that was asked for. */
const roughRate = 25_000;
const port = 99;

const wayOf = (end: LatencyEnd): string => (end === 'kernel, spinning' ? 'spin' : 'block');

async function measureOne(
  { client, server, bytes }: LatencyCell,
  wire: Wire,
  inC: string,
  seconds: number,
  placement: Placement,
): Promise<LatencyMeasurement> {
  const isOurs = server === 'ours, polling';
  const host = isOurs ? addresses.near.ours : addresses.near.kernel;
  const serving = isOurs
    ? wire.start('near', placement.server, process.execPath, [
        program,
        'serve',
        device,
        `${host}/24`,
        `${port}`,
        `${bytes}`,
      ])
    : wire.start('near', placement.server, inC, ['serve', host, `${port}`, `${bytes}`, wayOf(server)]);
  try {
    await waitForOutput(serving, /ready/, startMs);
    const messages = `${Math.round(roughRate * seconds)}`;
    const from = `${addresses.far.ours}/24`;
    const asking =
      client === 'ours, polling'
        ? wire.start('far', placement.load, process.execPath, [
            program,
            'ask',
            device,
            from,
            `${port}`,
            `${bytes}`,
            host,
            messages,
          ])
        : wire.start('far', placement.load, inC, ['ask', host, `${port}`, `${bytes}`, wayOf(client), messages]);
    const { status, stdout, stderr } = await ended(asking, seconds * 20_000 + 20_000);
    if (status !== 0) throw new Error(`${client} to ${server}: ended with ${status}, ${stderr.slice(-300)}`);
    const { p50Ns, p99Ns, sendNs = Number.NaN } = JSON.parse(stdout);
    return { p50Ns, p99Ns, sendNs };
  } finally {
    await stopChild(serving);
  }
}

/** Measures all of them, round after round. @param folder for what is compiled */
export async function measureLatencies(
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
): Promise<readonly LatencyCell[]> {
  const inC = join(folder, 'latency');
  compile('bench/bypass/latency.c', inC);
  const wire = Wire.straight();
  const cells: LatencyCell[] = latencyBytes.flatMap((bytes) =>
    latencyRows.map((row) => ({ ...row, bytes, rounds: [] })),
  );
  for (let round = 1; round <= rounds; round++) {
    for (const cell of cells) cell.rounds.push(await measureOne(cell, wire, inC, seconds, placement));
    said(`latency: round ${round} of ${rounds}`);
  }
  await wire.remove();
  return cells;
}
