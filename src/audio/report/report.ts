// The report as figures: what is known when playing has ended, as the quantities that the documentation defines. Pure. Not here: how they are
// written (report-text.ts, report-page.ts), how they are found.

import { counted } from '../../text/units.js';
import { type BitVerdict, bitSentence, bitVerdict } from './bits.js';
import { countOf, type Distribution, lowPercentileOf, percentileOf } from './distribution.js';
import type { Environment } from './environment.js';
import type { HeadroomPoint, PlayFacts, Scheduling, SinkFacts, TrackFacts, Xrun } from './facts.js';

/** Percentiles in microseconds. */
export interface Times {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** What the ring still held, in three units. */
export interface Headroom {
  readonly frames: number;
  readonly ms: number;
  readonly percentOfRing: number;
}

/** What is said of a device without a clock. */
export const withoutClock = (device: string): string =>
  `${device} has no clock, and --fail-on-late needs one: take another --device, such as null for a dry run in real time`;

/** The report, as `--json` prints it. `schema` rises when a field changes its meaning or goes; new ones may come without that. */
export interface PlayReport {
  readonly schema: 1;
  /** What the pump really is: the first line, since everything below depends on it. */
  readonly scheduling: Scheduling;
  readonly sink: SinkFacts;
  readonly seconds: number;
  readonly tracks: readonly TrackFacts[];
  readonly committedFrames: number;
  readonly lostFrames: number;
  readonly wakeUps: number;
  /** `null`: the sink has no clock, or the pump never slept. */
  readonly lateness: (Times & { readonly overPeriod: number; readonly histogram: Distribution }) | null;
  readonly headroom: {
    readonly least: Headroom;
    readonly p1: Headroom;
    readonly overTime: readonly HeadroomPoint[];
  } | null;
  readonly work: Times | null;
  readonly xruns: readonly Xrun[];
  readonly xrunCount: number;
  /** `null`: there is no device's clock to compare, or it was looked at for less than 30 s. */
  readonly drift: { readonly ppm: number; readonly standardErrorPpm: number; readonly seconds: number } | null;
  /** Copies of each sample by a CPU after decoding. */
  readonly copies: { readonly user: number; readonly kernel: number } | null;
  readonly pump: {
    readonly minorFaults: number;
    readonly majorFaults: number;
    readonly collections: number;
    /** By which the pump's heap grew: memory that a collection is for, one day. It says nothing where there was one. */
    readonly allocatedBytes: number;
    readonly voluntarySwitches: number;
    readonly involuntarySwitches: number;
  };
  /** FLAC's own checksums, of all files together: one that is wrong decides. */
  readonly md5: TrackFacts['md5'];
  readonly digests: 'equal' | 'different' | 'not compared';
  readonly notes: readonly string[];
  readonly environment: Environment;
  readonly bits: BitVerdict;
  readonly sentence: string;
}

function timesOf(distribution: Distribution): Times | null {
  if (countOf(distribution) === 0) return null;
  return {
    p50Us: percentileOf(distribution, 0.5)!,
    p99Us: percentileOf(distribution, 0.99)!,
    p999Us: percentileOf(distribution, 0.999)!,
    maxUs: distribution.greatest,
  };
}

function headroomOf(frames: number, { rate, ringFrames }: SinkFacts): Headroom {
  return { frames, ms: (frames / rate) * 1000, percentOfRing: ringFrames > 0 ? (frames / ringFrames) * 100 : 0 };
}

/** What all files together say of their own checksums: one that is wrong decides. */
function md5Of(tracks: readonly TrackFacts[]): TrackFacts['md5'] {
  const found = new Set(tracks.map(({ md5 }) => md5));
  for (const each of ['wrong', 'not checked', 'ok'] as const) if (found.has(each)) return each;
  return 'none';
}

const sumOf = (tracks: readonly TrackFacts[], figure: 'committedFrames' | 'lostFrames' | 'damagedFrames'): number =>
  tracks.reduce((total, track) => total + track[figure], 0);

/** Frames owed by the files that never reached the device. */
const lostOf = ({ tracks, missingFrames }: PlayFacts): number => Math.max(sumOf(tracks, 'lostFrames'), missingFrames);

function verdictOf(facts: PlayFacts): BitVerdict {
  const { bits, tracks, xrunCount, digests } = facts;
  const md5 = md5Of(tracks);
  return bitVerdict({
    ...bits,
    committedFrames: sumOf(tracks, 'committedFrames'),
    lostFrames: lostOf(facts),
    damagedFrames: sumOf(tracks, 'damagedFrames'),
    xruns: xrunCount,
    md5: md5 === 'ok' || md5 === 'wrong' ? md5 : undefined,
    digestsEqual: digests === undefined ? undefined : digests.decoded === digests.committed,
  });
}

/** Makes the report. */
export function reportOf(facts: PlayFacts): PlayReport {
  const { sink, tracks, payloadBytes: bytes, digests } = facts;
  const hasClock = sink.clock !== 'none';
  const times = hasClock ? timesOf(facts.latenessUs) : null;
  const headroom = hasClock && countOf(facts.headroomFrames) > 0 ? facts.headroomFrames : undefined;
  const bits = verdictOf(facts);
  const { minorFaults, majorFaults, collections, allocatedBytes, voluntarySwitches, involuntarySwitches } = facts;
  return {
    schema: 1,
    scheduling: facts.scheduling,
    sink,
    seconds: facts.seconds,
    tracks,
    committedFrames: sumOf(tracks, 'committedFrames'),
    lostFrames: lostOf(facts),
    wakeUps: facts.wakeUps,
    lateness: times === null ? null : { ...times, overPeriod: facts.lateOverPeriod, histogram: facts.latenessUs },
    headroom:
      headroom === undefined
        ? null
        : {
            least: headroomOf(headroom.least, sink),
            p1: headroomOf(lowPercentileOf(headroom, 0.01)!, sink),
            overTime: facts.headroomOverTime,
          },
    work: timesOf(facts.workUs),
    xruns: facts.xruns,
    xrunCount: facts.xrunCount,
    drift:
      facts.drift === undefined || sink.clock === 'none' || sink.clock === 'own'
        ? null
        : {
            ppm: facts.drift.ppm,
            standardErrorPpm: facts.drift.standardErrorPpm,
            seconds: facts.drift.seconds,
          },
    copies: bytes > 0 ? { user: facts.userCopiedBytes / bytes, kernel: facts.kernelCopiedBytes / bytes } : null,
    pump: { minorFaults, majorFaults, collections, allocatedBytes, voluntarySwitches, involuntarySwitches },
    md5: md5Of(tracks),
    digests: digests === undefined ? 'not compared' : digests.decoded === digests.committed ? 'equal' : 'different',
    notes: facts.notes,
    environment: facts.environment,
    bits,
    sentence: bitSentence(bits),
  };
}

/**
 * Whether a `--fail-on-*` is met: the sentence. A pump that never slept was never late. @param xruns most that are let pass
 * @param lateMs most lateness that is let pass
 */
export function failureOf(
  report: Pick<PlayReport, 'xrunCount' | 'lateness' | 'sink'>,
  limits: { readonly xruns?: number | undefined; readonly lateMs?: number | undefined },
): string | undefined {
  const { xruns, lateMs } = limits;
  if (xruns !== undefined && report.xrunCount > xruns)
    return `${counted(report.xrunCount, 'xrun')}, and --fail-on-xrun allows ${xruns}`;
  if (lateMs === undefined) return undefined;
  // Named ones are refused before; of ALSA's names it is known only when they are open.
  if (report.sink.clock === 'none') return withoutClock(report.sink.name);
  const maxUs = report.lateness?.maxUs ?? 0;
  return maxUs > lateMs * 1000
    ? `woken ${(maxUs / 1000).toFixed(3)} ms late, and --fail-on-late allows ${lateMs}`
    : undefined;
}
