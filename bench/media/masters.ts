// How long a master playlist takes: of films of an hour that nobody asked for before (their headers in the page cache), one after the
// other by a fresh server, and of one that is kept. Not here: what the films are (test/support/long-film.ts).

import { join } from 'node:path';
import { writeLongFilm } from '../../test/support/long-film.js';
import { exchange } from '../load/http-client.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import { type Session, say } from '../session.js';

/** Films that are asked for once each, and times that the last one is asked for again. */
const films = 200;
const repeats = 2000;

/** What one engine took, in milliseconds, sorted. */
export interface MastersCell {
  readonly peer: string;
  readonly firstMs: number;
  readonly unknownMs: readonly number[];
  readonly keptMs: readonly number[];
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
    const peer = await session.start(clearwayPeer(engine, '--media'));
    if (peer === undefined) continue;
    say(`${peer.name}: ${films} films, then one of them ${repeats} times`);
    const timeOf = async (index: number): Promise<number> => {
      const request = `GET /hour-${index}.mp4/master.m3u8 HTTP/1.1\r\nHost: bench\r\n\r\n`;
      const before = performance.now();
      const { status } = await exchange(peer.origin, request);
      if (status !== 200) throw new Error(`hour-${index}.mp4/master.m3u8: status ${status}`);
      return performance.now() - before;
    };
    const unknownMs: number[] = [];
    for (let index = 0; index < films; index++) unknownMs.push(await timeOf(index));
    const keptMs: number[] = [];
    for (let index = 0; index < repeats; index++) keptMs.push(await timeOf(films - 1));
    const firstMs = unknownMs[0]!;
    cells.push({ peer: peer.name, firstMs, unknownMs: unknownMs.sort(ascending), keptMs: keptMs.sort(ascending) });
    await peer.stop();
  }
  return cells;
}

/** The table of a run. */
export function renderMasters(cells: readonly MastersCell[]): string {
  const at = (sorted: readonly number[], share: number): string =>
    show(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN, ' ms');
  const lines = cells.map(({ peer, firstMs, unknownMs, keptMs }) => [
    peer,
    show(firstMs, ' ms'),
    at(unknownMs, 0.5),
    at(unknownMs, 0.99),
    at(keptMs, 0.5),
    at(keptMs, 0.99),
  ]);
  return renderTable(
    ['server', 'first film of the process', 'unknown film', 'p99 (< 30 ms)', 'kept', 'p99 (< 1 ms)'],
    lines,
    [0],
  );
}
