// `clearway kv --vm --tap`: TCP/IP and the store in the guest, whose card is on a tap in a network namespace of the test's own.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { engineAbsence } from '../support/engine-absence.js';
import { NetNamespace, namespacesRefused } from '../support/net-namespace.js';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';
import { until } from '../support/until.js';
import { guestsRefused } from './support.js';

for (const engine of ['epoll', 'uring'] as const) {
  describe(`clearway kv --vm --tap, ${engine}`, {
    skip: guestsRefused() || namespacesRefused() || engineAbsence(engine),
    timeout: patient(240_000),
  }, () => {
    test('redis-cli and redis-benchmark over TCP of the guest, ping, the end', async () => {
      const space = new NetNamespace();
      space.ip('tuntap', 'add', 'dev', 'guest0', 'mode', 'tap');
      space.bringUp('guest0', '10.98.0.1/24');
      const [command, ...words] = space.launcher as [string, ...string[]];
      const options = ['--vm', '--tap', 'guest0', '--vm-address', '10.98.0.2/24', '--no-password', '--engine', engine];
      const child = spawn(command, [...words, process.execPath, program, 'kv', ...options]);
      after(() => child.kill('SIGKILL'));
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
      await until('it is ready', () => said.includes('clearway kv: ready') || child.exitCode !== null);
      assert.match(said, /redis:\/\/10\.98\.0\.2:6379/);
      const inside = (...line: string[]): string =>
        spawnSync(command, [...words, ...line], { encoding: 'utf8', timeout: patient(30_000) }).stdout;
      assert.equal(inside('redis-cli', '-h', '10.98.0.2', 'SET', 'a', '1'), 'OK\n');
      assert.equal(inside('redis-cli', '-h', '10.98.0.2', 'INCR', 'a'), '2\n');
      const load = ['-h', '10.98.0.2', '-c', '20', '-P', '8', '-n', '5000', '-q', '--csv', '-t', 'set,get,lpush,mset'];
      const rates = inside('redis-benchmark', ...load);
      for (const name of ['SET', 'GET', 'LPUSH', 'MSET']) assert.match(rates, new RegExp(`"${name}`), name);
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.kill('SIGTERM');
      assert.equal(await ended, 0, said);
      space.remove();
    });
  });
}

test('what it needs is said in a sentence', () => {
  const refused = (...args: readonly string[]): string =>
    spawnSync(process.execPath, [program, 'kv', ...args], { encoding: 'utf8', timeout: patient(60_000) }).stderr;
  assert.match(refused('--tap', 'x'), /--tap is for --vm/);
  assert.match(refused('--vm', '--tap', 'x'), /--vm-address 10\.0\.0\.2\/24/);
  assert.match(refused('--vm', '--tap', 'x', '--vm-address', '10.0.0.300/24'), /--vm-address/);
  assert.match(refused('--vm', '--tap', 'x', '--vm-address', '10.0.0.2/24'), /there is no password/);
});
