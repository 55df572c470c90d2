// clearway/bypass: streams over our own TCP/IP on a device, to and from a peer that speaks through the kernel's sockets. On pairs of devices in a network namespace
// of the test's own.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { openBypass, type StackStream } from '../../src/bypass/index.js';
import { patterned } from '../conformance/serve/servers.js';
import { bypassRefused, ip, makeVethPair } from '../support/veth-pairs.js';

/** All that a stream says, up to its end. */
async function everything(stream: StackStream | Socket): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

describe('clearway/bypass', { skip: bypassRefused() }, () => {
  test('a server: what a peer of the kernel sends comes back, whole, and the end with it', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: [pair.address] });
    const seen: StackStream[] = [];
    const server = network.createServer({ allowHalfOpen: true }, (stream) => {
      seen.push(stream);
      stream.pipe(stream);
    });
    server.listen(7);
    const bytes = patterned(2_000_000);
    const peers = [1, 2, 3].map(() => connect({ host: pair.host, port: 7, allowHalfOpen: true }));
    const echoes = peers.map(async (peer) => {
      peer.end(bytes);
      return everything(peer);
    });
    for (const echo of await Promise.all(echoes)) assert.ok(echo.equals(bytes));
    assert.deepEqual(
      seen.map(({ remoteAddress }) => remoteAddress),
      [pair.peerHost, pair.peerHost, pair.peerHost],
    );
    server.close();
    await once(server, 'close');
    assert.equal(network.figures()['faultStack'], 0);
    network.close();
    pair.remove();
  });

  test('a connection to a server of the kernel, and one that is refused', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: [pair.address] });
    const server = createServer((socket) => socket.pipe(socket)).listen(0, pair.peerHost);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const stream = network.connect(port, pair.peerHost);
    await once(stream, 'connect');
    stream.end('hello');
    assert.equal((await everything(stream)).toString(), 'hello');
    server.close();
    const [error] = (await once(network.connect(port, pair.peerHost), 'error')) as [Error];
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNREFUSED');
    const [none] = (await once(network.connect(1, '::1'), 'error')) as [NodeJS.ErrnoException];
    assert.equal(none.code, 'EAFNOSUPPORT');
    network.close();
    pair.remove();
  });

  test('a stream that is read slower than it comes is received from again after each pause', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: [pair.address] });
    const bytes = patterned(2_000_000);
    const server = createServer((socket) => socket.end(bytes)).listen(0, pair.peerHost);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const stream = network.connect(port, pair.peerHost);
    stream.end();
    assert.ok((await everything(stream)).equals(bytes));
    server.close();
    network.close();
    pair.remove();
  });

  test('a stream that is destroyed with an error resets its peer', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: [pair.address] });
    network
      .createServer((stream) => {
        stream.on('error', () => {});
        stream.on('data', () => stream.destroy(new Error('enough')));
      })
      .listen(9);
    const peer = connect(9, pair.host, () => peer.write('x'));
    const [error] = (await once(peer, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    network.close();
    pair.remove();
  });

  test('another one that takes an address of ours is counted, and said once', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: ['fd77::2/64'] });
    const warnings: NodeJS.ErrnoException[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    // Before it is used, the kernel asks whether somebody has it (RFC 4862, section 5.4), and hears that we do.
    ip('address', 'add', 'fd77::2/64', 'dev', pair.peer);
    for (let tries = 0; tries < 100 && warnings.length === 0; tries++) {
      // Whatever keeps it awake for some turns.
      network.connect(9, 'fd77::3').on('error', () => {});
      await setTimeout(50);
    }
    assert.equal(network.figures()['addressConflicts'], 1);
    assert.deepEqual(
      warnings.map(({ code }) => code),
      ['CLEARWAY_ADDRESS_CONFLICT'],
    );
    assert.match(ip('address', 'show', 'dev', pair.peer), /fd77::2.* dadfailed/);
    process.off('warning', note);
    network.close();
    pair.remove();
  });
});
