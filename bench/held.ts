// The two measurements of connections that do nothing: `idle` (memory of keep-alive connections between requests) and
// `stalled` (memory and descriptors of readers that asked for 1 GiB and do not read).
//
// Each round starts a fresh server, because memory that an earlier crowd left behind would make the next one look free. A tenth
// of the crowd comes first and stays: it pays for what a server sets up once, and the growth from there on is divided by the
// other nine tenths. Before both the server rests, because V8 gives the garbage of its start back after some eight idle seconds,
// and given back during the measurement that would be subtracted from the connections.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { descriptorTargets, memoryOf } from './host/proc.js';
import { type HoldMode, hold, holdAbsence, release } from './load/hold.js';
import type { Options } from './options.js';
import { renderTable, show } from './report.js';
import { selectPeers } from './servers/list.js';
import type { Peer, RunningPeer } from './servers/peer.js';
import { type Session, say, withSession } from './session.js';
import { median } from './statistics.js';

/** What one crowd of held connections cost one server. */
export interface HeldRound {
  readonly connections: number;
  /** Connections the server still kept when the measurement was over. */
  readonly kept: number;
  /** Growth of the server's proportional set size per connection of the second crowd; memory of the kernel's sockets is not in it. */
  readonly memoryBytesEach: number;
  /** Descriptors that refer to the requested file. */
  readonly fileDescriptors: number;
  /** All further descriptors per connection, the socket itself included. */
  readonly otherDescriptorsEach: number;
}

/** One server's rounds, or why it has none. */
export interface HeldResult {
  readonly mode: HoldMode;
  readonly peer: string;
  readonly rounds: readonly HeldRound[];
  readonly trouble: string | undefined;
}

const fileOf: Record<HoldMode, string> = { idle: '1KiB.bin', stalled: '1GiB.bin' };
const countOf: Record<HoldMode, number> = { idle: 10_000, stalled: 1_000 };
const restMs = 11_000;
const settleMs = 2000;

/** The peers compared by default: JavaScript peers join with --peers. */
const defaultPeers = ['clearway-uring', 'clearway-epoll', 'nginx'];

async function settledMemory(peer: RunningPeer): Promise<number> {
  await sleep(settleMs);
  const samples: number[] = [];
  for (let index = 0; index < 5; index++) {
    samples.push(memoryOf(peer.pid).pssBytes);
    await sleep(100);
  }
  return median(samples);
}

async function measureHeld(peer: RunningPeer, mode: HoldMode, count: number, session: Session): Promise<HeldRound> {
  const placing = session.placement.load;
  const url = `${peer.origin}/${fileOf[mode]}`;
  const path = join(session.siteDirectory, fileOf[mode]);
  const firstCount = Math.max(1, Math.round(count / 10));
  const descriptorsBefore = descriptorTargets(peer.pid).length;
  await sleep(restMs);
  const first = await hold(mode, url, firstCount, placing);
  const memoryBefore = await settledMemory(peer);
  const second = await hold(mode, url, count - firstCount, placing);
  const memoryAfter = await settledMemory(peer);
  const targets = descriptorTargets(peer.pid);
  const kept = (await release(first)) + (await release(second));
  const failed = first.failed + second.failed;
  if (failed > 0) throw new Error(`${failed} of ${count} connections failed`);
  const fileDescriptors = targets.filter((target) => target === path).length;
  return {
    connections: count,
    kept,
    memoryBytesEach: (memoryAfter - memoryBefore) / (count - firstCount),
    fileDescriptors,
    otherDescriptorsEach: (targets.length - fileDescriptors - descriptorsBefore) / count,
  };
}

async function measurePeer(peer: Peer, mode: HoldMode, options: Options, session: Session): Promise<HeldResult> {
  const count = Math.max(1, Math.round(countOf[mode] * options.scale));
  const rounds: HeldRound[] = [];
  let trouble = holdAbsence(count) ?? peer.refusal(fileOf[mode]);
  for (let round = 0; round < Math.min(options.rounds, options.quick ? 2 : 3) && trouble === undefined; round++) {
    say(`${mode}: ${peer.name}, round ${round + 1}`);
    const running = await session.start(peer);
    if (!running) {
      trouble = session.absent.at(-1)?.reason;
      break;
    }
    try {
      rounds.push(await measureHeld(running, mode, count, session));
    } catch (error) {
      trouble = (error as Error).message;
    } finally {
      await running.stop();
    }
  }
  return { mode, peer: peer.name, rounds, trouble };
}

/** Runs `idle` or `stalled` over the peers. A peer that fails says why in its result. */
export async function runHeld(mode: HoldMode, options: Options): Promise<readonly HeldResult[]> {
  const peers = selectPeers(options.peers ?? defaultPeers);
  return withSession(options, ['1KiB.bin', fileOf[mode]], async (session) => {
    const results: HeldResult[] = [];
    for (const peer of peers) results.push(await measurePeer(peer, mode, options, session));
    return results;
  });
}

/** The median over a result's rounds of one of its values; NaN without rounds. */
export function heldMedian(result: HeldResult | undefined, field: keyof HeldRound): number {
  return median((result?.rounds ?? []).map((round) => round[field]));
}

/** The largest memory per connection over the rounds: garbage collected in between can only make a round look too good. */
export function largestMemoryEach(result: HeldResult | undefined): number {
  const values = (result?.rounds ?? []).map((round) => round.memoryBytesEach);
  return values.length === 0 ? Number.NaN : Math.max(...values);
}

/** The results as a table. */
export function renderHeld(results: readonly HeldResult[]): string {
  const head = [
    '',
    'server',
    'connections',
    'memory B each (largest)',
    'fds of the file',
    'other fds each',
    'still open',
    'notes',
  ];
  const lines = results.map((result) => [
    result.mode,
    result.peer,
    show(heldMedian(result, 'connections')),
    show(largestMemoryEach(result)),
    show(heldMedian(result, 'fileDescriptors')),
    show(heldMedian(result, 'otherDescriptorsEach')),
    show(heldMedian(result, 'kept')),
    result.trouble ?? '',
  ]);
  return renderTable(head, lines, [0, 1, 7]);
}
