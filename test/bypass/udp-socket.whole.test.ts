// Sockets for datagrams of clearway/bypass, with the shape of dgram: to and from sockets of the kernel's, hostile input, and datagrams that are lent. On pairs of devices in a
// network namespace of the test's own.

import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { type BypassNetwork, type BypassUdpSocket, type LentDatagram, openBypass } from '../../src/bypass/index.js';
import { patterned } from '../conformance/serve/servers.js';
import { until } from '../support/until.js';
import { bypassRefused, ip, makeVethPair, type VethPair } from '../support/veth-pairs.js';

const opened: { readonly pair: VethPair; readonly network: BypassNetwork; readonly peers: Socket[] }[] = [];
after(() => {
  for (const { pair, network, peers } of opened) {
    for (const peer of peers) peer.close();
    network.close();
    pair.remove();
  }
});

async function open(): Promise<{ pair: VethPair; network: BypassNetwork; peer: Socket; peerPort: number }> {
  const pair = makeVethPair();
  const network = openBypass({ device: pair.device, addresses: [pair.address] });
  const peer = createSocket('udp4').bind(0, pair.peerHost);
  opened.push({ pair, network, peers: [peer] });
  await once(peer, 'listening');
  return { pair, network, peer, peerPort: peer.address().port };
}

async function bound(socket: BypassUdpSocket): Promise<number> {
  await once(socket.bind(), 'listening');
  return socket.address().port;
}

const sendTo = (peer: Socket, bytes: Uint8Array | string, port: number, host: string): void =>
  void peer.send(bytes, port, host);

/** The next message of a socket of either kind. */
async function next(socket: BypassUdpSocket | Socket): Promise<[Buffer, RemoteInfo]> {
  return (await once(socket, 'message')) as [Buffer, RemoteInfo];
}

describe('the shape of dgram', { skip: bypassRefused() }, () => {
  test('datagrams of every length go both ways, and say whom they are from', async () => {
    const { pair, network, peer, peerPort } = await open();
    const socket = network.createSocket('udp4', (message, from) => socket.send(message, from.port, from.address));
    const port = await bound(socket);
    assert.deepEqual(socket.address(), { address: pair.host, family: 'IPv4', port });
    for (const length of [0, 1, 63, 1000, 1471, 1472]) {
      const bytes = patterned(length);
      const heard = next(socket);
      const answered = next(peer);
      sendTo(peer, bytes, port, pair.host);
      const [message, from] = await heard;
      assert.ok(message.equals(bytes), `${length}`);
      assert.deepEqual(from, { address: pair.peerHost, family: 'IPv4', port: peerPort, size: length });
      const [echo, back] = await answered;
      assert.ok(echo.equals(bytes), `${length}`);
      assert.equal(back.port, port);
    }
    assert.equal(network.figures()['faultStack'], 0);
  });

  test('many at once come back, none is lost', async () => {
    const { pair, network } = await open();
    const socket = network.createSocket('udp4', (message, from) => socket.send(message, from.port, from.address));
    const port = await bound(socket);
    const peer = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }).bind(0, pair.peerHost);
    opened.at(-1)!.peers.push(peer);
    await once(peer, 'listening');
    // The peer is known before: few wait for its address.
    const known = next(peer);
    sendTo(peer, 'first', port, pair.host);
    await known;
    let came = 0;
    const all = new Promise<void>((resolve) => {
      peer.on('message', (answer) => {
        assert.ok(answer.equals(patterned(answer.length)));
        if (++came === 200) resolve();
      });
    });
    for (let count = 1; count <= 200; count++) sendTo(peer, patterned(count), port, pair.host);
    await all;
    assert.equal(network.figures()['udpDropped'], 0);
  });

  test('send: strings, lists, parts; a port of its own without bind; what is counted as sent', async () => {
    const { pair, network, peer, peerPort } = await open();
    const socket = network.createSocket({ type: 'udp4' });
    const cases: [() => void, string][] = [
      [() => socket.send('hello', peerPort, pair.peerHost), 'hello'],
      [() => socket.send(['a', Buffer.from('b'), new Uint16Array([0x6463])], peerPort, pair.peerHost), 'abcd'],
      [() => socket.send(Buffer.from('0123456789'), 3, 4, peerPort, pair.peerHost), '3456'],
      [() => socket.send('', peerPort, pair.peerHost), ''],
    ];
    for (const [send, text] of cases) {
      const heard = next(peer);
      send();
      const [message] = await heard;
      assert.equal(message.toString(), text);
    }
    const bytes = await new Promise((resolve) =>
      socket.send('12345', peerPort, pair.peerHost, (error, many) => resolve(error ?? many)),
    );
    assert.equal(bytes, 5);
  });

  test('connected: one peer alone, and what became of what was sent', async () => {
    const { pair, network, peer, peerPort } = await open();
    const stranger = createSocket('udp4').bind(0, pair.peerHost);
    opened.at(-1)!.peers.push(stranger);
    const socket = network.createSocket('udp4');
    const port = await bound(socket);
    socket.connect(peerPort, pair.peerHost);
    await once(socket, 'connect');
    assert.deepEqual(socket.remoteAddress(), { address: pair.peerHost, family: 'IPv4', port: peerPort });
    const heard: string[] = [];
    socket.on('message', (message) => heard.push(message.toString()));
    sendTo(stranger, 'stranger', port, pair.host);
    const said = next(peer);
    socket.send('hello');
    assert.equal((await said)[0].toString(), 'hello');
    sendTo(peer, 'peer', port, pair.host);
    await until('the peer is heard', () => heard.length > 0);
    assert.deepEqual(heard, ['peer']);
    assert.throws(() => socket.send('x', 1, pair.peerHost), { code: 'ERR_SOCKET_DGRAM_IS_CONNECTED' });
    assert.throws(() => socket.connect(1, pair.peerHost), { code: 'ERR_SOCKET_DGRAM_IS_CONNECTED' });
    socket.disconnect();
    assert.throws(() => socket.disconnect(), { code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' });
    assert.throws(() => socket.remoteAddress(), { code: 'ERR_SOCKET_DGRAM_NOT_CONNECTED' });
    socket.connect(9, pair.peerHost);
    const told = once(socket, 'error');
    socket.send('nobody is there');
    assert.equal(((await told)[0] as NodeJS.ErrnoException).code, 'ECONNREFUSED');
  });

  test('what cannot be is refused with a code of Node\u2019s', async () => {
    const { pair, network } = await open();
    const socket = network.createSocket('udp4');
    const port = await bound(socket);
    const codeOf = (send: (sent: (error: Error | null) => void) => void): Promise<string> =>
      new Promise((resolve) => send((error) => resolve((error as NodeJS.ErrnoException).code!)));
    assert.equal(await codeOf((sent) => socket.send(Buffer.alloc(1473), 9, pair.peerHost, sent)), 'EMSGSIZE');
    assert.equal(await codeOf((sent) => socket.send('x', 9, 'localhost', sent)), 'EINVAL');
    assert.equal(await codeOf((sent) => socket.send('x', 9, 'fd00::1', sent)), 'EINVAL');
    assert.equal(await codeOf((sent) => socket.send('x', 9, '192.0.2.1', sent)), 'EHOSTUNREACH');
    for (const bad of [0, -1, 65_536, 1.5])
      assert.throws(() => socket.send('x', bad, pair.peerHost), { code: 'ERR_SOCKET_BAD_PORT' });
    assert.throws(() => socket.send(5 as never, 9, pair.peerHost), { code: 'ERR_INVALID_ARG_TYPE' });
    assert.throws(() => socket.send('abc', 1, 9, 9, pair.peerHost), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => network.createSocket('tcp' as never), { code: 'ERR_SOCKET_BAD_TYPE' });
    assert.throws(() => socket.bind(), { code: 'ERR_SOCKET_ALREADY_BOUND' });
    const errorOf = async (other: BypassUdpSocket): Promise<string> =>
      ((await once(other, 'error'))[0] as NodeJS.ErrnoException).code!;
    assert.equal(await errorOf(network.createSocket('udp4').bind(port)), 'EADDRINUSE');
    assert.equal(await errorOf(network.createSocket('udp4').bind(0, '192.0.2.1')), 'EADDRNOTAVAIL');
    assert.equal(await errorOf(network.createSocket('udp6').bind(0)), 'EADDRNOTAVAIL');
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    assert.throws(() => socket.close(), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    assert.throws(() => socket.send('x', 9, pair.peerHost), { code: 'ERR_SOCKET_DGRAM_NOT_RUNNING' });
    assert.equal(await bound(network.createSocket('udp4')).then((free) => free > 0), true);
  });

  test('sockets run out with an error, and a signal closes one', async () => {
    const { network } = await open();
    const ending = new AbortController();
    const many: BypassUdpSocket[] = [];
    for (let index = 0; index < 64; index++) {
      const socket = network.createSocket({ type: 'udp4', signal: ending.signal });
      await bound(socket);
      many.push(socket);
    }
    const [error] = (await once(network.createSocket('udp4').bind(), 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'EMFILE');
    const closed = Promise.all(many.map((socket) => once(socket, 'close')));
    ending.abort();
    await closed;
    await bound(network.createSocket('udp4'));
  });

  test('lent: a datagram goes back in its own frame, and is given back once', async () => {
    const { pair, network, peer } = await open();
    const socket = network.createSocket('udp4');
    const port = await bound(socket);
    const seen: LentDatagram[] = [];
    socket.on('lent', (datagram) => {
      seen.push(datagram);
      datagram.bytes[0] = 0x41;
      datagram.reply(Math.min(3, datagram.bytes.length));
    });
    const answered = next(peer);
    sendTo(peer, 'abcdef', port, pair.host);
    const [answer] = await answered;
    assert.equal(answer.toString(), 'Abc');
    const [datagram] = seen;
    assert.equal(datagram!.isReleased, true);
    assert.equal(datagram!.from.size, 6);
    assert.throws(() => datagram!.bytes, { code: 'ERR_INVALID_STATE' });
    assert.throws(() => datagram!.reply(), { code: 'ERR_INVALID_STATE' });
    datagram!.release();
    const { faultRecycleOwner, faultStack } = network.figures();
    assert.deepEqual([faultRecycleOwner, faultStack], [0, 0]);
  });

  test('borrowed: a datagram is written where it leaves from', async () => {
    const { pair, network, peer, peerPort } = await open();
    const socket = network.createSocket('udp4');
    const datagram = socket.borrow()!;
    assert.equal(datagram.bytes.length, 1472);
    const length = datagram.bytes.write('written in place');
    assert.throws(() => datagram.send(1473, peerPort, pair.peerHost), { code: 'ERR_OUT_OF_RANGE' });
    assert.throws(() => datagram.send(1, 0, pair.peerHost), { code: 'ERR_SOCKET_BAD_PORT' });
    const heard = next(peer);
    datagram.send(length, peerPort, pair.peerHost);
    assert.equal((await heard)[0].toString(), 'written in place');
    assert.throws(() => datagram.send(1, peerPort, pair.peerHost), { code: 'ERR_INVALID_STATE' });
    assert.throws(() => socket.borrow()!.send(1, 9, 'nobody'), { code: 'EINVAL' });
    socket.borrow()!.release();
    assert.equal(network.figures()['faultRecycleOwner'], 0);
  });

  test('who gives nothing back gets no more than a share; when it does it goes on', async () => {
    const { pair, network, peer } = await open();
    const socket = network.createSocket('udp4');
    const port = await bound(socket);
    const held: LentDatagram[] = [];
    socket.on('lent', (datagram) => held.push(datagram));
    const burst = async (): Promise<void> => {
      for (let count = 0; count < 40; count++) sendTo(peer, 'x', port, pair.host);
      await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const end = Date.now() + 20_000;
    while (held.length < 2048 && Date.now() < end) await burst();
    for (let round = 0; round < 10; round++) await burst();
    assert.equal(held.length, 2048);
    // Others are heard meanwhile.
    const other = network.createSocket('udp4');
    const otherPort = await bound(other);
    const heard = next(other);
    sendTo(peer, 'still here', otherPort, pair.host);
    assert.equal((await heard)[0].toString(), 'still here');
    for (const datagram of held.splice(0)) datagram.release();
    await until('it goes on', () => {
      sendTo(peer, 'y', port, pair.host);
      return held.length > 64;
    });
    for (const datagram of held) datagram.release();
    assert.equal(network.figures()['faultRecycleOwner'], 0);
  });

  test('a handler that throws loses its own datagram alone', async () => {
    const { pair, network, peer } = await open();
    const socket = network.createSocket('udp4');
    const port = await bound(socket);
    const heard: string[] = [];
    socket.on('message', (message) => {
      heard.push(message.toString());
      if (heard.length === 1) throw new Error('enough');
    });
    const thrown = new Promise<Error>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
    for (const text of ['1', '2', '3']) sendTo(peer, text, port, pair.host);
    assert.equal((await thrown).message, 'enough');
    process.setUncaughtExceptionCaptureCallback(null);
    await until('the others are heard', () => heard.length === 3);
  });

  test('over IPv6', async () => {
    const pair = makeVethPair();
    const net = `fd00:77:${pair.device.replace('bypass', '')}`;
    ip('address', 'add', `${net}::1/64`, 'dev', pair.peer, 'nodad');
    const network = openBypass({ device: pair.device, addresses: [`${net}::2/64`] });
    const peer = createSocket('udp6').bind(0, `${net}::1`);
    opened.push({ pair, network, peers: [peer] });
    await once(peer, 'listening');
    const socket = network.createSocket('udp6', (message, from) => socket.send(message, from.port, from.address));
    const port = await bound(socket);
    const answered = next(peer);
    sendTo(peer, patterned(1452), port, `${net}::2`);
    const [echo, from] = await answered;
    assert.ok(echo.equals(patterned(1452)));
    assert.deepEqual([from.address, from.port], [`${net}::2`, port]);
  });
});
