// clearway/bypass: datagrams to and from a peer that speaks through the kernel's sockets. On pairs of devices in a network namespace of the test's own.

import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { openBypass } from '../../src/bypass/index.js';
import { patterned } from '../conformance/serve/servers.js';
import { bypassRefused, ip, makeVethPair } from '../support/veth-pairs.js';

describe('clearway/bypass: datagrams', { skip: bypassRefused() }, () => {
  for (const family of [4, 6] as const) {
    test(`IPv${family}: of each length a packet carries, and many at once: each comes back as it was`, async () => {
      const pair = makeVethPair();
      const six = `fd01:${pair.device.replace('bypass', '')}`;
      ip('address', 'add', `${six}::1/64`, 'dev', pair.peer, 'nodad');
      const network = openBypass({ device: pair.device, addresses: [pair.address, `${six}::2/64`] });
      const echo = network.createSocket((bytes, { port, address }) => assert.ok(echo.send(bytes, port, address)));
      echo.bind(7);
      const [host, peerHost, most] = family === 4 ? [pair.host, pair.peerHost, 1472] : [`${six}::2`, `${six}::1`, 1452];
      const peer = createSocket({ type: `udp${family}`, recvBufferSize: 4 << 20 }).bind(0, peerHost);
      await once(peer, 'listening');
      for (const length of [0, 1, 22, 1000, most]) {
        const bytes = patterned(length);
        peer.send(bytes, 7, host);
        const [answer, from] = (await once(peer, 'message')) as [Buffer, RemoteInfo];
        assert.ok(answer.equals(bytes), `${length} bytes`);
        assert.deepEqual([from.address, from.port], [host, 7]);
      }
      let came = 0;
      const all = new Promise<void>((resolve) => {
        peer.on('message', (answer) => {
          assert.ok(answer.equals(patterned(answer.length)));
          if (++came === 200) resolve();
        });
      });
      for (let count = 1; count <= 200; count++) peer.send(patterned(count), 7, host);
      await all;
      assert.equal(network.figures()['udpDropped'], 0);
      peer.close();
      echo.close();
      network.close();
      pair.remove();
    });
  }

  test('one that speaks first is told of the peer; ports and lengths that cannot be are refused', async () => {
    const pair = makeVethPair();
    const network = openBypass({ device: pair.device, addresses: [pair.address] });
    const peer = createSocket('udp4', (bytes, { port, address }) => peer.send(bytes, port, address)).bind(
      0,
      pair.peerHost,
    );
    await once(peer, 'listening');
    const socket = network.createSocket();
    assert.equal(socket.port, 0);
    assert.ok(socket.send(Buffer.from('hello'), peer.address().port, pair.peerHost));
    const [bytes, sender] = await once(socket, 'message');
    assert.equal(bytes.toString(), 'hello');
    assert.deepEqual(sender, { address: pair.peerHost, family: 'IPv4', port: peer.address().port, size: 5 });
    assert.throws(() => socket.send(Buffer.alloc(1473), 9, pair.peerHost), /EMSGSIZE/);
    assert.throws(() => socket.send(Buffer.alloc(100_000), 9, pair.peerHost), /EMSGSIZE/);
    assert.throws(() => socket.send(Buffer.alloc(1), 9, '192.0.2.1'), /EHOSTUNREACH/);
    assert.throws(() => socket.send(Buffer.alloc(1), 9, 'fd00::9'), /ENETUNREACH/);
    assert.throws(() => socket.send(Buffer.alloc(1), 0, pair.peerHost), /EINVAL/);
    assert.throws(() => network.createSocket().bind(socket.port), /EADDRINUSE/);
    assert.throws(() => network.createSocket().bind(9, '10.0.0.9'), /EADDRNOTAVAIL/);
    const { port } = socket;
    socket.close();
    await once(socket, 'close');
    network.createSocket().bind(port);
    assert.equal(network.figures()['faultRecycleOwner'], 0);
    assert.equal(network.figures()['faultStack'], 0);
    peer.close();
    network.close();
    pair.remove();
  });
});
