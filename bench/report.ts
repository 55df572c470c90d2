// The table as text: Markdown that also reads well in a terminal. Ratios first, because absolute numbers of one machine say
// little about another. It computes medians of what table.ts measured and measures nothing.

import { wrkCeilingPerSecond } from './load/wrk.js';
import { type Measurement, noiseLimits } from './measure.js';
import { referenceName } from './servers/list.js';
import { median, range, roundRatios } from './statistics.js';
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

/** A ratio of a cell to another in each round: its median, and its spread over the rounds. */
export function ratioOf(
  cell: Cell | undefined,
  reference: Cell | undefined,
  field: Field,
): { median: number; spread: string } {
  const ratios = roundRatios(valuesOf(cell, field), valuesOf(reference, field));
  const extremes = range(ratios);
  return { median: median(ratios), spread: extremes ? `${show(extremes.least)}-${show(extremes.most)}` : '-' };
}

/** What a reader must know when the load was at its limit; empty when it was not. */
export function loadRemark(cell: Cell | undefined): string {
  const rate = medianOf(cell, 'requestsPerSecond');
  const share = medianOf(cell, 'loadShare');
  if (!(share >= 0.97 || rate >= wrkCeilingPerSecond * 0.97)) return '';
  const server = show(medianOf(cell, 'serverShare') * 100);
  return `load at its limit (${show(share * 100)} % CPU, server ${server} %): the rate is the client's`;
}

/** Remarks that a reader needs beside the numbers of a cell. */
function notes(cell: Cell): string {
  const list: string[] = [];
  if (cell.trouble !== undefined) list.push(cell.trouble);
  list.push(loadRemark(cell));
  if (cell.repeats > 0) list.push(`${cell.repeats} repeated`);
  if (medianOf(cell, 'otherShare') > noiseLimits.otherShare) list.push('noisy: others used the machine');
  if (medianOf(cell, 'stolenShare') > noiseLimits.stolenShare) list.push('noisy: the hypervisor took time away');
  if (cell.log?.lost === 0) list.push(`all ${cell.log.requests} records written`);
  return list
    .filter((note) => note !== '')
    .join('; ')
    .replaceAll('|', '/');
}

const columns = [
  'row:connections',
  'server',
  `CPU / ${referenceName}`,
  'of the rounds',
  `system CPU / ${referenceName}`,
  `rate / ${referenceName}`,
  'requests/s',
  'CPU us/req',
  'CPU-s/GiB',
  'p50 us',
  'p99 us',
  'RSS MB',
  'PSS MB',
  'calls/req',
  'copied B per body B',
  'notes',
];

const fewestBodyBytes = 64 * 1024; // below, CPU per GiB says nothing that CPU per request does not say better
/** Latency is shown where both settings of tcp_nopush were measured: with it nginx holds ends of responses back. */
const latencyPeer = 'nginx-nopush-off';

function callsOf({ systemCalls }: Cell): string {
  return systemCalls ? show(Object.values(systemCalls).reduce((sum, count) => sum + count, 0)) : '-';
}

function line(result: TableResult, cell: Cell): string[] {
  const reference = findCell(result, cell.row, referenceName);
  const ratio = (field: Field) => show(ratioOf(cell, reference, field).median, 'x');
  const { bodyBytes = 0 } = cell;
  const whole = bodyBytes < 2 ** 30; // a response of 1 GiB does not end within a round
  const latency = findCell(result, cell.row, latencyPeer) !== undefined;
  const of = (field: Field, shown = true, unit = 1) => (shown ? show(medianOf(cell, field) / unit) : '-');
  return [
    cell.row,
    cell.peer,
    ratio('cpuUsPerRequest'),
    ratioOf(cell, reference, 'cpuUsPerRequest').spread,
    ratio('systemCpuUsPerRequest'),
    whole ? ratio('requestsPerSecond') : '-',
    of('requestsPerSecond', whole),
    of('cpuUsPerRequest', whole),
    of('cpuSecondsPerGib', bodyBytes >= fewestBodyBytes),
    of('p50Us', latency),
    of('p99Us', latency),
    of('rssBytes', true, 1e6),
    of('pssBytes', true, 1e6),
    callsOf(cell),
    of('copiedPerBodyByte', bodyBytes > 0),
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

const unique = <Item>(items: readonly Item[]): Item[] => [...new Set(items)];

/** What the servers cost while they were not warm yet, which the rounds do not show. */
function renderWarming(result: TableResult): string {
  const warmed = result.cells.filter(({ warming }) => warming !== undefined);
  const lines = warmed.map(({ row, peer, warming }) => {
    const { firstUs, usPerRequest, requests, seconds } = warming!;
    const reference = findCell(result, row, referenceName)?.warming;
    const ratio = usPerRequest / (reference?.usPerRequest ?? Number.NaN);
    return [row, peer, show(ratio, 'x'), show(usPerRequest), show(firstUs), String(requests), String(seconds)];
  });
  const head = [`CPU / ${referenceName}`, 'CPU us/req', 'of the first load', 'requests', 'seconds'];
  const { requests, seconds } = result.warming;
  const about = `Not warm yet, before the first round: the first ${requests} requests or ${seconds} s of each row. A server is fresh in the first row of its setting.`;
  return [about, '', renderTable(['row:connections', 'server', ...head], lines, [0, 1])].join('\n');
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
  const titles = unique(result.cells.map(({ row, title }) => `* ${row} is: ${title}`));
  const about = `Medians of ${result.rounds} rounds of ${result.seconds} s, servers interleaved; ratios are medians of the rounds' own ratios.`;
  return [table, '', about, ...titles, ...absent, ...restless, '', renderWarming(result)].join('\n');
}
