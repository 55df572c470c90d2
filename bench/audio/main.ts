// `npm run bench:audio`: how late the pump wakes, in TypeScript and in C, the same loop under the same load, rounds interleaved. The clock is the system's (the sink `null`); what a card
// does is not measured. Not here: one run (lateness.ts), the load (load.ts).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { waveHeader } from '../../src/audio/sinks/wave-header.js';
import { describeHost, hostFacts } from '../host/about.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { median, pairedRatio } from '../statistics.js';
import { type Lateness, type LatenessRun, latenessInC, latenessOfOurs } from './lateness.js';
import { Load } from './load.js';

const rate = 48_000;
const isHelp = { type: 'boolean', short: 'h' } as const;
const { values } = parseArgs({
  options: {
    help: isHelp,
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '30' },
    frames: { type: 'string', default: '256,64' },
    idle: { type: 'boolean', default: false },
  },
});
const help = `Usage: npm run bench:audio -- [--rounds N] [--seconds N] [--frames 256,64] [--idle]

How late the pump wakes, in TypeScript and in C, with real-time rights where this user has them and without. --idle: without a load.
`;

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

function makeFile(path: string, seconds: number): void {
  const format = { sample: 'S16_LE', rate, channels: 2, channelMask: 3, validBits: 16 } as const;
  const payload = new Uint8Array(rate * 4 * seconds);
  for (let index = 0; index < payload.length; index++) payload[index] = index * 31;
  writeFileSync(path, waveHeader(format, payload.length, false));
  writeFileSync(path, payload, { flag: 'a' });
}

async function measure(subject: Subject, run: LatenessRun, program: string, file: string): Promise<Lateness> {
  const load = values.idle ? undefined : new Load(!subject.isOurs, file);
  try {
    return subject.isOurs ? await latenessOfOurs(file, run) : await latenessInC(program, run);
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

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(help);
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-audio-'));
  try {
    const program = join(folder, 'pump');
    const file = join(folder, 'long.wav');
    compile('bench/audio/pump.c', program);
    makeFile(file, seconds + 10);
    const lines = [
      '| frames | pump | p50 us | p99 us | of C | p99.9 us | of C | max of rounds us | late > 1 period | work p50/p99 us | faults | collections, xruns |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ];
    for (const frames of values.frames.split(',').map(Number)) {
      const found: Lateness[][] = subjects.map(() => []);
      for (let round = 0; round < rounds; round++) {
        for (const index of orderOf(round)) {
          const subject = subjects[index]!;
          const one = await measure(subject, { frames, rate, seconds, isRealtime: subject.isRealtime }, program, file);
          found[index]!.push(one);
          process.stderr.write(`${frames} ${subject.name}: ${JSON.stringify(one)}\n`);
        }
      }
      lines.push(...rowsOf(frames, found));
    }
    const load = values.idle
      ? 'no load'
      : 'a busy loop on each processor, garbage collected without end, a disk read past the page cache';
    process.stdout.write(
      `${describeHost(hostFacts())}\nLoad: ${load}; ${rounds} rounds of ${seconds} s; medians of rounds.\n\n${lines.join('\n')}\n`,
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
