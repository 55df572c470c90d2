// The comparison: every peer in every row, round by round, the peers next to each other in time.

import { setTimeout as sleep } from 'node:timers/promises';
import { treeCpu, treeCpuBetweenNs } from './host/cpu.js';
import { type Measurement, measure } from './measure.js';
import type { Options } from './options.js';
import { type Row, rowName } from './rows.js';
import { selectPeers } from './servers/list.js';
import type { Peer, RunningPeer } from './servers/peer.js';
import { type Absent, type Session, say, withSession } from './session.js';
import { verify } from './verify.js';

/** One peer in one row: a measurement for each round, a hole where it failed. */
export interface Cell {
  readonly row: string;
  readonly fileBytes: number;
  readonly connections: number;
  readonly peer: string;
  readonly rounds: (Measurement | undefined)[];
  /** Bytes of the head of one response: servers differ, and small bodies feel it. */
  headBytes: number | undefined;
  /** Why there are no numbers, or fewer than there should be. */
  trouble: string | undefined;
}

/** The whole comparison. */
export interface TableResult {
  readonly rounds: number;
  readonly seconds: number;
  readonly cells: readonly Cell[];
  readonly absent: readonly Absent[];
  /** Servers that use the processor with nothing to do: they take it from whoever is measured. */
  readonly restless: readonly { readonly name: string; readonly share: number }[];
}

const restMs = 2000;

interface Entrant {
  readonly peer: Peer;
  readonly running: RunningPeer;
}

interface Contest {
  readonly row: Row;
  readonly cell: Cell;
  readonly running: RunningPeer;
  readonly headBytes: number;
}

/** Checks one peer's answer in one row and loads it for a second unmeasured, so that its caches and compilers are warm. */
async function enter(session: Session, row: Row, { peer, running }: Entrant): Promise<[Cell, Contest | undefined]> {
  const cell: Cell = {
    row: rowName(row),
    fileBytes: row.file.bytes,
    connections: row.connections,
    peer: peer.name,
    rounds: [],
    headBytes: undefined,
    trouble: peer.refusal(row.file.name),
  };
  if (cell.trouble !== undefined) return [cell, undefined];
  try {
    const headBytes = await verify(running, row.file, session.hashes.get(row.file.name)!);
    cell.headBytes = headBytes;
    await measure(running, row, headBytes, 1, session.placement);
    return [cell, { row, cell, running, headBytes }];
  } catch (error) {
    cell.trouble = (error as Error).message;
    say(`  ${peer.name} in ${cell.row}: ${cell.trouble}`);
    return [cell, undefined];
  }
}

async function runContest(contest: Contest, options: Options, session: Session): Promise<void> {
  const { row, cell, running, headBytes } = contest;
  try {
    cell.rounds.push(await measure(running, row, headBytes, options.seconds, session.placement));
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

/**
 * Runs the comparison of the main benchmark's peers, or of others.
 * @throws only when the surroundings fail; a peer that fails has the reason in its cell.
 */
export async function runTable(options: Options, peers = selectPeers(options.peers)): Promise<TableResult> {
  const fileNames = [...new Set(['1KiB.bin', ...options.rows.map((row) => row.file.name)])];
  return withSession(options, fileNames, async (session) => {
    const entrants: Entrant[] = [];
    for (const peer of peers) {
      const running = await session.start(peer);
      if (running) entrants.push({ peer, running });
    }
    const restless = await findRestless(entrants);
    const cells: Cell[] = [];
    const contests: Contest[][] = [];
    for (const row of options.rows) {
      say(`warming ${rowName(row)}`);
      const inRow: Contest[] = [];
      for (const entrant of entrants) {
        const [cell, contest] = await enter(session, row, entrant);
        cells.push(cell);
        if (contest) inRow.push(contest);
      }
      contests.push(inRow);
    }
    for (let round = 0; round < options.rounds; round++) {
      say(`round ${round + 1} of ${options.rounds}`);
      for (const inRow of contests) {
        for (const contest of rotated(inRow, round)) await runContest(contest, options, session);
      }
    }
    return { rounds: options.rounds, seconds: options.seconds, cells, absent: session.absent, restless };
  });
}
