// The rounds of rings alone and of DPDK beside them, one after the other in each round. Not here: what a round does (rings.ts, dpdk.ts).

import { fileURLToPath } from 'node:url';
import { ended, startPinned } from '../host/child.js';
import { say } from '../session.js';
import type { Layout } from './back-ends.js';
import { dpdkAbsence, measureDpdk } from './dpdk.js';
import type { RingPlan, RingResult } from './rings.js';

/** One measurement of rings, with its value in each round. */
export interface RingRounds extends Omit<RingPlan, 'seconds'> {
  readonly rounds: number[];
}

const program = fileURLToPath(new URL('./rings.js', import.meta.url));
const layouts: readonly Layout[] = ['split', 'packed'];

async function runRings(plan: RingPlan, niceness: number): Promise<number> {
  // Both of its threads want a processor: it is pinned to none.
  const child = startPinned({ cpus: undefined, niceness }, process.execPath, [program, JSON.stringify(plan)]);
  const { status, stdout, stderr } = await ended(child, (plan.seconds + 30) * 1000);
  if (status !== 0) throw new Error(`rings: ${stderr.slice(-500)}`);
  return (JSON.parse(stdout) as RingResult).value;
}

/** Measures all of it. @param folder for DPDK's sockets. */
export async function measureRings(
  rounds: number,
  seconds: number,
  niceness: number,
  folder: string,
): Promise<{ rings: RingRounds[]; dpdk: Record<string, number[]>; absent: string | undefined }> {
  const rings = layouts.flatMap((layout): RingRounds[] => [
    { layout, kind: 'operations', isPolling: true, rounds: [] },
    { layout, kind: 'trip', isPolling: true, rounds: [] },
    { layout, kind: 'trip', isPolling: false, rounds: [] },
  ]);
  const absent = dpdkAbsence();
  const dpdk: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    say(`rings: round ${round + 1} of ${rounds}`);
    for (const each of rings) {
      const { layout, kind, isPolling } = each;
      each.rounds.push(await runRings({ layout, kind, isPolling, seconds }, niceness));
      if (kind !== 'operations' || absent !== undefined) continue;
      dpdk[layout] ??= [];
      dpdk[layout].push(await measureDpdk(layout, seconds, folder));
    }
  }
  return { rings, dpdk, absent };
}
