// What the model says to each published row, and the table of residuals committed in docs/residuals.md. Computes and formats; the rows are in
// published.ts.

import { boundOf, processorNs } from './bound.js';
import { buildJourney } from './journey.js';
import { type PublishedRow, publishedRows } from './published.js';
import { defaultScenario, type Scenario } from './scenario.js';

export interface Residual {
  row: PublishedRow;
  predicted: number;
  /** Signed error: predicted over measured less one; for rows in percent the difference in points over 100. */
  error: number;
}

function predict(row: PublishedRow, changes: Partial<Scenario>): number {
  const journey = buildJourney({ ...defaultScenario(), ...changes });
  const { throughput } = boundOf(journey);
  switch (row.unit) {
    case 'Gb/s':
      return throughput.gbps;
    case 'Mpps':
      return throughput.mpps;
    case 'MiB/s':
      return throughput.mibPerSecond;
    case 'us/MiB':
      return (processorNs(journey).receiver / journey.scenario.message) * (2 ** 20 / 1000);
    case 'MB/s':
      return throughput.bytesPerSecond / 1e6;
    default:
      return throughput.messagesPerSecond;
  }
}

/** The model against one row. */
export function residualOf(row: PublishedRow): Residual {
  const value = predict(row, row.scenario);
  if (row.unit === '%' && row.relativeTo) {
    const predicted = (value / predict(row, row.relativeTo) - 1) * 100;
    return { row, predicted, error: (predicted - row.measured) / 100 };
  }
  return { row, predicted: value, error: value / row.measured - 1 };
}

/** The model against every row. */
export function residuals(): Residual[] {
  return publishedRows.map(residualOf);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median of absolute errors. */
export function medianError(list: readonly Residual[]): number {
  return median(list.map((one) => Math.abs(one.error)));
}

function line(one: Residual): string {
  const digits = one.row.measured >= 1000 ? 0 : 2;
  const error = `${one.error >= 0 ? '+' : ''}${(one.error * 100).toFixed(1)} %`;
  return `| ${one.row.id} | ${one.row.title} | ${one.row.measured.toFixed(digits)} ${one.row.unit} | ${one.predicted.toFixed(digits)} ${one.row.unit} | ${error} | ${one.row.source} |`;
}

/** The committed table: scored rows first, then those that gave constants. */
export function residualTable(): string {
  const all = residuals();
  const scored = all.filter((one) => one.row.use === 'scored');
  const fitted = all.filter((one) => one.row.use === 'fitted');
  const head = [
    '| row | measurement | published | model | residual | source |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  const bySeries = seriesErrors(scored).map((one) => one.error);
  const within = scored.filter((one) => Math.abs(one.error) <= 0.1).length;
  return [
    '# Residuals: the model against published measurements',
    '',
    'Written by `node dist/tools/journey-tables.js`; a test fails when it is not what the model says.',
    '',
    `**Scored rows: ${scored.length}, median absolute error ${(medianError(scored) * 100).toFixed(1)} %, ${within} of them within 10 %.**`,
    `Counting each series of rows (one machine, one curve) once: ${bySeries.length} series, median ${(median(bySeries) * 100).toFixed(1)} %.`,
    'No constant was solved from a scored row. Fitted rows gave the constants that name them (`clearway plan --explain`, column fitted on)',
    'and are listed only to show that the solution holds. Rows of one series share a machine; their errors are not independent.',
    '',
    '## Scored',
    '',
    ...head,
    ...scored.map(line),
    '',
    '## Fitted, not scored',
    '',
    ...head,
    ...fitted.map(line),
    '',
  ].join('\n');
}

/** Rows of one series share a machine and a curve: the median absolute error of each series, named by its first words. */
export function seriesErrors(list: readonly Residual[]): { series: string; error: number }[] {
  const groups = new Map<string, Residual[]>();
  for (const one of list) {
    const series = one.row.title.replace(/, \d+ cores?.*$/, '');
    const group = groups.get(series) ?? [];
    group.push(one);
    groups.set(series, group);
  }
  return [...groups].map(([series, group]) => ({ series, error: medianError(group) }));
}
