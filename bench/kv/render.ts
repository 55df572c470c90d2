// The table of `npm run bench:kv` as Markdown, ratios first. It computes medians of what was measured, and measures nothing.

import { renderTable, show } from '../report.js';
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import { type KvMeasurement, kvRows } from './load.js';
import { referenceName } from './stores.js';

/** A row at a store, in each round. */
export interface KvCell {
  readonly row: string;
  readonly store: string;
  readonly rounds: readonly KvMeasurement[];
}

const verdict = (isMet: boolean | undefined): string => (isMet === undefined ? '' : isMet ? 'met' : 'missed');

function spread(values: readonly number[], reference: readonly number[]): string {
  const extremes = range(roundRatios(values, reference));
  return extremes === undefined ? '-' : `${show(extremes.least)} to ${show(extremes.most)}`;
}

/** The table. */
export function renderKv(cells: readonly KvCell[]): string {
  const lines = cells.map((cell) => {
    const row = kvRows.find(({ name }) => name === cell.row)!;
    const reference = cells.find(({ row: name, store }) => name === cell.row && store === referenceName)!;
    const of = (field: keyof KvMeasurement, from = cell): number[] => from.rounds.map((round) => round[field]);
    const rate = pairedRatio(of('requestsPerSecond'), of('requestsPerSecond', reference));
    const cpu = pairedRatio(of('cpuUsPerRequest'), of('cpuUsPerRequest', reference));
    const isOurs = cell.store !== referenceName;
    const { rateAtLeast, cpuAtMost } = row;
    return [
      cell.row,
      cell.store,
      show(rate, 'x'),
      spread(of('requestsPerSecond'), of('requestsPerSecond', reference)),
      isOurs && rateAtLeast !== undefined ? `>= ${rateAtLeast}x: ${verdict(rate >= rateAtLeast)}` : '',
      show(cpu, 'x'),
      spread(of('cpuUsPerRequest'), of('cpuUsPerRequest', reference)),
      isOurs && cpuAtMost !== undefined ? `<= ${cpuAtMost}x: ${verdict(cpu <= cpuAtMost)}` : '',
      show(Math.round(median(of('requestsPerSecond')))),
      show(median(of('cpuUsPerRequest'))),
      show(median(of('p50Ms'))),
      show(median(of('p99Ms'))),
    ];
  });
  const head = [
    '50 connections',
    'store',
    'rate / Redis',
    'of the rounds',
    'bound',
    'CPU / Redis',
    'of the rounds',
    'bound',
  ];
  return renderTable([...head, 'requests/s', 'CPU us/request', 'p50 ms', 'p99 ms'], lines, [0, 1, 4, 7]);
}
