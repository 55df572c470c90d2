// Players beside one another: how late each fills a period that is free, how near its ring comes to running dry, seen by the device that they play to and by nobody else; the same ring, the same load, rounds
// interleaved. Not here: the device (device/), the programs (players.ts), the load (load.ts).

import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded, stopChild } from '../host/child.js';
import { fifoThreads } from '../host/proc.js';
import { median, pairedRatio, quantile } from '../statistics.js';
import { judge, type Observed } from './device/notes.js';
import type { ObservedDevice } from './device/observed.js';
import { Load } from './load.js';
import { type PlayerSubject, startHeard } from './players.js';

/** One ring, with or without rights. */
export interface JitterGroup {
  readonly periodFrames: number;
  readonly isRealtime: boolean;
}

/** How it is measured. */
export interface JitterSettings {
  readonly rate: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly isIdle: boolean;
  readonly folder: string;
  /** A WAV that is longer than a run. */
  readonly file: string;
}

/** One run of one program. */
interface Run {
  readonly observed: Observed;
  /** Threads that had SCHED_FIFO. */
  readonly fifo: number;
  /** It ended by itself, before the file did. */
  readonly endedItself: boolean;
}

/** What is not looked at: programs settle after their start. */
const settleMs = 1000;
const longestStartMs = 20_000;

/** Periods of a ring. */
const periods = 4;

/** Waits until the device runs. @throws when the program ends before */
async function waitForStart(device: ObservedDevice, child: ChildProcess, said: () => string): Promise<void> {
  for (const until = performance.now() + longestStartMs; performance.now() < until; await sleep(50)) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.signalCode ?? child.exitCode}: ${said()}`);
    if (device.hasStarted()) return;
  }
  throw new Error(`it played nothing within ${longestStartMs} ms: ${said()}`);
}

/** One run. @throws in words */
async function measurePlayer(
  subject: PlayerSubject,
  group: JitterGroup,
  settings: JitterSettings,
  device: ObservedDevice,
): Promise<Run> {
  const { rate, seconds, isIdle, folder, file } = settings;
  const { periodFrames, isRealtime } = group;
  device.begin({ rate, periodFrames, ringFrames: periodFrames * periods });
  const load = isIdle ? undefined : new Load(!subject.isNode, file);
  let child: ChildProcess | undefined;
  try {
    const playing = { folder, file, device: device.name, periodFrames, isRealtime, garbage: !isIdle };
    const started = await startHeard(subject, playing);
    child = started.child;
    await waitForStart(device, child, started.said);
    await sleep(settleMs);
    const fifo = fifoThreads(child.pid!);
    await sleep(seconds * 1000 + 100);
    const endedItself = hasEnded(child);
    return { observed: judge(device.end(), settleMs, settleMs + seconds * 1000), fifo, endedItself };
  } finally {
    if (child !== undefined) await stopChild(child, 1500);
    await load?.end();
  }
}

const micro = (value: number): string => (value < 9.5 ? value.toFixed(1) : value.toFixed(0));
const late = (runs: readonly Run[], share: number): number[] =>
  runs.map(({ observed }) => quantile(observed.late, share));

function rowOf(name: string, group: JitterGroup, runs: readonly Run[], beside: readonly Run[], rate: number): string {
  const ringMs = (group.periodFrames * periods * 1000) / rate;
  const headrooms = runs.map(({ observed }) => observed.headroomMs);
  const besideHeadrooms = beside.map(({ observed }) => observed.headroomMs);
  const spread = runs.map(({ observed: { free } }) => quantile(free, 0.99) - quantile(free, 0.5));
  const sum = (of: (observed: Observed) => number): number => runs.reduce((all, run) => all + of(run.observed), 0);
  const ended = runs.filter(({ endedItself }) => endedItself).length;
  const most = Math.max(...late(runs, 1));
  const ratio = (own: readonly number[], others: readonly number[]): string => {
    const found = pairedRatio(own, others);
    return Number.isNaN(found) ? '-' : found.toFixed(2);
  };
  const cells = [
    `${group.periodFrames} x ${periods}`,
    `${name}${group.isRealtime && runs.some(({ fifo }) => fifo === 0) ? ' (no FIFO)' : ''}${ended > 0 ? ` (ended by itself in ${ended} of ${runs.length})` : ''}`,
    micro(median(late(runs, 0.5))),
    micro(median(late(runs, 0.99))),
    micro(most),
    micro(median(spread)),
    `${median(headrooms).toFixed(1)} (${((100 * median(headrooms)) / ringMs).toFixed(0)} %)`,
    ratio(headrooms, besideHeadrooms),
    Math.min(...headrooms).toFixed(1),
    `${sum(({ xruns }) => xruns)}, ${sum(({ gapMs }) => gapMs).toFixed(0)}`,
    `${sum(({ wakeUps }) => wakeUps)} / ${sum(({ periods: played }) => played)}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const head = [
  '| ring | player | late p50 us | late p99 us | latest us | spread us | least headroom ms | of ours | least of all ms | xruns, ms lost | wake-ups / periods |',
  '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
];

/** Who comes first takes turns. */
const rotated = <T>(all: readonly T[], by: number): T[] => all.map((_, index) => all[(index + by) % all.length]!);

/** Measures each program in each group, the first as the one that the others stand beside. Gives a table, and a sentence for each program that was not measured. */
export async function jitterTable(
  subjects: readonly PlayerSubject[],
  groups: readonly JitterGroup[],
  settings: JitterSettings,
  device: ObservedDevice,
): Promise<string> {
  Object.assign(process.env, device.environment);
  const absent = subjects.flatMap((subject) => {
    const why = subject.absence();
    return why === undefined ? [] : [`${subject.name} was not measured: ${why}.`];
  });
  const present = subjects.filter((subject) => subject.absence() === undefined);
  const lines: string[] = [];
  for (const group of groups) {
    const found = new Map<PlayerSubject, Run[]>(present.map((subject) => [subject, []]));
    const failed: string[] = [];
    for (let round = 0; round < settings.rounds; round++) {
      for (const subject of rotated(present, round)) {
        try {
          const run = await measurePlayer(subject, group, settings, device);
          found.get(subject)!.push(run);
          process.stderr.write(`${group.periodFrames} ${subject.name}: ${describeRun(run)}\n`);
        } catch (error) {
          failed.push(`${subject.name}, round ${round + 1}: ${error instanceof Error ? error.message : error}`);
          process.stderr.write(`${failed.at(-1)}\n`);
        }
      }
    }
    const beside = found.get(present[0]!)!;
    lines.push(group.isRealtime ? '\nWith real-time rights:\n' : '\nWithout:\n', ...head);
    for (const [subject, runs] of found)
      if (runs.length > 0) lines.push(rowOf(subject.name, group, runs, beside, settings.rate));
    if (failed.length > 0) lines.push('', ...failed.map((why) => `Not in the table: ${why}.`));
  }
  if (absent.length > 0) lines.push('', ...absent);
  return lines.join('\n');
}

function describeRun({ observed, fifo }: Run): string {
  const { late: all, headroomMs, xruns, gapMs, commits, wakeUps } = observed;
  const shares = [0.5, 0.99, 0.999, 1].map((share) => micro(quantile(all, share))).join('/');
  return `late ${shares} us, headroom ${headroomMs.toFixed(1)} ms, ${xruns} xruns, ${gapMs.toFixed(0)} ms, ${commits} hand-overs in ${wakeUps} wake-ups, ${fifo} threads FIFO`;
}
