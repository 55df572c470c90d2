// The bench of our own TCP/IP without running it: its words, its verdicts, and the constant that it changes in a copy of the core. Not here: measurements.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from '../servers/peer.js';
import { dpdkName, type EchoMeasurement, oursName } from './echo.js';
import { guardedLine } from './guard.js';
import { renderEchoes, renderGuard, renderTransfers } from './render.js';
import { transferRows } from './transfer.js';

const run = (...words: string[]) =>
  spawnSync(process.execPath, [fileURLToPath(new URL('./main.js', import.meta.url)), ...words], { encoding: 'utf8' });

test('what it measures is said, and what cannot be is refused in a sentence', () => {
  const { stdout, status } = run('--help');
  assert.equal(status, 0);
  for (const name of ['echo', 'latency', 'transfer', 'giant', 'guard'])
    assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
  assert.match(run('ecko').stderr, /ecko is none of echo, latency, transfer, giant, guard/);
  assert.match(run('echo', '--rounds', '0').stderr, /--rounds is a number from 1 to 100, and this is 0/);
});

test('the constant that a copy without the guard changes is where it is looked for', () => {
  assert.ok(readFileSync(join(repositoryRoot, 'src/core/guarded.ts'), 'utf8').includes(guardedLine));
});

test('verdicts are of the medians of ratios', () => {
  const echo = (packetsPerSecond: number): EchoMeasurement => ({
    ...{ packetsPerSecond, cpuNsPerPacket: 1000, systemShare: 0.5, lost: 0 },
  });
  const cells = (ours: number) => [
    { frameBytes: 64, server: oursName, rounds: [echo(ours), echo(ours), echo(1)] },
    { frameBytes: 64, server: dpdkName, rounds: [echo(200), echo(200), echo(200)] },
  ];
  assert.match(renderEchoes(cells(100)), /0\.500x .*>= 0\.5x: met/);
  assert.match(renderEchoes(cells(99)), /0\.495x .*>= 0\.5x: missed/);
  assert.match(renderGuard([{ name: 'echo', guarded: [150], unguarded: [100] }], [1000]), /5 % .*<= 5 %: met/);
  assert.match(renderGuard([{ name: 'echo', guarded: [151], unguarded: [100] }], [1000]), /<= 5 %: missed/);
  const row = transferRows(32).find(({ bound }) => bound !== undefined)!;
  const stream = (mebibytesPerSecond: number) => [{ mebibytesPerSecond, lost: 1, resent: 1 }];
  const transfers = [
    { row, way: 'kernel to kernel', rounds: stream(100) },
    { row, way: 'ours to kernel', rounds: stream(49) },
  ] as const;
  assert.match(renderTransfers(transfers), /0\.490x .*>= 0\.5x: missed/);
});
