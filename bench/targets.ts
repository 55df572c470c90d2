// The project's targets, line by line: bound, measured value, met or missed. Here is only the judgement; the values come from
// the other sub-commands, and what could not be measured says why and is never met.

import { type ChurnReport, churnGrowth } from './churn.js';
import { type ColdReport, coldRatio } from './cold.js';
import { type HeldResult, heldMedian, largestMemoryEach } from './held.js';
import { wrkCeilingPerSecond } from './load/wrk.js';
import type { Measurement } from './measure.js';
import { findCell, medianOf, renderTable, show, valuesOf } from './report.js';
import { median, pairedRatio } from './statistics.js';
import type { TableResult } from './table.js';

/** Everything that the targets are judged by. */
export interface Evidence {
  readonly table: TableResult;
  readonly idle: readonly HeldResult[];
  readonly stalled: readonly HeldResult[];
  readonly cold: ColdReport;
  readonly churn: ChurnReport;
}

/** A target's bound and how it is measured. `value` returns NaN when there is no measurement. */
interface Target {
  readonly text: string;
  readonly bound: number;
  readonly atLeast?: boolean;
  readonly suffix?: string;
  readonly value: (evidence: Evidence, server: string) => number;
  readonly remark?: (evidence: Evidence, server: string) => string;
  /** A growth: below zero the noise was larger than it, and none is seen. */
  readonly growth?: boolean;
}

/** One judged line. */
export interface Judged {
  readonly text: string;
  readonly bound: string;
  readonly server: string;
  readonly value: number;
  readonly shown: string;
  readonly verdict: 'met' | 'missed' | 'not measured';
  readonly remark: string;
}

/** The rows that the targets need. */
export const targetRowNames = ['1KiB:64', '64KiB:64', '1MiB:64', '1GiB:1'] as const;

function ratioTo(row: string, peer: string, field: keyof Measurement): Target['value'] {
  return ({ table }, server) =>
    pairedRatio(valuesOf(findCell(table, row, server), field), valuesOf(findCell(table, row, peer), field));
}

function rateRemark({ table }: Evidence, server: string): string {
  const cell = findCell(table, '1KiB:64', server);
  const rate = medianOf(cell, 'requestsPerSecond');
  if (rate >= wrkCeilingPerSecond * 0.97) return `${show(rate)}/s: one wrk thread can do no more`;
  const share = medianOf(cell, 'loadShare');
  return share >= 0.97 ? `wrk was at ${show(share * 100)} % CPU: the rate is the client's, a lower bound` : '';
}

const held = (results: readonly HeldResult[], server: string) => results.find((result) => result.peer === server);

/** The targets, in the order of the issue that set them. */
export const targets: readonly Target[] = [
  {
    text: 'CPU per request / nginx, 1 KiB, 64 connections',
    bound: 0.7,
    suffix: 'x',
    value: ratioTo('1KiB:64', 'nginx', 'cpuUsPerRequest'),
  },
  {
    text: 'CPU per request / nginx, 64 KiB, 64 connections',
    bound: 0.7,
    suffix: 'x',
    value: ratioTo('64KiB:64', 'nginx', 'cpuUsPerRequest'),
  },
  {
    text: 'CPU per request / C floor, 1 KiB',
    bound: 1.25,
    suffix: 'x',
    value: ratioTo('1KiB:64', 'floor', 'cpuUsPerRequest'),
  },
  {
    text: 'requests/s / nginx, 1 KiB',
    bound: 1.3,
    atLeast: true,
    suffix: 'x',
    value: ratioTo('1KiB:64', 'nginx', 'requestsPerSecond'),
    remark: rateRemark,
  },
  {
    text: 'CPU per request / Bun from memory, 1 KiB',
    bound: 1.2,
    suffix: 'x',
    value: ratioTo('1KiB:64', 'bun-memory', 'cpuUsPerRequest'),
  },
  {
    text: 'CPU-s per GiB / nginx, 1 MiB',
    bound: 1,
    suffix: 'x',
    value: ratioTo('1MiB:64', 'nginx', 'cpuSecondsPerGib'),
  },
  {
    text: 'CPU-s per GiB / nginx, 1 GiB',
    bound: 1,
    suffix: 'x',
    value: ratioTo('1GiB:1', 'nginx', 'cpuSecondsPerGib'),
  },
  {
    text: 'CPU per request / express.static, 1 KiB',
    bound: 1 / 20,
    suffix: 'x',
    value: ratioTo('1KiB:64', 'express', 'cpuUsPerRequest'),
  },
  {
    text: 'user-space copies per body byte, sendfile way (1 GiB)',
    bound: 0,
    value: ({ table }, server) => medianOf(findCell(table, '1GiB:1', server), 'copiedPerBodyByte'),
  },
  {
    text: '10,000 idle keep-alive connections, bytes each',
    bound: 2048,
    growth: true,
    value: ({ idle }, server) => largestMemoryEach(held(idle, server)),
    remark: ({ idle }, server) => keptRemark(held(idle, server)),
  },
  {
    text: '1,000 stalled readers of 1 GiB, descriptors of the file',
    bound: 1,
    value: ({ stalled }, server) => heldMedian(held(stalled, server), 'fileDescriptors'),
    remark: ({ stalled }, server) => keptRemark(held(stalled, server)),
  },
  {
    text: '1,000 stalled readers of 1 GiB, bytes each',
    bound: 8192,
    growth: true,
    value: ({ stalled }, server) => largestMemoryEach(held(stalled, server)),
  },
  {
    text: 'p99 of 1 KiB beside 8 cold readers / alone',
    bound: 2,
    suffix: 'x',
    value: ({ cold }, server) => coldRatio(cold.results.find((result) => result.peer === server)),
    remark: ({ cold }, server) => {
      const rounds = cold.results.find((result) => result.peer === server)?.rounds ?? [];
      const warm = pairedRatio(
        rounds.map((round) => round.warmP99Us),
        rounds.map((round) => round.aloneP99Us),
      );
      return rounds.length === 0
        ? ''
        : `${show(warm, 'x')} beside warm ones, alone ${show(median(rounds.map((r) => r.aloneP99Us)))} us`;
    },
  },
  {
    text: 'descriptors left after 10,000 aborted requests, 304s, HEADs',
    bound: 0,
    value: ({ churn }, server) => churnGrowth(churn.results.find((result) => result.peer === server)).descriptors,
    remark: ({ churn }, server) => churn.results.find((result) => result.peer === server)?.trouble ?? '',
  },
  {
    text: 'frames left after them',
    bound: 0,
    value: ({ churn }, server) => churnGrowth(churn.results.find((result) => result.peer === server)).frames,
  },
];

function keptRemark(result: HeldResult | undefined): string {
  if (!result) return '';
  if (result.trouble) return result.trouble;
  const kept = heldMedian(result, 'kept');
  const asked = heldMedian(result, 'connections');
  return kept < asked ? `the server closed ${asked - kept} of ${asked} connections` : '';
}

/** Judges every target for one server. */
export function judge(evidence: Evidence, server: string): Judged[] {
  return targets.map((target) => {
    const value = target.value(evidence, server);
    const met = target.atLeast ? value >= target.bound : value <= target.bound;
    return {
      text: target.text,
      bound: `${target.atLeast ? '>=' : '<='} ${show(target.bound, target.suffix)}`,
      server,
      value,
      shown: target.growth && value < 0 ? 'none seen' : show(value, target.suffix),
      verdict: Number.isNaN(value) ? 'not measured' : met ? 'met' : 'missed',
      remark: target.remark?.(evidence, server) ?? '',
    };
  });
}

/** The judged lines of all servers as a table, a target's servers beneath each other. */
export function renderTargets(judged: readonly (readonly Judged[])[]): string {
  const head = ['target', 'bound', 'server', 'measured', 'verdict', 'remark'];
  const lines = (judged[0] ?? []).flatMap((_, index) =>
    judged.map((list) => {
      const { text, bound, server, shown, verdict, remark } = list[index]!;
      return [text, bound, server, shown, verdict, remark];
    }),
  );
  return renderTable(head, lines, [0, 2, 4, 5]);
}
