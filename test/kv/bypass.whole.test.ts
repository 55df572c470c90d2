// `clearway kv --bypass`: the store over our own TCP/IP, asked by clients of the kernel's at the other end of a pair of devices.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { commandBytes } from '../core/kv-store.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { program } from '../support/program.js';
import { until, untilSaid } from '../support/until.js';
import { bypassRefused, ip, makeVethPair, type VethPair } from '../support/veth-pairs.js';

const startPast = (pair: VethPair, ...more: readonly string[]) =>
  startKv(['--bypass', pair.device, '--bypass-address', pair.address, '--no-password', '--port', '6379', ...more]);

const folder = mkdtempSync(join(tmpdir(), 'clearway-kv-bypass-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('clearway kv --bypass', { skip: bypassRefused() }, () => {
  test('commands, pipelines longer than packets, values of a megabyte, publications', async () => {
    const pair = makeVethPair();
    const store = await startPast(pair);
    const client = new RawClient(6379, pair.host);
    assert.equal(await client.ask('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
    const many = '$1\r\n2\r\n'.repeat(5000);
    assert.equal(await client.ask('GET a\r\n'.repeat(5000), many), many);
    const value = Buffer.alloc(1_000_003, 'abcdefg');
    const request = Buffer.concat([
      Buffer.from(`*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n`),
      value,
      Buffer.from('\r\n'),
    ]);
    assert.equal(await client.ask(request, '+OK\r\n'), '+OK\r\n');
    const wanted = `$${value.length}\r\n${value.toString('latin1')}\r\n`;
    assert.ok((await client.ask('GET big\r\n', wanted)) === wanted);
    const subscriber = new RawClient(6379, pair.host);
    const subscribed = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n';
    assert.equal(await subscriber.ask('SUBSCRIBE news\r\n', subscribed), subscribed);
    assert.equal(await client.ask('PUBLISH news hello\r\n', ':1\r\n'), ':1\r\n');
    const message = '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n';
    assert.equal(await subscriber.ask('', message), message);
    assert.equal(await store.end(), 0);
    assert.doesNotMatch(ip('-details', 'link', 'show', 'dev', pair.device), /prog\/xdp/);
    pair.remove();
  });

  test('a password, settings, what INFO and CLIENT LIST say, an end to who speaks no RESP, and too many clients', async () => {
    const pair = makeVethPair();
    const file = join(folder, 'password');
    writeFileSync(file, 'secret\n');
    const [device, address] = [pair.device, pair.address];
    const store = await startKv([
      ...['--bypass', device, '--bypass-address', address, '--port', '6379'],
      ...['--password-file', file, '--maxclients', '3'],
    ]);
    const client = new RawClient(6379, pair.host);
    assert.match(await client.ask('GET a\r\n', '-NOAUTH Authentication required.\r\n'), /^-NOAUTH/);
    assert.equal(await client.ask('AUTH secret\r\nCLIENT SETNAME me\r\n', '+OK\r\n+OK\r\n'), '+OK\r\n+OK\r\n');
    assert.match(await client.ask('CLIENT LIST\r\n', '\n\r\n'), / name=me /);
    assert.match(await client.ask('INFO\r\n', '# Keyspace'), /connected_clients:1\r\n/);
    assert.equal(await client.ask('CONFIG SET maxmemory 5000000\r\n', '+OK\r\n'), '+OK\r\n');
    const maxmemory = '*2\r\n$9\r\nmaxmemory\r\n$7\r\n5000000\r\n';
    assert.equal(await client.ask('CONFIG GET maxmemory\r\n', maxmemory), maxmemory);
    const bad = new RawClient(6379, pair.host);
    assert.match(await bad.ask('*1\r\nGET\r\n', "-ERR Protocol error: expected '$', got 'G'\r\n"), /^-ERR Protocol/);
    await bad.closed;
    const others = [new RawClient(6379, pair.host), new RawClient(6379, pair.host)];
    for (const other of others) assert.match(await other.ask('PING\r\n', '-NOAUTH'), /^-NOAUTH/);
    const fourth = new RawClient(6379, pair.host);
    assert.match(await fourth.ask('', '-ERR max number of clients reached\r\n'), /^-ERR max number/);
    await fourth.closed;
    assert.equal(await store.end(), 0);
    pair.remove();
  });

  test('what it keeps: a snapshot on SAVE, on SIGHUP and at the end, restored at the start; SHUTDOWN; metrics', async () => {
    const pair = makeVethPair();
    const snapshot = join(folder, 'kept.snapshot');
    const first = await startPast(pair, '--snapshot', snapshot);
    const client = new RawClient(6379, pair.host);
    await client.ask('SET name value\r\nHSET h f v\r\nSET brief x EX 1000\r\n', '+OK\r\n:1\r\n+OK\r\n');
    assert.equal(await client.ask('SAVE\r\nGET name\r\n', '+OK\r\n$5\r\nvalue\r\n'), '+OK\r\n$5\r\nvalue\r\n');
    const saved = statSync(snapshot).ino;
    await client.ask('SET later 2\r\n', '+OK\r\n');
    process.kill(first.pid, 'SIGHUP');
    await until('it is written anew', () => statSync(snapshot).ino !== saved);
    await client.ask('SET last 3\r\n', '+OK\r\n');
    assert.equal(await first.end(), 0);
    const second = await startPast(pair, '--snapshot', snapshot, '--metrics', '127.0.0.1:0');
    assert.match(second.said(), /5 keys restored/);
    assert.match(second.said(), /\(bypass\)/);
    const again = new RawClient(6379, pair.host);
    const wanted = '$5\r\nvalue\r\n$1\r\nv\r\n$1\r\n2\r\n$1\r\n3\r\n';
    assert.equal(await again.ask('GET name\r\nHGET h f\r\nGET later\r\nGET last\r\n', wanted), wanted);
    const ttl = Number((await again.ask('TTL brief\r\n', ':999\r\n')).slice(1));
    assert.ok(ttl > 900 && ttl <= 1000, `${ttl}`);
    await again.ask(commandBytes('SET', 'long', 'x'.repeat(50_000)), '+OK\r\n');
    await again.ask('GET long\r\nDEL long\r\n', `$50000\r\n${'x'.repeat(50_000)}\r\n:1\r\n`);
    const [url] = await untilSaid(second.said, /http:\/\/[^\s]+\/metrics/);
    const text = await (await fetch(url)).text();
    assert.match(text, /^clearway_kv_info\{engine="bypass"\} 1$/m);
    assert.match(text, /^clearway_kv_keys 5$/m);
    assert.match(text, /^clearway_kv_connections_accepted_total 1$/m);
    assert.match(text, /^clearway_bypass_total\{figure="receivedPackets"\} [1-9]/m);
    assert.match(text, /^clearway_bypass_total\{figure="fillRingEmpty"\} \d/m);
    assert.match(text, /^clearway_bypass_total\{figure="faultStack"\} 0$/m);
    assert.match(text, /^clearway_copied_bytes_total\{reason="packetFill"\} [1-9]/m);
    again.socket.write('SET gone 1\r\nSHUTDOWN NOSAVE\r\n');
    assert.equal(await second.ended, 0);
    const third = await startPast(pair, '--snapshot', snapshot);
    assert.match(third.said(), /5 keys restored/);
    assert.equal(await third.end(), 0);
    pair.remove();
  });

  test('ioredis, redis-cli and redis-benchmark; three hundred at once beside one that does not read', async () => {
    const pair = makeVethPair();
    const store = await startPast(pair);
    const client = new Redis({ port: 6379, host: pair.host });
    assert.deepEqual(await client.pipeline().set('a', 1).incr('a').hset('h', { x: '1' }).hgetall('h').exec(), [
      [null, 'OK'],
      [null, 2],
      [null, 1],
      [null, { x: '1' }],
    ]);
    const waiting = client.duplicate();
    const popped = waiting.blpop('list', 10);
    const subscriber = client.duplicate();
    const heard = new Promise((resolve) => subscriber.on('message', (channel, text) => resolve([channel, text])));
    await subscriber.subscribe('news');
    await client.publish('news', 'hello');
    assert.deepEqual(await heard, ['news', 'hello']);
    await client.rpush('list', 'x');
    assert.deepEqual(await popped, ['list', 'x']);
    await client.set('big', Buffer.alloc(1_000_000, 'x'));
    const slow = new RawClient(6379, pair.host);
    slow.socket.pause();
    slow.socket.write('GET big\r\n'.repeat(50));
    const many = Array.from({ length: 300 }, () => new RawClient(6379, pair.host));
    const replies = many.map((each, index) =>
      each.ask(`SET k${index} ${index}\r\nGET k${index}\r\n`, '+OK\r\n$1\r\n0\r\n'),
    );
    for (const [index, reply] of (await Promise.all(replies)).entries())
      assert.equal(reply.slice(0, 5 + 4 + `${index}`.length), `+OK\r\n$${`${index}`.length}\r\n${index}`);
    for (const each of [...many, slow]) each.socket.destroy();
    for (const each of [client, waiting, subscriber]) each.disconnect();
    const run = (command: string, ...args: readonly string[]) =>
      spawnSync(command, ['-h', pair.host, ...args], { encoding: 'utf8', timeout: 60_000 });
    if (run('redis-cli', '--version').error === undefined) {
      assert.equal(run('redis-cli', 'GET', 'a').stdout, '2\n');
      const args = ['-n', '3000', '-c', '20', '-P', '4', '-t', 'ping,set,get,incr,lpush,zadd,lrange_600,mset', '--csv'];
      const { status, stdout } = run('redis-benchmark', ...args);
      assert.equal(status, 0);
      for (const name of ['PING_INLINE', 'SET', 'GET', 'LRANGE_600', 'MSET'])
        assert.match(stdout, new RegExp(`"${name}`));
    }
    assert.equal(await store.end(), 0);
    pair.remove();
  });

  test('killed with -9 it leaves the device as it was', async () => {
    const pair = makeVethPair();
    const store = await startPast(pair);
    assert.match(ip('-details', 'link', 'show', 'dev', pair.device), /prog\/xdp/);
    assert.equal(await store.end('SIGKILL'), 'SIGKILL');
    await until('the program is gone', () => !/prog\/xdp/.test(ip('-details', 'link', 'show', 'dev', pair.device)));
    pair.remove();
  });

  test('what it cannot do is refused in a sentence', () => {
    const pair = makeVethPair(2);
    const refused = (...args: readonly string[]): string =>
      spawnSync(process.execPath, [program, 'kv', ...args], { encoding: 'utf8', timeout: 60_000 }).stderr;
    const here = ['--bypass', pair.device, '--bypass-address', pair.address];
    assert.match(refused(...here), /there is no password/);
    assert.match(refused(...here, '--no-password'), /receives on 2 queues, and a store has one thread/);
    assert.match(refused(...here, '--bind', '127.0.0.1'), / --bind is of the kernel's sockets.* or leave --bypass out/);
    assert.match(refused(...here, '--no-password', '--bypass-poll', 'x'), / --bypass-poll is "x"/);
    assert.match(refused('--bypass', pair.device, '--no-password'), /the interface bypass\d+ has no address: give/);
    assert.match(refused('--bypass-address', pair.address), / --bypass-address is given without --bypass: name the/);
    pair.remove();
  });
});
