// The pump's figures out of the shared region, as the report wants them: what its words, histograms and rings of records say when it has ended, or so far. It
// reads alone. Not here: where they stand (pump/shared-layout.ts), what is made of them (report.ts).

import { EventReader } from '../player-events.js';
import { bucketStart, histogramView, unitNs } from '../pump/histogram.js';
import {
  driftBytes,
  driftEntries,
  Histogram,
  offsets,
  PumpNumber,
  PumpWord,
  SecondWord,
  secondBytes,
  secondEntries,
} from '../pump/shared-layout.js';
import type { Distribution } from './distribution.js';
import { type Drift, DriftEstimate } from './drift.js';
import type { HeadroomPoint, PlayFacts, Scheduling, Xrun } from './facts.js';

/** What the pump alone knows. */
export type PumpFigures = Pick<
  PlayFacts,
  | 'seconds'
  | 'missingFrames'
  | 'wakeUps'
  | 'latenessUs'
  | 'lateOverPeriod'
  | 'headroomFrames'
  | 'headroomOverTime'
  | 'workUs'
  | 'xruns'
  | 'xrunCount'
  | 'drift'
  | 'userCopiedBytes'
  | 'kernelCopiedBytes'
  | 'minorFaults'
  | 'majorFaults'
  | 'collections'
  | 'allocatedBytes'
  | 'voluntarySwitches'
  | 'involuntarySwitches'
> & {
  /** The number of the track that is heard; -1: none yet. */
  readonly heardTrack: number;
  /** Frames that the volume changed. */
  readonly changedFrames: number;
  readonly scheduling: Omit<Scheduling, 'refusals'>;
};

/** What the histograms are told in: from their units to that of the report, with the exact extremes where the pump keeps them. */
function distribution(counts: Int32Array, unit: number, extremes: { least?: number; greatest?: number }): Distribution {
  const used = counts.findLastIndex((count) => count > 0) + 1;
  const first = counts.findIndex((count) => count > 0);
  const buckets = Array.from({ length: used }, (_, index) => index);
  const upTo = buckets.map((bucket) => (bucketStart(bucket + 1) - 1) * unit);
  return {
    upTo,
    counts: buckets.map((bucket) => counts[bucket]!),
    least: extremes.least ?? (first < 0 ? 0 : bucketStart(first) * unit),
    greatest: extremes.greatest ?? upTo.at(-1) ?? 0,
  };
}

/** The places of the records of a ring, oldest first, and never more than it holds. */
function* recordsOf(count: number, entries: number): Generator<number> {
  for (let index = Math.max(0, count - entries); index < count; index++) yield index & (entries - 1);
}

function xrunsOf(region: ArrayBuffer): Xrun[] {
  const found: Xrun[] = [];
  for (const event of new EventReader(region).take()) {
    if (event.kind !== 'xrun') continue;
    const { atSeconds, gapMs, framesLost, latenessMs, cause } = event;
    found.push({ atSeconds: Math.max(0, atSeconds), gapMs, framesLost, latenessUs: latenessMs * 1000, cause });
  }
  return found;
}

function headroomOverTime(words: Int32Array): HeadroomPoint[] {
  const points: HeadroomPoint[] = [];
  for (const index of recordsOf(words[PumpWord.seconds]!, secondEntries)) {
    const at = (offsets.seconds + index * secondBytes) >> 2;
    const leastFrames = words[at + SecondWord.leastQueued]!;
    if (leastFrames >= 0) points.push({ seconds: words[at + SecondWord.second]!, leastFrames });
  }
  return points;
}

/** Of the stretches between two breaks the longest decides: a slope over a break would be none of the device's. */
function driftOf(words: Int32Array, numbers: Float64Array, rate: number): Drift | undefined {
  let longest: Drift | undefined;
  const estimate = new DriftEstimate(rate);
  const keep = (): void => {
    const found = estimate.result();
    if (found !== undefined && found.seconds > (longest?.seconds ?? 0)) longest = found;
  };
  for (const index of recordsOf(words[PumpWord.driftPairs]!, driftEntries)) {
    const at = (offsets.drift + index * driftBytes) >> 3;
    const frames = numbers[at + 1]!;
    if (frames === 0) {
      keep();
      estimate.restart();
    }
    estimate.add(numbers[at]! / 1e9, frames);
  }
  keep();
  return longest;
}

const classes = ['OTHER', 'FIFO', 'RR'] as const;

/** Reads the figures. @param region the shared region's bytes @param rate frames a second of the sink */
export function pumpFigures(region: ArrayBuffer, rate: number): PumpFigures {
  const words = new Int32Array(region, 0, offsets.descriptors / 4);
  const numbers = new Float64Array(region, 0, offsets.descriptors / 8);
  const histogram = (which: number): Int32Array => histogramView(region, offsets.histograms, which);
  const word = (index: number): number => words[index]!;
  const number = (index: number): number => numbers[index]!;
  const unitUs = unitNs / 1000;
  const began = number(PumpNumber.startedNs);
  const hasHeadroom = histogram(Histogram.headroomFrames).some((count) => count > 0);
  return {
    seconds: began === 0 ? 0 : Math.max(0, (number(PumpNumber.stoppedNs) - began) / 1e9),
    heardTrack: word(PumpWord.track),
    missingFrames: word(PumpWord.framesMissing),
    wakeUps: word(PumpWord.wakeUps),
    latenessUs: distribution(histogram(Histogram.latenessNs), unitUs, { greatest: number(PumpNumber.latestNs) / 1000 }),
    lateOverPeriod: word(PumpWord.lateOverPeriod),
    headroomFrames: distribution(
      histogram(Histogram.headroomFrames),
      1,
      hasHeadroom ? { least: word(PumpWord.leastQueued) } : {},
    ),
    headroomOverTime: headroomOverTime(words),
    workUs: distribution(histogram(Histogram.workNs), unitUs, { greatest: number(PumpNumber.longestWorkNs) / 1000 }),
    xruns: xrunsOf(region),
    changedFrames: word(PumpWord.changedFrames),
    xrunCount: word(PumpWord.xruns),
    drift: driftOf(words, numbers, rate),
    userCopiedBytes: number(PumpNumber.userBytes),
    kernelCopiedBytes: number(PumpNumber.kernelBytes),
    minorFaults: word(PumpWord.minorFaults),
    majorFaults: word(PumpWord.majorFaults),
    collections: word(PumpWord.collections),
    allocatedBytes: number(PumpNumber.allocatedBytes),
    voluntarySwitches: word(PumpWord.voluntarySwitches),
    involuntarySwitches: word(PumpWord.involuntarySwitches),
    scheduling: {
      class: classes[word(PumpWord.schedulingClass)] ?? 'OTHER',
      priority: word(PumpWord.priority),
      nice: word(PumpWord.nicePlus20) - 20,
      lockedBytes: number(PumpNumber.lockedBytes),
    },
  };
}
