// What the tables of very long films cost: memory, and how long reading them keeps the others waiting. Films of three hours at 60 frames a
// second, one after the other, by a server that has been up for some seconds; turns of its loop by its own metrics, by the wall's clock.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeLongFilm } from '../../test/support/long-film.js';
import { waitedNsByThread } from '../host/proc.js';
import { exchange, readMetrics, type Sample } from '../load/http-client.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import { type Session, say } from '../session.js';

const films = 20;
const film = { seconds: 3 * 3600, framesPerSecond: 60 };
/** How long after its first answer a server is asked for films: V8 has compiled its code by then. */
const upMs = 5000;
const limitSeconds = 0.002;

/** What one engine took. */
export interface TablesCell {
  readonly peer: string;
  /** Of one film, on average. */
  readonly indexBytes: number;
  readonly filmMs: number;
  readonly turns: number;
  readonly longTurns: number;
  /** No turn took more. */
  readonly longestBelowMs: number;
  /** How long threads of the server could have run and had no processor. */
  readonly waitedMs: number;
}

/** Measures both engines. */
export async function measureTables(session: Session): Promise<TablesCell[]> {
  say(`making ${films} films of three hours`);
  for (let index = 0; index < films; index++) writeLongFilm(join(session.siteDirectory, `long-${index}.mp4`), film);
  const cells: TablesCell[] = [];
  for (const engine of ['uring', 'epoll'] as const) {
    const peer = await session.start(clearwayPeer(engine, '--media'));
    if (peer === undefined) continue;
    say(`${peer.name}: ${films} films of three hours`);
    const ask = async (path: string, expected: number): Promise<void> => {
      const { status } = await exchange(peer.origin, `GET ${path} HTTP/1.1\r\nHost: bench\r\n\r\n`);
      if (status !== expected) throw new Error(`${path}: status ${status}`);
    };
    await ask('/nothing', 404);
    await sleep(upMs);
    const waitedBeforeNs = allOf(waitedNsByThread(peer.pid));
    const before = await readMetrics(peer.metricsUrl!);
    const begunMs = performance.now();
    for (let index = 0; index < films; index++) await ask(`/long-${index}.mp4/master.m3u8`, 200);
    const filmMs = (performance.now() - begunMs) / films;
    // Gauges are written once a tick.
    await sleep(500);
    const after = await readMetrics(peer.metricsUrl!);
    const waitedMs = (allOf(waitedNsByThread(peer.pid)) - waitedBeforeNs) / 1e6;
    await peer.stop();
    const turns = turnsWithin(after, before);
    const all = turns.get(Number.POSITIVE_INFINITY)!;
    const bounds = [...turns.keys()].sort((one, other) => one - other);
    cells.push({
      ...{ peer: peer.name, filmMs, waitedMs, turns: all, longTurns: all - turns.get(limitSeconds)! },
      indexBytes: figureOf(after, 'clearway_film_bytes') / figureOf(after, 'clearway_films'),
      longestBelowMs: bounds.find((bound) => turns.get(bound) === all)! * 1000,
    });
  }
  return cells;
}

const allOf = (byThread: ReadonlyMap<number, number>): number =>
  [...byThread.values()].reduce((sum, each) => sum + each, 0);

const figureOf = (samples: readonly Sample[], name: string): number =>
  samples.find((sample) => sample.name === name)!.value;

/** Turns between two readings, by the bound in seconds that they stayed below. */
function turnsWithin(after: readonly Sample[], before: readonly Sample[]): Map<number, number> {
  const bucketsOf = (samples: readonly Sample[]) =>
    samples.filter(({ name }) => name === 'clearway_turn_duration_seconds_bucket');
  const earlier = bucketsOf(before);
  return new Map(
    bucketsOf(after).map(({ labels, value }, index) => [
      labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']),
      value - earlier[index]!.value,
    ]),
  );
}

/** The table of a run. */
export function renderTables(cells: readonly TablesCell[]): string {
  const lines = cells.map((cell) => [
    cell.peer,
    show(cell.indexBytes / 2 ** 20, ' MiB'),
    show(cell.filmMs, ' ms'),
    show(cell.turns),
    show(cell.longTurns),
    show(cell.longestBelowMs, ' ms'),
    show(cell.waitedMs, ' ms'),
  ]);
  const head = [
    ...['server', 'tables of a film (< 16 MiB)', 'a film', 'turns of the loop', 'above 2 ms (0)', 'none above'],
    'waited for a processor',
  ];
  return renderTable(head, lines, [0]);
}
