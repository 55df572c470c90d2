// `clearway serve --bypass` as people use it: its answers beside those of the same server over the kernel's sockets, what it counts and logs, its end by kill -9, and
// what it refuses. On pairs of devices in a network namespace of the test's own.

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { resolveOptions } from '../../src/serve/options.js';
import { RawClient, type Response } from '../conformance/serve/client.js';
import { patterned, runServer, type ServerProcess, TestSite } from '../conformance/serve/servers.js';
import { until } from '../support/until.js';
import { bypassRefused, ip, makeVethPair, type VethPair } from '../support/veth-pairs.js';

const site = new TestSite({
  'index.html': '<p>index</p>',
  'small.txt': 'small\n',
  'one-packet.bin': patterned(1448),
  'inline.bin': patterned(30_000),
  'large.bin': patterned(3_000_000),
  'folder/index.html': 'folder',
});

after(() => site.remove());

/** Requests whose answers have to be the same bytes, whatever carried them. */
const requests = [
  'GET / HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /small.txt HTTP/1.1\r\nHost: test\r\n\r\n',
  'HEAD /large.bin HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /one-packet.bin HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /inline.bin HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /large.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=1000-2000999\r\n\r\n',
  'GET /large.bin HTTP/1.1\r\nHost: test\r\nRange: bytes=0-9,1000000-1300000,2999990-\r\n\r\n',
  'GET /folder HTTP/1.1\r\nHost: test\r\n\r\n',
  'GET /missing HTTP/1.1\r\nHost: test\r\n\r\n',
];

/** An answer without what differs between two runs: the date, and the boundary of several ranges. */
function comparable({ head, body }: Response): string {
  const boundary = /boundary=(\S+)/.exec(head)?.[1];
  const text = `${head.replace(/\r\nDate: [^\r]*/i, '')}${body.toString('latin1')}`;
  return boundary === undefined ? text : text.replaceAll(boundary, 'BOUNDARY');
}

async function answers(address: { readonly host: string; readonly port: number }): Promise<string[]> {
  const client = await RawClient.open(address);
  const texts: string[] = [];
  for (const request of requests) {
    client.send(request);
    texts.push(comparable(await client.response({ head: request.startsWith('HEAD') })));
  }
  client.destroy();
  return texts;
}

/** Runs the command past the kernel. */
function runPast(pair: VethPair, ...args: readonly string[]): Promise<ServerProcess> {
  return runServer([site.root, '--bypass', pair.device, '--bypass-address', pair.address, ...args]);
}

describe('clearway serve --bypass', { skip: bypassRefused() }, () => {
  test('answers are those of the same server over kernel sockets, byte for byte', async () => {
    const pair = makeVethPair();
    const past = await runPast(pair);
    const kernel = await runServer([site.root, '--host', pair.peerHost, '--workers', '1']);
    assert.equal(past.host, pair.host);
    assert.match(past.ready, /\(bypass, 1 worker\)/);
    assert.deepEqual(await answers(past), await answers(kernel));
    for (const { child, ended } of [past, kernel]) {
      child.kill('SIGTERM');
      await ended;
    }
    assert.doesNotMatch(ip('-details', 'link', 'show', 'dev', pair.device), /prog\/xdp/);
    pair.remove();
  });

  test('over IPv6 too, beside IPv4', async () => {
    const pair = makeVethPair();
    const network = `fd00:${pair.device.replace('bypass', '')}`;
    ip('address', 'add', `${network}::1/64`, 'dev', pair.peer, 'nodad');
    const server = await runPast(pair, '--bypass-address', `${network}::2/64`);
    assert.equal(server.urls.length, 2);
    const six = { host: `${network}::2`, port: server.port };
    assert.deepEqual(await answers(six), await answers({ host: pair.host, port: server.port }));
    server.child.kill('SIGTERM');
    await server.ended;
    pair.remove();
  });

  test('metrics and the access log are as ever', async () => {
    const pair = makeVethPair();
    const log = join(tmpdir(), `clearway-bypass-${process.pid}.log`);
    const server = await runPast(pair, '--metrics', '127.0.0.1:0', '--log-file', log);
    await answers(server);
    const [, url] = /metrics are at\n(\S+)/.exec(server.ready)!;
    let text = '';
    const figure = (name: string): number => Number(new RegExp(`figure="${name}"\\} (\\d+)`).exec(text)?.[1]);
    await until('the figures of the answers', async () => {
      text = await (await fetch(url!)).text();
      return figure('receivedPackets') > 10 && figure('sentPackets') > 100;
    });
    assert.match(text, /clearway_info\{engine="bypass"\} 1/);
    assert.equal(figure('faultStack'), 0);
    assert.equal(figure('transmitInvalid'), 0);
    assert.match(text, /clearway_copied_bytes_total\{reason="packetFill"\} [1-9]/);
    // Large bodies are read into packets, not copied.
    const copied = Number(/reason="packetFill"\} (\d+)/.exec(text)![1]);
    assert.ok(copied < 200_000, `${copied} bytes copied`);
    server.child.kill('SIGTERM');
    await server.ended;
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    assert.equal(lines.length, requests.length);
    for (const line of lines) assert.ok(line.startsWith(`${pair.peerHost} - `), line);
    rmSync(log);
    pair.remove();
  });

  test('killed with -9 it leaves the device as it was', async () => {
    const pair = makeVethPair();
    for (let round = 0; round < 2; round++) {
      const server = await runPast(pair);
      assert.match(ip('-details', 'link', 'show', 'dev', pair.device), /prog\/xdp/);
      await answers(server);
      server.child.kill('SIGKILL');
      await server.ended;
      await until('the program is off', () => !/prog\/xdp/.test(ip('-details', 'link', 'show', 'dev', pair.device)));
    }
    pair.remove();
  });

  test('a device that is taken, missing or down, and addresses that are none, are refused in a sentence', async () => {
    const pair = makeVethPair();
    const first = await runPast(pair);
    await assert.rejects(runPast(pair), /another (XDP program|AF_XDP socket)/);
    first.child.kill('SIGKILL');
    await first.ended;
    await assert.rejects(runPast({ ...pair, device: 'nowhere0' }), /there is no network device "nowhere0"/);
    await assert.rejects(runPast({ ...pair, address: '10.1.2.3' }), /"10\.1\.2\.3" is no address with its network/);
    await assert.rejects(runPast(pair, '--workers', '2'), /receives on 1 queue, and each takes a worker/);
    ip('link', 'set', pair.device, 'down');
    await assert.rejects(runPast(pair), /is down: `ip link set dev/);
    pair.remove();
  });
});

test('options that do not go together are refused', () => {
  const past = { bypass: 'eth1', bypassAddress: '10.0.0.2/24' };
  const of = (options: object) => () => resolveOptions({ root: site.root, ...options }, 1024);
  assert.equal(resolveOptions({ root: site.root, ...past }, 1024).workers, 0);
  assert.deepEqual(resolveOptions({ root: site.root, bypass: 'eth1' }, 1024).bypass?.addresses, []);
  assert.throws(of({ bypassAddress: '10.0.0.2/24' }), /bypassAddress is given without bypass/);
  assert.throws(of({ ...past, host: '127.0.0.1' }), /host is of the kernel's sockets/);
  assert.throws(of({ ...past, socket: '/run/x.sock' }), /socket is of the kernel's sockets/);
  assert.throws(of({ ...past, pace: '1M' }), /pace is of the kernel's sockets/);
  assert.throws(of({ ...past, bypassPoll: 'often' }), /bypassPoll is "often"/);
});
