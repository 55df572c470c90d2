// The tables of stores over pairs of devices as Markdown, ratios first. It computes medians of what was measured, and measures nothing.

import { renderTable, show } from '../report.js';
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import type { WiredCell, WiredResult } from './wired.js';

/** Round trips take at most so much of what they take over the kernel's sockets. */
const latencyBound = 0.5;

function reference<Row, Measurement>(cells: readonly WiredCell<Row, Measurement>[], row: Row) {
  return cells.find((cell) => cell.row === row && cell.store === 'redis')!;
}

/** A ratio to Redis in each round: its median, and its extremes. */
function ratio(values: readonly number[], others: readonly number[]): string {
  const extremes = range(roundRatios(values, others));
  const spread = extremes === undefined ? '' : ` (${show(extremes.least)} to ${show(extremes.most)})`;
  return `${show(pairedRatio(values, others), 'x')}${spread}`;
}

/** The table of 50 connections. */
export function renderLoads(cells: WiredResult['loads']): string {
  const lines = cells.map((cell) => {
    const other = reference(cells, cell.row);
    const of = (field: keyof (typeof cell.rounds)[number], from = cell): number[] =>
      from.rounds.map((each) => each[field]);
    const fields = ['requestsPerSecond', 'cpuUsPerRequest', 'p50Ms', 'p99Ms'] as const;
    const lower = fields.slice(1).filter((field) => pairedRatio(of(field), of(field, other)) < 1);
    return [
      cell.row.name,
      cell.store,
      ...fields.map((field) => ratio(of(field), of(field, other))),
      cell.store === 'clearway --bypass' ? (lower.length === 3 ? 'met' : `missed: ${3 - lower.length} of 3`) : '',
      show(Math.round(median(of('requestsPerSecond')))),
      ...fields.slice(1).map((field) => show(median(of(field)))),
    ];
  });
  const head = [
    '50 connections',
    'store',
    'rate / Redis',
    'CPU / Redis',
    'p50 / Redis',
    'p99 / Redis',
    'CPU, p50, p99 lower',
  ];
  return renderTable([...head, 'requests/s', 'CPU us/request', 'p50 ms', 'p99 ms'], lines, [0, 1, 6]);
}

/** The table of one connection. */
export function renderLatencies(cells: WiredResult['latencies']): string {
  const lines = cells.map((cell) => {
    const other = reference(cells, cell.row);
    const of = (field: 'p50Ns' | 'p99Ns', from = cell): number[] => from.rounds.map((each) => each[field]);
    const isOurs = cell.store === 'clearway --bypass';
    const isMet = pairedRatio(of('p50Ns'), of('p50Ns', other)) <= latencyBound;
    return [
      cell.row === 'spin' ? 'looks without end' : 'waits in the kernel',
      cell.store,
      ratio(of('p50Ns'), of('p50Ns', other)),
      isOurs && cell.row === 'spin' ? `<= ${latencyBound}x: ${isMet ? 'met' : 'missed'}` : '',
      ratio(of('p99Ns'), of('p99Ns', other)),
      show(median(of('p50Ns')) / 1000),
      show(median(of('p99Ns')) / 1000),
    ];
  });
  return renderTable(
    ['the client', 'store', 'p50 / Redis', 'bound', 'p99 / Redis', 'p50 us', 'p99 us'],
    lines,
    [0, 1, 3],
  );
}
