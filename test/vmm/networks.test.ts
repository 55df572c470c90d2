// Networks of guests beside a tap: two guests of one command, a back end of vhost-user that another process is, AF_XDP; and neighbours that never rest or end.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { engineAbsence } from '../support/engine-absence.js';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';
import { until } from '../support/until.js';
import { VethPair, vethRefused } from '../support/veth-pair.js';
import { startDevices } from '../support/vhost-process.js';
import { guestsRefused, imageOf } from './support.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-vm-net-'));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts `clearway` with these words. */
function start(args: readonly string[], launcher: readonly string[] = []) {
  const [command, ...words] = [...launcher, process.execPath, program, ...args];
  const child = spawn(command!, words);
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal!);
    }),
  );
  return { said: () => said, ended, child };
}

const [echo, ask] = [imageOf('echo'), imageOf('ask')];
const asking = 'ip=10.96.0.2/24 to=10.96.0.3';
const echoing = 'ip=10.96.0.3/24';

describe('two guests of one command', { skip: guestsRefused(), timeout: patient(240_000) }, () => {
  test('who asks where no way leads says so and ends', async () => {
    const words = ['ip=10.96.0.2/24', 'to=10.97.0.3'];
    const both = start(['vm', ask, '--beside', `${echo} ${echoing}`, '--', ...words]);
    assert.equal(await both.ended, 1, both.said());
    assert.match(both.said(), /guest: ask: 0 answers in \d+ us/);
  });

  test('ring to ring: every datagram comes back, and the end of the first is that of all', async () => {
    const both = start(['vm', ask, '--beside', `${echo} ${echoing}`, '--', ...asking.split(' '), 'count=2000']);
    assert.equal(await both.ended, 0, both.said());
    assert.match(both.said(), /2 guests on a switch/);
    assert.match(both.said(), /guest: ask: 2000 answers in \d+ us: median \d+ us, 99 of 100 within \d+ us/);
  });

  test('neighbours that never rest, end by a trap, or end: the others go on', async () => {
    const beside = ['do=2', 'do=3', 'do=1'].flatMap((words) => ['--beside', `${imageOf('probe')} late=1 ${words}`]);
    const words = ['vm', ask, '--beside', `${echo} ${echoing}`, ...beside, '--', ...asking.split(' '), 'count=50'];
    const all = start(words);
    assert.equal(await all.ended, 0, all.said());
    assert.match(all.said(), /guest 4: .*page fault/);
    assert.match(all.said(), /guest 4 is over: it ended with status 126/);
    assert.match(all.said(), /guest 5 is over: it ended with status 7/);
  });

  test('what cannot be is refused in a sentence', () => {
    const refused = (...args: readonly string[]): string =>
      spawnSync(process.execPath, [program, 'vm', ...args], { encoding: 'utf8', timeout: patient(60_000) }).stderr;
    assert.match(refused(echo, '--tap', 'a', '--xdp', 'b'), /three networks: give one of them/);
    assert.match(refused(echo, '--vhost-user', 'a', '--beside', echo), /serves one guest/);
    assert.match(refused(echo, '--beside', ' '), /an image and its words/);
    assert.match(refused(echo, ...Array.from({ length: 8 }, () => ['--beside', echo]).flat()), /room for 7/);
    assert.match(refused(echo, '--beside', 'absent.elf'), /there is no image absent\.elf/);
    assert.match(refused(echo, '--vhost-user', join(folder, 'absent')), /nobody listens there/);
  });
});

describe('a card that another process works for', { skip: guestsRefused(), timeout: patient(240_000) }, () => {
  test('two monitors and a switch between them; a back end that goes is said', async () => {
    const sockets = ['one', 'two'].map((name) => join(folder, name)) as [string, string];
    const net = await startDevices(['net', ...sockets.flatMap((each) => ['--socket', each])], sockets);
    const other = start(['vm', echo, '--vhost-user', sockets[1], '--', echoing]);
    await until('it is ready', () => other.said().includes('clearway vm: ready'));
    const first = start(['vm', ask, '--vhost-user', sockets[0], '--', ...asking.split(' '), 'count=500']);
    assert.equal(await first.ended, 0, first.said());
    assert.match(first.said(), /ask: 500 answers/);
    await net.end();
    await until('it is said', () => /the back end at .*two has gone/.test(other.said()));
    other.child.kill('SIGTERM');
    assert.equal(await other.ended, 0, other.said());
  });
});

test('what a guest does wrong over and over is not said each time', { skip: guestsRefused() }, async () => {
  const socket = join(folder, 'often');
  const net = await startDevices(['net', '--echo', '--socket', socket], [socket]);
  const words = ['vm', imageOf('probe'), '--vhost-user', socket, '--', 'do=12', 'late=1', 'times=2000'];
  const guest = start(words);
  assert.equal(await guest.ended, 0, guest.said());
  const times = guest.said().split('was started again').length - 1;
  assert.ok(times > 0 && times < 200, `${times} times`);
  await net.end();
});

describe('clearway kv --vm --xdp', { skip: guestsRefused() || vethRefused(), timeout: patient(240_000) }, () => {
  for (const engine of ['epoll', 'uring'] as const) {
    test(`redis-cli and redis-benchmark past the kernel, ${engine}`, { skip: engineAbsence(engine) }, async () => {
      const pair = new VethPair('10.95.0.1/24');
      const options = ['--vm', '--xdp', pair.device, '--vm-address', '10.95.0.2/24', '--no-password'];
      const store = start(['kv', ...options, '--engine', engine], pair.space.launcher);
      await until('it is ready', () => store.said().includes('kv: ready') || store.child.exitCode !== null);
      assert.match(store.said(), /redis:\/\/10\.95\.0\.2:6379\n.*joined to near \(MTU 1500\) by AF_XDP/s);
      const [command, ...words] = pair.peer.launcher as [string, ...string[]];
      const outside = (...line: string[]): string =>
        spawnSync(command, [...words, ...line], { encoding: 'utf8', timeout: patient(30_000) }).stdout;
      assert.equal(outside('redis-cli', '-h', '10.95.0.2', 'SET', 'a', '1'), 'OK\n');
      assert.equal(outside('redis-cli', '-h', '10.95.0.2', 'INCR', 'a'), '2\n');
      const load = ['-h', '10.95.0.2', '-c', '10', '-P', '8', '-n', '3000', '-q', '--csv', '-t', 'set,get,mset'];
      const rates = outside('redis-benchmark', ...load);
      for (const name of ['SET', 'GET', 'MSET']) assert.match(rates, new RegExp(`"${name}`), name);
      store.child.kill('SIGTERM');
      assert.equal(await store.ended, 0, store.said());
      assert.doesNotMatch(pair.link, /xdp/);
      pair.remove();
    });
  }
});
