// Round trips with a front end in C (front-end.c), compiled on the spot, of the same back ends as ours: one after the other, on the load's processor.
// Not here: ours (block-load.ts).

import { join } from 'node:path';
import { ended, type Placing, startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import type { RunningSubject } from './back-ends.js';

/** Round trips in microseconds, a value each round, by subject. */
export type TripsInC = Readonly<Record<string, readonly number[]>>;

/** Measures them. @param folder for the program @throws in its words, or those of the compiler */
export async function measureTripsInC(
  subjects: readonly RunningSubject[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  folder: string,
  placing: Placing,
): Promise<TripsInC> {
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  const program = join(folder, 'front-end');
  compile('bench/virtio/front-end.c', program);
  const found: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const { name, socket, layout } of subjects) {
      const child = startPinned(placing, program, [socket, String(Math.min(1, seconds)), layout]);
      const { status, stdout, stderr } = await ended(child, 30_000);
      if (status !== 0) throw new Error(`${name}: ${stderr}`);
      found[name] ??= [];
      found[name].push(Number(stdout));
    }
  }
  return found;
}
