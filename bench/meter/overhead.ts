// What the meter costs: the same work in rounds with and without it, one beside the other, and the median of the pairs. Which
// comes first changes from pair to pair, so that a machine that slows down or speeds up favours neither.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createMeter, type Tier } from '../../src/meter/index.js';
import { choosePlacement } from '../host/child.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';
import { runWrk } from '../load/wrk.js';
import { clearwayPeer } from '../servers/clearway.js';
import { median } from '../statistics.js';
import { Worker } from './worker.js';

/** One round: CPU time for each unit of work, and units each second. */
export interface Cost {
  readonly cpuNsEach: number;
  readonly perSecond: number;
}

/** Rounds in pairs. */
export interface Comparison {
  readonly without: readonly Cost[];
  readonly with: readonly Cost[];
  readonly tier: Tier;
}

/** What the meter adds, as shares: 0.05 is 5 %. */
export interface Overhead {
  readonly cpu: number;
  readonly throughput: number;
  /** The pairs' smallest and largest, for CPU. */
  readonly cpuRange: readonly [number, number];
  readonly cpuNsWithout: number;
  readonly cpuNsWith: number;
}

/** The medians over pairs. */
export function overheadOf({ without, with: metered }: Comparison): Overhead {
  const cpu = metered.map((cost, index) => cost.cpuNsEach / without[index]!.cpuNsEach - 1);
  return {
    cpu: median(cpu),
    throughput: median(metered.map((cost, index) => without[index]!.perSecond / cost.perSecond - 1)),
    cpuRange: [Math.min(...cpu), Math.max(...cpu)],
    cpuNsWithout: median(without.map((cost) => cost.cpuNsEach)),
    cpuNsWith: median(metered.map((cost) => cost.cpuNsEach)),
  };
}

/** Compares over `pairs`; the first round of each kind warms up and is thrown away. */
export async function compare(round: () => Promise<Cost>, pairs: number, sockets = false): Promise<Comparison> {
  const without: Cost[] = [];
  const metered: Cost[] = [];
  let tier: Tier = 'tracepoints';
  const roundWith = async () => {
    const meter = createMeter({ scope: { kind: 'all' }, sockets });
    tier = meter.tier;
    try {
      return await round();
    } finally {
      meter.close();
    }
  };
  await round();
  await roundWith();
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) without.push(await round());
    metered.push(await roundWith());
    if (pair % 2 === 1) without.push(await round());
  }
  return { without, with: metered, tier };
}

/** TCP over loopback, messages of 64 KiB, sender and receiver on one thread: no work but the sockets'. */
export async function compareTcp(pairs: number, roundMs: number): Promise<Comparison> {
  const worker = await Worker.start('tcp', choosePlacement().load.cpus);
  try {
    return await compare(async () => {
      const { cpuNs, wallNs, messages } = await worker.round(roundMs);
      return { cpuNsEach: cpuNs / messages, perSecond: (messages * 1e9) / wallNs };
    }, pairs);
  } finally {
    await worker.stop();
  }
}

/** Clearway serving 1 KiB to 64 connections of wrk: the server's CPU time for each request. */
export async function compareServing(pairs: number, roundSeconds: number, folder: string): Promise<Comparison> {
  const siteDirectory = join(folder, 'site');
  const scratchDirectory = join(folder, 'scratch');
  mkdirSync(siteDirectory);
  mkdirSync(scratchDirectory);
  writeFileSync(join(siteDirectory, '1KiB.bin'), 'x'.repeat(1024));
  const placement = choosePlacement();
  const peer = await clearwayPeer('uring').start({ siteDirectory, scratchDirectory, placing: placement.server });
  try {
    return await compare(async () => {
      const before = treeCpu(peer.pid);
      const load = { url: `${peer.origin}/1KiB.bin`, connections: 64, seconds: roundSeconds, placing: placement.load };
      const { requests, durationSeconds, trouble } = await runWrk(load);
      if (trouble !== undefined) throw new Error(trouble);
      await sleep(20);
      const cpuNs = treeCpuBetweenNs(before, treeCpu(peer.pid));
      return { cpuNsEach: cpuNs / requests, perSecond: requests / durationSeconds };
    }, pairs);
  } finally {
    await peer.stop();
  }
}
