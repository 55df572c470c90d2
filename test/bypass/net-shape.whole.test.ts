// clearway/bypass has the shape of Node's net: what users of net.Socket and net.Server do with theirs, done with ours, against peers of the kernel's. On pairs of devices in a
// network namespace of the test's own.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer as createHttpServer, get, type IncomingMessage } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, describe, test } from 'node:test';
import {
  type BypassNetwork,
  type BypassServer,
  LentBytes,
  openBypass,
  type StackStream,
} from '../../src/bypass/index.js';
import { patterned } from '../conformance/serve/servers.js';
import { until } from '../support/until.js';
import { bypassRefused, makeVethPair, type VethPair } from '../support/veth-pairs.js';

type Coded = NodeJS.ErrnoException & { address?: string; port?: number };

const opened: { readonly pair: VethPair; readonly network: BypassNetwork }[] = [];
const sockets: Socket[] = [];
after(() => {
  for (const socket of sockets) socket.destroy();
  for (const { pair, network } of opened) {
    network.close();
    pair.remove();
  }
});

function open(options: object = {}): { readonly pair: VethPair; readonly network: BypassNetwork } {
  const pair = makeVethPair();
  const network = openBypass({ device: pair.device, addresses: [pair.address], ...options });
  opened.push({ pair, network });
  return { pair, network };
}

async function listening(server: BypassServer): Promise<number> {
  await once(server, 'listening');
  return server.address()!.port;
}

async function kernelServer(pair: VethPair, take: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, take).listen(0, pair.peerHost);
  server.on('connection', (socket) => sockets.push(socket.on('error', () => {})));
  await once(server, 'listening');
  return { server, port: (server.address() as { port: number }).port };
}

async function textOf(stream: Duplex): Promise<string> {
  let text = '';
  for await (const part of stream) text += String(part);
  return text;
}

describe('the shape of net', { skip: bypassRefused() }, () => {
  test('a server: any free port, address(), counts, its end after the last connection', async () => {
    const { pair, network } = open();
    const server = network.createServer((stream) => stream.end('x'));
    assert.equal(server.address(), null);
    assert.equal(server.listening, false);
    const port = await listening(server.listen());
    assert.deepEqual(server.address(), { address: pair.host, family: 'IPv4', port });
    assert.throws(() => server.listen(0), { code: 'ERR_SERVER_ALREADY_LISTEN' });
    const held = new Promise<StackStream>((resolve) => server.once('connection', resolve));
    const peer = connect({ port, host: pair.host, allowHalfOpen: true });
    await held;
    const count = await new Promise((resolve) => server.getConnections((_, many) => resolve(many)));
    assert.equal(count, 1);
    let isClosed = false;
    server.close(() => {
      isClosed = true;
    });
    assert.equal(await textOf(peer), 'x');
    assert.equal(isClosed, false);
    peer.end();
    await until('the last has ended', () => isClosed);
    server.close((error) => assert.equal((error as Coded).code, 'ERR_SERVER_NOT_RUNNING'));
  });

  test('a port that is taken and an address that is none are errors of Node\u2019s kind', async () => {
    const { pair, network } = open();
    const port = await listening(network.createServer().listen(0));
    const [taken] = (await once(network.createServer().listen(port), 'error')) as [Coded];
    const { code, syscall, address, errno } = taken;
    assert.deepEqual(
      { code, syscall, address, port: taken.port, errno },
      {
        ...{ code: 'EADDRINUSE', syscall: 'listen', address: pair.host, port, errno: -98 },
      },
    );
    assert.match(taken.message, /^listen EADDRINUSE /);
    const [none] = (await once(network.createServer().listen(0, '192.0.2.1'), 'error')) as [Coded];
    assert.equal(none.code, 'EADDRNOTAVAIL');
    for (const bad of [-1, 65_536, 1.5, 'x', Number.NaN])
      assert.throws(() => network.createServer().listen(bad as number), { code: 'ERR_SOCKET_BAD_PORT' });
    for (const bad of [0, 65_536, '80 ', null])
      assert.throws(() => network.connect(bad as number, pair.peerHost), { code: 'ERR_SOCKET_BAD_PORT' });
  });

  test('a connection that is refused, to a name, and to another kind of address', async () => {
    const { pair, network } = open();
    const refused = network.connect(1, pair.peerHost);
    const [error] = (await once(refused, 'error')) as [Coded];
    assert.deepEqual(
      [error.code, error.syscall, error.address, error.port],
      ['ECONNREFUSED', 'connect', pair.peerHost, 1],
    );
    assert.equal((await once(refused, 'close'))[0], true);
    assert.equal(refused.destroyed, true);
    for (const [host, code] of [
      ['localhost', 'EINVAL'],
      ['fd00::1', 'EAFNOSUPPORT'],
      ['224.0.0.1', 'ENETUNREACH'],
    ] as const) {
      const [other] = (await once(network.connect({ port: 80, host }), 'error')) as [Coded];
      assert.equal(other.code, code, host);
    }
  });

  test('both ends have names; bytes are counted; what is written and ended before the connection is made arrives', async () => {
    const { pair, network } = open();
    const { server, port } = await kernelServer(pair, (socket) => socket.pipe(socket));
    const stream = network.connect(port, pair.peerHost);
    assert.equal(stream.readyState, 'opening');
    assert.equal(stream.pending, true);
    stream.end('hello');
    assert.equal(await textOf(stream), 'hello');
    assert.deepEqual(stream.address(), { address: pair.host, family: 'IPv4', port: stream.localPort! });
    assert.deepEqual([stream.remoteAddress, stream.remotePort, stream.remoteFamily], [pair.peerHost, port, 'IPv4']);
    assert.deepEqual([stream.bytesRead, stream.bytesWritten], [5, 5]);
    const empty = network.connect(port, pair.peerHost).end();
    assert.equal(await textOf(empty), '');
    server.close();
  });

  test('allowHalfOpen: without it our direction ends with the peer\u2019s', async () => {
    const { pair, network } = open();
    const { server, port } = await kernelServer(pair, (socket) => socket.end('bye'));
    const plain = network.connect(port, pair.peerHost);
    assert.equal(await textOf(plain), 'bye');
    await until('it is closed', () => plain.destroyed);
    const half = network.connect({ port, host: pair.peerHost, allowHalfOpen: true });
    const ended = once(half, 'end');
    half.resume();
    await ended;
    assert.equal(half.writable, true);
    half.end();
    await once(half, 'close');
    server.close();
  });

  test('pause keeps what comes, resume gives it', async () => {
    const { pair, network } = open();
    const bytes = patterned(3_000_000);
    const { server, port } = await kernelServer(pair, (socket) => socket.end(bytes));
    const stream = network.connect(port, pair.peerHost);
    let got = 0;
    let isDone = false;
    stream.on('data', (chunk: Buffer) => {
      got += chunk.length;
      if (got < 100_000 || isDone) return;
      isDone = true;
      stream.pause();
      const before = got;
      setTimeout(() => {
        assert.equal(got, before);
        stream.resume();
      }, 20);
    });
    await once(stream, 'end');
    assert.equal(got, bytes.length);
    server.close();
  });

  test('timeouts say that nothing came or went; options are taken', async () => {
    const { pair, network } = open({ tcp: { keepIdleMs: 1000, keepIntervalMs: 1000, keepProbes: 3 } });
    const { server, port } = await kernelServer(pair, () => {});
    const stream = network.connect({ port, host: pair.peerHost, timeout: 100, keepAlive: true });
    await once(stream, 'timeout');
    assert.equal(stream.timeout, 100);
    assert.equal(stream.destroyed, false);
    assert.equal(stream.setNoDelay(false).setNoDelay().setKeepAlive(true, 5000).setTimeout(0).timeout, 0);
    for (const bad of [-1, Number.NaN, 2 ** 31])
      assert.throws(() => stream.setTimeout(bad), { code: 'ERR_OUT_OF_RANGE' });
    const sent = network.figures()['tcpSegmentsSent']!;
    await until('a silent peer is asked', () => network.figures()['tcpSegmentsSent']! > sent);
    stream.destroy();
    server.close();
  });

  test('signals end streams and servers', async () => {
    const { pair, network } = open();
    const ending = new AbortController();
    const server = network.createServer({ signal: ending.signal });
    const { server: kernel, port } = await kernelServer(pair, () => {});
    await listening(server.listen(0));
    const stream = network.connect({ port, host: pair.peerHost, signal: ending.signal });
    await once(stream, 'connect');
    const closed = once(server, 'close');
    ending.abort();
    const [error] = (await once(stream, 'error')) as [Error];
    assert.equal(error.name, 'AbortError');
    await closed;
    kernel.close();
  });

  test('a reset is told to both sides, in both directions', async () => {
    const { pair, network } = open();
    const { server, port } = await kernelServer(pair, (socket) => socket.once('data', () => socket.resetAndDestroy()));
    const stream = network.connect(port, pair.peerHost);
    stream.write('x');
    const [error] = (await once(stream, 'error')) as [Coded];
    assert.equal(error.code, 'ECONNRESET');
    const back = await listening(
      network
        .createServer((each) => {
          each.once('data', () => each.resetAndDestroy());
        })
        .listen(0),
    );
    const peer = connect(back, pair.host, () => peer.write('x'));
    const [told] = (await once(peer, 'error')) as [Coded];
    assert.equal(told.code, 'ECONNRESET');
    server.close();
  });

  test('maxConnections: more are refused and told of', async () => {
    const { pair, network } = open();
    const server = network.createServer();
    server.maxConnections = 1;
    const port = await listening(server.listen(0));
    const first = connect(port, pair.host);
    await once(server, 'connection');
    const second = connect(port, pair.host).on('error', () => {});
    const [dropped] = (await once(server, 'drop')) as [{ remoteAddress: string }];
    assert.equal(dropped.remoteAddress, pair.peerHost);
    await new Promise((resolve) => second.once('close', resolve));
    first.destroy();
  });

  test('Node\u2019s HTTP, server and client, over it', async () => {
    const { pair, network } = open();
    const body = patterned(500_000);
    const web = createHttpServer((request, response) => {
      void pipeline(request, response);
    });
    const port = await listening(network.createServer((stream) => web.emit('connection', stream)).listen(0));
    const { server: kernel, port: kernelPort } = await new Promise<{ server: Server; port: number }>((resolve) => {
      const far = createHttpServer((_, response) => response.end(body)).listen(0, pair.peerHost, () =>
        resolve({ server: far, port: (far.address() as { port: number }).port }),
      );
    });
    const agent = new Agent();
    agent.createConnection = (options) =>
      network.connect(Number((options as { port: number }).port), pair.peerHost) as unknown as Socket;
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ host: pair.peerHost, port: kernelPort, agent }, resolve).on('error', reject);
    });
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    assert.ok(Buffer.concat(parts).equals(body));
    const echoed = await fetch(`http://${pair.host}:${port}/`, { method: 'POST', body: new Uint8Array(body) });
    assert.ok(Buffer.from(await echoed.arrayBuffer()).equals(body));
    agent.destroy();
    kernel.close();
    web.closeAllConnections();
  });

  test('what came is lent where it lies, and given back once', async () => {
    const { pair, network } = open();
    const bytes = patterned(2_000_000);
    const lent: LentBytes[] = [];
    let got = 0;
    const server = network.createServer((stream) => {
      stream.on('lent', (piece: LentBytes) => {
        assert.ok(piece instanceof LentBytes);
        assert.equal(piece.bytes.compare(bytes, got, got + piece.bytes.length), 0);
        got += piece.bytes.length;
        lent.push(piece);
        // A window of frames is held at any time.
        if (lent.length > 20) lent.shift()!.release();
      });
      stream.on('end', () => stream.end(`${got}`));
    });
    const port = await listening(server.listen(0));
    const peer = connect({ port, host: pair.host, allowHalfOpen: true });
    peer.end(bytes);
    assert.equal(await textOf(peer), `${bytes.length}`);
    const [piece] = lent;
    for (const each of lent) each.release();
    piece!.release();
    assert.throws(() => piece!.bytes, { code: 'ERR_INVALID_STATE' });
    const { faultRecycleOwner, faultRecycleOutside, faultStack } = network.figures();
    assert.deepEqual([faultRecycleOwner, faultRecycleOutside, faultStack], [0, 0, 0]);
  });

  test('who never gives back is sent no more than its share, and others go on', async () => {
    const { pair, network } = open();
    const held: LentBytes[] = [];
    const port = await listening(
      network
        .createServer((stream) => {
          if (held.length === 0) stream.on('lent', (piece: LentBytes) => held.push(piece));
          else stream.pipe(stream);
        })
        .listen(0),
    );
    const greedy = connect(port, pair.host);
    greedy.write(patterned(4_000_000));
    await until('its frames are held', () => held.length >= 64);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(held.length <= 256, `${held.length} frames are held`);
    const other = connect({ port, host: pair.host, allowHalfOpen: true });
    other.end('hello');
    assert.equal(await textOf(other), 'hello');
    greedy.destroy();
    for (const piece of held) piece.release();
  });

  test('the end of the network ends what is on it', async () => {
    const { pair, network } = open();
    const server = network.createServer(() => {});
    const port = await listening(server.listen(0));
    const accepted = once(server, 'connection');
    const peer = connect(port, pair.host).on('error', () => {});
    const [stream] = (await accepted) as [StackStream];
    const closed = Promise.all([once(stream, 'close'), once(server, 'close'), once(network, 'close')]);
    network.close();
    await closed;
    const [error] = (await once(network.connect(80, pair.peerHost), 'error')) as [Coded];
    assert.equal(error.code, 'ENETDOWN');
    network.close();
    peer.destroy();
  });

  test('an interface that is removed ends it with an error', async () => {
    const { pair, network } = open();
    const port = await listening(network.createServer(() => {}).listen(0));
    const peer = connect(port, pair.host).on('error', () => {});
    await once(peer, 'connect');
    const told = once(network, 'error');
    pair.remove();
    const [error] = (await told) as [Coded];
    assert.equal(error.code, 'ENETDOWN');
    assert.match(error.message, /the interface bypass\d+ is gone/);
    peer.destroy();
  });
});
