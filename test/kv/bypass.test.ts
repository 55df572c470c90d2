// `clearway kv --bypass`: the store over our own TCP/IP, asked by clients of the kernel's at the other end of a pair of devices.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { until } from '../conformance/serve/servers.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { program } from '../support/program.js';
import { bypassRefused, ip, makeVethPair, type VethPair } from '../support/veth-pairs.js';

const startPast = (pair: VethPair) =>
  startKv(['--bypass', pair.device, '--bypass-address', pair.address, '--no-password', '--port', '6379']);

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

  test('killed with -9 it leaves the device as it was', async () => {
    const pair = makeVethPair();
    const store = await startPast(pair);
    assert.match(ip('-details', 'link', 'show', 'dev', pair.device), /prog\/xdp/);
    assert.equal(await store.end('SIGKILL'), 'SIGKILL');
    await until(
      'the program is gone',
      () => !/prog\/xdp/.test(ip('-details', 'link', 'show', 'dev', pair.device)),
      5000,
    );
    pair.remove();
  });

  test('what it cannot do is refused in a sentence', () => {
    const pair = makeVethPair(2);
    const refused = (...args: readonly string[]): string =>
      spawnSync(process.execPath, [program, 'kv', ...args], { encoding: 'utf8', timeout: 20_000 }).stderr;
    const here = ['--bypass', pair.device, '--bypass-address', pair.address];
    assert.match(refused(...here), /there is no password/);
    assert.match(refused(...here, '--no-password'), /receives on 2 queues, and a store has one thread/);
    assert.match(refused(...here, '--bind', '127.0.0.1'), / --bind is of the kernel's sockets.* or leave --bypass out/);
    assert.match(refused(...here, '--no-password', '--bypass-poll', 'x'), / --bypass-poll is "x"/);
    assert.match(refused('--bypass', pair.device), / --bypass is given without --bypass-address: /);
    assert.match(refused('--bypass-address', pair.address), / --bypass-address is given without --bypass: name the/);
    pair.remove();
  });
});
