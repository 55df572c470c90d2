// Many viewers of a film, each with a play-out buffer: stalls, how evenly segments come, and CPU a viewer, beside nginx with
// limit_rate, Node with streams, and the least that sendfile costs (floor.c). On loopback, and over a veth pair with an MTU of 1500 where network namespaces may be made.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended, type Placing, startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { treeCpu, treeCpuBetweenNs } from '../host/cpu.js';
import { renderTable, show } from '../report.js';
import { clearwayPeer } from '../servers/clearway.js';
import { nginxWith } from '../servers/nginx.js';
import { commandPeer, type Peer, type RunningPeer, repositoryRoot } from '../servers/peer.js';
import { type Session, say } from '../session.js';
import { median } from '../statistics.js';
import { films, makeFilm } from './films.js';
import { renditionsOf, type Segment, writePlainSegments } from './segments.js';

/** What is asked for of the viewers. */
export interface ViewersPlan {
  readonly viewers: number;
  readonly seconds: number;
  readonly rounds: number;
}

/**
 * Seconds that each server is watched before it is measured: what a viewer costs is asked for, not what a compiler and a rehearsal do
 * once in a process's life.
 */
const warmUpSeconds = 20;
/** Media that a viewer holds at most. */
const bufferMs = 12_000;
/** What a response may have above the media's own rate: the same for nginx and for `--pace auto`. */
const paceFactor = 1.5;
const device = { address: '10.97.0.1', peer: '10.97.0.2', mtu: 1500 };

/** The viewers' program, and the file that says what they watch. */
export interface ViewersList {
  readonly program: string;
  readonly listFile: string;
}

/** What one run found. */
export interface ViewersRound {
  readonly stalls: number;
  readonly segments: number;
  readonly retries: number;
  /** Viewers who stalled and had lost no connection before. */
  readonly stalledUnretried: number;
  readonly badStatus: number;
  readonly deliveryP50Ms: number;
  readonly deliveryP99Ms: number;
  readonly jitterP99Ms: number;
  /** Times that the load itself came late: above 0 its figures are doubtful. */
  readonly late: number;
  readonly cpuMsPerViewerSecond: number;
}

/** One server on one network. */
export interface ViewersCell {
  readonly network: 'loopback' | 'veth';
  readonly peer: string;
  readonly rounds: ViewersRound[];
}

/** Where viewers come from. */
export interface Network {
  readonly name: ViewersCell['network'];
  readonly address: string;
  /** What stands before the load's command. */
  readonly under: readonly string[];
}

/** Makes a namespace for the load with one end of a veth pair. undefined where that is not allowed, or the reason printed. */
function openVeth(): { network: Network; close(): void } | undefined {
  const name = `clearway-viewers-${process.pid}`;
  const ip = (...words: string[]): boolean => spawnSync('ip', words, { stdio: 'ignore' }).status === 0;
  const end = `cwv${process.pid % 100_000}`;
  const close = (): void => void ip('netns', 'delete', name);
  const { address, peer, mtu } = device;
  const made =
    ip('netns', 'add', name) &&
    ip(
      'link',
      'add',
      end,
      'mtu',
      String(mtu),
      'type',
      'veth',
      'peer',
      'name',
      'eth',
      'mtu',
      String(mtu),
      'netns',
      name,
    ) &&
    ip('addr', 'add', `${address}/24`, 'dev', end) &&
    ip('link', 'set', end, 'up') &&
    ip('-n', name, 'addr', 'add', `${peer}/24`, 'dev', 'eth') &&
    ip('-n', name, 'link', 'set', 'eth', 'up');
  if (!made) {
    close();
    say('skipped: veth: network namespaces cannot be made here');
    return undefined;
  }
  return { network: { name: 'veth', address, under: ['ip', 'netns', 'exec', name] }, close };
}

/** @param floor the program of floor.c */
function peersFor(plainDirectory: string, bitsPerSecond: number, floor: string): readonly Peer[] {
  const rate = Math.round((bitsPerSecond * paceFactor) / 8);
  const onPlain = (peer: Peer): Peer => ({
    ...peer,
    start: (context) => peer.start({ ...context, siteDirectory: plainDirectory }),
  });
  // nginx paces each response by itself, and lets the first second of its rate go at once.
  const nginx = nginxWith('nginx limit_rate', `limit_rate ${rate};`);
  const program = join(repositoryRoot, 'dist/bench/media/node-server.js');
  const node = commandPeer(
    'node streams',
    () => undefined,
    (site, port, address) => [process.execPath, program, site, String(port), address],
  );
  // Nobody answers with fewer calls: one sendfile a second for each viewer.
  const least = commandPeer(
    'C floor',
    () => undefined,
    (site, _port, address) => [floor, site, address, String(rate), '1000'],
  );
  return [
    clearwayPeer('uring', '--media', '--pace', 'auto'),
    clearwayPeer('epoll', '--media', '--pace', 'auto'),
    onPlain(nginx),
    onPlain(least),
    onPlain(node),
  ];
}

/** Lets viewers of a list watch one server. */
export async function runViewers(
  { program, listFile }: ViewersList,
  peer: RunningPeer,
  network: Network,
  plan: ViewersPlan,
  placing: Placing,
): Promise<ViewersRound> {
  const { port } = new URL(peer.origin);
  const words = [network.address, port, String(plan.viewers), String(plan.seconds), String(bufferMs), listFile];
  const command = [...network.under, program, ...words];
  const before = treeCpu(peer.pid);
  const child = startPinned(placing, command[0]!, command.slice(1));
  const end = await ended(child, (plan.seconds + 20) * 1000);
  const cpuNs = treeCpuBetweenNs(before, treeCpu(peer.pid));
  if (end.status !== 0) throw new Error(`the viewers ended with ${end.status}: ${end.stderr}`);
  const raw = JSON.parse(end.stdout) as Omit<ViewersRound, 'cpuMsPerViewerSecond'>;
  return { ...raw, cpuMsPerViewerSecond: cpuNs / 1e6 / plan.viewers / plan.seconds };
}

/** Makes the film, its segments as plain files for other servers, and the viewers' program. */
export async function prepareViewers(session: Session): Promise<ViewersList> {
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  const program = join(session.scratchDirectory, 'viewers');
  compile('bench/media/viewers.c', program);
  const film = films.interleaved;
  makeFilm(film, session.siteDirectory);
  const segments = await plainVideo(session, plainOf(session));
  const listFile = join(session.scratchDirectory, 'segments.list');
  writeFileSync(listFile, segments.map(({ path, seconds }) => `${seconds * 1000} ${path}\n`).join(''));
  return { program, listFile };
}

const plainOf = ({ siteDirectory }: Session): string => `${siteDirectory}-plain`;

/** Runs all servers on all networks, interleaved. */
export async function measureViewers(session: Session, plan: ViewersPlan, list: ViewersList): Promise<ViewersCell[]> {
  const floor = join(session.scratchDirectory, 'viewers-floor');
  compile('bench/media/floor.c', floor);
  const veth = openVeth();
  const cells: ViewersCell[] = [];
  try {
    const loopback: Network = { name: 'loopback', address: '127.0.0.1', under: [] };
    for (const network of veth === undefined ? [loopback] : [loopback, veth.network]) {
      const running: { cell: ViewersCell; peer: RunningPeer }[] = [];
      for (const peer of peersFor(plainOf(session), films.interleaved.videoBitsPerSecond, floor)) {
        const start: Peer['start'] = (context) => peer.start({ ...context, address: network.address });
        const started = await session.start({ ...peer, start });
        if (started === undefined) continue;
        const cell: ViewersCell = { network: network.name, peer: peer.name, rounds: [] };
        cells.push(cell);
        running.push({ cell, peer: started });
      }
      for (const { peer } of running) {
        say(`${network.name}: ${peer.name}: warms up`);
        await runViewers(list, peer, network, { ...plan, seconds: warmUpSeconds }, session.placement.load);
      }
      for (let round = 0; round < plan.rounds; round++) {
        for (const { cell, peer } of running) {
          say(`${network.name}: ${peer.name}: round ${round + 1} of ${plan.rounds}`);
          cell.rounds.push(await runViewers(list, peer, network, plan, session.placement.load));
        }
      }
      for (const { peer } of running) await peer.stop();
    }
  } finally {
    veth?.close();
  }
  return cells;
}

/** The video segments, and each as a plain file in `folder`. */
async function plainVideo(session: Session, folder: string): Promise<readonly Segment[]> {
  const peer = await session.start(clearwayPeer('epoll', '--media'));
  if (peer === undefined) throw new Error('Clearway did not start');
  const renditions = await renditionsOf(peer.origin, films.interleaved.name);
  const { segments } = renditions.find(({ kind }) => kind === 'video')!;
  await writePlainSegments(peer.origin, segments, folder);
  await peer.stop();
  return segments;
}

/** The table of a run. */
export function renderViewers(cells: readonly ViewersCell[]): string {
  const of = ({ rounds }: ViewersCell, field: keyof ViewersRound): number =>
    median(rounds.map((round) => round[field]));
  const lines = cells.map((cell) => {
    const nginx = cells.find(({ network, peer }) => network === cell.network && peer.startsWith('nginx'));
    const ratio =
      nginx === undefined ? Number.NaN : of(cell, 'cpuMsPerViewerSecond') / of(nginx, 'cpuMsPerViewerSecond');
    return [
      cell.network,
      cell.peer,
      show(of(cell, 'stalls')),
      show(of(cell, 'jitterP99Ms'), ' ms'),
      show(of(cell, 'deliveryP50Ms'), ' ms'),
      show(of(cell, 'cpuMsPerViewerSecond'), ' ms/s'),
      show(ratio, 'x'),
      show(of(cell, 'retries')),
      show(of(cell, 'late')),
    ];
  });
  const head = [
    'network',
    'server',
    'stalls',
    'jitter p99',
    'delivery p50',
    'CPU a viewer',
    '/ nginx',
    'retries',
    'load late',
  ];
  return renderTable(head, lines, [0, 1]);
}
