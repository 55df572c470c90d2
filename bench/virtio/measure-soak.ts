// The soak as a part of the benchmark: each kind of ring for its share of the time, on each engine. Not here: the soak itself (soak.ts).

import { randomInt } from 'node:crypto';
import { randomSource } from '../../src/plan/answers/simulate.js';
import type { Placing } from '../host/child.js';
import { say } from '../session.js';
import { startSubject, subjectsOf } from './back-ends.js';
import { type SoakResult, soak, soakKinds } from './soak.js';

/** One kind of ring of one back end. */
export interface SoakRow extends SoakResult {
  readonly name: string;
  readonly seconds: number;
}

/** Soaks for `seconds` in all. @param limitMs how long a request may take @throws where a request waited, with the seed */
export async function measureSoak(
  program: string,
  seconds: number,
  limitMs: number,
  folder: string,
  placing: Placing,
): Promise<SoakRow[]> {
  const rows: SoakRow[] = [];
  const subjects = subjectsOf(program).filter(({ name, layout }) => name.startsWith('clearway') && layout === 'split');
  const share = seconds / (subjects.length * soakKinds.length);
  for (const subject of subjects) {
    const { socket, stop } = await startSubject(subject, folder, placing, 2);
    try {
      for (const { name, bits } of soakKinds) {
        const seed = randomInt(1, 2 ** 31);
        say(`soak: ${subject.name}, ${name}, ${share.toFixed(1)} s, seed ${seed}`);
        const found = await soak(socket, { bits, seconds: share, limitMs, random: randomSource(seed) });
        if (found !== undefined) rows.push({ name: `${subject.name}, ${name}`, seconds: share, ...found });
      }
    } finally {
      await stop();
    }
  }
  return rows;
}
