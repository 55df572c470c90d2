// How long a master playlist takes: of films of an hour that nobody asked for before (their headers in the page cache), one after the
// other by a fresh server, at once and some seconds after its first answer, and of one that is kept, beside a file as long as it is. Not here:
// what the films are (test/support/long-film.ts).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeLongFilm } from '../../test/support/long-film.js';
import { ended, startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { scheduledNsByThread, waitedNsByThread } from '../host/proc.js';
import { exchange, get } from '../load/http-client.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import type { RunningPeer } from '../servers/peer.js';
import { type Session, say } from '../session.js';
import { quantile } from '../statistics.js';

/** Films that are asked for once each. */
const films = 200;
/** How long the last one, and then the file, is asked for again and again, on one connection that stays. */
const keptSeconds = 2;
/** As long as the playlist, and served beside it: what a playlist takes longer is its own. */
const fileName = 'as-long.m3u8';
/** How long after its first answer a server is asked for films that is not asked at once. */
const upMs = 5000;

/** What one engine took, in milliseconds, sorted. */
export interface MastersCell {
  readonly peer: string;
  readonly isUp: boolean;
  readonly firstMs: number;
  readonly unknownMs: readonly number[];
  readonly kept: Asked;
  readonly file: Asked;
}

/** One path, asked for again and again. */
export interface Asked {
  readonly requests: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** All requests above a millisecond, together. */
  readonly longUs: number;
  /** How long the client, and the thread that serves, could have run and had no processor. */
  readonly waitedUs: number;
  readonly serverWaitedUs: number;
}

const ascending = (one: number, other: number): number => one - other;

/** Measures both engines. */
export async function measureMasters(session: Session): Promise<MastersCell[]> {
  say(`making ${films} films of an hour`);
  for (let index = 0; index < films; index++) {
    writeLongFilm(join(session.siteDirectory, `hour-${index}.mp4`), { seconds: 3600, framesPerSecond: 25 });
  }
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  compile('bench/media/ask.c', clientOf(session));
  const cells: MastersCell[] = [];
  for (const engine of ['uring', 'epoll'] as const) {
    for (const isUp of [false, true]) {
      const cell = await measureServer(session, engine, isUp);
      if (cell !== undefined) cells.push(cell);
    }
  }
  return cells;
}

async function measureServer(
  session: Session,
  engine: 'uring' | 'epoll',
  isUp: boolean,
): Promise<MastersCell | undefined> {
  const peer = await session.start(clearwayPeer(engine, '--media'));
  if (peer === undefined) return undefined;
  say(
    `${peer.name}, ${isUp ? 'up for some seconds' : 'at once'}: ${films} films, then one of them for ${keptSeconds} s`,
  );
  const timeOf = async (path: string, expected: number): Promise<number> => {
    const before = performance.now();
    const { status } = await exchange(peer.origin, `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
    if (status !== expected) throw new Error(`${path}: status ${status}`);
    return performance.now() - before;
  };
  const masterOf = (index: number): Promise<number> => timeOf(`/hour-${index}.mp4/master.m3u8`, 200);
  if (isUp) {
    await timeOf('/nothing', 404);
    await sleep(upMs);
  }
  const unknownMs: number[] = [];
  for (let index = 0; index < films; index++) unknownMs.push(await masterOf(index));
  const master = `/hour-${films - 1}.mp4/master.m3u8`;
  const { bodyBytes } = await get(`${peer.origin}${master}`);
  writeFileSync(join(session.siteDirectory, fileName), '#'.repeat(bodyBytes));
  const kept = await ask(session, peer, master);
  const file = await ask(session, peer, `/${fileName}`);
  const firstMs = unknownMs[0]!;
  await peer.stop();
  return { peer: peer.name, isUp, firstMs, unknownMs: unknownMs.sort(ascending), kept, file };
}

const clientOf = ({ scratchDirectory }: Session): string => join(scratchDirectory, 'ask');

async function ask(session: Session, { origin, pid }: RunningPeer, path: string): Promise<Asked> {
  const [ranBefore, waitedBefore] = [scheduledNsByThread(pid), waitedNsByThread(pid)];
  const words = [new URL(origin).port, path, String(keptSeconds)];
  const client = startPinned(session.placement.load, clientOf(session), words);
  const end = await ended(client, (keptSeconds + 15) * 1000);
  if (end.status !== 0) throw new Error(`${path}: ${end.stderr || end.stdout}`);
  // The thread that served is the one that ran most.
  const waited = waitedNsByThread(pid);
  let [most, serverWaitedNs] = [-1, 0];
  for (const [thread, ns] of scheduledNsByThread(pid)) {
    const ran = ns - (ranBefore.get(thread) ?? 0);
    if (ran <= most) continue;
    most = ran;
    serverWaitedNs = (waited.get(thread) ?? 0) - (waitedBefore.get(thread) ?? 0);
  }
  return { ...(JSON.parse(end.stdout) as Omit<Asked, 'serverWaitedUs'>), serverWaitedUs: serverWaitedNs / 1000 };
}

/** The table of a run. */
export function renderMasters(cells: readonly MastersCell[]): string {
  const at = (sorted: readonly number[], share: number): string => show(quantile(sorted, share), ' ms');
  const ms = (us: number): string => show(us / 1000, ' ms');
  const lines = cells.map(({ peer, isUp, firstMs, unknownMs, kept, file }) => [
    peer,
    isUp ? 'up for 5 s' : 'at once',
    show(firstMs, ' ms'),
    at(unknownMs, 0.5),
    at(unknownMs, 0.99),
    ms(kept.p50Us),
    ms(kept.p99Us),
    ms(file.p99Us),
    `${ms(kept.longUs)}, ${ms(kept.serverWaitedUs + kept.waitedUs)}`,
  ]);
  return renderTable(
    [
      ...['server', 'films', 'first film of the process', 'unknown film', 'p99 (< 30 ms)', 'kept', 'p99 (< 1 ms)'],
      ...['a file as long, p99', 'kept ones above 1 ms, all; waited for a processor'],
    ],
    lines,
    [0, 1],
  );
}
