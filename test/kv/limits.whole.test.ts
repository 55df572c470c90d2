// `clearway kv` where it has its limits: killed while it writes a snapshot, restored into too little, readers that do not read, a thousand clients.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { commandBytes } from '../core/kv-store.js';
import { engineAbsence } from '../support/engine-absence.js';
import { serveAtOnce } from '../support/kv-at-once.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-kv-limits-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function fill(client: RawClient, values: number, bytes: number): Promise<void> {
  for (let index = 0; index < values; index++) {
    const reply = await client.ask(commandBytes('SET', `large:${index}`, Buffer.alloc(bytes, 'v')), '+OK\r\n');
    assert.equal(reply, '+OK\r\n');
  }
}

test('killed while a snapshot is written: the last one is whole, and what was left is removed at the next start', async () => {
  const snapshot = join(folder, 'killed.snapshot');
  const unfinished = (): string[] => readdirSync(folder).filter((name) => name.startsWith('killed.snapshot.'));
  /** Kills a store that writes a snapshot. @returns false where the snapshot was whole before the signal came */
  const killWhileWriting = async (): Promise<boolean> => {
    rmSync(snapshot, { force: true });
    const first = await startKv(['--snapshot', snapshot, '--maxmemory', '512m']);
    const client = new RawClient(first.port);
    await client.ask('SET name value\r\nSAVE\r\n', '+OK\r\n+OK\r\n');
    const kept = readFileSync(snapshot);
    await fill(client, 60, 4_000_000);
    client.socket.write('SAVE\r\n');
    for (const began = Date.now(); unfinished().length === 0; ) {
      assert.ok(Date.now() - began < 60_000, 'a snapshot is begun');
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await first.end('SIGKILL'), 'SIGKILL');
    const left = unfinished();
    if (left.length === 0) return false;
    assert.equal(left.length, 1);
    assert.match(left[0]!, new RegExp(`^killed\\.snapshot\\.${first.pid}-[\\da-f]{8}\\.tmp$`));
    assert.ok(readFileSync(snapshot).equals(kept));
    return true;
  };
  let isKilled = false;
  for (let tries = 0; tries < 10 && !isKilled; tries++) isKilled = await killWhileWriting();
  assert.ok(isKilled, 'it was not finished before the signal');
  // What others write is theirs.
  const others = [`${process.pid}-00000000.tmp`, 'x.tmp', 'x-00000000.tmp', '12-00000000.tmp.old'].map(
    (name) => `killed.snapshot.${name}`,
  );
  for (const name of others) writeFileSync(join(folder, name), '');
  const second = await startKv(['--snapshot', snapshot]);
  assert.match(second.said(), /1 key/);
  assert.deepEqual(unfinished().sort(), others.sort());
  assert.equal(await new RawClient(second.port).ask('GET name\r\n', '$5\r\nvalue\r\n'), '$5\r\nvalue\r\n');
  assert.equal(await second.end('SIGKILL'), 'SIGKILL');
});

test('clients that the limit on open files has no room for are said at the start, and told so', async () => {
  // Root would raise the limit.
  const asUser = process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-sys_resource'] : [];
  const [command = '', ...words] = [...asUser, 'prlimit', '--nofile=64:64', process.execPath, program];
  for (const engine of ['auto', 'epoll']) {
    const store = await startKv(['--engine', engine], { command, args: words });
    const said = 'at most 24 clients, not 10000: the limit on open files is 64; raise it with ulimit -n 10040';
    await until('it says how many', () => store.said().includes(said));
    const clients: RawClient[] = [];
    for (let count = 0; count < 24; count++) {
      const client = new RawClient(store.port);
      assert.equal(await client.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
      clients.push(client);
    }
    const refused = '-ERR max number of clients reached\r\n';
    assert.equal(await new RawClient(store.port).ask('', refused), refused);
    for (const client of clients) client.socket.destroy();
    assert.equal(await store.end(), 0);
  }
});

test('a snapshot that does not fit is refused with what to do, and stays as it is', async () => {
  const snapshot = join(folder, 'large.snapshot');
  const first = await startKv(['--snapshot', snapshot]);
  await fill(new RawClient(first.port), 20, 1_000_000);
  assert.equal(await first.end(), 0);
  const bytes = readFileSync(snapshot);
  for (const policy of ['noeviction', 'allkeys-lru']) {
    const { status, stderr } = spawnSync(
      process.execPath,
      [program, 'kv', '--port', '0', '--snapshot', snapshot, '--maxmemory', '4m', '--maxmemory-policy', policy],
      { encoding: 'utf8', timeout: 60_000 },
    );
    assert.equal(status, 1);
    assert.match(stderr, /large\.snapshot is refused: it needs more memory than there is: raise --maxmemory/);
    assert.ok(readFileSync(snapshot).equals(bytes));
  }
});

test('a subscriber that does not read is closed at its limit; who publishes and who reads are not held up', async () => {
  const store = await startKv(['--maxmemory', '256m', '--metrics', '127.0.0.1:0']);
  const [slow, quick, publisher] = [new RawClient(store.port), new RawClient(store.port), new RawClient(store.port)];
  const subscribed = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n';
  for (const each of [slow, quick]) assert.equal(await each.ask('SUBSCRIBE news\r\n', subscribed), subscribed);
  slow.socket.pause();
  const message = commandBytes('PUBLISH', 'news', Buffer.alloc(1 << 20, 'm'));
  const delivered = `*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$${1 << 20}\r\n`.length + (1 << 20) + 2;
  let last = '';
  for (let count = 0; count < 100; count++) {
    last = await publisher.ask(message, ':1\r\n');
    assert.equal((await quick.ask('', 'x'.repeat(delivered))).length, delivered);
    if (last === ':1\r\n') break;
  }
  assert.equal(last, ':1\r\n', 'the slow one is gone');
  slow.socket.resume();
  await slow.closed;
  const [url] = await untilSaid(store.said, /http:\/\/[^\s]+\/metrics/);
  assert.match(await (await fetch(url)).text(), /^clearway_kv_slow_readers_closed_total 1$/m);
  const used = await publisher.ask('INFO memory\r\n', '$');
  assert.ok(Number(/used_memory:(\d+)/.exec(used)![1]) < 4 << 20, 'what it did not read is given back');
  assert.equal(await store.end(), 0);
});

test('a client that asks and does not read holds a bounded amount, and others are served', async () => {
  const store = await startKv(['--maxmemory', '64m']);
  const [slow, good] = [new RawClient(store.port), new RawClient(store.port)];
  await good.ask(commandBytes('SET', 'a', 'x'.repeat(10_000)), '+OK\r\n');
  slow.socket.pause();
  slow.socket.write('GET a\r\n'.repeat(200_000));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const used = await good.ask('INFO memory\r\n', '$');
  assert.ok(Number(/used_memory:(\d+)/.exec(used)![1]) < 8 << 20);
  assert.equal(await good.ask('PING\r\n', '+PONG\r\n'), '+PONG\r\n');
  slow.socket.destroy();
  assert.equal(await store.end(), 0);
});

test('as many clients as it may have are served at once, beside the warm-up and after it; statistics are theirs', async () => {
  for (const engine of (['uring', 'epoll'] as const).filter((each) => engineAbsence(each) === false))
    for (const most of [1, 20]) await serveAtOnce(['--engine', engine], most);
});

test('the warm-up says the password, also one as long as may be', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-kv-'));
  context.after(() => rmSync(directory, { recursive: true }));
  for (const password of ['secret', 'x'.repeat(512)]) {
    const file = join(directory, 'password');
    writeFileSync(file, password, { mode: 0o600 });
    const store = await startKv(['--password-file', file]);
    const client = new RawClient(store.port);
    const info = await client.ask(`AUTH ${password}\r\nINFO stats\r\n`, 'x'.repeat(400));
    assert.match(info, /total_connections_received:1\r\n/);
    assert.match(info, /^\+OK\r\n/);
    assert.equal(await store.end(), 0);
  }
});

test('a thousand clients at once', async () => {
  const store = await startKv(['--maxclients', '1000']);
  const clients = Array.from({ length: 1000 }, () => new RawClient(store.port));
  const replies = await Promise.all(
    clients.map((client, index) =>
      client.ask(`SET k${index} ${index}\r\nGET k${index}\r\n`, `+OK\r\n$0\r\n${index}\r\n`),
    ),
  );
  for (const [index, reply] of replies.entries()) assert.equal(reply, `+OK\r\n$${`${index}`.length}\r\n${index}\r\n`);
  assert.match(await clients[0]!.ask('INFO clients\r\n', '\r\n'), /connected_clients:1000\r\n/);
  const more = new RawClient(store.port);
  assert.match(await more.ask('PING\r\n', '-ERR max'), /^-ERR max number of clients/);
  for (const client of clients.slice(1)) client.socket.destroy();
  await until('they are gone', async () =>
    (await clients[0]!.ask('INFO clients\r\n', '\r\n')).includes('connected_clients:1\r\n'),
  );
  assert.equal(await clients[0]!.ask('DBSIZE\r\n', ':1000\r\n'), ':1000\r\n');
  assert.equal(await store.end(), 0);
});
