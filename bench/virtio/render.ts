// The tables of `npm run bench:virtio` as Markdown, ratios first. It computes medians of what was measured, and measures nothing.

import { renderTable, show } from '../report.js';
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import { referenceName } from './back-ends.js';
import { type BlockMeasurement, blockRows } from './block-load.js';
import type { TripsInC } from './c-trips.js';
import type { LoadResult } from './load.js';
import type { RingRounds } from './measure-rings.js';
import type { SoakRow } from './measure-soak.js';
import type { TapMeasurement, TapResult } from './tap-load.js';
import { tapReference } from './taps.js';

const ringBound = 0.25;
const domainBound = 0.05;

function verdict(value: number, atMost: number | undefined): string {
  if (atMost === undefined) return '';
  return Number.isNaN(value) ? 'not measured' : value <= atMost ? 'met' : 'missed';
}

const spreadOf = (ratios: readonly number[]): string => {
  const spread = range(ratios);
  return spread === undefined ? '-' : `${show(spread.least)} to ${show(spread.most)}`;
};

/** Requests of disks: CPU of the back end, rates, and who told whom. */
export function renderBlock({ cells }: LoadResult): string {
  const lines = cells.map((cell) => {
    const of = (field: keyof BlockMeasurement, from = cell) => from.rounds.map((round) => round[field]);
    const reference = cells.find(({ row, subject }) => row === cell.row && subject === referenceName);
    const ratio =
      reference === undefined ? Number.NaN : pairedRatio(of('cpuUsPerRequest'), of('cpuUsPerRequest', reference));
    const ratios = reference === undefined ? [] : roundRatios(of('cpuUsPerRequest'), of('cpuUsPerRequest', reference));
    const rate =
      reference === undefined ? Number.NaN : pairedRatio(of('requestsPerSecond'), of('requestsPerSecond', reference));
    const isOurs = cell.subject.startsWith('clearway');
    const atMost = isOurs ? blockRows.find(({ name }) => name === cell.row)?.atMost : undefined;
    return [
      cell.row,
      cell.subject,
      show(ratio, 'x'),
      spreadOf(ratios),
      atMost === undefined ? '' : `<= ${show(atMost, 'x')}`,
      verdict(ratio, atMost),
      show(rate, 'x'),
      show(median(of('cpuUsPerRequest'))),
      show(Math.round(median(of('requestsPerSecond')))),
      show(median(of('kicksPerRequest'))),
      show(median(of('interruptsPerRequest'))),
    ];
  });
  const head = ['32 at once', 'back end', `CPU / ${referenceName}`, 'of the rounds', 'bound', 'verdict'];
  const more = [`rate / ${referenceName}`, 'CPU us/request', 'requests/s', 'kicks/request', 'interrupts/request'];
  return renderTable([...head, ...more], lines, [0, 1, 5]);
}

/** Round trips of rings alone, by the language of each side. */
export function renderRingTrips(rings: readonly RingRounds[]): string {
  const lines = rings
    .filter(({ kind }) => kind === 'trip')
    .map((each) => {
      const { layout, isPolling, driver, device, rounds, p99 } = each;
      const inC = rings.find(
        (other) => other.kind === 'trip' && other.layout === layout && other.isPolling === isPolling && isAllInC(other),
      );
      return [
        layout,
        isPolling ? 'both sides look without end' : 'kick and interrupt by eventfds',
        driver,
        device,
        show(median(rounds)),
        show(median(p99)),
        inC === undefined ? '' : show(pairedRatio(rounds, inC.rounds), 'x'),
        inC === undefined ? '' : spreadOf(roundRatios(rounds, inC.rounds)),
      ];
    });
  const head = ['round trip, rings alone', 'how', 'driver', 'null device', 'p50 us', 'p99 us'];
  return renderTable([...head, 'p50 / both in C', 'of the rounds'], lines, [0, 1, 2, 3]);
}

const isAllInC = ({ driver, device }: RingRounds): boolean => driver === 'C' && device === 'C';

/** Round trips of whole back ends, by eventfds. @param inC those with the front end in C */
export function renderTrips({ trips }: LoadResult, inC: TripsInC): string {
  const lines = Object.entries(trips).map(([subject, rounds]) => [
    subject,
    show(median(rounds)),
    inC[subject] === undefined ? '' : show(median(inC[subject])),
  ]);
  return renderTable(['round trip of a request for its id', 'p50 us', 'front end in C: p50 us'], lines, [0]);
}

/** What rings alone can do. @param dpdk packets a second of DPDK's vhost in each round, by layout. */
export function renderRings(rings: readonly RingRounds[], dpdk: Readonly<Record<string, readonly number[]>>): string {
  const lines = rings
    .filter(({ kind }) => kind === 'operations')
    .map(({ layout, rounds }) => {
      const theirs = dpdk[layout] ?? [];
      const ratio = pairedRatio(rounds, theirs);
      return [
        layout,
        show(ratio, 'x'),
        spreadOf(roundRatios(rounds, theirs)),
        `>= ${ringBound}x`,
        Number.isNaN(ratio) ? 'not measured' : ratio >= ringBound ? 'met' : 'missed',
        show(median(rounds) / 1e6),
        show(median(theirs) / 1e6),
      ];
    });
  const head = ['both sides polling', "operations / DPDK's packets", 'of the rounds', 'bound', 'verdict'];
  return renderTable([...head, 'million operations/s', "DPDK's vhost, million packets/s"], lines, [0, 4]);
}

/** The share of the Domain's checks of the CPU of a 4 KiB read. */
export function renderDomain({ cells, domainNs }: LoadResult): string {
  const row = blockRows[0]!.name;
  const lines = cells
    .filter((cell) => cell.row === row && cell.subject.startsWith('clearway'))
    .map((cell) => {
      const shares = roundRatios(
        domainNs.map((ns) => ns / 1000),
        cell.rounds.map(({ cpuUsPerRequest }) => cpuUsPerRequest),
      );
      const share = median(shares);
      return [
        cell.subject,
        `${show(share * 100)} %`,
        `<= ${domainBound * 100} %`,
        verdict(share, domainBound),
        show(median(domainNs)),
      ];
    });
  return renderTable([`the Domain in a ${row}`, 'of its CPU', 'bound', 'verdict', 'ns a request'], lines, [0, 3]);
}

/** Packets to taps. */
export function renderTaps(result: TapResult): string {
  const of = (name: string, field: keyof TapMeasurement): number[] => (result[name] ?? []).map((round) => round[field]);
  const lines = Object.keys(result).map((name) => [
    name,
    show(pairedRatio(of(name, 'cpuUsPerPacket'), of(tapReference, 'cpuUsPerPacket')), 'x'),
    spreadOf(roundRatios(of(name, 'cpuUsPerPacket'), of(tapReference, 'cpuUsPerPacket'))),
    show(median(of(name, 'cpuUsPerPacket'))),
    show(Math.round(median(of(name, 'packetsPerSecond')))),
    show(median(of(name, 'kicksPerPacket'))),
  ]);
  const head = ['guest to tap, 64 bytes', `CPU / ${tapReference}`, 'of the rounds', 'CPU us/packet'];
  return renderTable([...head, 'packets/s', 'kicks/packet'], lines, [0]);
}

/** How long nobody waited. */
export function renderSoak(rows: readonly SoakRow[]): string {
  const lines = rows.map(({ name, seconds, requests, kicks, interrupts, longestMs }) => [
    name,
    show(seconds),
    show(requests),
    show(kicks / requests),
    show(interrupts / requests),
    show(longestMs, ' ms'),
  ]);
  return renderTable(['soak', 'seconds', 'requests', 'kicks/request', 'interrupts/request', 'longest'], lines, [0]);
}
