// Viewers while something goes wrong: a file far larger than memory's share is read from the disk beside them, and half way one of the two
// workers dies. Who was served by it has to ask again; nobody else may stall. Not here: the viewers (viewers.ts, viewers.c).

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { diskReadBytes } from '../cold.js';
import { coldAbsence, dropPages, writeRandomFile } from '../files.js';
import { downloadResult, startDownload } from '../load/download.js';
import { renderTable, show } from '../report.js';
import { commandPeer, repositoryRoot } from '../servers/peer.js';
import { type Session, say } from '../session.js';
import { runViewers, type ViewersList, type ViewersPlan, type ViewersRound } from './viewers.js';

/** What one run found. */
export interface TroubleRound extends ViewersRound {
  readonly engine: string;
  /** Bytes that came from disks meanwhile, and that the reader of the cold file got. */
  readonly diskBytes: number;
  readonly coldBytes: number;
}

const coldName = 'cold.bin';

/** Runs each engine once. @param gib of the cold file */
export async function measureTrouble(
  session: Session,
  plan: ViewersPlan,
  list: ViewersList,
  gib: number,
): Promise<TroubleRound[]> {
  const absence = coldAbsence(session.siteDirectory);
  if (absence !== undefined) throw new Error(absence);
  say(`writing a cold file of ${gib} GiB`);
  const path = join(session.siteDirectory, coldName);
  writeRandomFile(path, gib * 2 ** 30, 7);
  const program = join(repositoryRoot, 'dist/bundle/main.js');
  const killer = join(repositoryRoot, 'dist/bench/media/kill-worker.js');
  const found: TroubleRound[] = [];
  for (const engine of ['uring', 'epoll']) {
    const words = ['--media', '--pace', 'auto', '--workers', '2', '--engine', engine];
    const peer = await session.start(
      commandPeer(
        `clearway-${engine}`,
        () => undefined,
        (site, port) => [
          process.execPath,
          '--import',
          killer,
          program,
          'serve',
          site,
          '--port',
          String(port),
          ...words,
        ],
      ),
    );
    if (peer === undefined) continue;
    say(`${peer.name}: ${plan.viewers} viewers, a cold reader, and a worker that dies`);
    dropPages(path);
    const diskBefore = diskReadBytes();
    const reader = { urls: [`${peer.origin}/${coldName}`], connections: 1, seconds: plan.seconds, repeat: true };
    const download = downloadResult(
      startDownload(reader, { ...session.placement.load, niceness: 10 }),
      plan.seconds + 20,
    );
    const viewers = runViewers(
      list,
      peer,
      { name: 'loopback', address: '127.0.0.1', under: [] },
      plan,
      session.placement.load,
    );
    await sleep((plan.seconds * 1000) / 2);
    process.kill(peer.pid, 'SIGUSR2');
    const [round, read] = await Promise.all([viewers, download]);
    found.push({ ...round, engine, diskBytes: diskReadBytes() - diskBefore, coldBytes: read.bytes });
    await peer.stop();
  }
  return found;
}

/** The table of a run. */
export function renderTrouble(rounds: readonly TroubleRound[]): string {
  const lines = rounds.map((round) => [
    `clearway-${round.engine}`,
    show(round.stalls),
    show(round.stalledUnretried),
    show(round.retries),
    show(round.jitterP99Ms, ' ms'),
    show(round.diskBytes / 2 ** 30, ' GiB'),
    show(round.late),
  ]);
  const head = [
    'server',
    'stalls',
    'of viewers who lost no worker',
    'retries',
    'jitter p99',
    'from disks',
    'load late',
  ];
  return renderTable(head, lines, [0]);
}
