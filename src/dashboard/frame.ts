// What the page is sent: a frame for each observation, with rates since the one before and sums since the start, and the
// points of the charts. The page's script reads these types too. Not here: the connection (dashboard.ts), drawing (page/).

import { points } from '../journey/points.js';
import type { JourneyReading } from '../journey/tracer.js';
import { type Counters, subtractCounters, summarise } from '../meter/accounts/accounts.js';
import type { Tier } from '../meter/accounts/causes.js';
import type { SocketRow } from '../meter/accounts/socket-accounts.js';
import type { Reading } from '../meter/meter.js';
import { byProcess, printable, shortfallLines } from '../meter/report.js';
import type { ServerFigures } from './server-figures.js';

/** What was seen at one time. */
export interface Observation {
  /** ms since 1970. */
  readonly timeMs: number;
  /** Absent where the host refuses a meter. */
  readonly reading?: Reading | undefined;
  readonly sockets?: readonly SocketRow[] | undefined;
  /** Where a Clearway server is watched. */
  readonly server?: ServerFigures | undefined;
  /** Sentences that say why bytes were copied and what would stop it. */
  readonly why?: readonly string[] | undefined;
  /** The journey of messages, where it is followed. */
  readonly journey?: JourneyReading | undefined;
}

/** The journey of messages: how many, their whole time, and each stage with its share of all time. Durations in ns. */
export interface JourneyFigures {
  readonly count: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
  readonly stages: readonly {
    readonly from: string;
    readonly to: string;
    readonly words: string;
    readonly p50Ns: number;
    readonly p99Ns: number;
    readonly maxNs: number;
    readonly share: number;
  }[];
}

/** Bytes copied for each byte of payload. */
export type Amplification = Readonly<Record<'sent' | 'received' | 'total', number | null>>;

/** Bytes moved: in a second, or since the start. `null` where it is not known. */
export interface Moved {
  readonly sent: number | null;
  readonly received: number | null;
  /** Copied by the kernel. */
  readonly copied: number | null;
  readonly byReference: number | null;
  /** Copied by the server in user space. */
  readonly userCopied: number | null;
  readonly amplification: Amplification;
  readonly counters: Counters;
  readonly server: ServerFigures | null;
}

/** One process: bytes in a second, and since the start. */
export interface ProcessLine {
  readonly processId: number;
  readonly command: string;
  readonly copiedRate: number;
  readonly byReferenceRate: number;
  readonly sentRate: number;
  readonly receivedRate: number;
  readonly copied: number;
  readonly amplification: number | null;
}

/** One open socket, since the start. */
export type SocketLine = Pick<
  SocketRow,
  'processId' | 'protocol' | 'local' | 'remote' | 'sentCopied' | 'sentByReference' | 'received'
>;

/** One observation, as the page shows it. */
export interface Frame {
  readonly timeMs: number;
  readonly tier: Tier | null;
  readonly now: Moved;
  readonly start: Moved;
  /** The largest ones. */
  readonly processes: readonly ProcessLine[];
  readonly processCount: number;
  /** `null` where sockets are not accounted. */
  readonly sockets: readonly SocketLine[] | null;
  readonly socketCount: number;
  readonly why: readonly string[] | null;
  /** `null` where it is not followed. */
  readonly journey: JourneyFigures | null;
  /** What was lost, in sentences. */
  readonly shortfall: readonly string[];
  readonly unseen: readonly string[];
}

/** One place of the charts: time in ms, then what {@link Moved} says of that second. */
export type ChartPoint = readonly [
  timeMs: number,
  sent: number | null,
  received: number | null,
  copied: number | null,
  byReference: number | null,
  userCopied: number | null,
  amplificationSent: number | null,
  amplificationReceived: number | null,
  amplificationTotal: number | null,
];

/** The first thing a page is told. */
export interface Hello {
  readonly subject: string;
  /** Why there are no figures of the kernel, or `null`. */
  readonly refusal: string | null;
  readonly history: readonly ChartPoint[];
}

const mostLines = 50;

/** The point of a frame. */
export function pointOf({ timeMs, now }: Frame): ChartPoint {
  const { sent, received, total } = now.amplification;
  return [timeMs, now.sent, now.received, now.copied, now.byReference, now.userCopied, sent, received, total];
}

/** Makes frames of observations, which must come in order. */
export class FrameMaker {
  private before: Observation | undefined;

  /** The frame of the next observation. */
  next(observation: Observation): Frame {
    const { before } = this;
    this.before = observation;
    const { timeMs, reading, sockets, server, why, journey } = observation;
    // The first rates are over the time since the meter was opened.
    const elapsedMs = before === undefined ? (reading?.elapsedMs ?? 1000) : timeMs - before.timeMs;
    const perSecond = 1000 / Math.max(1, elapsedMs);
    const counters =
      reading === undefined ? undefined : subtractCounters(reading.counters, before?.reading?.counters ?? {});
    return {
      timeMs,
      tier: reading?.tier ?? null,
      now: moved(
        counters === undefined ? undefined : scaled(counters, perSecond),
        server === undefined ? undefined : serverRate(server, before?.server, perSecond),
      ),
      start: moved(reading?.counters, server),
      processes: reading === undefined ? [] : processLines(reading, before?.reading, perSecond),
      processCount: reading === undefined ? 0 : byProcess(reading.rows).length,
      sockets: sockets?.slice(0, mostLines).map(socketLine) ?? null,
      socketCount: sockets?.length ?? 0,
      why: why ?? null,
      journey: journey === undefined ? null : journeyFigures(journey),
      shortfall: [...(reading === undefined ? [] : shortfallLines(reading)), ...lostStamps(journey)],
      unseen: reading?.unseen ?? [],
    };
  }
}

function journeyFigures({ total, stages }: JourneyReading): JourneyFigures {
  const { count, p50Ns, p99Ns, maxNs, sumNs } = total;
  return {
    ...{ count, p50Ns, p99Ns, maxNs },
    stages: stages.map((stage) => ({
      ...{ from: stage.from, to: stage.to, words: points[stage.to].words },
      ...{ p50Ns: stage.p50Ns, p99Ns: stage.p99Ns, maxNs: stage.maxNs },
      share: sumNs === 0 ? 0 : stage.sumNs / sumNs,
    })),
  };
}

function lostStamps(journey: JourneyReading | undefined): string[] {
  const records = (journey?.lost ?? []).reduce((sum, each) => sum + each.records, 0);
  return records === 0 ? [] : [`${records} records of messages found no room: their journeys lack points`];
}

const unknown: Amplification = { sent: null, received: null, total: null };

function moved(counters: Counters | undefined, server: ServerFigures | undefined): Moved {
  const userCopied = server === undefined ? null : sumOf(server.copies);
  const common = { userCopied, server: server ?? null };
  if (counters === undefined) {
    const sent = server === undefined ? null : sumOf(server.ways);
    return { sent, received: null, copied: null, byReference: null, amplification: unknown, counters: {}, ...common };
  }
  const { payloadSent, payloadReceived, copied, byReference, amplification } = summarise(counters);
  return { sent: payloadSent, received: payloadReceived, copied, byReference, amplification, counters, ...common };
}

function sumOf(values: Readonly<Record<string, number>>): number {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

function scaled<Values extends Readonly<Record<string, number>>>(values: Values, factor: number): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value * factor])) as Values;
}

function serverRate(now: ServerFigures, before: ServerFigures | undefined, perSecond: number): ServerFigures {
  const rate = (after: Readonly<Record<string, number>>, earlier: Readonly<Record<string, number>> | undefined) =>
    Object.fromEntries(
      Object.entries(after).map(([name, value]) => [name, (value - (earlier?.[name] ?? 0)) * perSecond]),
    );
  return {
    requests: (now.requests - (before?.requests ?? 0)) * perSecond,
    connections: now.connections,
    ways: rate(now.ways, before?.ways),
    copies: rate(now.copies, before?.copies),
  };
}

/** Whoever copies most now comes first, then whoever copied most. */
function processLines(reading: Reading, before: Reading | undefined, perSecond: number): ProcessLine[] {
  const keyOf = ({ processId, startNs }: { processId: number; startNs: number }) => `${processId} ${startNs}`;
  const earlier = new Map(byProcess(before?.rows ?? []).map((sum) => [keyOf(sum), sum.counters]));
  return byProcess(reading.rows)
    .map((sum): ProcessLine => {
      const total = summarise(sum.counters);
      const rate = summarise(scaled(subtractCounters(sum.counters, earlier.get(keyOf(sum)) ?? {}), perSecond));
      return {
        processId: sum.processId,
        command: printable(sum.command),
        copiedRate: rate.copied,
        byReferenceRate: rate.byReference,
        sentRate: rate.payloadSent,
        receivedRate: rate.payloadReceived,
        copied: total.copied,
        amplification: total.amplification.total,
      };
    })
    .sort((left, right) => right.copiedRate - left.copiedRate || right.copied - left.copied)
    .slice(0, mostLines);
}

function socketLine(row: SocketRow): SocketLine {
  const { processId, protocol, local, remote, sentCopied, sentByReference, received } = row;
  return { processId, protocol, local, remote, sentCopied, sentByReference, received };
}
