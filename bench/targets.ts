// The project's targets, line by line: bound, measured value, met or missed, the worst first. Here is only the judgement; the
// values come from the other files. What could not be measured says why and is never met; what was not asked for is left out.

import { type ChurnReport, churnGrowth } from './churn.js';
import { type ColdReport, coldRatio } from './cold.js';
import { type HeldResult, heldMedian, largestMemoryEach } from './held.js';
import type { Measurement } from './measure.js';
import { findCell, loadRemark, medianOf, ratioOf, renderTable, show } from './report.js';
import { type Row, rowName, rows } from './rows.js';
import { type StartResult, startMedian } from './start.js';
import { median, pairedRatio } from './statistics.js';
import type { Cell, TableResult } from './table.js';

/** What the targets are judged by: all of it, or what was asked for. */
export interface Evidence {
  readonly table?: TableResult;
  readonly start?: readonly StartResult[];
  readonly idle?: readonly HeldResult[];
  readonly stalled?: readonly HeldResult[];
  readonly cold?: ColdReport;
  readonly churn?: ChurnReport;
}

/** What a target finds in the evidence about one server. */
interface Finding {
  /** NaN when there is no measurement. */
  readonly value: number;
  readonly spread?: string;
  readonly remark?: string;
  /** Missed whatever the value is. */
  readonly failed?: boolean;
}

/** A target's bound and how it is measured. */
interface Target {
  readonly text: string;
  readonly bound: number;
  readonly atLeast?: boolean;
  readonly suffix?: string;
  /** A growth: below zero the noise was larger than it, and none is seen. */
  readonly growth?: boolean;
  /** undefined: it was not asked for. */
  readonly find: (evidence: Evidence, server: string) => Finding | undefined;
}

/** One judged line. */
export interface Judged {
  readonly text: string;
  readonly bound: string;
  readonly server: string;
  readonly value: number;
  readonly shown: string;
  /** Smallest and largest of the rounds, where there are some. */
  readonly spread: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
  readonly remark: string;
  /** How far the bound is missed: above 1 it is, the larger the worse. */
  readonly excess: number;
}

const defaultRow = (name: string): string => rowName(rows.find((row) => row.name === name)!);

/** Looks a server's cell of a row up, where the row was asked for. */
function inRow(row: string, look: (cell: Cell | undefined, table: TableResult) => Finding): Target['find'] {
  return ({ table }, server) => {
    if (!table?.rows.includes(row)) return undefined;
    const cell = findCell(table, row, server);
    const found = look(cell, table);
    const absence = table.absent.find(({ name }) => name === server)?.reason;
    return {
      ...found,
      remark: [cell?.trouble ?? absence ?? '', found.remark ?? ''].filter((part) => part !== '').join('; '),
    };
  };
}

function ratioTo(row: string, peer: string, field: keyof Measurement): Target['find'] {
  return inRow(row, (cell, table) => {
    const { median: value, spread } = ratioOf(cell, findCell(table, row, peer), field);
    return { value, spread, failed: (cell?.log?.lost ?? 0) > 0 };
  });
}

/** The bound of a row, for the connections that it has unless others are asked for. */
function ofRow(row: Row): Target[] {
  if (!row.bound) return [];
  const { peer, atMost } = row.bound;
  return [
    {
      text: `CPU a request / ${peer}: ${row.title}`,
      bound: atMost,
      suffix: 'x',
      find: ratioTo(rowName(row), peer, 'cpuUsPerRequest'),
    },
  ];
}

const held = (results: readonly HeldResult[], server: string) => results.find((result) => result.peer === server);

/** A finding about held connections, where they were asked for. */
function ofHeld(mode: 'idle' | 'stalled', value: (result: HeldResult | undefined) => number): Target['find'] {
  return (evidence, server) => {
    const results = evidence[mode];
    if (!results) return undefined;
    const result = held(results, server);
    return { value: value(result), remark: keptRemark(result) };
  };
}

function ofStart(field: 'firstAnswerMs' | 'rssBytes', unit: number): Target['find'] {
  return ({ start }, server) => {
    if (!start) return undefined;
    const result = start.find((each) => each.peer === server);
    const others = start.filter((each) => !each.peer.startsWith('clearway'));
    const said = others.map((each) => `${each.peer} ${show(startMedian(each, field) / unit)}`);
    return {
      value: startMedian(result, field) / unit,
      remark: [...said, result?.trouble ?? ''].filter(Boolean).join(', '),
    };
  };
}

function findCold({ cold }: Evidence, server: string): Finding | undefined {
  if (!cold) return undefined;
  const result = cold.results.find((each) => each.peer === server);
  const rounds = result?.rounds ?? [];
  const alone = rounds.map((round) => round.aloneP99Us);
  const warm = pairedRatio(
    rounds.map((round) => round.warmP99Us),
    alone,
  );
  const stolen = median(rounds.map((round) => round.stolenShare)) * 100;
  const remark =
    rounds.length === 0
      ? ''
      : `${show(warm, 'x')} beside warm ones, alone ${show(median(alone))} us; ${show(stolen)} % of a processor stolen meanwhile`;
  return { value: coldRatio(result), remark };
}

function ofChurn(field: 'descriptors' | 'frames'): Target['find'] {
  return ({ churn }, server) => {
    if (!churn) return undefined;
    const result = churn.results.find((each) => each.peer === server);
    return { value: churnGrowth(result)[field], remark: result?.trouble ?? '' };
  };
}

const hotRow = defaultRow('1KiB');
const manyRow = defaultRow('10k-files');
const logRow = defaultRow('log');

/** The targets, in the order in which they are met. */
export const targets: readonly Target[] = [
  ...rows.flatMap(ofRow),
  {
    text: 'access log: records lost',
    bound: 0,
    find: inRow(logRow, (cell) => ({
      value: cell?.log?.lost ?? Number.NaN,
      remark: cell?.log ? `of ${cell.log.requests}` : '',
    })),
  },
  {
    text: 'memory (PSS) after 10,000 files, MB',
    bound: 100,
    find: inRow(manyRow, (cell, table) => {
      const reference = medianOf(findCell(table, manyRow, 'nginx'), 'pssBytes') / 1e6;
      const remark = `RSS ${show(medianOf(cell, 'rssBytes') / 1e6)}, nginx ${show(reference)}`;
      return { value: medianOf(cell, 'pssBytes') / 1e6, remark };
    }),
  },
  { text: 'from start to first answer, ms', bound: 150, find: ofStart('firstAnswerMs', 1) },
  { text: 'memory (RSS) then, MB', bound: 60, find: ofStart('rssBytes', 1e6) },
  {
    text: 'CPU a request / C floor: 1 KiB',
    bound: 1.25,
    suffix: 'x',
    find: ratioTo(hotRow, 'floor', 'cpuUsPerRequest'),
  },
  {
    text: 'requests/s / nginx: 1 KiB',
    bound: 1.3,
    atLeast: true,
    suffix: 'x',
    find: inRow(hotRow, (cell, table) => {
      const { median: value, spread } = ratioOf(cell, findCell(table, hotRow, 'nginx'), 'requestsPerSecond');
      return { value, spread, remark: loadRemark(cell) };
    }),
  },
  {
    text: 'CPU a request / Bun from memory: 1 KiB',
    bound: 1.2,
    suffix: 'x',
    find: ratioTo(hotRow, 'bun-memory', 'cpuUsPerRequest'),
  },
  {
    text: 'CPU a request / express.static: 1 KiB',
    bound: 1 / 20,
    suffix: 'x',
    find: ratioTo(hotRow, 'express', 'cpuUsPerRequest'),
  },
  {
    text: 'user-space copies per body byte by sendfile: 1 GiB',
    bound: 0,
    find: inRow(defaultRow('1GiB'), (cell) => ({ value: medianOf(cell, 'copiedPerBodyByte') })),
  },
  {
    text: '10,000 idle keep-alive connections, bytes each',
    bound: 2048,
    growth: true,
    find: ofHeld('idle', largestMemoryEach),
  },
  {
    text: '1,000 stalled readers of 1 GiB, descriptors of the file',
    bound: 1,
    find: ofHeld('stalled', (result) => heldMedian(result, 'fileDescriptors')),
  },
  {
    text: '1,000 stalled readers of 1 GiB, bytes each',
    bound: 8192,
    growth: true,
    find: ofHeld('stalled', largestMemoryEach),
  },
  { text: 'p99 of 1 KiB beside 8 cold readers / alone', bound: 2, suffix: 'x', find: findCold },
  { text: 'descriptors left after 10,000 aborted requests, 304s, HEADs', bound: 0, find: ofChurn('descriptors') },
  { text: 'frames left after them', bound: 0, find: ofChurn('frames') },
];

function keptRemark(result: HeldResult | undefined): string {
  if (!result) return '';
  if (result.trouble) return result.trouble;
  const kept = heldMedian(result, 'kept');
  const asked = heldMedian(result, 'connections');
  return kept < asked ? `the server closed ${asked - kept} of ${asked} connections` : '';
}

function judgeOne(target: Target, { value, spread, remark, failed }: Finding, server: string): Judged {
  const met = !failed && (target.atLeast ? value >= target.bound : value <= target.bound);
  const excess = target.atLeast ? target.bound / value : value / Math.max(target.bound, Number.MIN_VALUE);
  const verdict = Number.isNaN(value) ? 'not measured' : met ? 'met' : 'missed';
  return {
    text: target.text,
    bound: `${target.atLeast ? '>=' : '<='} ${show(target.bound, target.suffix)}`,
    server,
    value,
    shown: target.growth && value < 0 ? 'none seen' : show(value, target.suffix),
    spread: spread ?? '-',
    verdict,
    remark: remark ?? '',
    excess: verdict === 'missed' ? Math.max(excess, 1) : 0,
  };
}

/**
 * Judges every target that was asked for.
 * @returns for each of them its lines, one a server: missed ones first, the worst of them at the head, then what could not be
 * measured, then what is met
 */
export function judge(evidence: Evidence, servers: readonly string[]): Judged[][] {
  const judged = targets.flatMap((target) => {
    const findings = servers.map((server) => target.find(evidence, server));
    if (findings.includes(undefined)) return [];
    return [servers.map((server, index) => judgeOne(target, findings[index]!, server))];
  });
  const rank = (lines: readonly Judged[]): number =>
    lines.some(({ verdict }) => verdict === 'missed') ? 0 : lines.some(({ verdict }) => verdict !== 'met') ? 1 : 2;
  const worst = (lines: readonly Judged[]): number => Math.max(...lines.map(({ excess }) => excess));
  return judged.sort((a, b) => rank(a) - rank(b) || worst(b) - worst(a) || 0);
}

/** How many bounds are missed, and which: what stands above everything else. */
export function summarise(judged: readonly (readonly Judged[])[]): string {
  const lines = judged.flat();
  const missed = lines.filter(({ verdict }) => verdict === 'missed');
  const unknown = lines.filter(({ verdict }) => verdict === 'not measured');
  const list = [...missed, ...unknown].map(
    ({ text, server, shown, bound, verdict }) =>
      `* ${verdict}: ${text}: ${server} ${verdict === 'missed' ? `${shown} (${bound})` : `(${bound})`}`,
  );
  const head = `${missed.length} of ${lines.length} bounds are missed, ${unknown.length} could not be measured.`;
  return [head, ...(list.length > 0 ? ['', ...list] : [])].join('\n');
}

/** The judged lines of all servers as a table, a target's servers beneath each other. */
export function renderTargets(judged: readonly (readonly Judged[])[]): string {
  const head = ['target', 'bound', 'server', 'measured', 'of the rounds', 'verdict', 'remark'];
  const lines = judged
    .flat()
    .map(({ text, bound, server, shown, spread, verdict, remark }) => [
      text,
      bound,
      server,
      shown,
      spread,
      verdict,
      remark.replaceAll('|', '/'),
    ]);
  return renderTable(head, lines, [0, 2, 5, 6]);
}
