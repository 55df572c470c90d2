// `clearway kv --vm`: the store in a virtual machine, asked by people's clients through this host's sockets.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { engineAbsence } from '../support/engine-absence.js';
import { serveAtOnce } from '../support/kv-at-once.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { patient } from '../support/patience.js';
import { program } from '../support/program.js';
import { guestsRefused } from './support.js';

/** CPU time of a process so far, in ms: /proc counts in hundredths of a second. */
function cpuTimeMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

for (const engine of ['uring', 'epoll'] as const) {
  describe(`clearway kv --vm, ${engine}`, {
    skip: guestsRefused() || engineAbsence(engine),
    timeout: patient(240_000),
  }, () => {
    test('commands, pipelines, values of a megabyte, publications, many clients, an end', async () => {
      const store = await startKv(['--vm', '--engine', engine, '--maxmemory', '64m']);
      assert.match(store.said(), /ready [\d.]+ ms after \/dev\/kvm was opened, [\d.]+ ms of it in the guest/);
      const client = new RawClient(store.port);
      assert.equal(await client.ask('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
      const many = '$1\r\n2\r\n'.repeat(20_000);
      assert.ok((await client.ask('GET a\r\n'.repeat(20_000), many)) === many);
      const value = Buffer.alloc(1_000_003, 'abcdefg');
      const head = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n`;
      const request = Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')]);
      assert.equal(await client.ask(request, '+OK\r\n'), '+OK\r\n');
      const wanted = `$${value.length}\r\n${value.toString('latin1')}\r\n`;
      for (let times = 0; times < 3; times++) assert.ok((await client.ask('GET big\r\n', wanted)) === wanted);
      const others = Array.from({ length: 200 }, () => new Redis({ port: store.port, host: '127.0.0.1' }));
      await Promise.all(others.map((each, index) => each.set(`k:${index}`, `${index}`)));
      const found = await Promise.all(others.map((each, index) => each.get(`k:${index}`)));
      assert.deepEqual(
        found,
        others.map((_, index) => `${index}`),
      );
      const heard = new Promise((resolve) => others[0]!.on('message', (...message) => resolve(message)));
      await others[0]!.subscribe('news');
      await others[1]!.publish('news', 'hello');
      assert.deepEqual(await heard, ['news', 'hello']);
      for (const each of others) each.disconnect();
      const info = await client.ask('INFO\r\n', 'x'.repeat(1200));
      assert.match(info, /redis_version/);
      const commands = await client.ask('INFO commandstats\r\n', 'x'.repeat(150));
      assert.match(commands, /cmdstat_incr/);
      assert.ok(Number(/total_connections_received:(\d+)/.exec(info)?.[1]) <= 203, info);
      // And gone: clients that left are, and so is that one.
      const left = /connected_clients:(\d+)/;
      for (let looks = 0; looks < 100; looks++) {
        const clients = await client.ask('INFO clients\r\n', 'x'.repeat(40));
        if (left.exec(clients)?.[1] === '1') break;
        assert.ok(looks < 99, clients);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.equal(await store.end(), 0);
    });

    test('as many clients as it may have are served at once, beside the warm-up and after it; statistics are theirs', async () => {
      for (const most of [1, 3, 20]) await serveAtOnce(['--vm', '--engine', engine], most);
    });

    test('a signal while it boots ends it as one later does', async () => {
      for (let delayMs = 60; delayMs <= 400; delayMs += 20) {
        const child = spawn(process.execPath, [program, 'kv', '--vm', '--engine', engine, '--port', '0']);
        let said = '';
        child.stderr.on('data', (text) => (said += text));
        setTimeout(() => child.kill('SIGTERM'), delayMs);
        const status = await new Promise((resolve) => child.on('close', (code, signal) => resolve(code ?? signal)));
        assert.ok(status === 0 || status === 'SIGTERM', `${status} after ${delayMs} ms: ${said}`);
        assert.doesNotMatch(said, /not ready/);
      }
    });

    test('QUIT, a half-closed client, one that goes in the middle of a value, SHUTDOWN', async () => {
      const store = await startKv(['--vm', '--engine', engine]);
      const quitter = new RawClient(store.port);
      assert.equal(await quitter.ask('SET a b\r\nQUIT\r\n', '+OK\r\n+OK\r\n'), '+OK\r\n+OK\r\n');
      await quitter.closed;
      const half = connect({ port: store.port, host: '127.0.0.1', allowHalfOpen: true });
      half.end('GET a\r\n'.repeat(3000));
      assert.equal(await text(half), '$1\r\nb\r\n'.repeat(3000));
      const gone = new RawClient(store.port);
      gone.socket.write('*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$100000\r\nabc', () => gone.socket.resetAndDestroy());
      await gone.closed;
      const last = new RawClient(store.port);
      assert.equal(await last.ask('EXISTS x\r\n', ':0\r\n'), ':0\r\n');
      const waiting = new RawClient(store.port);
      waiting.socket.write('BLPOP list 0\r\nPING\r\n');
      assert.equal(await last.ask('RPUSH list a\r\n', ':1\r\n'), ':1\r\n');
      const served = '*2\r\n$4\r\nlist\r\n$1\r\na\r\n+PONG\r\n';
      assert.equal(await waiting.ask('', served), served);
      last.socket.write('SHUTDOWN NOSAVE\r\n');
      assert.equal(await store.ended, 0);
    });
  });
}

describe('clearway kv --vm', { skip: guestsRefused(), timeout: patient(240_000) }, () => {
  test('keys expire by themselves, memory has a bound, a password is asked for', async () => {
    const store = await startKv(['--vm', '--maxmemory', '8m', '--maxmemory-policy', 'allkeys-lru']);
    const client = new Redis({ port: store.port, host: '127.0.0.1' });
    await client.set('short', '1', 'PX', 50);
    for (let round = 0; round < 40; round++) {
      const pipeline = client.pipeline();
      for (let index = 0; index < 100; index++) pipeline.set(`${round}:${index}`, 'v'.repeat(5000));
      for (const [error] of (await pipeline.exec())!) assert.equal(error, null);
    }
    assert.equal(await client.get('39:99'), 'v'.repeat(5000));
    // Which of the oldest keys are looked at is chance: nearly all of them have gone.
    const oldest = Array.from({ length: 100 }, (_, index) => `0:${index}`);
    const left = await client.exists(...oldest);
    assert.ok(left <= 20, `${left} of the oldest 100 keys are left`);
    assert.equal(await client.get('short'), null);
    const beforeSeconds = Date.now() / 1000;
    const seconds = Number((await client.time())[0]);
    // Whole seconds, by a clock that the guest was given at its beginning.
    assert.ok(seconds > beforeSeconds - 3 && seconds < Date.now() / 1000 + 2, `${seconds}, asked at ${beforeSeconds}`);
    client.disconnect();
    assert.equal(await store.end(), 0);
  });

  test('a guest that has nothing to do costs next to nothing', async () => {
    const store = await startKv(['--vm']);
    const client = new RawClient(store.port);
    assert.equal(await client.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
    const stretches: number[] = [];
    // What its beginning left is done later on a machine that others use: then a later stretch is looked at.
    while (stretches.length < 10 && !(stretches.at(-1)! <= 60)) {
      await new Promise((resolve) => setTimeout(resolve, 1000));
      const before = cpuTimeMs(store.pid);
      await new Promise((resolve) => setTimeout(resolve, 2000));
      stretches.push(cpuTimeMs(store.pid) - before);
    }
    assert.ok(stretches.at(-1)! <= 60, `${stretches} ms of 2000 each`);
    assert.equal(await client.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
    assert.equal(await store.end(), 0);
  });

  test('what it cannot do is refused in a sentence', () => {
    const refused = (...args: readonly string[]): string =>
      spawnSync(process.execPath, [program, 'kv', '--vm', ...args], { encoding: 'utf8', timeout: patient(60_000) })
        .stderr;
    assert.match(refused('--snapshot', 'x'), /a guest has none/);
    assert.match(refused('--bypass', 'lo'), /two ways to serve/);
    assert.match(refused('--maxmemory', '2g'), /at most 1.5 GiB/);
  });
});
