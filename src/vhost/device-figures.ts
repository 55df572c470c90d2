// The figures of devices that people watch, made of two readings of their counts: what happened in a second, and since the start. The live screen
// and the dashboard show the same ones. Pure. Not here: who counts, how figures are drawn (device-screen.ts, dashboard/).

import { copyReasonNames } from '../memory/copy.js';
import type { DeviceState } from './device-state.js';
import type { DevicesCounts, QueueCounts } from './queue-counts.js';

/** A figure, in words, and on a narrow screen. */
export interface Measure {
  readonly words: string;
  readonly head: string;
  readonly unit: 'count' | 'bytes';
  /** Of a second; otherwise what it is now, or since the start. */
  readonly isRate: boolean;
  /** The chart over time that it is drawn in, by its title. */
  readonly chart?: string;
}

/** How a measure is taken of what a device counted. */
export interface Measured<Counts> extends Measure {
  readonly of: (counts: Counts) => number;
}

/** How often each of something happened. */
type ByReason = Readonly<Record<string, number | undefined>>;

/** A kind of device, as it is watched. */
export interface DeviceKind<Counts extends QueueCounts, All extends DevicesCounts<Counts> = DevicesCounts<Counts>> {
  readonly measures: readonly Measured<Counts>[];
  /** What is counted by name, under what it is called. */
  readonly reasons: (counts: Counts) => Readonly<Record<string, ByReason>>;
  /** The same of what belongs to no device. */
  readonly reasonsOfAll?: (all: All) => Readonly<Record<string, ByReason>>;
  /** How long requests took, where it is known: counts up to each bound and beyond the last, in ms, and the longest. */
  readonly waits?: (counts: Counts) => {
    readonly boundsMs: readonly number[];
    readonly counts: readonly number[];
    readonly longestMs: number;
  };
}

/**
 * How long requests took: half of those of the last second and 99 % of them at most so long, and the longest since the start. `null`: none ended; 0: they
 * ended in the turn in which they were taken.
 */
export interface Waits {
  readonly halfMs: number | null;
  readonly mostMs: number | null;
  readonly longestMs: number | null;
}

/** One device. `now` and `start` have a value for each measure, of the last second and since the start. */
export interface DeviceFigures {
  readonly name: string;
  readonly state: DeviceState;
  readonly now: readonly number[];
  readonly start: readonly number[];
  readonly reasons: Reasons;
  readonly waits: Waits | null;
}

/** What was counted by reason since the start: what, why, how often. */
export type Reasons = readonly (readonly [what: string, why: string, count: number])[];

/** All devices of a process at a moment. */
export interface DevicesFigures {
  readonly devices: readonly DeviceFigures[];
  /** What belongs to none of them. */
  readonly reasons: Reasons;
  /** Bytes that were copied in user space since the start, by reason, and in the last second in all. */
  readonly copied: Readonly<Record<string, number>>;
  readonly copiedNow: number;
}

/** All that was counted by name. */
export const sumOf = (counts: ByReason): number =>
  Object.values(counts).reduce<number>((total, count) => total + (count ?? 0), 0);

const signals = 'Kicks and interrupts a second';

/** The measures of every queue. */
export const queueMeasures: readonly Measured<QueueCounts>[] = [
  { words: 'kicks', head: 'kicks', unit: 'count', isRate: true, chart: signals, of: ({ kicks }) => kicks },
  {
    ...{ words: 'found without a kick', head: 'unkicked', unit: 'count', isRate: true, chart: signals },
    of: ({ kicksSaved }) => kicksSaved,
  },
  {
    ...{ words: 'interrupts', head: 'irqs', unit: 'count', isRate: true, chart: signals },
    of: ({ interrupts }) => interrupts,
  },
  {
    ...{ words: 'interrupts saved', head: 'saved', unit: 'count', isRate: true, chart: signals },
    of: ({ interruptsSaved }) => interruptsSaved,
  },
  { words: 'faults', head: 'faults', unit: 'count', isRate: false, of: ({ faults }) => sumOf(faults) },
];

/** The bound that a share of the counts is within. */
function quantile(boundsMs: readonly number[], counts: readonly number[], share: number, longestMs: number) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let [index, seen] = [0, counts[0]!];
  while (seen < total * share) seen += counts[++index]!;
  return Math.min(boundsMs[index] ?? longestMs, longestMs);
}

const listed = (reasons: Readonly<Record<string, ByReason>>): Reasons =>
  Object.entries(reasons).flatMap(([what, by]) =>
    Object.entries(by).flatMap(([why, count = 0]) => (count > 0 ? [[what, why, count] as const] : [])),
  );

function waitsOf<Counts extends QueueCounts>(
  { waits }: Pick<DeviceKind<Counts>, 'waits'>,
  counts: Counts,
  before: Counts | undefined,
): Waits | null {
  if (waits === undefined) return null;
  const { boundsMs, counts: all, longestMs } = waits(counts);
  const old = before === undefined ? undefined : waits(before).counts;
  const recent = all.map((count, index) => count - (old?.[index] ?? 0));
  return {
    halfMs: quantile(boundsMs, recent, 0.5, longestMs),
    mostMs: quantile(boundsMs, recent, 0.99, longestMs),
    longestMs: all.some((count) => count > 0) ? longestMs : null,
  };
}

/** The figures of two readings. @param before undefined at the first one @param seconds between both, or since the start */
export function figuresOf<Counts extends QueueCounts, All extends DevicesCounts<Counts>>(
  kind: DeviceKind<Counts, All>,
  now: All,
  before: All | undefined,
  seconds: number,
): DevicesFigures {
  const rate = (value: number, old: number): number => Math.max(0, value - old) / Math.max(seconds, 0.001);
  const devices = now.devices.map(({ name, state, counts }, index): DeviceFigures => {
    const old = before?.devices[index]?.counts;
    const start = kind.measures.map(({ of }) => of(counts));
    return {
      name,
      state,
      start,
      now: kind.measures.map(({ of, isRate }, at) =>
        isRate ? rate(start[at]!, old === undefined ? 0 : of(old)) : start[at]!,
      ),
      reasons: listed({ ...kind.reasons(counts), faults: counts.faults }),
      waits: waitsOf(kind, counts, old),
    };
  });
  const sum = (copied: readonly number[] | undefined): number =>
    (copied ?? []).reduce((total, each) => total + each, 0);
  const reasons = copyReasonNames.map((reason, index) => [reason, now.copied[index] ?? 0] as const);
  return {
    devices,
    reasons: listed(kind.reasonsOfAll?.(now) ?? {}),
    copied: Object.fromEntries(reasons.filter(([, bytes]) => bytes > 0)),
    copiedNow: rate(sum(now.copied), sum(before?.copied)),
  };
}
