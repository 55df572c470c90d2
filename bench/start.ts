// From the start of a server's process to its first answer, and its memory then. The servers are started as a user starts them,
// on no processor in particular. The first round is thrown away: it brings the programs into the page cache.

import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { stopChild } from './host/child.js';
import { freePort } from './host/port.js';
import { memoryOf } from './host/proc.js';
import type { Options } from './options.js';
import { renderTable, show } from './report.js';
import { selectPeers } from './servers/list.js';
import type { Peer } from './servers/peer.js';
import { type Session, say, withSession } from './session.js';
import { median } from './statistics.js';

/** One start of one server. */
export interface StartRound {
  readonly firstAnswerMs: number;
  readonly rssBytes: number;
  readonly pssBytes: number;
}

/** One server's starts, or why there are none. */
export interface StartResult {
  readonly peer: string;
  readonly rounds: readonly StartRound[];
  readonly trouble: string | undefined;
}

const peersOfStart = ['clearway-uring', 'clearway-epoll', 'nginx', 'bun-directory'];
const fileName = '1KiB.bin';
const limitMs = 15_000;
const attemptMs = 2000;
const fewestRounds = 5;

/** One attempt: true for an answer with status 200; false when nobody listens, or answers otherwise. */
async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    socket.setTimeout(attemptMs, () => socket.destroy());
    socket.on('connect', () => socket.write(`GET /${fileName} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`));
    socket.on('data', (part) => {
      text += part.toString('latin1');
      if (text.length >= 12) socket.destroy();
    });
    socket.on('error', () => {}); // refused: not yet
    socket.on('close', () => resolve(text.startsWith('HTTP/1.1 200')));
  });
}

async function untilAnswered(child: ChildProcess, port: number): Promise<void> {
  const end = Date.now() + limitMs;
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode} before it answered`);
    if (Date.now() > end) throw new Error(`no answer within ${limitMs} ms`);
    await sleep(1);
  }
}

async function measureStart(peer: Peer, { siteDirectory, scratchDirectory, placement }: Session): Promise<StartRound> {
  if (!peer.launch) throw new Error('it cannot be told its port');
  const port = await freePort();
  const placing = { ...placement.server, cpus: undefined };
  const begin = performance.now();
  const child = peer.launch({ siteDirectory, scratchDirectory, placing, port });
  child.stdout?.resume();
  child.stderr?.resume();
  try {
    await untilAnswered(child, port);
    const firstAnswerMs = performance.now() - begin;
    return { firstAnswerMs, ...memoryOf(child.pid!) };
  } finally {
    await stopChild(child);
  }
}

/** Runs `start`. A peer that fails says why in its result. */
export async function runStart(options: Options): Promise<StartResult[]> {
  return withSession(options, [fileName], async (session) => {
    const peers = selectPeers(options.peers ?? peersOfStart);
    const results = peers.map((peer) => ({
      peer,
      rounds: [] as StartRound[],
      trouble: peer.absence(),
    }));
    for (let round = 0; round <= Math.max(fewestRounds, options.rounds); round++) {
      if (round > 0) say(`start: round ${round} of ${Math.max(fewestRounds, options.rounds)}`);
      for (const result of results) {
        if (result.trouble !== undefined) continue;
        try {
          const measured = await measureStart(result.peer, session);
          if (round > 0) result.rounds.push(measured);
        } catch (error) {
          result.trouble = (error as Error).message;
          say(`  start: ${result.peer.name}: ${result.trouble}`);
        }
      }
    }
    return results.map(({ peer, rounds, trouble }) => ({ peer: peer.name, rounds, trouble }));
  });
}

/** The median over the starts of one field; NaN without any. */
export function startMedian(result: StartResult | undefined, field: keyof StartRound): number {
  return median(result?.rounds.map((round) => round[field]) ?? []);
}

/** The results as a table. */
export function renderStart(results: readonly StartResult[]): string {
  const head = ['server', 'first answer ms', 'least', 'most', 'RSS MB', 'PSS MB', 'notes'];
  const lines = results.map((result) => {
    const times = result.rounds.map((round) => round.firstAnswerMs);
    return [
      result.peer,
      show(median(times)),
      times.length === 0 ? '-' : show(Math.min(...times)),
      times.length === 0 ? '-' : show(Math.max(...times)),
      show(startMedian(result, 'rssBytes') / 1e6),
      show(startMedian(result, 'pssBytes') / 1e6),
      result.trouble ?? '',
    ];
  });
  return renderTable(head, lines, [0, 6]);
}
