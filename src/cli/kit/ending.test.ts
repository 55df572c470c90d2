// What ends a measurement, with programs of our own and without a meter.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { temporary } from '../../meter/support.test.js';
import { untilTheEnd, type Waiting } from './ending.js';
import { UsageError } from './usage.js';

const skip = process.platform === 'win32' && 'needs signals';
const name = 'clearway test';
const wait = (waiting: Omit<Waiting, 'name' | 'started'>): Promise<number> =>
  untilTheEnd({ name, started: () => {}, ...waiting });
const shell = (script: string): readonly string[] => ['sh', '-c', script];

test('a program ends it with its status, or 128 and the number of its signal', { skip }, async () => {
  let started = 0;
  assert.equal(await untilTheEnd({ name, command: shell('exit 7'), started: () => started++ }), 7);
  assert.equal(started, 1);
  assert.equal(await wait({ command: shell('kill -KILL $$') }), 128 + 9);
  await assert.rejects(
    wait({ command: ['/no/such/program'] }),
    (error) => error instanceof UsageError && /there is no such program/.test(error.message),
  );
});

test('a time ends it, and a program that takes SIGTERM goes then with status 0', { skip }, async () => {
  assert.equal(await wait({ durationMs: 10 }), 0);
  assert.equal(await wait({ durationMs: 10, command: ['sleep', '600'], graceMs: 60_000 }), 0);
});

test('a signal ends it: with 0 where that was asked for, else with 128 and its number', { skip }, async () => {
  for (const [signal, status] of [
    ['SIGINT', 0],
    ['SIGTERM', 0],
    ['SIGHUP', 129],
    ['SIGQUIT', 131],
  ] as const) {
    const ended = wait({});
    process.kill(process.pid, signal);
    assert.equal(await ended, status, signal);
  }
});

test('a program that ignores SIGTERM is killed after a while, and that is said', { skip }, async (context) => {
  const said: string[] = [];
  context.mock.method(process.stderr, 'write', (text: string) => said.push(text) > 0);
  const ready = temporary('ready');
  const command = shell(`trap '' TERM; touch '${ready}'; while :; do sleep 0.1; done`);
  // The time runs from before the start, so it is up when the program is known to ignore the signal.
  const started = (): void =>
    void execFileSync('sh', ['-c', `until [ -e '${ready}' ]; do sleep 0.01; done`], { stdio: 'ignore' });
  const status = await untilTheEnd({ name, command, durationMs: 1, graceMs: 100, started });
  context.mock.restoreAll();
  assert.equal(status, 0);
  assert.deepEqual(said, ['clearway test: the program did not end at SIGTERM within 0.1 s and was killed\n']);
});

test('the end of a process ends it; a tick that throws does too', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async () => {
  const child = spawn('sleep', ['600']);
  const ended = wait({ processId: child.pid });
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(await ended, 0);
  let ticks = 0;
  const run = (): void => {
    if (++ticks === 3) throw new Error('the disk is full');
  };
  await assert.rejects(wait({ tick: { intervalMs: 1, run } }), /the disk is full/);
  assert.equal(ticks, 3);
});
