// The tables of `npm run bench:bypass` as Markdown, ratios first. It computes medians of what was measured, and measures nothing.

import { renderTable, show } from '../report.js';
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import { dpdkName, type EchoCell, type EchoMeasurement, oursName } from './echo.js';
import type { GuardCell } from './guard.js';
import type { LatencyCell, LatencyMeasurement } from './latency.js';
import { type TransferCell, type TransferMeasurement, transferWays } from './transfer.js';

const echoBound = 0.5;
const guardBound = 0.05;

/** The smallest and the largest of the rounds' ratios. */
export function spread(values: readonly number[], reference: readonly number[]): string {
  const extremes = range(roundRatios(values, reference));
  return extremes === undefined ? '-' : `${show(extremes.least)} to ${show(extremes.most)}`;
}

/** A bound, and whether it is met. */
export function atLeast(value: number, bound: number): string {
  return `>= ${bound}x: ${Number.isNaN(value) ? 'not measured' : value >= bound ? 'met' : 'missed'}`;
}

/** Echoes of UDP. */
export function renderEchoes(cells: readonly EchoCell[]): string {
  const lines = cells.map((cell) => {
    const reference = cells.find(({ frameBytes, server }) => frameBytes === cell.frameBytes && server === dpdkName);
    const of = (field: keyof EchoMeasurement, from: EchoCell | undefined = cell): number[] =>
      from === undefined ? [] : from.rounds.map((round) => round[field]);
    const rate = pairedRatio(of('packetsPerSecond'), of('packetsPerSecond', reference));
    const cpu = median(of('cpuNsPerPacket'));
    return [
      `${cell.frameBytes} bytes`,
      cell.server,
      show(rate, 'x'),
      spread(of('packetsPerSecond'), of('packetsPerSecond', reference)),
      cell.server === oursName ? atLeast(rate, echoBound) : '',
      show(pairedRatio(of('cpuNsPerPacket'), of('cpuNsPerPacket', reference)), 'x'),
      spread(of('cpuNsPerPacket'), of('cpuNsPerPacket', reference)),
      show(Math.round(median(of('packetsPerSecond')) / 1000)),
      show(Math.round(cpu)),
      show(Math.round(cpu * median(of('systemShare')))),
      show(of('lost').reduce((sum, lost) => sum + lost, 0)),
    ];
  });
  const head = ['frames', 'echo of UDP', 'rate / DPDK', 'of the rounds', 'bound', 'CPU / DPDK', 'of the rounds'];
  return renderTable([...head, 'thousand/s', 'CPU ns a packet', 'in the kernel', 'lost'], lines, [0, 1, 4]);
}

/** Round trips of one message. */
export function renderLatencies(cells: readonly LatencyCell[]): string {
  const of = (cell: LatencyCell, field: keyof LatencyMeasurement): number[] => cell.rounds.map((round) => round[field]);
  const us = (ns: readonly number[]): string => show(median(ns) / 1000);
  const lines = cells.map((cell) => {
    const { bytes, client, server, bound } = cell;
    const same = cells.find((other) => other.bytes === bytes && other.client === client)!;
    const [kernel] = cells.filter((other) => other.bytes === bytes);
    const isOnlyOurs = client === server && bound !== undefined;
    const p50 = of(cell, 'p50Ns');
    const reference = of(isOnlyOurs ? kernel! : same, 'p50Ns');
    const ratio = pairedRatio(p50, reference);
    return [
      `${bytes} B`,
      client,
      server,
      show(pairedRatio(p50, of(kernel!, 'p50Ns')), 'x'),
      isOnlyOurs ? '' : show(pairedRatio(p50, of(same, 'p50Ns')), 'x'),
      spread(p50, reference),
      bound === undefined ? '' : `<= ${bound}x: ${ratio <= bound ? 'met' : 'missed'}`,
      us(p50),
      us(of(cell, 'p99Ns')),
      us(of(cell, 'sendNs')),
    ];
  });
  const head = [
    'message',
    'client',
    'server',
    'p50 / both of the kernel, waiting',
    'p50 / same client, kernel, waiting',
  ];
  return renderTable(
    [...head, 'of the rounds', 'bound', 'p50 us', 'p99 us', 'the client sends, us'],
    lines,
    [0, 1, 2, 6],
  );
}

/** Streams over wires that lose packets. */
export function renderTransfers(cells: readonly TransferCell[]): string {
  const lines = cells.map((cell) => {
    const { row, way } = cell;
    const reference = cells.find((other) => other.row === row && other.way === transferWays[0])!;
    const of = (field: keyof TransferMeasurement, from = cell): number[] => from.rounds.map((round) => round[field]);
    const rate = 'mebibytesPerSecond';
    const ratio = pairedRatio(of(rate), of(rate, reference));
    return [
      `${row.name}, ${row.mebibytes} MiB, IPv${row.family}`,
      way,
      show(ratio, 'x'),
      spread(of(rate), of(rate, reference)),
      row.bound === undefined || way === transferWays[0] ? '' : atLeast(ratio, row.bound),
      show(median(of(rate))),
      show(Math.round(median(of('lost')))),
      show(Math.round(median(of('resent')))),
    ];
  });
  const head = [
    'wire',
    'from, to',
    'goodput / kernel to kernel',
    'of the rounds',
    'bound',
    'MiB/s',
    'lost',
    'sent again',
  ];
  return renderTable(head, lines, [0, 1, 4]);
}

/** What the guard costs. @param packetNs CPU of a whole echo of 64 bytes over AF_XDP, in each round */
export function renderGuard(cells: readonly GuardCell[], packetNs: readonly number[]): string {
  const whole = median(packetNs);
  const lines = cells.map(({ name, guarded, unguarded }) => {
    const cost = median(guarded.map((ns, round) => ns - unguarded[round]!));
    const share = cost / whole;
    const bound = `<= ${guardBound * 100} %: ${share <= guardBound ? 'met' : 'missed'}`;
    return [
      name,
      `${show(share * 100)} %`,
      bound,
      show(pairedRatio(guarded, unguarded), 'x'),
      spread(guarded, unguarded),
      show(cost),
      show(median(guarded)),
      show(median(unguarded)),
    ];
  });
  const head = ['the guard, in', 'of the CPU of a packet over AF_XDP', 'bound', 'core with / without', 'of the rounds'];
  return renderTable([...head, 'ns a packet', 'core ns with', 'core ns without'], lines, [0, 2]);
}
