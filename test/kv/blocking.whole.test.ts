// Clients that wait for a key, over real connections: served, timed out to the millisecond, ahead of themselves, and gone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineAbsence } from '../support/engine-absence.js';
import { RawClient, startKv } from '../support/kv-process.js';
import { until } from '../support/until.js';

for (const engine of ['epoll', 'uring'] as const) {
  const skip = engineAbsence(engine);
  test(`${engine}: BLPOP is served, gives up at its time, and takes nothing for a client that went`, {
    skip,
  }, async () => {
    const store = await startKv(['--engine', engine]);
    const [waiting, gone, giver] = [new RawClient(store.port), new RawClient(store.port), new RawClient(store.port)];
    const blocked = (count: number): Promise<unknown> =>
      until(`${count} wait`, async () =>
        (await giver.ask('INFO clients\r\n', '\r\n')).includes(`blocked_clients:${count}\r\n`),
      );
    const began = performance.now();
    assert.equal(await waiting.ask('BLPOP list 0.03\r\n', '*-1\r\n'), '*-1\r\n');
    assert.ok(performance.now() - began >= 30);
    gone.socket.write('BLPOP list 0\r\n');
    await blocked(1);
    waiting.socket.write('BLPOP list 0\r\nPING\r\nLPUSH other x\r\n');
    await blocked(2);
    gone.socket.destroy();
    await blocked(1);
    assert.equal(await giver.ask('RPUSH list a b\r\n', ':2\r\n'), ':2\r\n');
    const served = '*2\r\n$4\r\nlist\r\n$1\r\na\r\n+PONG\r\n:1\r\n';
    assert.equal(await waiting.ask('', served), served);
    assert.equal(await giver.ask('LRANGE list 0 -1\r\n', '*1\r\n$1\r\nb\r\n'), '*1\r\n$1\r\nb\r\n');
    assert.equal(await store.end(), 0);
  });

  test(`${engine}: what is sent far ahead of a command that waits is bounded, and taken afterwards`, {
    skip,
  }, async () => {
    const store = await startKv(['--engine', engine]);
    const [waiting, giver] = [new RawClient(store.port), new RawClient(store.port)];
    const many = 3_000_000;
    waiting.socket.write(`BLPOP list 0\r\n${'PING\r\n'.repeat(many)}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(waiting.socket.writableLength > 1 << 20, 'the store has not taken all of it');
    giver.socket.write('RPUSH list a\r\n');
    const replies = `*2\r\n$4\r\nlist\r\n$1\r\na\r\n${'+PONG\r\n'.repeat(many)}`;
    assert.ok((await waiting.ask('', replies)) === replies);
    assert.equal(await store.end(), 0);
  });
}

test('a row of clients of which each wakes up the next', async () => {
  const store = await startKv();
  const clients = Array.from({ length: 200 }, () => new RawClient(store.port));
  for (const [index, client] of clients.entries())
    client.socket.write(`BLPOP k${index} 0\r\nRPUSH k${index + 1} x\r\n`);
  const first = new RawClient(store.port);
  await until('all wait', async () =>
    (await first.ask('INFO clients\r\n', '\r\n')).includes('blocked_clients:200\r\n'),
  );
  first.socket.write('RPUSH k0 x\r\n');
  await until('the last key has it', async () => (await first.ask('LLEN k200\r\n', ':1\r\n')).endsWith(':1\r\n'));
  for (const client of clients) client.socket.destroy();
  assert.equal(await store.end(), 0);
});
