// What it costs to send segments: CPU seconds a GiB of segments that are made of references, beside nginx with the same segments as
// plain files. The load asks for the segments of a rendition in turn.

import { join } from 'node:path';
import { exchange } from '../load/http-client.js';
import { runWrk, writeRequests } from '../load/wrk.js';
import { type Measurement, measureQuietly } from '../measure.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import { nginxWith } from '../servers/nginx.js';
import type { RunningPeer } from '../servers/peer.js';
import { type Session, say } from '../session.js';
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import type { ResponseSize } from '../verify.js';
import { films, makeFilm } from './films.js';
import { renditionsOf, type Segment, writePlainSegments } from './segments.js';

/** Connections of the load. */
const connections = 16;

/** One kind of work, with the bound that it is held to. */
interface Row {
  readonly name: string;
  readonly atMost: number;
  readonly segments: readonly Segment[];
}

/** One server at one row. */
export interface CostCell {
  readonly row: string;
  readonly atMost: number;
  readonly peer: string;
  readonly rounds: (Measurement | undefined)[];
}

const requestFor = (path: string, origin: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${new URL(origin).host}\r\n\r\n`;

/** The rows: each rendition alone, and what a viewer asks for: video and audio in turn. */
async function rowsOf(origin: string): Promise<Row[]> {
  const [contiguous] = await renditionsOf(origin, films.contiguous.name);
  const interleaved = await renditionsOf(origin, films.interleaved.name);
  const video = interleaved.find(({ kind }) => kind === 'video')!.segments;
  const audio = interleaved.find(({ kind }) => kind === 'audio')!.segments;
  const mix = video.flatMap((segment, index) => (audio[index] === undefined ? [segment] : [segment, audio[index]]));
  return [
    { name: 'extents of 64 KiB and more', atMost: 1.1, segments: contiguous!.segments },
    { name: 'video, packet by packet, 4 Mbit/s', atMost: 1.3, segments: video },
    { name: 'its audio', atMost: 3, segments: audio },
    { name: "a viewer's mix", atMost: 1.2, segments: mix },
  ];
}

async function sizeOf(origin: string, segments: readonly Segment[]): Promise<ResponseSize> {
  let headBytes = 0;
  let bodyBytes = 0;
  for (const { path } of segments) {
    const answer = await exchange(origin, requestFor(path, origin));
    if (answer.status !== 200) throw new Error(`${path}: status ${answer.status}`);
    headBytes += answer.head.length;
    bodyBytes += answer.bodyBytes;
  }
  return { headBytes: headBytes / segments.length, bodyBytes: bodyBytes / segments.length, uniform: false };
}

/** Measures every row on every server, interleaved. */
export async function measureCost(session: Session, rounds: number, seconds: number): Promise<CostCell[]> {
  for (const film of Object.values(films)) {
    say(`making ${film.name}`);
    makeFilm(film, session.siteDirectory);
  }
  const running: RunningPeer[] = [];
  for (const peer of [
    clearwayPeer('uring', '--media', '--pace', '0'),
    clearwayPeer('epoll', '--media', '--pace', '0'),
  ]) {
    const started = await session.start(peer);
    if (started !== undefined) running.push(started);
  }
  if (running.length === 0) throw new Error('Clearway did not start');
  const rows = await rowsOf(running[0]!.origin);
  for (const { segments } of rows)
    await writePlainSegments(running[0]!.origin, segments, `${session.siteDirectory}-plain`);
  const nginx = await session.start({
    ...nginxWith('nginx', ''),
    start: (context) => nginxWith('nginx', '').start({ ...context, siteDirectory: `${session.siteDirectory}-plain` }),
  });
  if (nginx !== undefined) running.push(nginx);
  const cells: CostCell[] = [];
  for (const row of rows) {
    const contests = [];
    for (const peer of running) {
      const file = join(session.scratchDirectory, `${peer.name}.requests`.replaceAll(/[^\w.]+/g, '-'));
      writeRequests(
        file,
        row.segments.map(({ path }) => requestFor(path, peer.origin)),
      );
      const load = (wholeSeconds: number) =>
        runWrk({
          url: `${peer.origin}${row.segments[0]!.path}`,
          connections,
          seconds: wholeSeconds,
          placing: session.placement.load,
          requests: { file, order: 'sequence' },
        });
      const size = await sizeOf(peer.origin, row.segments);
      const cell: CostCell = { row: row.name, atMost: row.atMost, peer: peer.name, rounds: [] };
      cells.push(cell);
      contests.push({ cell, trial: { peer, size, connections, load } });
      await measureQuietly({ peer, size, connections, load }, 1);
    }
    for (let round = 0; round < rounds; round++) {
      say(`${row.name}: round ${round + 1} of ${rounds}`);
      for (const { cell, trial } of contests) cell.rounds.push((await measureQuietly(trial, seconds)).measurement);
    }
  }
  return cells;
}

const values = (cell: CostCell | undefined): number[] =>
  cell?.rounds.map((round) => round?.cpuSecondsPerGib ?? Number.NaN) ?? [];

/** The rows with their ratios to nginx and what the bound says. */
export function renderCost(cells: readonly CostCell[]): string {
  const lines = cells.map((cell) => {
    const nginx = cells.find(({ row, peer }) => row === cell.row && peer === 'nginx');
    const ratio = pairedRatio(values(cell), values(nginx));
    const spread = range(roundRatios(values(cell), values(nginx)));
    const isOurs = cell.peer.startsWith('clearway');
    const copied = median(cell.rounds.map((round) => round?.copiedPerBodyByte ?? Number.NaN));
    return [
      cell.row,
      cell.peer,
      show(median(values(cell)), ' s'),
      isOurs ? show(ratio, 'x') : '',
      isOurs && spread !== undefined ? `${show(spread.least)} to ${show(spread.most)}` : '',
      isOurs ? `<= ${cell.atMost}x` : '',
      isOurs ? (Number.isNaN(ratio) ? 'not measured' : ratio <= cell.atMost ? 'met' : 'missed') : '',
      isOurs ? show(copied) : '',
    ];
  });
  const head = [
    'work',
    'server',
    'CPU / GiB',
    '/ nginx',
    'of the rounds',
    'bound',
    'verdict',
    'copied in user space, a byte',
  ];
  return renderTable(head, lines, [0, 1, 6]);
}
