// Accounts by socket: exact for each connection, named by its ends, gone with the socket.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, readSync, writeSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { unixStreamPair } from '../kernel/socket-pair.js';
import type { SocketRow } from './accounts/socket-accounts.js';
import { createMeter } from './meter.js';
import { meterSkip } from './support.test.js';

test('each connection has its own figures, at both ends', { skip: meterSkip }, async () => {
  const meter = createMeter({ sockets: true });
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const clients: Socket[] = [];
  const accepted: Socket[] = [];
  try {
    for (const length of [1_000, 77_777]) {
      const client = connect(port, '127.0.0.1');
      const [peer] = (await once(server, 'connection')) as [Socket];
      clients.push(client);
      accepted.push(peer);
      let received = 0;
      const all = new Promise<void>((done) => {
        peer.on('data', (chunk: Buffer) => {
          received += chunk.length;
          if (received === length) done();
        });
      });
      client.write(new Uint8Array(length));
      await all;
    }
    const rows = meter.sockets().filter((row) => row.protocol === 'tcp');
    assert.ok(rows.every((row) => row.processId === process.pid));
    clients.forEach((client, index) => {
      const length = [1_000, 77_777][index]!;
      const sender = rows.find((row) => row.local === `127.0.0.1:${client.localPort}`);
      const receiver = rows.find((row) => row.remote === `127.0.0.1:${client.localPort}`);
      assert.equal(sender?.remote, `127.0.0.1:${port}`);
      assert.deepEqual([sender?.sentCopied, sender?.sentByReference, sender?.received], [length, 0, 0]);
      assert.deepEqual([receiver?.sentCopied, receiver?.received], [0, length]);
    });
    for (const socket of [...clients, ...accepted]) socket.destroy();
    const left = () => meter.sockets().filter((row) => row.local.endsWith(`:${port}`) && row.protocol === 'tcp').length;
    const deadline = performance.now() + 60_000;
    while (left() > 0 && performance.now() < deadline) await new Promise((wake) => setTimeout(wake, 20));
    assert.equal(left(), 0);
  } finally {
    server.close();
    meter.close();
  }
});

test('datagrams and unix sockets have theirs too', { skip: meterSkip }, async () => {
  const meter = createMeter({ sockets: true });
  const [sender, receiver] = [createSocket('udp4'), createSocket('udp4')];
  receiver.bind(0, '127.0.0.1');
  await once(receiver, 'listening');
  const { port } = receiver.address();
  const [left, right] = unixStreamPair();
  try {
    sender.send(new Uint8Array(1_234), port, '127.0.0.1');
    await once(receiver, 'message');
    assert.equal(writeSync(left, new Uint8Array(4_321)), 4_321);
    assert.equal(readSync(right, new Uint8Array(8_192)), 4_321);
    const rows = meter.sockets();
    const figures = ({ sentCopied, sentByReference, received }: SocketRow) => [sentCopied, sentByReference, received];
    const named = (row: SocketRow) => row.protocol === 'udp' && row.local.endsWith(`:${port}`);
    assert.deepEqual(rows.filter(named).map(figures), [[0, 0, 1_234]]);
    const both = rows.filter(
      ({ protocol, sentCopied, received }) => protocol === 'unix' && sentCopied + received === 4_321,
    );
    assert.deepEqual(new Set(both.map((row) => String(figures(row)))), new Set(['4321,0,0', '0,0,4321']));
  } finally {
    for (const socket of [sender, receiver]) socket.close();
    for (const fd of [left, right]) closeSync(fd);
    meter.close();
  }
});

test('without the option, asking for sockets is an error that names it', { skip: meterSkip }, () => {
  const meter = createMeter();
  assert.throws(() => meter.sockets(), /sockets: true/);
  meter.close();
  assert.throws(() => meter.read(), /closed/);
});
