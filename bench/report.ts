// The table as text: Markdown that also reads well in a terminal. Ratios first, because absolute numbers of one machine say
// little about another. It computes medians of what table.ts measured and measures nothing.

import { wrkCeilingPerSecond } from './load/wrk.js';
import type { Measurement } from './measure.js';
import { referenceName } from './servers/list.js';
import { median, pairedRatio, spread } from './statistics.js';
import type { Cell, TableResult } from './table.js';

type Field = keyof Measurement;

/** The rounds' values of one field of a cell. */
export function valuesOf(cell: Cell | undefined, field: Field): (number | undefined)[] {
  return cell ? cell.rounds.map((round) => round?.[field]) : [];
}

/** The median over the rounds of one field; NaN when there is no value. */
export function medianOf(cell: Cell | undefined, field: Field): number {
  return median(valuesOf(cell, field).filter((value) => value !== undefined));
}

/** The cell of a peer in a row. */
export function findCell(result: TableResult, row: string, peer: string): Cell | undefined {
  return result.cells.find((cell) => cell.row === row && cell.peer === peer);
}

/** A number with about three digits, or a dash for none. */
export function show(value: number, suffix = ''): string {
  if (Number.isNaN(value)) return '-';
  const size = Math.abs(value);
  const digits = size >= 100 || (suffix === '' && Number.isInteger(value)) ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toFixed(digits) + suffix;
}

/** Remarks that a reader needs beside the numbers of a cell. */
function notes(cell: Cell): string {
  const list: string[] = [];
  if (cell.trouble !== undefined) list.push(cell.trouble);
  const rate = medianOf(cell, 'requestsPerSecond');
  if (rate >= wrkCeilingPerSecond * 0.97) list.push("at wrk's ceiling: the rate is the client's");
  else if (medianOf(cell, 'loadShare') >= 0.97) list.push("load at 100 % CPU: the rate is the client's");
  if (medianOf(cell, 'otherShare') >= 0.15) list.push('noisy: others used the machine');
  if (medianOf(cell, 'stolenShare') >= 0.05) list.push('noisy: the hypervisor took time away');
  return list.join('; ').replaceAll('|', '/');
}

const columns = [
  'file:connections',
  'server',
  `CPU / ${referenceName}`,
  `system CPU / ${referenceName}`,
  `rate / ${referenceName}`,
  'requests/s',
  'CPU us/req',
  'system us/req',
  'CPU-s/GiB',
  'system CPU-s/GiB',
  'RSS MiB',
  'copied B per body B',
  'spread',
  'notes',
];

function line(result: TableResult, cell: Cell): string[] {
  const reference = findCell(result, cell.row, referenceName);
  const ratio = (field: Field) => show(pairedRatio(valuesOf(cell, field), valuesOf(reference, field)), 'x');
  const whole = cell.fileBytes < 2 ** 30; // a response of 1 GiB does not end within a round
  return [
    cell.row,
    cell.peer,
    ratio('cpuSecondsPerGib'),
    ratio('systemCpuSecondsPerGib'),
    whole ? ratio('requestsPerSecond') : '-',
    whole ? show(medianOf(cell, 'requestsPerSecond')) : '-',
    whole ? show(medianOf(cell, 'cpuUsPerRequest')) : '-',
    whole ? show(medianOf(cell, 'systemCpuUsPerRequest')) : '-',
    show(medianOf(cell, 'cpuSecondsPerGib')),
    show(medianOf(cell, 'systemCpuSecondsPerGib')),
    show(medianOf(cell, 'rssBytes') / 2 ** 20),
    show(medianOf(cell, 'copiedPerBodyByte')),
    cell.rounds.length > 1
      ? `${Math.round(spread(valuesOf(cell, 'cpuSecondsPerGib').map((v) => v ?? Number.NaN)) * 100)} %`
      : '-',
    notes(cell),
  ];
}

/** Aligned Markdown table of `lines` under `head`: the first two columns to the left, the rest to the right, notes left. */
export function renderTable(
  head: readonly string[],
  lines: readonly (readonly string[])[],
  leftColumns: readonly number[],
): string {
  const widths = head.map((title, column) => Math.max(3, title.length, ...lines.map((cells) => cells[column]!.length)));
  const isLeft = (column: number) => leftColumns.includes(column);
  const pad = (text: string, column: number) =>
    isLeft(column) ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  const render = (cells: readonly string[]) => `| ${cells.map(pad).join(' | ')} |`.trimEnd();
  const rule = `| ${widths.map((width, column) => (isLeft(column) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [render(head), rule, ...lines.map(render)].join('\n');
}

/** The table of a whole comparison, with what was left out beneath it. */
export function renderResult(result: TableResult): string {
  const table = renderTable(
    columns,
    result.cells.map((cell) => line(result, cell)),
    [0, 1, columns.length - 1],
  );
  const absent = result.absent.map(({ name, reason }) => `* not in this run: ${name}: ${reason}`);
  const restless = result.restless.map(
    ({ name, share }) => `* ${name} uses ${show(share * 100)} % of a processor with nothing to do`,
  );
  const about = `Medians of ${result.rounds} rounds of ${result.seconds} s, servers interleaved; ratios are medians of the rounds' own ratios.`;
  return [table, '', about, ...absent, ...restless].join('\n');
}
