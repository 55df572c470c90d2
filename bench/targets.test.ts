// The judgement of targets on made-up evidence: met at the bound, missed just past it, never met by something not measured, the
// missed ones first.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measurement } from './measure.js';
import { rowName, rows } from './rows.js';
import type { Cell, TableResult } from './table.js';
import { type Evidence, judge, renderTargets, summarise, targets } from './targets.js';
import { usualWarming } from './warming.js';

const server = 'clearway-uring';

function cell(row: string, peer: string, round: Partial<Measurement>, lost = 0): Cell {
  const rounds = [round, round, round] as Measurement[];
  const log = row.startsWith('log') ? { requests: 1000, lost } : undefined;
  const trouble = lost > 0 && log ? `${lost} of 1000 records lost` : undefined;
  return {
    row,
    title: row,
    peer,
    rounds,
    headBytes: 200,
    bodyBytes: 1024,
    repeats: 0,
    warming: undefined,
    systemCalls: undefined,
    log,
    trouble,
  };
}

function tableOf(cells: readonly Cell[], names = rows.map(rowName)): TableResult {
  return { rounds: 3, seconds: 1, warming: usualWarming, rows: names, cells, absent: [], restless: [] };
}

/** All evidence about one server. @param share of each row's bound that it uses @param left what is left over elsewhere */
function evidence(share: number, own: Partial<Measurement>, left: number): Evidence {
  const others = { cpuUsPerRequest: 20, requestsPerSecond: 100_000, pssBytes: 1 };
  const cells = rows.flatMap((row) => [
    cell(
      rowName(row),
      server,
      { cpuUsPerRequest: 20 * row.bound!.atMost * share, pssBytes: 100e6 * share, ...own },
      left,
    ),
    ...['nginx', 'floor-64KiB-sendfile', 'floor', 'bun-memory'].map((peer) => cell(rowName(row), peer, others)),
    cell(rowName(row), 'express', { cpuUsPerRequest: 20 * 20 }),
  ]);
  const held = (memoryBytesEach: number) => ({
    peer: server,
    rounds: [{ connections: 1000, kept: 990, memoryBytesEach, fileDescriptors: 1, otherDescriptorsEach: 1 }],
    trouble: undefined,
  });
  const cold = {
    aloneP99Us: 100,
    warmP99Us: 150,
    coldP99Us: 100 * (2 + left),
    diskBytes: 1,
    bulkBytes: 1,
    stolenShare: 0.4,
  };
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
    table: tableOf(cells),
    start: [
      {
        peer: server,
        rounds: [{ firstAnswerMs: 150 + left, rssBytes: 60e6 * share, pssBytes: 1 }],
        trouble: undefined,
      },
    ],
    idle: [{ mode: 'idle', ...held(2048 + left) }],
    stalled: [{ mode: 'stalled', ...held(8192 + left) }],
    cold: { results: [{ peer: server, rounds: [cold], trouble: undefined }], absent: [] },
    churn: { results: [churn], absent: [] },
  };
}

test('everything at its bound is met', () => {
  const own = { requestsPerSecond: 130_000, copiedPerBodyByte: 0, loadShare: 0.5 };
  const judged = judge(evidence(1, own, 0), [server]).flat();
  assert.deepEqual(
    judged.filter((line) => line.verdict !== 'met'),
    [],
  );
  assert.equal(judged.length, targets.length);
  assert.match(summarise([judged]), /^0 of \d+ bounds are missed, 0 could not be measured\.$/);
});

test('everything past its bound is missed, and remarks say what a reader must know', () => {
  const own = {
    requestsPerSecond: 129_000,
    copiedPerBodyByte: 0.1,
    loadShare: 1,
    serverShare: 0.8,
    cpuUsPerRequest: 26,
  };
  const lines = judge(evidence(1.01, own, 1), [server]);
  const judged = lines.flat();
  const met = judged.filter((line) => line.verdict === 'met').map((line) => line.text);
  assert.deepEqual(met, ['1,000 stalled readers of 1 GiB, descriptors of the file']);
  assert.equal(judged.at(-1)!.text, met[0], 'what is met comes last');
  const remarkOf = (start: string) => judged.find((line) => line.text.startsWith(start))!.remark;
  assert.match(remarkOf('requests/s'), /load at its limit \(100 % CPU, server 80 %\)/);
  assert.match(remarkOf('10,000 idle'), /closed 10 of 1000/);
  assert.match(remarkOf('access log'), /1 of 1000 records lost; of 1000/);
  assert.match(summarise(lines), /\* missed: CPU a request \/ nginx: 404/);
});

test('a lost record fails the row of the log, however cheap it was', () => {
  const { table } = evidence(0.5, {}, 1);
  const judged = judge({ table: tableOf(table!.cells, ['log:64']) }, [server]).flat();
  assert.deepEqual(
    judged.map(({ text, verdict }) => [text.split(':')[0], verdict]),
    [
      ['access log', 'missed'],
      ['CPU a request / nginx', 'missed'],
    ],
  );
});

test('the worst comes first, then the less bad, then what was not measured, then what is met', () => {
  const [first, second, third, fourth] = rows.map(rowName);
  const cells = [
    ...[first, second, third, fourth].map((row) => cell(row!, 'nginx', { cpuUsPerRequest: 10 })),
    cell(fourth!, 'floor-64KiB-sendfile', { cpuUsPerRequest: 10 }),
    cell(first!, server, { cpuUsPerRequest: 1 }),
    cell(second!, server, { cpuUsPerRequest: 8 }),
    cell(fourth!, server, { cpuUsPerRequest: 100 }),
  ];
  const judged = judge({ table: tableOf(cells, [second!, third!, fourth!]) }, [server]).flat();
  assert.deepEqual(
    judged.map(({ text }) => text.split(': ')[1]),
    ['64 KiB', '4 KiB', '16 KiB'],
  );
});

test('what was not measured is not met, and what was not asked for is not judged', () => {
  const nothing: Evidence = {
    table: tableOf([]),
    start: [],
    idle: [],
    stalled: [],
    cold: { results: [], absent: [] },
    churn: { results: [], absent: [] },
  };
  const judged = judge(nothing, [server]);
  assert.ok(judged.flat().every((line) => line.verdict === 'not measured'));
  assert.equal(renderTargets(judged).split('\n').length, targets.length + 2);
  assert.deepEqual(judge({}, [server]), []);
});
