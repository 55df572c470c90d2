// How late the pump wakes, in TypeScript and in C, the same loop under the same load, rounds interleaved. The clock is the system's (the sink `null`); what a card does is not measured.
// Not here: one run (lateness.ts), the load (load.ts).

import { join } from 'node:path';
import { compile, compilerAbsence } from '../host/compile.js';
import { median, pairedRatio } from '../statistics.js';
import { type Lateness, type LatenessRun, latenessInC, latenessOfOurs } from './lateness.js';
import { Load } from './load.js';

/** How it is measured. */
export interface PumpSettings {
  readonly rate: number;
  readonly frames: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly isIdle: boolean;
  readonly folder: string;
  /** A WAV that is longer than a run. */
  readonly file: string;
}

interface Subject {
  readonly name: string;
  readonly isRealtime: boolean;
  readonly isOurs: boolean;
}

const subjects: readonly Subject[] = [
  { name: 'C, FIFO, all memory locked', isRealtime: true, isOurs: false },
  { name: 'TypeScript, FIFO', isRealtime: true, isOurs: true },
  { name: 'C, no rights', isRealtime: false, isOurs: false },
  { name: 'TypeScript, no rights', isRealtime: false, isOurs: true },
];

/** Which of an even and an odd round comes first takes turns: what the host does in between meets both. */
const orderOf = (round: number): readonly number[] => (round % 2 === 0 ? [0, 1, 2, 3] : [1, 0, 3, 2]);

async function measure(
  subject: Subject,
  run: LatenessRun,
  program: string,
  { file, isIdle }: PumpSettings,
): Promise<Lateness> {
  const load = isIdle ? undefined : new Load(!subject.isOurs, file);
  try {
    return subject.isOurs ? await latenessOfOurs(file, run, 'null', !isIdle) : await latenessInC(program, run);
  } finally {
    await load?.end();
  }
}

function rowsOf(frames: number, found: readonly Lateness[][]): string[] {
  return subjects.map(({ name, isOurs, isRealtime }, index) => {
    const runs = found[index]!;
    const beside = found[isRealtime ? 0 : 2]!;
    const of = (field: keyof Lateness): number => median(runs.map((each) => each[field] ?? 0));
    const ratio = (field: 'p99' | 'p999'): string =>
      isOurs
        ? pairedRatio(
            runs.map((each) => each[field]),
            beside.map((each) => each[field]),
          ).toFixed(2)
        : '1';
    const sum = (field: keyof Lateness): number => runs.reduce((all, each) => all + (each[field] ?? 0), 0);
    const most = runs.map((each) => Math.round(each.max)).join('/');
    const own = isOurs ? `${sum('collections')}, ${sum('xruns')}` : '-';
    const got = runs.every((each) => each.priority > 0 === isRealtime) ? '' : ' (not got)';
    return `| ${frames} | ${name}${got} | ${of('p50').toFixed(1)} | ${of('p99').toFixed(1)} | ${ratio('p99')} | ${of('p999').toFixed(1)} | ${ratio('p999')} | ${most} | ${sum('late')} of ${sum('count')} | ${of('workP50').toFixed(1)}/${of('workP99').toFixed(1)} | ${sum('minorFaults')}+${sum('majorFaults')} | ${own} |`;
  });
}

/** Measures each number of frames. Gives a table. @throws without a C compiler */
export async function pumpTable(settings: PumpSettings): Promise<string> {
  const { rate, frames: all, rounds, seconds, folder } = settings;
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  const program = join(folder, 'pump');
  compile('bench/audio/pump.c', program);
  const lines = [
    '| frames | pump | p50 us | p99 us | of C | p99.9 us | of C | max of rounds us | late > 1 period | work p50/p99 us | faults | collections, xruns |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const frames of all) {
    const found: Lateness[][] = subjects.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const index of orderOf(round)) {
        const subject = subjects[index]!;
        const run = { frames, rate, seconds, isRealtime: subject.isRealtime };
        const one = await measure(subject, run, program, settings);
        found[index]!.push(one);
        process.stderr.write(`${frames} ${subject.name}: ${JSON.stringify(one)}\n`);
      }
    }
    lines.push(...rowsOf(frames, found));
  }
  return lines.join('\n');
}
