// Accounts by socket: exact for each connection, named by its ends, gone with the socket.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
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

test('without the option, asking for sockets is an error that names it', { skip: meterSkip }, () => {
  const meter = createMeter();
  assert.throws(() => meter.sockets(), /sockets: true/);
  meter.close();
  assert.throws(() => meter.read(), /closed/);
});
