// Behind a proxy: the log has the client's address where a trusted proxy says who that is, and the proxy's where it does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveOptions } from '../../../src/serve/options.js';
import { until } from '../../support/until.js';
import { RawClient } from './client.js';
import { runServer, type ServerProcess, TestSite } from './servers.js';

const get = (...fields: string[]) => ['GET /a.txt HTTP/1.1', 'Host: test', ...fields, '', ''].join('\r\n');

/** The addresses in the log, when there are so many lines. */
async function peers(running: ServerProcess, count: number): Promise<readonly string[]> {
  const lines = (): string[] =>
    running
      .output()
      .stdout.split('\n')
      .filter((line) => line.includes('HTTP/1.1" '));
  await until(`${count} lines of the log`, () => lines().length >= count);
  return lines().map((line) => line.split(' ')[0]!);
}

async function serving(args: readonly string[], use: (running: ServerProcess) => Promise<void>): Promise<void> {
  const site = new TestSite({ 'a.txt': 'hello' });
  const running = await runServer([site.root, '--workers', '1', '--log', 'combined', ...args]);
  await use(running);
  running.child.kill('SIGTERM');
  assert.equal(await running.ended, 0);
  site.remove();
}

test('X-Forwarded-For and Forwarded of a trusted proxy, request by request', async () => {
  await serving(['--trust-proxy', '127.0.0.0/8,::1', '--trust-proxy', '10.0.0.0/8'], async (running) => {
    const client = await RawClient.open(running);
    for (const fields of [
      ['X-Forwarded-For: 1.1.1.1, 198.51.100.1, 10.0.0.1'],
      [],
      ['X-Forwarded-For: 1.1.1.1', 'X-Forwarded-For: 198.51.100.2'],
      ['Forwarded: for="[2001:db8::1]:80"'],
      ['X-Forwarded-For: unknown'],
    ]) {
      assert.equal((await client.send(get(...fields)).response()).status, 200);
    }
    client.destroy();
    const expected = ['198.51.100.1', '127.0.0.1', '198.51.100.2', '2001:db8::1', '127.0.0.1'];
    assert.deepEqual(await peers(running, 5), expected);
  });
});

test('nobody is believed who was not named', async () => {
  for (const args of [[], ['--trust-proxy', '10.0.0.0/8']]) {
    await serving(args, async (running) => {
      const client = await RawClient.open(running);
      assert.equal((await client.send(get('X-Forwarded-For: 198.51.100.1')).response()).status, 200);
      client.destroy();
      assert.deepEqual(await peers(running, 1), ['127.0.0.1']);
    });
  }
});

test('the PROXY protocol: both versions, in pieces too; what is none ends the connection', async () => {
  await serving(['--proxy-protocol'], async (running) => {
    const two = '\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c\xc6\x33\x64\x07\x0a\0\0\x01\x11\x11\0\x50';
    for (const header of ['PROXY TCP4 198.51.100.1 10.0.0.1 5 80\r\n', two, 'PROXY UNKNOWN\r\n']) {
      const client = await RawClient.open(running);
      for (const piece of [header.slice(0, 9), header.slice(9) + get()]) {
        client.send(piece);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
      assert.equal((await client.response()).text, 'hello');
      await client.stays('/a.txt');
      client.destroy();
    }
    const first = ['198.51.100.1', '198.51.100.1', '198.51.100.7', '198.51.100.7', '127.0.0.1', '127.0.0.1'];
    assert.deepEqual(await peers(running, 6), first);
    for (const bad of [get(), 'PROXY TCP4 1.1.1.1\r\n', '\r\n\r\n\0\r\nQUIT\n!\x11\xff\xff']) {
      const client = await RawClient.open(running);
      client.send(bad);
      assert.equal((await client.rest()).length, 0);
      client.destroy();
    }
  });
});

test('with both, only the header of a trusted proxy is believed', async () => {
  await serving(['--proxy-protocol', '--trust-proxy', '10.0.0.0/8'], async (running) => {
    const client = await RawClient.open(running);
    client.send(`PROXY TCP4 198.51.100.1 10.0.0.1 5 80\r\n${get()}`);
    assert.equal((await client.response()).status, 200);
    client.destroy();
    assert.deepEqual(await peers(running, 1), ['127.0.0.1']);
  });
});

test('what is no proxy is refused', () => {
  for (const trustProxy of ['localhost', ['10.0.0.0/99'], [7], {}]) {
    assert.throws(
      () => resolveOptions({ trustProxy } as never, 1000),
      /^OptionError: trustProxy is .*an address, a network/,
    );
  }
  assert.throws(
    () => resolveOptions({ proxyProtocol: 'v2' } as never, 1000),
    /proxyProtocol is "v2", and must be true or false/,
  );
});
