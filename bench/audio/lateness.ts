// How late pumps wake: ours (a process of Node's, into nothing in real time or to another sink) and the same loop in C, for the same periods under the same load. Microseconds. Not here: the load (load.ts), rounds and
// tables (pump-table.ts, jack-table.ts).

import { spawnSync } from 'node:child_process';
import { Player } from '../../src/audio/index.js';
import { histogramCount, histogramView, quantileOf, unitNs } from '../../src/audio/pump/histogram.js';
import { Histogram, offsets, PumpNumber, PumpWord } from '../../src/audio/pump/shared-layout.js';

/** One run. Times in microseconds. */
export interface Lateness {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** Wake-ups that were late by more than a period. */
  readonly late: number;
  readonly workP50: number;
  readonly workP99: number;
  /** Of SCHED_FIFO that was really got; 0: none. */
  readonly priority: number;
  readonly minorFaults: number;
  readonly majorFaults: number;
  readonly involuntary: number;
  /** Of ours alone. */
  readonly collections?: number;
  readonly xruns?: number;
}

/** What is measured. */
export interface LatenessRun {
  readonly frames: number;
  readonly rate: number;
  readonly seconds: number;
  readonly isRealtime: boolean;
}

/** Of the program that pump.c became. @throws with what it said */
export function latenessInC(program: string, { frames, rate, seconds, isRealtime }: LatenessRun): Promise<Lateness> {
  const args = [frames, rate, seconds, isRealtime ? 60 : 0].map(String);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: (seconds + 30) * 1000 });
  if (status !== 0) throw new Error(`the pump in C ended with status ${status}: ${stderr}`);
  return Promise.resolve(JSON.parse(stdout) as Lateness);
}

/**
 * Of ours, while this process collects garbage, unless it is not to. `file` is longer than the run.
 * @param device where it plays to @param onPlaying called when the first frame is due @param onStopping called before it is stopped @throws what ended the player
 */
export async function latenessOfOurs(
  file: string,
  { frames, seconds, isRealtime }: LatenessRun,
  device = 'null',
  garbage = true,
  onPlaying = (): void => {},
  onStopping = (): void => {},
): Promise<Lateness> {
  const player = new Player({
    files: [file],
    device,
    periodFrames: frames,
    realtime: isRealtime,
    inject: { gc: garbage },
  });
  let found: Lateness | undefined;
  player.on('end', () => {
    found = read(player.region!);
  });
  player.once('playing', onPlaying);
  const stop = (): void => {
    onStopping();
    void player.stop();
  };
  player.once('playing', () => setTimeout(stop, seconds * 1000));
  player.start();
  const { failure } = await player.ended;
  if (failure !== undefined) throw failure;
  return found!;
}

function read(region: ArrayBuffer): Lateness {
  const words = new Int32Array(region, 0, offsets.descriptors / 4);
  const numbers = new Float64Array(region, 0, offsets.descriptors / 8);
  const lateness = histogramView(region, offsets.histograms, Histogram.latenessNs);
  const work = histogramView(region, offsets.histograms, Histogram.workNs);
  const us = (counts: Int32Array, share: number): number => (quantileOf(counts, share) * unitNs) / 1000;
  return {
    count: histogramCount(lateness),
    ...{ p50: us(lateness, 0.5), p99: us(lateness, 0.99), p999: us(lateness, 0.999) },
    max: numbers[PumpNumber.latestNs]! / 1000,
    late: words[PumpWord.lateOverPeriod]!,
    ...{ workP50: us(work, 0.5), workP99: us(work, 0.99) },
    priority: words[PumpWord.schedulingClass] === 1 ? words[PumpWord.priority]! : 0,
    minorFaults: words[PumpWord.minorFaults]!,
    majorFaults: words[PumpWord.majorFaults]!,
    involuntary: words[PumpWord.involuntarySwitches]!,
    collections: words[PumpWord.collections]!,
    xruns: words[PumpWord.xruns]!,
  };
}
