// The comparison: every peer in every row, round by round, the peers next to each other in time.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { settledRecords } from './access-log.js';
import { hashOfPart, writeManyFiles, writeRandomFile } from './files.js';
import { treeCpu, treeCpuBetweenNs } from './host/cpu.js';
import { countSystemCalls, straceAbsence } from './host/system-calls.js';
import { exchange } from './load/http-client.js';
import { rowLoad } from './load/row-load.js';
import { type Measurement, measureQuietly, responsesOf, type Trial, warmUp } from './measure.js';
import type { Options } from './options.js';
import { type FilePart, getFile, type ManyFile, requestText } from './requests.js';
import { folder, type Row, rowName, settings } from './rows.js';
import { selectPeers } from './servers/list.js';
import type { Peer, RunningPeer } from './servers/peer.js';
import { type Absent, type Session, say, withSession } from './session.js';
import { verify } from './verify.js';
import { quickWarming, usualWarming, type WarmingCost, type WarmingLimits } from './warming.js';

/** One peer in one row: a measurement for each round, a hole where it failed. */
export interface Cell {
  readonly row: string;
  readonly title: string;
  readonly peer: string;
  readonly rounds: (Measurement | undefined)[];
  /** Bytes of the head and the body of one response: servers differ, and small bodies feel it. */
  headBytes: number | undefined;
  bodyBytes: number | undefined;
  /** How many measurements were repeated because others used the machine. */
  repeats: number;
  /** What its requests cost before the first round; undefined where there was none. */
  warming: WarmingCost | undefined;
  /** System calls a request by name, where they were counted. */
  systemCalls: Readonly<Record<string, number>> | undefined;
  /** Requests that were answered and have no record in the access log, of how many; undefined where no log is kept. */
  log: { readonly requests: number; readonly lost: number } | undefined;
  /** Why there are no numbers, or fewer than there should be. */
  trouble: string | undefined;
}

/** The whole comparison. */
export interface TableResult {
  readonly rounds: number;
  readonly seconds: number;
  /** How long servers were loaded before the first round. */
  readonly warming: WarmingLimits;
  /** The names of the rows that were asked for. */
  readonly rows: readonly string[];
  readonly cells: readonly Cell[];
  readonly absent: readonly Absent[];
  /** Servers that use the processor with nothing to do: they take it from whoever is measured. */
  readonly restless: readonly { readonly name: string; readonly share: number }[];
}

const restMs = 2000;

interface Entrant {
  readonly peer: Peer;
  readonly running: RunningPeer;
  readonly accessLogFile: string | undefined;
  /** Requests that loads saw answered; the checks are not in it, nor what the end of a load cut off. */
  answered: number;
}

interface Contest {
  readonly row: Row;
  readonly cell: Cell;
  readonly entrant: Entrant;
  readonly trial: Trial;
}

/** The site of a setting, and how to know what is right. */
interface Site {
  readonly session: Session;
  readonly manyFiles: readonly ManyFile[];
  readonly hashOf: (part: FilePart) => string;
}

/** The validators that a peer answers with. */
async function validatorsOf(
  peer: RunningPeer,
): Promise<{ etag: string | undefined; lastModified: string | undefined }> {
  const { head } = await exchange(peer.origin, requestText(getFile('4KiB.bin', 4096), new URL(peer.origin).host));
  const field = (name: string) => new RegExp(`^${name}: *(.*?) *\r$`, 'im').exec(head)?.[1];
  return { etag: field('etag'), lastModified: field('last-modified') };
}

const warmingOf = ({ quick }: Options): WarmingLimits => (quick ? quickWarming : usualWarming);

function emptyCell(row: Row, peer: Peer): Cell {
  return {
    row: rowName(row),
    title: row.title,
    peer: peer.name,
    rounds: [],
    headBytes: undefined,
    bodyBytes: undefined,
    repeats: 0,
    warming: undefined,
    systemCalls: undefined,
    log: undefined,
    trouble: peer.refusal(row.files[0]!),
  };
}

/** Checks one peer's answers in one row and loads it unmeasured, so that its caches and compilers are warm. */
async function enter(
  site: Site,
  row: Row,
  entrant: Entrant,
  cell: Cell,
  limits: WarmingLimits,
): Promise<Contest | undefined> {
  if (cell.trouble !== undefined) return undefined;
  const { peer, running } = entrant;
  try {
    const { manyFiles, hashOf, session } = site;
    const asking = row.asking({ manyFiles, ...(await validatorsOf(running)) });
    const size = await verify(running.origin, asking, hashOf);
    cell.headBytes = size.headBytes;
    cell.bodyBytes = size.bodyBytes;
    const context = { scratchDirectory: session.scratchDirectory, placing: session.placement.load };
    const load = rowLoad(row, asking, running, context);
    const counted = async (seconds: number) => {
      const result = await load(seconds);
      entrant.answered += result.requests;
      return result;
    };
    const trial = { peer: running, size, connections: row.connections, load: counted };
    cell.warming = await warmUp(trial, row.warmSeconds, limits);
    return { row, cell, entrant, trial };
  } catch (error) {
    cell.trouble = (error as Error).message;
    say(`  ${peer.name} in ${cell.row}: ${cell.trouble}`);
    return undefined;
  }
}

async function runContest({ cell, trial }: Contest, options: Options): Promise<void> {
  try {
    const { measurement, repeats } = await measureQuietly(trial, options.seconds);
    cell.rounds.push(measurement);
    cell.repeats += repeats;
  } catch (error) {
    cell.rounds.push(undefined);
    cell.trouble = (error as Error).message;
    say(`  ${cell.peer} in ${cell.row}: ${cell.trouble}`);
  }
}

/** The list rotated left: each round starts with another peer, so that nobody always follows the same one. */
function rotated<Item>(list: readonly Item[], by: number): Item[] {
  return list.map((_, index) => list[(index + by) % list.length]!);
}

/** The servers that use over half a percent of a processor while nobody asks anything. */
async function findRestless(entrants: readonly Entrant[]): Promise<TableResult['restless']> {
  await sleep(500); // what a server does after its start is not meant
  const before = entrants.map(({ running }) => treeCpu(running.pid));
  await sleep(restMs);
  const shares = entrants.map(({ peer, running }, index) => ({
    name: peer.name,
    share: treeCpuBetweenNs(before[index]!, treeCpu(running.pid)) / (restMs * 1e6),
  }));
  return shares.filter(({ share }) => share > 0.005);
}

/** Counts each contest's system calls in a second of its own. */
async function countCalls(contests: readonly Contest[], session: Session): Promise<void> {
  for (const { cell, trial } of contests) {
    try {
      const work = () => trial.load(1);
      const { calls, result } = await countSystemCalls(trial.peer.pid, session.placement.load, work);
      const responses = responsesOf(result, trial.size);
      cell.systemCalls = Object.fromEntries([...calls].map(([name, count]) => [name, count / responses]));
    } catch (error) {
      say(`  ${cell.peer} in ${cell.row}: system calls were not counted: ${(error as Error).message}`);
    }
  }
}

/** Holds each access log against the requests. A record that is lost fails the row: its numbers stay, and the trouble is said. */
async function checkLogs(contests: readonly Contest[]): Promise<void> {
  for (const { cell, entrant } of contests) {
    if (entrant.accessLogFile === undefined) continue;
    if (entrant.running.flushLog === undefined) {
      cell.trouble = 'it keeps no access log';
      cell.rounds.length = 0;
      continue;
    }
    entrant.running.flushLog();
    const records = await settledRecords(entrant.accessLogFile);
    const lost = Math.max(0, entrant.answered - records);
    cell.log = { requests: entrant.answered, lost };
    if (lost > 0) cell.trouble = `${lost} of ${entrant.answered} records lost`;
  }
}

function prepareSite(session: Session, setting: Row['setting'], rows: readonly Row[]): Site {
  const { siteDirectory, hashes } = session;
  if (rows.some(({ files }) => files.includes(folder.index))) {
    mkdirSync(join(siteDirectory, folder.name));
    writeRandomFile(join(siteDirectory, folder.index), folder.indexBytes, 7);
  }
  const count = settings[setting].manyFiles;
  if (count > 0) say(`writing ${count} small files`);
  const manyFiles = writeManyFiles(siteDirectory, count);
  const known = new Map<string, string>();
  const hashOf = (part: FilePart): string => {
    const key = `${part.path} ${part.start} ${part.bytes}`;
    const whole = part.start === 0 ? hashes.get(part.path) : undefined;
    const hash = whole ?? known.get(key) ?? hashOfPart(siteDirectory, part);
    known.set(key, hash);
    return hash;
  };
  return { session, manyFiles, hashOf };
}

/** The peers of a row: those asked for, or its own that this computer may have. */
type PeersOf = (row: Row) => readonly Peer[];

async function startEntrants(site: Site, setting: Row['setting'], peers: readonly Peer[]): Promise<Entrant[]> {
  const entrants: Entrant[] = [];
  const { session } = site;
  for (const peer of peers) {
    const accessLogFile = settings[setting].accessLog ? join(session.scratchDirectory, `${peer.name}.log`) : undefined;
    const running = await session.start(peer, accessLogFile);
    if (running) entrants.push({ peer, running, accessLogFile, answered: 0 });
  }
  return entrants;
}

async function runSetting(
  setting: Row['setting'],
  rows: readonly Row[],
  options: Options,
  peersOf: PeersOf,
): Promise<Pick<TableResult, 'cells' | 'absent' | 'restless'>> {
  const fileNames = [...new Set(['1KiB.bin', '4KiB.bin', ...rows.flatMap((row) => row.files)])];
  return withSession(options, fileNames, async (session) => {
    const site = prepareSite(session, setting, rows);
    const entrants = await startEntrants(site, setting, [...new Set(rows.flatMap(peersOf))]);
    const restless = await findRestless(entrants);
    const cells: Cell[] = [];
    const contests: Contest[][] = [];
    for (const row of rows) {
      say(`warming ${rowName(row)}`);
      const inRow: Contest[] = [];
      for (const entrant of entrants.filter(({ peer }) => peersOf(row).includes(peer))) {
        const cell = emptyCell(row, entrant.peer);
        cells.push(cell);
        const contest = await enter(site, row, entrant, cell, warmingOf(options));
        if (contest) inRow.push(contest);
      }
      contests.push(inRow);
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const [index, inRow] of contests.entries()) {
        say(
          `${setting}: round ${round + 1} of ${options.rounds}, row ${index + 1} of ${rows.length}: ${rows[index]!.name}`,
        );
        for (const contest of rotated(inRow, round)) await runContest(contest, options);
      }
    }
    await checkLogs(contests.flat());
    if (options.systemCalls) {
      say(`${setting}: counting system calls`);
      await countCalls(contests.flat(), session);
    }
    return { cells, absent: session.absent, restless };
  });
}

function unique<Item extends { readonly name: string }>(items: readonly Item[]): Item[] {
  return items.filter((item, index) => items.findIndex(({ name }) => name === item.name) === index);
}

/**
 * Runs the comparison of each row's peers, or of others.
 * @throws only when the surroundings fail; a peer that fails has the reason in its cell.
 */
export async function runTable(options: Options, peers?: readonly Peer[]): Promise<TableResult> {
  const chosen = peers ?? (options.peers && selectPeers(options.peers));
  const peersOf: PeersOf = (row) => chosen ?? selectPeers(row.peers);
  const absence = options.systemCalls ? straceAbsence() : undefined;
  if (absence) throw new Error(absence);
  const parts = [];
  for (const setting of Object.keys(settings) as Row['setting'][]) {
    const inSetting = options.rows.filter((row) => row.setting === setting);
    if (inSetting.length > 0) parts.push(await runSetting(setting, inSetting, options, peersOf));
  }
  return {
    rounds: options.rounds,
    seconds: options.seconds,
    warming: warmingOf(options),
    rows: options.rows.map(rowName),
    cells: parts.flatMap(({ cells }) => cells),
    absent: unique(parts.flatMap(({ absent }) => absent)),
    restless: unique(parts.flatMap(({ restless }) => restless)),
  };
}
