// What the model says to each published row, and the table of residuals committed in docs/residuals.md. Computes and formats; the rows are in
// published.ts.

import { constants } from '../facts/constants.js';
import { type PublishedRow, publishedRows } from '../facts/published.js';
import { defaultScenario, type Scenario } from '../scenario.js';
import { buildJourney } from '../stages/journey.js';
import { boundOf, processorNs } from './bound.js';

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
function residualOf(row: PublishedRow): Residual {
  const value = predict(row, row.scenario);
  if (row.unit === '%' && row.relativeTo) {
    const predicted = (value / predict(row, row.relativeTo) - 1) * 100;
    return { row, predicted, error: (predicted - row.measured) / 100 };
  }
  return { row, predicted: value, error: value / row.measured - 1 };
}

/** Share of the time at a row's bottleneck that comes from constants marked assumed: such a row tests estimates, not sources. */
export function assumedShare(row: PublishedRow): number {
  const journey = buildJourney({ ...defaultScenario(), ...row.scenario });
  const { bottleneck } = boundOf(journey);
  let assumed = 0;
  let total = 0;
  for (const stage of [...journey.stages, ...journey.afterwards]) {
    if (stage.resourceId !== bottleneck) continue;
    for (const { constant: id, ns } of stage.terms) {
      total += ns;
      if (id && (journey.host.constants[id] ?? constants[id]).kind === 'assumed') assumed += ns;
    }
  }
  return total > 0 ? assumed / total : 0;
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

/** A signed error in percent. */
function percent(error: number): string {
  return `${error >= 0 ? '+' : ''}${(error * 100).toFixed(1)} %`;
}

function line(one: Residual): string {
  const digits = one.row.measured >= 1000 ? 0 : 2;
  const error = percent(one.error);
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
  const estimated = scored.filter((one) => assumedShare(one.row) > 0.1);
  const sourced = scored.filter((one) => !estimated.includes(one));
  const huge = scored.find((one) => one.row.id === '20c')!.row;
  const firstEstimate = residualOf({
    ...huge,
    scenario: { ...huge.scenario, constants: { 'zerocopy.pin.huge': 4 } },
  }).error;
  const within = scored.filter((one) => Math.abs(one.error) <= 0.1).length;
  return [
    '# Residuals: the model against published measurements',
    '',
    'Written by `node dist/tools/plan-tables.js`; a test fails when it is not what the model says.',
    '',
    `**Scored rows: ${scored.length}, median absolute error ${(medianError(scored) * 100).toFixed(1)} %, ${within} of them within 10 %.**`,
    `Counting each series of rows (one machine, one curve) once: ${bySeries.length} series, median ${(median(bySeries) * 100).toFixed(1)} %.`,
    'No constant was solved from a scored row. Fitted rows gave the constants that name them (`clearway plan --explain`, column fitted on)',
    'and are listed only to show that the solution holds. Rows of one series share a machine; their errors are not independent.',
    '',
    `Rows ${estimated.map((one) => one.row.id).join(', ')} rest by more than a tenth on constants marked assumed, which were estimated with`,
    `the rows at hand (zerocopy.pin.huge was 4 ns at first: row 20c would read ${percent(firstEstimate)}). They are weaker evidence:`,
    `without them ${sourced.length} rows, median ${(medianError(sourced) * 100).toFixed(1)} %; they alone ${(medianError(estimated) * 100).toFixed(1)} %.`,
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
