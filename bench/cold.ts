// The p99 of small hot requests, alone and while 8 clients read large files that are not in the page cache. A server that waits
// for the disk on its loop shows it here. A third run, with the same 8 clients on one file that is in the page cache, tells the
// cost of the disk apart from the cost of sending so much.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { coldAbsence, dropPages, residentBytes, writeRandomFile } from './files.js';
import { machineCpu } from './host/cpu.js';
import { downloadResult, startDownload } from './load/download.js';
import { runWrk } from './load/wrk.js';
import type { Options } from './options.js';
import { renderTable, show } from './report.js';
import { selectPeers } from './servers/list.js';
import type { RunningPeer } from './servers/peer.js';
import { type Absent, type Session, say, withSession } from './session.js';
import { median, pairedRatio } from './statistics.js';

/** One round of one server. */
export interface ColdRound {
  readonly aloneP99Us: number;
  readonly warmP99Us: number;
  readonly coldP99Us: number;
  /** Bytes that came from disks while the cold files were read: proof that they were cold. */
  readonly diskBytes: number;
  /** Bytes that the 8 clients received meanwhile. */
  readonly bulkBytes: number;
  /** Processors' time that the hypervisor gave to others meanwhile: nothing runs then, and no server's latency is its own. */
  readonly stolenShare: number;
}

/** One server's rounds, or why it has none. */
export interface ColdResult {
  readonly peer: string;
  readonly rounds: readonly ColdRound[];
  readonly trouble: string | undefined;
}

/** What the sub-command found. */
export interface ColdReport {
  readonly results: readonly ColdResult[];
  readonly absent: readonly Absent[];
}

const readers = 8;
// The prober must not wait for the downloader on the processor they share.
const proberNiceness = -15;
const downloaderNiceness = 10;
// Paced, 16 connections pause 4 ms on average: some 3,000 requests/s, so that the latency is the server's and not that of a
// queue we filled. Closed, 64 keep the server's processor busy alone already, and the ratio tells what share they lose.
const hotLoads = { paced: { connections: 16, pauseMs: 4 }, closed: { connections: 64 } };
const coldNames = Array.from({ length: readers }, (_, index) => `cold-${index}.bin`);
const warmName = 'warm.bin';
const defaultPeers = ['clearway-uring', 'clearway-epoll', 'nginx', 'node-http'];

/** Bytes read from disks since boot: pgpgin of /proc/vmstat counts KiB. */
export function diskReadBytes(text = readFileSync('/proc/vmstat', 'latin1')): number {
  return Number(/^pgpgin (\d+)$/m.exec(text)?.[1] ?? Number.NaN) * 1024;
}

/** How the measurement is made, besides its server. */
interface Setting {
  readonly session: Session;
  readonly seconds: number;
  readonly hot: keyof typeof hotLoads;
}

async function hotP99Us(peer: RunningPeer, { session, seconds, hot }: Setting): Promise<number> {
  const result = await runWrk({
    url: `${peer.origin}/1KiB.bin`,
    ...hotLoads[hot],
    seconds,
    placing: { ...session.placement.load, niceness: proberNiceness },
  });
  if (result.trouble) throw new Error(result.trouble);
  return result.p99Us!;
}

/** The p99 while `readers` clients read the named files once. @returns it and the bytes that they received. */
async function besideReaders(
  peer: RunningPeer,
  names: readonly string[],
  repeat: boolean,
  setting: Setting,
): Promise<{ p99Us: number; bytes: number; stolenShare: number }> {
  const { seconds, session } = setting;
  const urls = names.map((name) => `${peer.origin}/${name}`);
  const plan = { urls, connections: readers, seconds: seconds + 1, repeat };
  const child = startDownload(plan, { ...session.placement.load, niceness: downloaderNiceness });
  const download = downloadResult(child, seconds + 20);
  await sleep(300); // the readers are under way when the prober starts
  const [stolenNs, beganMs] = [machineCpu().stolenNs, performance.now()];
  const [p99Us, read] = await Promise.all([hotP99Us(peer, setting), download]);
  const stolenShare = (machineCpu().stolenNs - stolenNs) / 1e6 / (performance.now() - beganMs);
  if (read.trouble) throw new Error(read.trouble);
  if (!repeat && read.durationSeconds < seconds) {
    throw new Error(`the cold files were read whole in ${read.durationSeconds.toFixed(1)} s: use fewer --seconds`);
  }
  return { p99Us, bytes: read.bytes, stolenShare };
}

async function measureCold(peer: RunningPeer, setting: Setting): Promise<ColdRound> {
  const aloneP99Us = await hotP99Us(peer, setting);
  const warm = await besideReaders(peer, [warmName], true, setting);
  for (const name of coldNames) {
    const path = join(setting.session.siteDirectory, name);
    dropPages(path);
    const resident = residentBytes(path) ?? 0;
    if (resident > 1 << 20) throw new Error(`${resident} bytes of ${name} stayed in the page cache: it is not cold`);
  }
  const diskBefore = diskReadBytes();
  const cold = await besideReaders(peer, coldNames, false, setting);
  const diskBytes = diskReadBytes() - diskBefore;
  if (diskBytes < cold.bytes / 2)
    throw new Error(`only ${diskBytes} of ${cold.bytes} bytes came from a disk: not cold`);
  const { p99Us: coldP99Us, bytes: bulkBytes, stolenShare } = cold;
  return { aloneP99Us, warmP99Us: warm.p99Us, coldP99Us, diskBytes, bulkBytes, stolenShare };
}

function writeFiles(session: Session, eachBytes: number): void {
  for (const [index, name] of coldNames.entries()) {
    say(`writing ${name}`);
    writeRandomFile(join(session.siteDirectory, name), eachBytes, index + 1);
  }
  writeRandomFile(join(session.siteDirectory, warmName), 256 << 20, 99);
}

/** Runs `cold`. @throws when the served directory cannot be cold; a peer that fails says why in its result. */
export async function runCold(options: Options): Promise<ColdReport> {
  const seconds = Math.min(options.seconds, 10);
  return withSession(options, ['1KiB.bin'], async (session) => {
    const reason = coldAbsence(session.siteDirectory);
    if (reason) throw new Error(reason);
    writeFiles(session, options.quick ? 512 << 20 : 1 << 30);
    const results: { peer: string; running: RunningPeer; rounds: ColdRound[]; trouble: string | undefined }[] = [];
    for (const peer of selectPeers(options.peers ?? defaultPeers)) {
      const running = await session.start(peer);
      if (running) results.push({ peer: peer.name, running, rounds: [], trouble: undefined });
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const result of results) {
        say(`cold: ${result.peer}, round ${round + 1}`);
        try {
          result.rounds.push(await measureCold(result.running, { session, seconds, hot: options.hot }));
        } catch (error) {
          result.trouble = (error as Error).message;
        }
      }
    }
    return {
      results: results.map(({ peer, rounds, trouble }) => ({ peer, rounds, trouble })),
      absent: session.absent,
    };
  });
}

/** The median over the rounds of p99 beside cold readers over p99 alone; NaN without rounds. */
export function coldRatio(result: ColdResult | undefined): number {
  const rounds = result?.rounds ?? [];
  return pairedRatio(
    rounds.map((round) => round.coldP99Us),
    rounds.map((round) => round.aloneP99Us),
  );
}

/** The results as a table. */
export function renderCold({ results, absent }: ColdReport): string {
  const head = [
    'server',
    'cold / alone',
    'p99 us alone',
    'beside warm',
    'beside cold',
    'GiB sent',
    'GiB from disk',
    '% of a processor stolen',
    'notes',
  ];
  const lines = results.map((result) => {
    const of = (field: keyof ColdRound) => median(result.rounds.map((round) => round[field]));
    return [
      result.peer,
      show(coldRatio(result), 'x'),
      show(of('aloneP99Us')),
      show(of('warmP99Us')),
      show(of('coldP99Us')),
      show(of('bulkBytes') / 2 ** 30),
      show(of('diskBytes') / 2 ** 30),
      show(of('stolenShare') * 100),
      result.trouble ?? '',
    ];
  });
  const missing = absent.map(({ name, reason }) => `* not in this run: ${name}: ${reason}`);
  return [renderTable(head, lines, [0, 8]), ...missing].join('\n');
}
