// `clearway kv` as people run it: it answers on both engines, keeps what it was told to keep, refuses what it should, and ends when it is told.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { commandBytes } from '../core/kv-store.js';
import { engineAbsence } from '../support/engine-absence.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { mountsImpossible, withoutProc, withReadOnly } from '../support/mounts.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-kv-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const refused = (args: readonly string[]): { status: number | null; stderr: string } => {
  const { status, stderr } = spawnSync(process.execPath, [program, 'kv', ...args], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, stderr };
};

for (const engine of ['epoll', 'uring'] as const) {
  describe(`on ${engine}`, { skip: engineAbsence(engine) }, () => {
    test('commands, one by one, pipelined, and cut anywhere', async () => {
      const store = await startKv(['--engine', engine]);
      const client = new RawClient(store.port);
      assert.equal(await client.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
      assert.equal(
        await client.ask('SET a 1\r\nINCR a\r\nGET a\r\n', '+OK\r\n:2\r\n$1\r\n2\r\n'),
        '+OK\r\n:2\r\n$1\r\n2\r\n',
      );
      const request = '*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$5\r\nhe\r\no\r\n';
      for (let cut = 1; cut < request.length; cut += 3) {
        client.socket.write(request.slice(0, cut));
        await new Promise((resolve) => setImmediate(resolve));
        assert.equal(await client.ask(request.slice(cut), '+OK\r\n'), '+OK\r\n');
      }
      assert.equal(await client.ask('GET b\r\n', '$5\r\nhe\r\no\r\n'), '$5\r\nhe\r\no\r\n');
      const many = 20_000;
      const replies = await client.ask('GET a\r\n'.repeat(many), '$1\r\n2\r\n'.repeat(many));
      assert.equal(replies, '$1\r\n2\r\n'.repeat(many));
      assert.equal(await store.end(), 0);
    });

    test('values of a megabyte and more, written in pieces and read by a slow reader', async () => {
      const store = await startKv(['--engine', engine]);
      const client = new RawClient(store.port);
      const value = Buffer.alloc(3_000_001, 'abcdefg');
      const head = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n`;
      assert.equal(
        await client.ask(Buffer.concat([Buffer.from(head), value, Buffer.from('\r\n')]), '+OK\r\n'),
        '+OK\r\n',
      );
      const wanted = `$${value.length}\r\n${value.toString('latin1')}\r\n`;
      client.socket.pause();
      client.socket.write('GET big\r\nGET big\r\nPING\r\n');
      await new Promise((resolve) => setTimeout(resolve, 100));
      client.socket.resume();
      const all = `${wanted}${wanted}+PONG\r\n`;
      assert.ok((await client.ask('', all)) === all);
      assert.equal(await store.end(), 0);
    });

    test('clients are told apart by where they call from, and ended by it', async () => {
      const store = await startKv(['--engine', engine]);
      const [one, two] = [new RawClient(store.port), new RawClient(store.port)];
      await one.ask('PING\r\n', '+PONG\r\n');
      await two.ask('PING\r\n', '+PONG\r\n');
      const address = `127.0.0.1:${one.socket.localPort}`;
      two.socket.write('CLIENT LIST\r\n');
      const list = String((await once(two.socket, 'data'))[0]);
      assert.ok(list.includes(` addr=${address} `));
      assert.ok(list.includes(` addr=127.0.0.1:${two.socket.localPort} `));
      const closed = once(one.socket, 'close');
      two.socket.write(`CLIENT KILL ADDR ${address}\r\n`);
      await closed;
      assert.equal(await store.end(), 0);
    });

    test('what is published reaches who is subscribed', async () => {
      const store = await startKv(['--engine', engine]);
      const subscriber = new RawClient(store.port);
      const subscribed = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n';
      assert.equal(await subscriber.ask('SUBSCRIBE news\r\n', subscribed), subscribed);
      const publisher = new RawClient(store.port);
      assert.equal(await publisher.ask('PUBLISH news hello\r\n', ':1\r\n'), ':1\r\n');
      const message = '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n';
      assert.equal(await subscriber.ask('', message), message);
      assert.equal(await store.end(), 0);
    });
  });
}

test('what it keeps: a snapshot on SIGTERM, on SAVE and on SIGHUP, restored at the start; a damaged one is refused', async () => {
  const snapshot = join(folder, 'kept.snapshot');
  const first = await startKv(['--snapshot', snapshot]);
  const client = new RawClient(first.port);
  await client.ask('SET name value\r\nHSET h f v\r\nSET brief x EX 1000\r\n', '+OK\r\n:1\r\n+OK\r\n');
  assert.equal(await client.ask('SAVE\r\n', '+OK\r\n'), '+OK\r\n');
  assert.equal(statSync(snapshot).mode & 0o777, 0o600);
  await client.ask('SET later 2\r\n', '+OK\r\n');
  assert.equal(await first.end(), 0);
  const second = await startKv(['--snapshot', snapshot]);
  assert.match(second.said(), /4 keys restored/);
  const again = new RawClient(second.port);
  const wanted = '$5\r\nvalue\r\n$1\r\nv\r\n$1\r\n2\r\n';
  assert.equal(await again.ask('GET name\r\nHGET h f\r\nGET later\r\n', wanted), wanted);
  const ttl = Number((await again.ask('TTL brief\r\n', ':999\r\n')).slice(1));
  assert.ok(ttl > 900 && ttl <= 1000, `${ttl}`);
  assert.equal(await second.end('SIGKILL'), 'SIGKILL');
  const bytes = readFileSync(snapshot);
  bytes[bytes.length >> 1]! ^= 0x40;
  const damaged = join(folder, 'damaged.snapshot');
  writeFileSync(damaged, bytes);
  const { status, stderr } = refused(['--port', '0', '--snapshot', damaged]);
  assert.equal(status, 1);
  assert.match(stderr, /damaged\.snapshot is refused/);
});

test('a snapshot that could not be written is refused at the start; without one SAVE says what is missing', async () => {
  const { status, stderr } = refused(['--port', '0', '--snapshot', join(folder, 'missing', 'a.snapshot')]);
  assert.equal(status, 1);
  assert.match(stderr, /a\.snapshot could not be written: there is no such file or directory\n$/);
  const folderAsFile = refused(['--port', '0', '--snapshot', folder]);
  assert.equal(folderAsFile.status, 1);
  assert.match(folderAsFile.stderr, /cannot be read: it is a directory; name another file[^\n]*\n$/);
  const store = await startKv([]);
  const client = new RawClient(store.port);
  const reply =
    '-ERR the snapshot was not written: the server was started without --snapshot FILE, or its stderr says why\r\n';
  assert.equal(await client.ask('SAVE\r\n', reply), reply);
  assert.equal(await store.end(), 0);
});

test('a snapshot that is there, where no other can be written, is read, and that nothing is kept is said', {
  skip: mountsImpossible(),
}, async () => {
  const snapshot = join(folder, 'seed.snapshot');
  const first = await startKv(['--snapshot', snapshot]);
  await new RawClient(first.port).ask('SET name value\r\n', '+OK\r\n');
  assert.equal(await first.end(), 0);
  const bytes = readFileSync(snapshot);
  const line = withReadOnly(folder, process.execPath, [program]);
  const second = await startKv(['--snapshot', snapshot], line);
  const why =
    'seed.snapshot was read and cannot be written: the file system is read-only; what changes from now on is not kept\n';
  await until('it says so', () => second.said().includes(why), 5000);
  assert.match(second.said(), /1 key restored/);
  const client = new RawClient(second.port);
  assert.match(await client.ask('SAVE\r\n', '\r\n'), /^-ERR the snapshot was not written/);
  assert.equal(await client.ask('GET name\r\n', '$5\r\nvalue\r\n'), '$5\r\nvalue\r\n');
  assert.equal(await second.end(), 0);
  assert.ok(readFileSync(snapshot).equals(bytes));
  const none = spawnSync(line.command, [...line.args, 'kv', '--port', '0', '--snapshot', join(folder, 'none')], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(none.status, 1);
  assert.match(none.stderr, /none could not be written: the file system is read-only\n$/);
});

test('a snapshot that cannot take its place is said, and nothing half is left', async () => {
  const snapshot = join(folder, 'taken.snapshot');
  const store = await startKv(['--snapshot', snapshot]);
  mkdirSync(snapshot);
  const client = new RawClient(store.port);
  assert.match(await client.ask('SAVE\r\n', '\r\n'), /^-ERR the snapshot was not written/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('taken.')),
    ['taken.snapshot'],
  );
  assert.equal(await store.end('SIGKILL'), 'SIGKILL');
  rmdirSync(snapshot);
});

test('a store that is full restores its own snapshot', async () => {
  const snapshot = join(folder, 'full.snapshot');
  const first = await startKv(['--maxmemory', '4m', '--snapshot', snapshot]);
  const client = new RawClient(first.port);
  for (let number = 0, reply = ''; !reply.startsWith('-OOM'); number++) {
    assert.ok(number < 5000);
    const members = Array.from({ length: 500 }, (_, index) => `${number}_${index}${'z'.repeat(50)}`);
    reply = await client.ask(commandBytes('SADD', `set${number}`, ...members), '\r\n');
  }
  assert.equal(await client.ask('SAVE\r\n', '+OK\r\n'), '+OK\r\n');
  const size = await client.ask('DBSIZE\r\n', '\r\n');
  assert.equal(await first.end('SIGKILL'), 'SIGKILL');
  const second = await startKv(['--maxmemory', '4m', '--snapshot', snapshot]);
  assert.equal(await new RawClient(second.port).ask('DBSIZE\r\n', '\r\n'), size);
  assert.equal(await second.end('SIGKILL'), 'SIGKILL');
});

test('a password keeps strangers out, and other hosts are let in with one only', async () => {
  const file = join(folder, 'password');
  writeFileSync(file, 'secret\n');
  const store = await startKv(['--password-file', file]);
  const client = new RawClient(store.port);
  assert.match(await client.ask('GET a\r\n', '-NOAUTH Authentication required.\r\n'), /^-NOAUTH/);
  assert.match(await client.ask('AUTH wrong\r\n', '-WRONGPASS'), /^-WRONGPASS/);
  assert.equal(await client.ask('AUTH secret\r\nGET a\r\n', '+OK\r\n$-1\r\n'), '+OK\r\n$-1\r\n');
  assert.equal(await store.end(), 0);
  assert.match(refused(['--bind', '0.0.0.0']).stderr, /there is no password/);
});

test('more clients than are allowed are told so; those who go make room', async () => {
  const store = await startKv(['--maxclients', '2']);
  const clients = [new RawClient(store.port), new RawClient(store.port)];
  for (const client of clients) assert.equal(await client.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
  const third = new RawClient(store.port);
  assert.match(await third.ask('', '-ERR max number of clients reached\r\n'), /^-ERR max number of clients/);
  clients[0]!.socket.end();
  await clients[0]!.closed;
  await until(
    'there is room',
    async () => {
      const next = new RawClient(store.port);
      const reply = await next.ask('PING\r\n', '+PONG\r\n');
      next.socket.destroy();
      return reply === '+PONG\r\n';
    },
    10_000,
  );
  assert.equal(await store.end(), 0);
});

test('bytes that are no RESP end their connection with a reason, and nobody else\u2019s', async () => {
  const store = await startKv();
  const good = new RawClient(store.port);
  const bad = new RawClient(store.port);
  assert.match(
    await bad.ask('*2\r\nGET\r\n', "-ERR Protocol error: expected '$', got 'G'\r\n"),
    /^-ERR Protocol error/,
  );
  await bad.closed;
  assert.equal(await good.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
  assert.equal(await store.end(), 0);
});

test('QUIT and SHUTDOWN; a Unix socket alone', async () => {
  const socket = join(folder, 'kv.sock');
  const store = await startKv(['--socket', socket, '--port', '0', '--bind', '127.0.0.1']);
  const client = new RawClient(socket);
  assert.equal(await client.ask('PING\r\nQUIT\r\n', '+PONG\r\n+OK\r\n'), '+PONG\r\n+OK\r\n');
  await client.closed;
  const last = new RawClient(store.port);
  last.socket.write('SHUTDOWN NOSAVE\r\n');
  assert.equal(await store.ended, 0);
});

const withoutIt = withoutProc(process.execPath, [program]);

test('without /proc it serves', { skip: mountsImpossible(withoutProc('true')) }, async () => {
  const store = await startKv([], withoutIt);
  const client = new RawClient(store.port);
  assert.equal(await client.ask('SET a 1\r\nGET a\r\n', '+OK\r\n$1\r\n1\r\n'), '+OK\r\n$1\r\n1\r\n');
  assert.equal(await store.end(), 0);
});

test('metrics are Prometheus text', async () => {
  const store = await startKv(['--metrics', '127.0.0.1:0']);
  const client = new RawClient(store.port);
  await client.ask('SET a 1\r\nGET a\r\nGET b\r\n', '+OK\r\n$1\r\n1\r\n$-1\r\n');
  const [url] = await untilSaid(store.said, /http:\/\/[^\s]+\/metrics/);
  const text = await (await fetch(url)).text();
  assert.match(text, /^clearway_kv_keys 1$/m);
  assert.match(text, /^clearway_kv_hits_total 1$/m);
  assert.match(text, /^clearway_kv_misses_total 1$/m);
  assert.equal(await store.end(), 0);
});

test('bad options are refused in a sentence', () => {
  for (const [args, sentence] of [
    [['--maxmemory', '10'], /--maxmemory is "10", and must be from/],
    [['--maxmemory', '9g'], /--maxmemory is "9g"/],
    [['--maxmemory-policy', 'lru'], /must be noeviction or/],
    [['--port', '70000'], /--port is "70000"/],
    [
      ['--password-file', join(folder, 'absent')],
      /--password-file \S*absent cannot be read: there is no such file or directory\n$/,
    ],
    [['extra'], /"extra" is not expected here/],
  ] as const) {
    const { status, stderr } = refused(args);
    assert.notEqual(status, 0, `${args}`);
    assert.match(stderr, sentence);
  }
});
