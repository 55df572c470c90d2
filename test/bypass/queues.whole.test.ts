// `clearway serve --bypass` on an interface with several queues, each with a worker and a stack of its own: the answer of a neighbour comes to one of them, and all have to
// know of it. On pairs of devices in a network namespace of the test's own.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { enterNetworkNamespace, inNetworkNamespace } from '../../src/kernel/namespace.js';
import { RawClient } from '../conformance/serve/client.js';
import { runServer, type ServerProcess, TestSite } from '../conformance/serve/servers.js';
import { until } from '../support/until.js';
import { VethPair as PairOfSpaces, vethRefused } from '../support/veth-pair.js';
import { bypassRefused, ip, makeVethPair, type VethPair } from '../support/veth-pairs.js';

const site = new TestSite({ 'small.txt': 'small\n' });
after(() => site.remove());

/** The kernel spreads connections over the queues by chance: on one alone once in 8 million runs. */
const connections = 24;

/** With 0 a connection stays on its queue, as a card's hash of addresses and ports has it; else a veth moves one whose peer repeats a segment to another. */
const rehash = '/proc/sys/net/core/txrehash';

function makePairOfQueues(): VethPair {
  const pair = makeVethPair(2);
  writeFileSync(rehash, '0');
  return pair;
}

function refused(): string | false {
  return bypassRefused() || (existsSync(rehash) ? false : 'the kernel moves connections between the queues of a veth');
}

async function ask(host: string, port: number): Promise<string> {
  const client = await RawClient.open({ host, port });
  client.send('GET /small.txt HTTP/1.1\r\nHost: test\r\n\r\n');
  const { body } = await client.response();
  client.destroy();
  return body.toString('latin1');
}

function serve(pair: VethPair, ...args: readonly string[]): Promise<ServerProcess> {
  const metrics = ['--metrics', '127.0.0.1:0'];
  return runServer([site.root, '--bypass', pair.device, '--bypass-address', pair.address, ...metrics, ...args]);
}

async function askOften(host: string, port: number): Promise<void> {
  const asked = Array.from({ length: connections }, () => ask(host, port));
  for (const body of await Promise.all(asked)) assert.equal(body, 'small\n');
}

/** Each connection is answered; and stacks have told each other of the peer. */
async function allAreAnswered({ port, ready }: ServerProcess, host: string): Promise<void> {
  await askOften(host, port);
  const [, url] = /metrics are at\n(\S+)/.exec(ready)!;
  let text = '';
  const figure = (name: string): number => Number(new RegExp(`figure="${name}"\\} (\\d+)`).exec(text)?.[1]);
  await until('stacks were told of the peer, or gave it up', async () => {
    text = await (await fetch(url!)).text();
    return figure('neighbourTold') > 0 || figure('neighbourFailed') > 0;
  });
  assert.equal(figure('neighbourFailed'), 0);
  assert.equal(figure('neighbourConflicts'), 0);
  assert.equal(figure('faultStack'), 0);
}

describe('clearway serve --bypass on two queues', { skip: refused(), timeout: 240_000 }, () => {
  test('every connection is answered, whichever queue it comes to', async () => {
    const pair = makePairOfQueues();
    const server = await serve(pair);
    assert.match(server.ready, /\(bypass, 2 workers\)/);
    await allAreAnswered(server, pair.host).finally(() => server.child.kill('SIGTERM'));
    await server.ended;
    pair.remove();
  });

  test('over IPv6 too', async () => {
    const pair = makePairOfQueues();
    const network = `fd00:${pair.device.replace('bypass', '')}`;
    ip('address', 'add', `${network}::1/64`, 'dev', pair.peer, 'nodad');
    const server = await serve(pair, '--bypass-address', `${network}::2/64`);
    await allAreAnswered(server, `${network}::2`).finally(() => server.child.kill('SIGTERM'));
    await server.ended;
    pair.remove();
  });

  // This thread is in the peer's namespace from here on.
  test('at an address that the kernel has too', { skip: vethRefused() }, async () => {
    const pair = new PairOfSpaces('10.79.0.1/24', { queues: 2 });
    pair.bringUpNear('10.79.0.2/24');
    const server = await inNetworkNamespace(pair.space.path, () => runServer([site.root, '--bypass', pair.device]));
    enterNetworkNamespace(pair.peer.path);
    writeFileSync(rehash, '0');
    await askOften('10.79.0.2', server.port).finally(() => server.child.kill('SIGTERM'));
    await server.ended;
    pair.remove();
  });
});
