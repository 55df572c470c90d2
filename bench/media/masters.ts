// How long a master playlist takes: of films of an hour that nobody asked for before (their headers in the page cache), one after the
// other by a fresh server, at once and some seconds after its first answer, and of one that is kept. Not here: what the films are (test/support/long-film.ts).

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeLongFilm } from '../../test/support/long-film.js';
import { exchange } from '../load/http-client.js';
import { runWrk } from '../load/wrk.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import { type Session, say } from '../session.js';
import { quantile } from '../statistics.js';

/** Films that are asked for once each. */
const films = 200;
/** How long the last one is asked for again and again, on one connection that stays: a new one for each request, from Node, measures the client. */
const keptSeconds = 2;
/** How long after its first answer a server is asked for films that is not asked at once. */
const upMs = 5000;

/** What one engine took, in milliseconds, sorted. */
export interface MastersCell {
  readonly peer: string;
  readonly isUp: boolean;
  readonly firstMs: number;
  readonly unknownMs: readonly number[];
  readonly keptP50Ms: number;
  readonly keptP99Ms: number;
}

const ascending = (one: number, other: number): number => one - other;

/** Measures both engines. */
export async function measureMasters(session: Session): Promise<MastersCell[]> {
  say(`making ${films} films of an hour`);
  for (let index = 0; index < films; index++) {
    writeLongFilm(join(session.siteDirectory, `hour-${index}.mp4`), { seconds: 3600, framesPerSecond: 25 });
  }
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
  const url = `${peer.origin}/hour-${films - 1}.mp4/master.m3u8`;
  const kept = await runWrk({ url, connections: 1, seconds: keptSeconds, placing: session.placement.load });
  if (kept.trouble !== undefined) throw new Error(`${url}: ${kept.trouble}`);
  const firstMs = unknownMs[0]!;
  await peer.stop();
  const [keptP50Ms, keptP99Ms] = [kept.p50Us, kept.p99Us].map((us) => (us ?? Number.NaN) / 1000) as [number, number];
  return { peer: peer.name, isUp, firstMs, unknownMs: unknownMs.sort(ascending), keptP50Ms, keptP99Ms };
}

/** The table of a run. */
export function renderMasters(cells: readonly MastersCell[]): string {
  const at = (sorted: readonly number[], share: number): string => show(quantile(sorted, share), ' ms');
  const lines = cells.map(({ peer, isUp, firstMs, unknownMs, keptP50Ms, keptP99Ms }) => [
    peer,
    isUp ? 'up for 5 s' : 'at once',
    show(firstMs, ' ms'),
    at(unknownMs, 0.5),
    at(unknownMs, 0.99),
    show(keptP50Ms, ' ms'),
    show(keptP99Ms, ' ms'),
  ]);
  return renderTable(
    ['server', 'films', 'first film of the process', 'unknown film', 'p99 (< 30 ms)', 'kept', 'p99 (< 1 ms)'],
    lines,
    [0, 1],
  );
}
