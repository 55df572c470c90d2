// Streams of TCP over a wire that loses packets, and spoils them otherwise: our own TCP/IP as sender and as receiver with the kernel's at the other end, beside the kernel's at
// both, over the same relay, each byte compared. Not here: the tables (render.ts).

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Badness } from '../../test/support/bad-wire.js';
import { ended, type Placement, stopChild, waitForOutput } from '../host/child.js';
import { compile } from '../host/compile.js';
import { addresses, device, Wire } from './wires.js';

/** Who sends to whom. */
export const transferWays = ['kernel to kernel', 'ours to kernel', 'kernel to ours'] as const;
export type TransferWay = (typeof transferWays)[number];

/** What is transferred, over which wire. */
export interface TransferRow {
  readonly name: string;
  readonly badness: Badness;
  readonly mebibytes: number;
  readonly family: 4 | 6;
  /** Of our goodput to the kernel's own. */
  readonly bound?: number;
}

/** The rows. @param mebibytes of the usual ones */
export function transferRows(mebibytes: number): readonly TransferRow[] {
  const all: Badness = { loss: 0.01, reorder: 0.02, duplicate: 0.01, corrupt: 0.005 };
  const small = Math.max(1, mebibytes / 4);
  return [
    ...giantRows(mebibytes),
    { name: '5 % lost', badness: { loss: 0.05 }, mebibytes: small, family: 4 },
    { name: '1 % lost, 2 % reordered, 1 % twice, 0.5 % corrupted', badness: all, mebibytes: small, family: 6 },
  ];
}

/** The rows of long transfers. */
export function giantRows(mebibytes: number): readonly TransferRow[] {
  return [
    { name: 'nothing lost', badness: {}, mebibytes, family: 4 },
    { name: '1 % lost', badness: { loss: 0.01 }, mebibytes, family: 4, bound: 0.5 },
    { name: '1 % lost', badness: { loss: 0.01 }, mebibytes, family: 6, bound: 0.5 },
  ];
}

/** One transfer. */
export interface TransferMeasurement {
  readonly mebibytesPerSecond: number;
  /** Packets that the wire lost, and that the sender sent again. */
  readonly lost: number;
  readonly resent: number;
}

/** A row one way, each round of it. */
export interface TransferCell {
  readonly row: TransferRow;
  readonly way: TransferWay;
  readonly rounds: TransferMeasurement[];
}

const program = fileURLToPath(new URL('./transfer-ours.js', import.meta.url));
const startMs = 15_000;
const limitMs = 1_800_000;
const port = 4077;
/** Of both: the kernel's default here may be another. */
const congestion = 'cubic';

async function measureOne(
  { row, way }: TransferCell,
  seed: number,
  inC: string,
  niceness: number,
): Promise<TransferMeasurement> {
  const anywhere = { cpus: undefined, niceness };
  const wire = await Wire.relayed({ ...row.badness, seed }, niceness);
  const host = row.family === 4 ? addresses.far.kernel : addresses.far.kernel6;
  const bytes = `${row.mebibytes * 1024 * 1024}`;
  const role = way === 'kernel to ours' ? 'send' : 'receive';
  const serving = wire.start('far', anywhere, inC, ['serve', host, `${port}`, role, bytes, congestion]);
  try {
    await waitForOutput(serving, /ready/, startMs);
    const served = ended(serving, limitMs);
    const ours = [`${addresses.near.ours}/24`, `${addresses.near.ours6}/64`];
    const other = role === 'send' ? 'receive' : 'send';
    const asking =
      way === 'kernel to kernel'
        ? wire.start('near', anywhere, inC, ['connect', host, `${port}`, other, bytes, congestion])
        : wire.start('near', anywhere, process.execPath, [program, device, ...ours, host, `${port}`, other, bytes]);
    const [near, far] = await Promise.all([ended(asking, limitMs), served]);
    for (const { status, stderr } of [near, far])
      if (status !== 0) throw new Error(`${way}, ${row.name}: ended with ${status}: ${stderr.slice(-400)}`);
    const said = [near, far].map(({ stdout }) => JSON.parse(stdout.slice(stdout.indexOf('{'))));
    const [sender, receiver] = role === 'send' ? [said[1], said[0]] : said;
    const { lost } = await wire.counts();
    return { mebibytesPerSecond: row.mebibytes / receiver.seconds, lost, resent: sender.resent };
  } finally {
    await stopChild(serving);
    await wire.remove();
  }
}

/** Measures all of them, round after round; the wire's seed is the round's. @throws where a byte is not the one that was sent */
export async function measureTransfers(
  rows: readonly TransferRow[],
  rounds: number,
  placement: Placement,
  folder: string,
  said: (words: string) => void,
): Promise<readonly TransferCell[]> {
  const inC = join(folder, 'stream');
  compile('bench/bypass/stream.c', inC);
  const cells: TransferCell[] = rows.flatMap((row) => transferWays.map((way) => ({ row, way, rounds: [] })));
  for (let round = 1; round <= rounds; round++) {
    for (const cell of cells) {
      cell.rounds.push(await measureOne(cell, 100 + round, inC, placement.server.niceness));
      said(`transfer: round ${round} of ${rounds}: ${cell.row.name}, IPv${cell.row.family}, ${cell.way}`);
    }
  }
  return cells;
}
