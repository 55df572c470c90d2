// The judgement of targets on made-up evidence: met at the bound, missed just past it, never met by something not measured.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measurement } from './measure.js';
import type { Cell } from './table.js';
import { type Evidence, judge, renderTargets, targets } from './targets.js';

const server = 'clearway-uring';

function cell(row: string, peer: string, round: Partial<Measurement>): Cell {
  const rounds = [round, round, round] as Measurement[];
  return { row, fileBytes: 1024, connections: 64, peer, rounds, headBytes: 200, trouble: undefined };
}

function evidence(own: Partial<Measurement>, others: Partial<Measurement>, left: number): Evidence {
  const rows = ['1KiB:64', '64KiB:64', '1MiB:64', '1GiB:1'];
  const cells = rows.flatMap((row) => [
    cell(row, server, own),
    ...['nginx', 'floor', 'bun-memory', 'express'].map((peer) => cell(row, peer, others)),
  ]);
  const held = (memoryBytesEach: number) => ({
    peer: server,
    rounds: [{ connections: 1000, kept: 990, memoryBytesEach, fileDescriptors: 1, otherDescriptorsEach: 1 }],
    trouble: undefined,
  });
  const cold = { aloneP99Us: 100, warmP99Us: 150, coldP99Us: 100 * (2 + left), diskBytes: 1, bulkBytes: 1 };
  const holding = (more: number) => ({ descriptors: 20 + more, frames: 5 + more, rssBytes: 0 });
  const churn = {
    peer: server,
    requests: 1,
    before: holding(0),
    after: holding(left),
    counts: undefined,
    trouble: undefined,
  };
  return {
    table: { rounds: 3, seconds: 1, cells, absent: [], restless: [] },
    idle: [{ mode: 'idle', ...held(2048 + left) }],
    stalled: [{ mode: 'stalled', ...held(8192 + left) }],
    cold: { results: [{ peer: server, rounds: [cold], trouble: undefined }], absent: [] },
    churn: { results: [churn], absent: [] },
  };
}

const other = { cpuUsPerRequest: 20, cpuSecondsPerGib: 1, requestsPerSecond: 100_000 };

test('everything at its bound is met', () => {
  const own = {
    cpuUsPerRequest: 1,
    cpuSecondsPerGib: 1,
    requestsPerSecond: 130_000,
    copiedPerBodyByte: 0,
    loadShare: 0.5,
  };
  const judged = judge(evidence(own, other, 0), server);
  assert.deepEqual(
    judged.filter((line) => line.verdict !== 'met'),
    [],
  );
  assert.equal(judged.length, targets.length);
});

test('everything past its bound is missed, and remarks say what a reader must know', () => {
  const own = {
    cpuUsPerRequest: 26,
    cpuSecondsPerGib: 1.01,
    requestsPerSecond: 129_000,
    copiedPerBodyByte: 0.1,
    loadShare: 1,
  };
  const judged = judge(evidence(own, other, 1), server);
  const stalledDescriptors = judged.filter((line) => line.verdict === 'met').map((line) => line.text);
  assert.deepEqual(stalledDescriptors, ['1,000 stalled readers of 1 GiB, descriptors of the file']);
  assert.match(judged.find((line) => line.text.startsWith('requests/s'))!.remark, /wrk was at 100 % CPU/);
  assert.match(judged.find((line) => line.text.startsWith('10,000 idle'))!.remark, /closed 10 of 1000/);
});

test('what was not measured is not met', () => {
  const nothing: Evidence = {
    table: { rounds: 3, seconds: 1, cells: [], absent: [], restless: [] },
    idle: [],
    stalled: [],
    cold: { results: [], absent: [] },
    churn: { results: [], absent: [] },
  };
  const judged = judge(nothing, server);
  assert.ok(judged.every((line) => line.verdict === 'not measured'));
  assert.equal(renderTargets([judged]).split('\n').length, targets.length + 2);
});
