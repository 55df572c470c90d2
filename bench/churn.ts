// After many requests that ended badly, or without a body, a server must hold what it held before: descriptors by /proc, frames
// by Clearway's own metrics.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFramesInUse } from './copies.js';
import { writeRandomFile } from './files.js';
import { descriptorTargets, memoryOf } from './host/proc.js';
import { type ChurnCounts, type ChurnPlan, runChurnLoad } from './load/churn-load.js';
import type { Options } from './options.js';
import { renderTable, show } from './report.js';
import { siteFiles } from './rows.js';
import { selectPeers } from './servers/list.js';
import type { RunningPeer } from './servers/peer.js';
import { type Absent, type Session, say, withSession } from './session.js';

/** What a server holds at one moment. */
export interface Holding {
  readonly descriptors: number;
  /** Frames in use; undefined where the server has none. */
  readonly frames: number | undefined;
  readonly rssBytes: number;
}

/** Before and after, for one server. */
export interface ChurnResult {
  readonly peer: string;
  readonly requests: number;
  readonly before: Holding | undefined;
  readonly after: Holding | undefined;
  readonly counts: ChurnCounts | undefined;
  readonly trouble: string | undefined;
}

/** What the sub-command found. */
export interface ChurnReport {
  readonly results: readonly ChurnResult[];
  readonly absent: readonly Absent[];
}

const requestCount = 10_000;
const warmRequestCount = 600;
const settleLimitMs = 6_000;
const defaultPeers = ['clearway-uring', 'clearway-epoll', 'nginx', 'node-http'];
const smallFiles = siteFiles.filter((file) => file.bytes <= 1 << 20);
/** Larger than the socket buffers of both ends together, so that a client that leaves does so while the server is sending. */
const largeFile = { name: 'churn-32MiB.bin', bytes: 32 << 20 };
const files = [...smallFiles, largeFile].map(({ name, bytes }) => ({ path: `/${name}`, bytes }));

async function holdingOf(peer: RunningPeer): Promise<Holding> {
  const frames = peer.metricsUrl === undefined ? undefined : await readFramesInUse(peer.metricsUrl);
  return { descriptors: descriptorTargets(peer.pid).length, frames, rssBytes: memoryOf(peer.pid).rssBytes };
}

/** Waits until the server holds no more than `goal`, at most 6 s: connections that are gone may still be on their way out. */
async function settle(peer: RunningPeer, goal: Holding): Promise<Holding> {
  const deadline = Date.now() + settleLimitMs;
  for (;;) {
    const now = await holdingOf(peer);
    const back = now.descriptors <= goal.descriptors && (now.frames ?? 0) <= (goal.frames ?? 0);
    if (back || Date.now() > deadline) return now;
    await sleep(250);
  }
}

async function churnPeer(peer: RunningPeer, requests: number, session: Session): Promise<ChurnResult> {
  let before: Holding | undefined;
  try {
    const plan: ChurnPlan = { origin: peer.origin, files, requests: Math.min(warmRequestCount, requests), seed: 1 };
    // The same mixture first, so that files that stay open and frames that stay filled on purpose are there before as well.
    await runChurnLoad(plan, session.placement.load, 60);
    await sleep(1500);
    before = await holdingOf(peer);
    const counts = await runChurnLoad({ ...plan, requests, seed: 2 }, session.placement.load, 120);
    const after = await settle(peer, before);
    const trouble = counts.troubles.length === 0 ? undefined : counts.troubles.slice(0, 3).join('; ');
    return { peer: peer.name, requests, before, after, counts, trouble };
  } catch (error) {
    const trouble = (error as Error).message;
    return { peer: peer.name, requests, before, after: undefined, counts: undefined, trouble };
  }
}

/** Runs `churn` over the peers, one after the other. */
export async function runChurn(options: Options): Promise<ChurnReport> {
  const requests = Math.max(1, Math.round(requestCount * options.scale));
  const names = smallFiles.map((file) => file.name);
  return withSession(options, names, async (session) => {
    writeRandomFile(join(session.siteDirectory, largeFile.name), largeFile.bytes, 32);
    const results: ChurnResult[] = [];
    for (const peer of selectPeers(options.peers ?? defaultPeers)) {
      const running = await session.start(peer);
      if (!running) continue;
      say(`churn: ${peer.name}`);
      results.push(await churnPeer(running, requests, session));
      await running.stop();
    }
    return { results, absent: session.absent };
  });
}

/** Growth of descriptors and frames; NaN where it was not measured. */
export function churnGrowth(result: ChurnResult | undefined): { descriptors: number; frames: number } {
  const { before, after } = result ?? {};
  if (!before || !after) return { descriptors: Number.NaN, frames: Number.NaN };
  const frames = before.frames === undefined || after.frames === undefined ? Number.NaN : after.frames - before.frames;
  return { descriptors: after.descriptors - before.descriptors, frames };
}

/** The results as a table. */
export function renderChurn({ results, absent }: ChurnReport): string {
  const head = [
    'server',
    'requests',
    'fds before',
    'fds after',
    'frames before',
    'frames after',
    'RSS growth MiB',
    'notes',
  ];
  const number = (value: number | undefined) => show(value ?? Number.NaN);
  const lines = results.map(({ peer, requests, before, after, trouble }) => [
    peer,
    number(requests),
    number(before?.descriptors),
    number(after?.descriptors),
    number(before?.frames),
    number(after?.frames),
    before && after ? show((after.rssBytes - before.rssBytes) / 2 ** 20) : '-',
    trouble ?? '',
  ]);
  const missing = absent.map(({ name, reason }) => `* not in this run: ${name}: ${reason}`);
  return [renderTable(head, lines, [0, 7]), ...missing].join('\n');
}
