// A reading as metric families: names, units and labelled values. Prometheus (prometheus.ts) and OpenTelemetry (otlp.ts)
// write out the same families, so that both say the same. Here is no text format and no network.

import { summarise } from '../accounts/accounts.js';
import { type CauseName, causeNames, causes } from '../accounts/causes.js';
import type { Reading } from '../meter.js';
import { byProcess, printable } from '../report.js';

/** One value with its labels. */
export interface Point {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Values of one kind. A counter only grows while the meter is open. */
export interface Family {
  /** Words with dots, without a unit: `clearway.meter.copied`. */
  readonly name: string;
  /** `By` and `1` are UCUM: bytes, and a plain number. */
  readonly unit: 'By' | '1';
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
  readonly points: readonly Point[];
}

/** What to include. */
export interface FamilyOptions {
  /** The largest copiers that are named one by one; 0: none, for a program that meters itself. */
  readonly processes: number;
}

/** The families of a reading. What the tier cannot see has no value: unknown is not 0. */
export function meterFamilies(reading: Reading, { processes }: FamilyOptions): Family[] {
  const { summary, shortfall } = reading;
  const directions = [
    { labels: { direction: 'sent' }, value: summary.payloadSent },
    { labels: { direction: 'received' }, value: summary.payloadReceived },
  ];
  const amplification = (['sent', 'received', 'total'] as const)
    .map((direction) => ({ labels: { direction }, value: summary.amplification[direction] }))
    .filter((point): point is Point & { labels: { direction: 'sent' | 'received' | 'total' } } => point.value !== null);
  return [
    gauge('info', 'The tier that counts.', [{ labels: { tier: reading.tier }, value: 1 }]),
    counter('copied', 'By', 'Bytes that the CPU copied for sockets in the kernel, by cause.', copiedPoints(reading)),
    counter('referenced', 'By', 'Bytes moved by reference, not copied.', pointsOf(reading, 'by-reference')),
    counter('payload', 'By', 'Bytes that applications sent and received.', directions),
    gauge('amplification', 'Bytes copied for each byte of payload since the start.', amplification),
    counter('events', '1', 'What happened, in numbers.', pointsOf(reading, 'event')),
    counter('lost', 'By', 'Bytes that found no room for an account.', [{ labels: {}, value: shortfall.lostBytes }]),
    counter('missed_events', '1', 'Events the kernel missed: their bytes are unknown.', [
      { labels: {}, value: shortfall.missedEvents },
    ]),
    counter('unattributed', 'By', 'Reverted bytes whose sender is not known, on the whole host.', [
      { labels: {}, value: shortfall.unattributedBytes },
    ]),
    ...(processes > 0 ? processFamilies(reading, processes) : []),
  ];
}

function counter(name: string, unit: 'By' | '1', help: string, points: readonly Point[]): Family {
  return { name: `clearway.meter.${name}`, unit, kind: 'counter', help, points };
}

function gauge(name: string, help: string, points: readonly Point[]): Family {
  return { name: `clearway.meter.${name}`, unit: '1', kind: 'gauge', help, points };
}

function seen(reading: Reading): CauseName[] {
  return causeNames.filter((name) => reading.counters[name] !== undefined);
}

function copiedPoints(reading: Reading): Point[] {
  const movements = ['user-to-kernel', 'kernel-to-user', 'kernel-to-kernel'];
  return seen(reading)
    .filter((name) => movements.includes(causes[name].movement))
    .map((cause) => ({
      labels: { cause, movement: causes[cause].movement, direction: causes[cause].side ?? 'none' },
      value: reading.counters[cause]!,
    }));
}

function pointsOf(reading: Reading, movement: 'by-reference' | 'event'): Point[] {
  const label = movement === 'event' ? 'event' : 'cause';
  return seen(reading)
    .filter((name) => causes[name].movement === movement)
    .map((name) => ({ labels: { [label]: name }, value: reading.counters[name]! }));
}

function processFamilies(reading: Reading, most: number): Family[] {
  const sums = byProcess(reading.rows)
    .slice(0, most)
    .map((sum) => ({
      labels: { pid: String(sum.processId), start: String(sum.startNs), command: printable(sum.command) },
      total: summarise(sum.counters),
    }));
  const of = (value: (total: (typeof sums)[number]['total']) => number) =>
    sums.map(({ labels, total }) => ({ labels, value: value(total) }));
  return [
    counter(
      'process.copied',
      'By',
      `Bytes copied for one process; the ${most} largest.`,
      of((total) => total.copied),
    ),
    counter(
      'process.referenced',
      'By',
      'Bytes moved by reference for one process.',
      of((total) => total.byReference),
    ),
    counter(
      'process.payload',
      'By',
      'Bytes one process sent and received.',
      of((total) => total.payloadSent + total.payloadReceived),
    ),
  ];
}
