// The harness as a whole, as a user starts it, against a server whose faults are known: it must print numbers for a good one and
// notice a bad one. Short and small: nothing here says anything about speed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ChurnReport } from './churn.js';
import { churnGrowth } from './churn.js';
import type { HeldResult } from './held.js';
import { compilerAbsence } from './host/compile.js';
import { wrkAbsence } from './load/wrk.js';
import type { TableResult } from './table.js';

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const skip =
  process.platform === 'linux' ? (wrkAbsence() ?? false) : 'the benchmark reads /proc: it runs on Linux only';

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly json: { table: TableResult; idle: HeldResult[]; churn: ChurnReport };
  readonly leftovers: string[];
}

async function bench(words: string[], fault = ''): Promise<Ran> {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-bench-test-'));
  const jsonFile = join(directory, 'out.json');
  try {
    const args = [here('main.js'), ...words, '--work-dir', directory, '--json', jsonFile];
    const env = { ...process.env, CLEARWAY_BENCH_PROGRAM: here('fake-server.js'), BENCH_FAKE: fault };
    const child = spawn(process.execPath, args, { env, timeout: 300_000 });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    const names = readdirSync(directory);
    const json = names.includes('out.json') ? JSON.parse(readFileSync(jsonFile, 'utf8')) : undefined;
    return { status, stdout, stderr, json, leftovers: names.filter((name) => name !== 'out.json') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs rows, with longer rounds where nothing was answered in so short a one: on a busy machine a second may go by. */
async function benchRows(words: string[], fault = ''): Promise<Ran> {
  const run = (seconds: number): Promise<Ran> =>
    bench([...words, '--quick', '--rounds', '1', '--seconds', String(seconds)], fault);
  const ran = await run(1);
  return ran.json?.table.cells.some(({ trouble }) => trouble?.includes('no request was answered')) ? run(10) : ran;
}

describe('the harness', { concurrency: 3 }, () => {
  test('table: one row, two peers, numbers in every column that has one', { skip }, async () => {
    const peers = 'clearway-uring,node-http';
    const ran = await benchRows(['--only', '1KiB:8', '--peers', peers]);
    assert.equal(ran.status, 0, ran.stderr);
    assert.deepEqual(ran.leftovers, [], 'the temporary directory is gone');
    assert.deepEqual(ran.json.table.absent, []);
    const [own, other] = ran.json.table.cells;
    for (const cell of [own!, other!]) {
      const round = cell.rounds[0]!;
      assert.ok(round.requestsPerSecond > 10 && round.cpuUsPerRequest > 1, JSON.stringify(cell));
      assert.ok(round.systemCpuUsPerRequest > round.cpuUsPerRequest * 0.8);
      assert.ok(round.rssBytes > 10e6);
      assert.ok(cell.headBytes! > 60 && cell.headBytes! < 500);
    }
    // This server says that it copies every byte; requests cut off by the end of the run make it a little more than 1.
    const copied = own!.rounds[0]!.copiedPerBodyByte!;
    assert.ok(copied > 0.95 && copied < 1.2, `copied ${copied} per byte`);
    assert.equal(other!.rounds[0]!.copiedPerBodyByte, undefined);
    assert.match(ran.stdout, /\| 1KiB:8 +\| clearway-uring +\|/);
  });

  test('table: rows of other answers than 200, by the list of requests and by the client for HEAD', {
    skip: skip || (compilerAbsence() ?? false),
  }, async () => {
    const rows = '404:8,head:8,if-modified-since:8,304:8';
    const ran = await benchRows(['--only', rows, '--peers', 'clearway-uring']);
    assert.equal(ran.status, 0, ran.stderr);
    const [missing, head, unmodified, tagged] = ran.json.table.cells;
    for (const cell of [missing!, head!, unmodified!]) {
      assert.equal(cell.trouble, undefined, cell.row);
      assert.ok(cell.rounds[0]!.requestsPerSecond > 10 && cell.bodyBytes === 0, JSON.stringify(cell));
    }
    assert.match(tagged!.trouble!, /no validator for If-None-Match/);
    assert.doesNotMatch(ran.stdout, /bounds are missed/, 'bounds are for 64 connections');
  });

  test('table: wrong bytes give a reason and no numbers', { skip }, async () => {
    const ran = await benchRows(['--only', '1KiB:8', '--peers', 'clearway-uring'], 'wrong');
    const [cell] = ran.json.table.cells;
    assert.match(cell!.trouble!, /other bytes/);
    assert.deepEqual(cell!.rounds, []);
    assert.match(ran.stdout, /other bytes/);
  });

  test('idle: connections are held and counted', { skip }, async () => {
    const ran = await bench(['idle', '--quick', '--rounds', '1', '--scale', '0.03', '--peers', 'clearway-uring']);
    assert.equal(ran.status, 0, ran.stderr);
    const [result] = ran.json.idle;
    assert.equal(result!.trouble, undefined);
    const [round] = result!.rounds;
    assert.equal(round!.kept, 300);
    assert.equal(round!.otherDescriptorsEach, 1, 'each connection is one descriptor');
  });

  test('churn: a server that gives everything back, and one that leaks', { skip }, async () => {
    const words = ['churn', '--scale', '0.02', '--peers', 'clearway-epoll'];
    const [good, leaking] = await Promise.all([bench(words), bench(words, 'leak')]);
    assert.equal(good.status, 0, good.stderr);
    assert.equal(good.json.churn.results[0]!.trouble, undefined);
    assert.deepEqual(churnGrowth(good.json.churn.results[0]), { descriptors: 0, frames: 0 });
    assert.ok(churnGrowth(leaking.json.churn.results[0]).descriptors > 4);
  });

  test('a mistake on the command line is one sentence and status 1', { skip }, async () => {
    const ran = await bench(['--peers', 'apache']);
    assert.equal(ran.status, 1);
    assert.match(ran.stderr.trim().split('\n').at(-1)!, /^bench: no peer is called apache; there are clearway-uring/);
  });
});
