// The program that asks block devices: every row of every one in turn, a round after the other, so that what slows the machine for a while slows all.
// It runs on a processor of its own, is given its plan as JSON in its first argument, and writes what it found as JSON.

import { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import { bitsOf, Feature } from '../../src/vhost/protocol.js';
import { say } from '../session.js';
import { imageBytes, type RunningSubject } from './back-ends.js';
import {
  type BlockMeasurement,
  type BlockRow,
  blockRows,
  measureBlock,
  measureTrip,
  mostBytes,
  mostDepth,
  type Target,
} from './block-load.js';
import { domainNsPerRequest } from './domain-cost.js';

/** What is to be done. */
export interface LoadPlan {
  readonly subjects: readonly RunningSubject[];
  readonly rows: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
}

/** A subject at a row. */
export interface BlockCell {
  readonly row: string;
  readonly subject: string;
  readonly rounds: readonly BlockMeasurement[];
}

/** What was found. */
export interface LoadResult {
  readonly cells: readonly BlockCell[];
  /** Round trips by eventfds in microseconds, a value each round, by subject. */
  readonly trips: Readonly<Record<string, readonly number[]>>;
  /** Nanoseconds that the checks of one request's addresses take, a value each round. */
  readonly domainNs: readonly number[];
}

async function connect({ socket, pid, layout }: RunningSubject): Promise<{ frontEnd: FrontEnd; target: Target }> {
  const frontEnd = await FrontEnd.connect(socket);
  const packed = layout === 'packed' ? bitsOf(Feature.packed) : 0n;
  await frontEnd.start({ features: packed | bitsOf(Feature.eventIndex, 9n), queues: 1, size: 128 });
  if ((frontEnd.features & packed) !== packed) throw new Error('it offers no packed queues');
  const [queue] = frontEnd.queues as [FrontEnd['queues'][number]];
  const disk = new BlockDriver(queue, frontEnd.memory, { depth: mostDepth, bytes: mostBytes });
  return { frontEnd, target: { queue, disk, pid, imageBytes } };
}

function measureAll(targets: ReadonlyMap<string, Target>, rows: readonly BlockRow[], plan: LoadPlan): LoadResult {
  const cells = new Map<string, { row: string; subject: string; rounds: BlockMeasurement[] }>();
  const trips: Record<string, number[]> = {};
  const domainNs: number[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const row of rows) {
      say(`${row.name}: round ${round + 1} of ${plan.rounds}`);
      for (const [subject, target] of targets) {
        const key = `${row.name} ${subject}`;
        const cell = cells.get(key) ?? { row: row.name, subject, rounds: [] };
        cells.set(key, cell);
        cell.rounds.push(measureBlock(target, row, plan.seconds));
      }
    }
    for (const [subject, target] of targets) {
      trips[subject] ??= [];
      trips[subject].push(measureTrip(target, Math.min(1, plan.seconds)));
    }
    domainNs.push(domainNsPerRequest(Math.min(0.5, plan.seconds)));
  }
  return { cells: [...cells.values()], trips, domainNs };
}

async function main(plan: LoadPlan): Promise<void> {
  const connected = new Map<string, Awaited<ReturnType<typeof connect>>>();
  try {
    for (const subject of plan.subjects) connected.set(subject.name, await connect(subject));
    const targets = new Map([...connected].map(([name, { target }]) => [name, target] as const));
    const rows = blockRows.filter(({ name }) => plan.rows.includes(name));
    process.stdout.write(JSON.stringify(measureAll(targets, rows, plan)));
  } finally {
    for (const { frontEnd } of connected.values()) frontEnd.close();
  }
}

await main(JSON.parse(process.argv[2]!) as LoadPlan);
