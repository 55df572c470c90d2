// `--bypass INTERFACE` alone: our own TCP/IP with the address that the host itself has on the interface, of which it takes a port, and the kernel keeps the rest. And what is
// said when a gateway does not answer, or the interface goes away. In pairs of network namespaces: the client is in one, the server in the other.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { enterNetworkNamespace } from '../../src/kernel/namespace.js';
import { addresses, device, makePair, type Pair } from '../../src/lab/namespaces.js';
import { RawClient as HttpClient } from '../conformance/serve/client.js';
import { patterned, runServer, type ServerProcess, TestSite } from '../conformance/serve/servers.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { until, untilSaid } from '../support/until.js';
import { bypassRefused, ip } from '../support/veth-pairs.js';

const site = new TestSite({ 'small.txt': 'small\n', 'large.bin': patterned(3_000_000) });
const pairs: Pair[] = [];
after(() => {
  site.remove();
  for (const pair of pairs) pair.remove();
});

const host = addresses.right;
const refusal = bypassRefused();

/** A pair; this thread is its left end from now on. */
function makeEnds(): Pair {
  const pair = makePair();
  pairs.push(pair);
  enterNetworkNamespace(pair.path('left'));
  return pair;
}

const onRight = (pair: Pair, ...args: readonly string[]): string => pair.within('right', () => ip(...args));

function serveOnRight(pair: Pair, ...args: readonly string[]): Promise<ServerProcess> {
  return pair.within('right', () => runServer([site.root, '--bypass', device, ...args]));
}

async function ask(port: number, path: string, at: string = host): Promise<string> {
  const client = await HttpClient.open({ host: at, port });
  client.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
  const { body } = await client.response();
  client.destroy();
  return body.toString('latin1');
}

/** The kernel serves another port of the address. */
async function kernelAnswers(pair: Pair, at: string): Promise<void> {
  const kernel = pair.within('right', () => createServer((socket) => socket.resume().end('kernel')).listen(8081));
  await once(kernel, 'listening');
  const [said] = (await once(connect(8081, at), 'data')) as [Buffer];
  assert.equal(said.toString(), 'kernel');
  kernel.close();
}

describe("clearway serve --bypass with the interface's own address", { skip: refusal }, () => {
  test('a port of it is ours, and all else is still the kernel\u2019s', async () => {
    const pair = makeEnds();
    onRight(pair, 'route', 'add', 'default', 'via', addresses.left);
    const server = await serveOnRight(pair);
    assert.equal(server.host, host);
    await untilSaid(
      () => server.output().stderr,
      new RegExp(`${host} is the address of ${device}, which the kernel keeps: `),
    );
    assert.equal(await ask(server.port, '/small.txt'), 'small\n');
    assert.equal(await ask(server.port, '/large.bin'), patterned(3_000_000).toString('latin1'));
    // The kernel answers what is not ours: questions of ARP, other ports.
    ip('neighbour', 'flush', 'dev', device);
    await kernelAnswers(pair, host);
    // Our port is nobody else's meanwhile, and free afterwards.
    const taken = pair.within('right', () => createServer().listen(server.port));
    const [error] = (await once(taken, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'EADDRINUSE');
    server.child.kill('SIGTERM');
    await server.ended;
    const free = pair.within('right', () => createServer().listen(server.port));
    await once(free, 'listening');
    await assert.rejects(serveOnRight(pair, '--port', `${server.port}`), /a program of this host has the port there/);
    free.close();
  });

  test('over IPv6 too', async () => {
    const pair = makeEnds();
    ip('address', 'add', 'fd00:99::1/64', 'dev', device, 'nodad');
    onRight(pair, 'address', 'add', 'fd00:99::2/64', 'dev', device, 'nodad');
    const server = await serveOnRight(pair);
    assert.equal(server.urls.length, 2);
    assert.equal(await ask(server.port, '/large.bin', 'fd00:99::2'), patterned(3_000_000).toString('latin1'));
    ip('neighbour', 'flush', 'dev', device);
    await kernelAnswers(pair, 'fd00:99::2');
    server.child.kill('SIGTERM');
    await server.ended;
  });

  test('the store, in the same way; and it is saved and ends with 1 when the interface goes away', async () => {
    const pair = makeEnds();
    const store = await pair.within('right', () => startKv(['--bypass', device, '--no-password', '--port', '6379']));
    const client = new RawClient(6379, host);
    assert.equal(await client.ask('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
    onRight(pair, 'link', 'delete', device);
    client.socket.destroy();
    assert.equal(await store.ended, 1);
    assert.match(store.said(), /clearway kv: the interface eth is gone: it was removed/);
  });
});

describe('what is said of the network around it', { skip: refusal }, () => {
  test('a gateway out of reach is refused, one that does not answer is told of', async () => {
    const pair = makeEnds();
    const at = ['--bypass-address', '10.99.0.3/24'];
    await assert.rejects(
      serveOnRight(pair, ...at, '--bypass-gateway', '10.98.0.1'),
      /the gateway 10\.98\.0\.1 is not in the network of 10\.99\.0\.3\/24/,
    );
    await assert.rejects(serveOnRight(pair, ...at, '--bypass-gateway', '10.99.0.3'), /is the address itself/);
    await assert.rejects(serveOnRight(pair, ...at, '--bypass-gateway', 'fd00::1'), /of IPv6, and no address is/);
    const server = await serveOnRight(pair, ...at, '--bypass-gateway', '10.99.0.77');
    await until('it is said', () => /the gateway 10\.99\.0\.77 does not answer on eth: /.test(server.output().stderr));
    server.child.kill('SIGTERM');
    await server.ended;
    const quiet = await serveOnRight(pair, ...at, '--bypass-gateway', addresses.left);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    assert.equal(quiet.output().stderr, '');
    quiet.child.kill('SIGTERM');
    await quiet.ended;
  });

  test('an interface that goes down and up is told of; without it the server ends', async () => {
    const pair = makeEnds();
    const server = await serveOnRight(pair);
    onRight(pair, 'link', 'set', device, 'down');
    await until('it is said', () => /eth is down: nobody is reached until/.test(server.output().stderr));
    onRight(pair, 'link', 'set', device, 'up');
    await until('it is said', () => /eth is up again/.test(server.output().stderr));
    assert.equal(await ask(server.port, '/small.txt'), 'small\n');
    onRight(pair, 'link', 'delete', device);
    assert.equal(await server.ended, 1);
    assert.match(server.output().stderr, /clearway serve: the interface eth is gone: it was removed, or moved/);
  });

  test('without an address there is none to take', async () => {
    const pair = makeEnds();
    onRight(pair, 'address', 'flush', 'dev', device);
    await assert.rejects(serveOnRight(pair), /the interface eth has no address: give our TCP\/IP one of its own/);
  });
});
