// Stores over pairs of virtual devices between network namespaces: `clearway kv --bypass` on one, `clearway kv` and Redis over the kernel's sockets on another. redis-benchmark
// as the load, and round trips of one request on one connection. Not here: the tables (render-wired.ts).

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { addresses, device, Wire } from '../bypass/wires.js';
import { ended, type Placement, stopChild, waitForOutput } from '../host/child.js';
import { compile } from '../host/compile.js';
import { repositoryRoot } from '../servers/peer.js';
import { type KvMeasurement, type KvRow, measureRow } from './load.js';
import type { RunningStore } from './stores.js';

/** Who is measured; the last one is what the others are compared with. */
export const wiredStores = ['clearway --bypass', 'clearway', 'redis'] as const;
export type WiredStore = (typeof wiredStores)[number];

/** What is asked by 50 connections. */
export const wiredRows: readonly KvRow[] = [
  { name: 'GET', command: 'get', pipeline: 1, roughRate: 50_000 },
  { name: 'SET', command: 'set', pipeline: 1, roughRate: 50_000 },
  { name: 'GET, pipeline 16', command: 'get', pipeline: 16, roughRate: 500_000 },
  { name: 'SET, pipeline 16', command: 'set', pipeline: 16, roughRate: 500_000 },
];

/** How a single client waits for its reply. */
export const waits = ['spin', 'block'] as const;
export type Waits = (typeof waits)[number];

/** Round trips, in ns. */
export interface WiredLatency {
  readonly p50Ns: number;
  readonly p99Ns: number;
}

/** Each round of a row at a store. */
export interface WiredCell<Row, Measurement> {
  readonly row: Row;
  readonly store: WiredStore;
  readonly rounds: Measurement[];
}

/** All that was measured. */
export interface WiredResult {
  readonly loads: readonly WiredCell<KvRow, KvMeasurement>[];
  readonly latencies: readonly WiredCell<Waits, WiredLatency>[];
}

const port = 6379;
const startMs = 15_000;
/** Round trips a second, roughly. */
const roughRate = 20_000;
/** A client with one request under way is served by one who looks for it all the while; the table's other figures are with the default. */
const latencyPollUs = '2000';

const host = (store: WiredStore): string =>
  store === 'clearway --bypass' ? addresses.near.ours : addresses.near.kernel;

function commandOf(store: WiredStore, folder: string, more: readonly string[]): readonly string[] {
  const clearway = [process.execPath, join(repositoryRoot, 'dist/bundle/main.js'), 'kv', '--no-password'];
  if (store === 'clearway --bypass')
    return [...clearway, '--bypass', device, '--bypass-address', `${host(store)}/24`, ...more];
  if (store === 'clearway') return [...clearway, '--bind', host(store), '--port', `${port}`];
  return [
    ...['redis-server', '--port', `${port}`, '--bind', host(store), '--dir', folder, '--protected-mode', 'no'],
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
  ];
}

/** A store at one end of a wire of its own, and clients at the other. */
class WiredRun implements RunningStore {
  readonly name: WiredStore;
  readonly host: string;
  readonly port = port;
  readonly #wire: Wire;
  readonly #child: ChildProcess;

  private constructor(name: WiredStore, wire: Wire, child: ChildProcess) {
    this.name = name;
    this.host = host(name);
    this.#wire = wire;
    this.#child = child;
  }

  static async start(name: WiredStore, placement: Placement, folder: string, more: readonly string[] = []) {
    const wire = Wire.straight();
    const [command = '', ...args] = commandOf(name, folder, more);
    const child = wire.start('near', placement.server, command, args);
    await waitForOutput(child, /clearway kv:|Ready to accept connections/, startMs);
    return new WiredRun(name, wire, child);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  load(placing: Placement['load'], command: string, args: readonly string[]): ChildProcess {
    return this.#wire.start('far', placing, command, args);
  }

  async stop(): Promise<void> {
    await stopChild(this.#child);
    await this.#wire.remove();
  }
}

async function measureLoads(
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
) {
  const cells = wiredRows.flatMap((row) =>
    wiredStores.map((store): WiredCell<KvRow, KvMeasurement> => ({ row, store, rounds: [] })),
  );
  const running: WiredRun[] = [];
  try {
    for (const store of wiredStores) running.push(await WiredRun.start(store, placement, folder));
    for (let round = 1; round <= rounds; round++) {
      for (const { row, store, rounds: all } of cells)
        all.push(await measureRow(row, running.find(({ name }) => name === store)!, seconds, placement.load));
      said(`over pairs of devices: round ${round} of ${rounds}`);
    }
  } finally {
    for (const store of running) await store.stop();
  }
  return cells;
}

async function measureLatencies(
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
) {
  const program = join(folder, 'latency');
  compile('bench/kv/latency.c', program);
  const cells = waits.flatMap((row) =>
    wiredStores.map((store): WiredCell<Waits, WiredLatency> => ({ row, store, rounds: [] })),
  );
  const running: WiredRun[] = [];
  try {
    for (let round = 1; round <= rounds; round++) {
      for (const { row, store, rounds: all } of cells) {
        // One that polls would take the processor from the others.
        const run = await WiredRun.start(store, placement, folder, ['--bypass-poll', latencyPollUs]);
        running.push(run);
        const words = [run.host, `${port}`, row, `${Math.round(roughRate * seconds)}`];
        const { status, stdout, stderr } = await ended(
          run.load(placement.load, program, words),
          seconds * 20_000 + 20_000,
        );
        if (status !== 0) throw new Error(`round trips at ${store}: ended with ${status}, ${stderr.slice(-300)}`);
        all.push(JSON.parse(stdout) as WiredLatency);
        await running.pop()!.stop();
      }
      said(`round trips: round ${round} of ${rounds}`);
    }
  } finally {
    for (const run of running) await run.stop();
  }
  return cells;
}

/** Measures everything. @param folder for what is compiled @throws LabError, Error where there are no namespaces, no compiler */
export async function measureWired(
  rounds: number,
  seconds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
): Promise<WiredResult> {
  return {
    loads: await measureLoads(rounds, seconds, placement, folder, said),
    latencies: await measureLatencies(rounds, seconds, placement, folder, said),
  };
}
