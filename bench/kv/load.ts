// One measurement: redis-benchmark against one store, and the CPU that the store used meanwhile. Not here: which stores (stores.ts).

import { ended, type Placing } from '../host/child.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';
import type { RunningStore } from './stores.js';

/** What is asked. */
export interface KvRow {
  readonly name: string;
  readonly command: 'get' | 'set' | 'incr' | 'lpush' | 'hset' | 'zadd';
  readonly pipeline: number;
  /** Requests a second, roughly: how many make a measurement of the time that was asked for. */
  readonly roughRate: number;
  /** Bounds of the ratios to Redis, where there are any. */
  readonly rateAtLeast?: number;
  readonly cpuAtMost?: number;
}

/** The rows of the table. */
export const kvRows: readonly KvRow[] = [
  { name: 'GET', command: 'get', pipeline: 1, roughRate: 100_000, rateAtLeast: 0.8 },
  { name: 'SET', command: 'set', pipeline: 1, roughRate: 100_000, rateAtLeast: 0.8 },
  { name: 'GET, pipeline 16', command: 'get', pipeline: 16, roughRate: 1_000_000, rateAtLeast: 1, cpuAtMost: 0.8 },
  { name: 'SET, pipeline 16', command: 'set', pipeline: 16, roughRate: 900_000, rateAtLeast: 1, cpuAtMost: 0.8 },
  { name: 'INCR, pipeline 16', command: 'incr', pipeline: 16, roughRate: 900_000 },
  { name: 'LPUSH, pipeline 16', command: 'lpush', pipeline: 16, roughRate: 900_000 },
  { name: 'HSET, pipeline 16', command: 'hset', pipeline: 16, roughRate: 800_000 },
  { name: 'ZADD, pipeline 16', command: 'zadd', pipeline: 16, roughRate: 500_000 },
];

/** One round of one row at one store. */
export interface KvMeasurement {
  readonly requestsPerSecond: number;
  readonly cpuUsPerRequest: number;
  /** In ms, as redis-benchmark saw it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const connections = 50;
const keys = 100_000;

/** The columns of redis-benchmark's CSV. @throws where they are not there */
function parseCsv(text: string): { rate: number; p50: number; p99: number } {
  const line = text.trim().split('\n').at(-1) ?? '';
  const [, rate, , , p50, , p99] = line.split(',').map((field) => Number(field.replaceAll('"', '')));
  if (!(rate! > 0) || p50 === undefined || p99 === undefined)
    throw new Error(`redis-benchmark said: ${text.slice(-300)}`);
  return { rate: rate!, p50, p99 };
}

/** Measures a row once. */
export async function measureRow(
  row: KvRow,
  store: RunningStore,
  seconds: number,
  placing: Placing,
): Promise<KvMeasurement> {
  const requests = Math.round(row.roughRate * seconds);
  const before = treeCpu(store.pid);
  const child = store.load(placing, 'redis-benchmark', [
    ...['-h', store.host, '-p', `${store.port}`, '-c', `${connections}`, '-P', `${row.pipeline}`],
    ...['-n', `${requests}`, '-r', `${keys}`, '-d', '32', '-t', row.command, '--csv'],
  ]);
  const { status, stdout, stderr } = await ended(child, seconds * 20_000 + 20_000);
  if (status !== 0) throw new Error(`redis-benchmark ended with ${status} at ${store.name}: ${stderr.slice(-300)}`);
  const cpuNs = treeCpuBetweenNs(before, treeCpu(store.pid));
  const { rate, p50, p99 } = parseCsv(stdout);
  return { requestsPerSecond: rate, cpuUsPerRequest: cpuNs / 1000 / requests, p50Ms: p50, p99Ms: p99 };
}
