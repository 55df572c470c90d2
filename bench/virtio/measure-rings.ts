// The rounds of rings alone and of DPDK beside them, one after the other in each round. Not here: what a round does (rings.ts, dpdk.ts).

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ended, startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { say } from '../session.js';
import type { Layout } from './back-ends.js';
import { dpdkAbsence, measureDpdk } from './dpdk.js';
import type { RingPlan, RingResult, Side } from './rings.js';

/** One measurement of rings, with its value in each round. */
export interface RingRounds extends Omit<RingPlan, 'seconds' | 'program'> {
  readonly rounds: number[];
  /** Of round trips: what 99 of 100 took at most, in each round. */
  readonly p99: number[];
}

const program = fileURLToPath(new URL('./rings.js', import.meta.url));
const layouts: readonly Layout[] = ['split', 'packed'];
/** Drivers and devices, in the order in which they are shown. */
const pairs: readonly (readonly [driver: Side, device: Side])[] = [
  ['TypeScript', 'TypeScript'],
  ['C', 'TypeScript'],
  ['TypeScript', 'C'],
  ['C', 'C'],
];

async function runRings(plan: RingPlan, niceness: number): Promise<RingResult> {
  // It pins its threads, each to a processor.
  const child = startPinned({ cpus: undefined, niceness }, process.execPath, [program, JSON.stringify(plan)]);
  const { status, stdout, stderr } = await ended(child, (plan.seconds + 30) * 1000);
  if (status !== 0) throw new Error(`rings: ${stderr.slice(-500)}`);
  return JSON.parse(stdout) as RingResult;
}

/** Measures all of it. @param folder for DPDK's sockets. */
export async function measureRings(
  rounds: number,
  seconds: number,
  niceness: number,
  folder: string,
): Promise<{ rings: RingRounds[]; dpdk: Record<string, number[]>; absent: readonly string[] }> {
  const noCompiler = compilerAbsence();
  const program = join(folder, 'rings');
  if (noCompiler === undefined) compile('bench/virtio/rings.c', program);
  const trip = (layout: Layout, isPolling: boolean): RingRounds[] =>
    pairs
      .filter((sides) => noCompiler === undefined || !sides.includes('C'))
      .map(([driver, device]) => ({ layout, kind: 'trip', isPolling, driver, device, rounds: [], p99: [] }));
  const rings = layouts.flatMap((layout): RingRounds[] => [
    {
      ...{ layout, kind: 'operations', isPolling: true },
      driver: 'TypeScript',
      device: 'TypeScript',
      rounds: [],
      p99: [],
    },
    ...trip(layout, true),
    ...trip(layout, false),
  ]);
  const noDpdk = dpdkAbsence();
  const dpdk: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    say(`rings: round ${round + 1} of ${rounds}`);
    for (const each of rings) {
      const { layout, kind, isPolling, driver, device } = each;
      const found = await runRings({ layout, kind, isPolling, driver, device, seconds, program }, niceness);
      each.rounds.push(found.value);
      if (found.p99 !== undefined) each.p99.push(found.p99);
      if (kind !== 'operations' || noDpdk !== undefined) continue;
      dpdk[layout] ??= [];
      dpdk[layout].push(await measureDpdk(layout, seconds, niceness, folder));
    }
  }
  const absent = [
    ...(noDpdk === undefined ? [] : [`DPDK: ${noDpdk}`]),
    ...(noCompiler === undefined ? [] : [`rings in C: ${noCompiler}`]),
  ];
  return { rings, dpdk, absent };
}
