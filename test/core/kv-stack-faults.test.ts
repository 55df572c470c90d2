// The store over its own TCP/IP where something is wrong: a bad wire, clients that do not read, that vanish or that take all there is, no memory, no frames. In virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeated } from '../support/long.js';
import { Chance } from './kv-random.js';
import { control, KvNet, type StackClient } from './kv-stack-host.js';
import { commandBytes, TestStore } from './kv-store.js';

/** Commands on keys of one client alone, so that its replies do not depend on what others do meanwhile. */
function ownCommands(chance: Chance, name: string, many: number): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index < many; index++) {
    const key = `${name}:${chance.below(5)}`;
    const long = 'x'.repeat(chance.below(50) === 0 ? chance.below(40_000) : chance.below(200));
    parts.push(
      chance.of([
        () => commandBytes('SET', key, long),
        () => commandBytes('GET', key),
        () => commandBytes('APPEND', key, `${index},`),
        () => commandBytes('INCR', key),
        () => commandBytes('RPUSH', `${key}l`, long, index),
        () => commandBytes('LRANGE', `${key}l`, 0, 20),
        () => commandBytes('HSET', `${key}h`, `f${chance.below(9)}`, long),
        () => commandBytes('HGET', `${key}h`, `f${chance.below(9)}`),
        () => commandBytes('DEL', key, `${key}l`),
      ])(),
    );
  }
  return Buffer.concat(parts);
}

test('over wires that lose, double, reorder and corrupt: every reply right, for every client', () => {
  for (let seed = 1; seed <= repeated(20); seed++) {
    const chance = new Chance(seed * 7919);
    const net = new KvNet(
      { settings: { frameCount: 512, connections: 64 }, seed, pages: 512 },
      {},
      {
        seed,
        loss: chance.below(50) / 1000,
        duplication: chance.below(30) / 1000,
        corruption: chance.below(20) / 1000,
        reordering: chance.below(100) / 1000,
        delayUs: 50 + chance.below(10_000),
      },
      { settings: { frameCount: 512 } },
    );
    const model = new TestStore();
    const wanted = new Map<StackClient, Buffer>();
    for (let number = 0; number < 5; number++) {
      const client = net.connect();
      client.segment = 1 + chance.below(3000);
      const input = ownCommands(chance, `c${number}`, 100 + chance.below(200));
      client.send(input);
      client.shutDown();
      wanted.set(client, model.exchange(model.core.clientOpen(), input));
    }
    net.until(`seed ${seed}: all have ended`, () => net.clients.every(({ over }) => over !== undefined), 900_000);
    for (const [client, bytes] of wanted) {
      assert.equal(client.over, 0, `seed ${seed}`);
      assert.ok(client.take().equals(bytes), `seed ${seed}: the replies`);
    }
    net.end();
  }
});

test('a client that does not read holds a bounded amount, keeps nobody up, and gets every byte later', () => {
  const net = new KvNet({}, {}, { delayUs: 20 });
  const [slow, quick] = [net.connect(), net.connect()];
  const value = Buffer.alloc(100_000, 'abcdefg');
  assert.equal(net.run(quick, 'SET', 'big', value), '+OK\r\n');
  slow.reads = false;
  slow.send(Buffer.concat(Array.from({ length: 200 }, () => commandBytes('GET', 'big'))));
  net.pass(1000);
  for (let round = 0; round < 100; round++) {
    const before = net.wire.nowUs;
    assert.equal(net.run(quick, 'GET', 'none'), '$-1\r\n');
    assert.ok(net.wire.nowUs - before < 1000, `${net.wire.nowUs - before} us`);
  }
  assert.ok(net.server.owners().stack <= 200);
  slow.reads = true;
  const reply = Buffer.concat([Buffer.from('$100000\r\n'), value, Buffer.from('\r\n')]);
  net.until('all of it', () => slow.length === 200 * reply.length);
  assert.ok(slow.take().equals(Buffer.concat(Array.from({ length: 200 }, () => reply))));
  net.end();
});

test('a thousand that do not read leave frames for one that does', () => {
  const net = new KvNet({}, {}, { delayUs: 20 }, { settings: { receiveFrames: 8, frameCount: 32_768 }, pages: 1400 });
  const quick = net.connect();
  net.run(quick, 'SET', 'big', Buffer.alloc(50_000, 'x'));
  for (let index = 0; index < 1000; index++) {
    const slow = net.connect();
    slow.reads = false;
    slow.command('GET', 'big');
  }
  net.pass(5000);
  assert.equal(net.server.stored(control.CLIENTS), 1001);
  for (let round = 0; round < 20; round++) {
    const before = net.wire.nowUs;
    quick.command('GET', 'big');
    net.until('an answer', () => quick.length === 50_010);
    quick.take();
    assert.ok(net.wire.nowUs - before < 100_000, `${net.wire.nowUs - before} us`);
  }
  for (const client of net.clients) client.reads = true;
  net.until('all have their reply', () => net.clients.every((each) => each === quick || each.length === 50_010));
  net.end();
});

test('a subscriber that does not read is closed at its limit', () => {
  const net = new KvNet({}, { [control.PUBSUB_HARD]: 100_000 });
  const [slow, speaker] = [net.connect(), net.connect()];
  net.run(slow, 'SUBSCRIBE', 'news');
  slow.reads = false;
  const message = Buffer.alloc(10_000, 'x');
  for (let index = 0; index < 100; index++) assert.match(net.run(speaker, 'PUBLISH', 'news', message), /^:[01]\r\n$/);
  assert.equal(net.run(speaker, 'PUBLISH', 'news', message), ':0\r\n');
  assert.equal(net.server.stored(control.CLIENTS), 1);
  slow.reads = true;
  net.until('a reset', () => slow.over !== undefined);
  assert.equal(slow.over, -104);
  net.end();
});

test('of two that send as much as they can, neither is ahead of the other', () => {
  const net = new KvNet({}, {}, { delayUs: 20 });
  const pair = ['a', 'b'].map((key) => {
    const client = net.connect();
    net.run(client, 'PING');
    client.send(Buffer.concat(Array.from({ length: 30_000 }, () => commandBytes('INCR', key))));
    return { client, bytes: 0 };
  });
  let most = 0;
  let before = net.server.stored(control.COMMANDS);
  let apart = 0;
  net.turned = () => {
    const now = net.server.stored(control.COMMANDS);
    most = Math.max(most, now - before);
    before = now;
    for (const each of pair) each.bytes += each.client.take().length;
    apart = Math.max(apart, Math.abs(pair[0]!.bytes - pair[1]!.bytes));
  };
  net.until('both are done', () => net.server.stored(control.COMMANDS) >= 60_000);
  // A turn takes some thousand frames, with some 66 commands each; a window is 128 of them.
  assert.ok(most > 1000 && most <= 1100 * 70, `${most} commands of a turn`);
  assert.ok(apart < 2 * 128 * 66 * 8, `${apart} bytes apart`);
  net.end();
});

test('a thousand clients at once, and a greedy one: every one is answered', () => {
  const net = new KvNet({}, {}, { delayUs: 20 });
  const greedy = net.connect();
  net.run(greedy, 'PING');
  const many = 100_000;
  greedy.send(Buffer.concat(Array.from({ length: many }, () => commandBytes('INCR', 'n'))));
  const clients = Array.from({ length: 1000 }, () => net.connect());
  for (const [index, client] of clients.entries()) {
    client.command('SET', `k${index}`, index);
    client.command('GET', `k${index}`);
  }
  net.until('all are answered', () => clients.every(({ length }) => length > 9));
  clients.forEach((client, index) => {
    assert.equal(client.take().toString(), `+OK\r\n$${`${index}`.length}\r\n${index}\r\n`);
  });
  let last = '';
  net.until('the greedy one too', () => {
    last = (last + greedy.take().toString('latin1')).slice(-20);
    return last.endsWith(`:${many}\r\n`);
  });
  net.end();
});

test('all frames taken: it goes on when some come back', () => {
  const net = new KvNet(
    { settings: { frameCount: 64, fillEntries: 32, rxEntries: 32, txEntries: 8, completionEntries: 8 } },
    {},
    { delayUs: 20 },
  );
  const clients = Array.from({ length: 20 }, () => net.connect());
  for (const client of clients) {
    client.command('SET', 'big', Buffer.alloc(30_000, 'x'));
    for (let index = 0; index < 10; index++) client.command('GET', 'big');
  }
  net.until('all are answered', () => clients.every(({ length }) => length === 5 + 10 * 30_010), 600_000);
  net.end();
});

test('clients that vanish in the middle: nothing of them stays', () => {
  const net = new KvNet({
    settings: { keepIdleMs: 10_000, keepIntervalMs: 1000, keepProbes: 3, userTimeoutMs: 30_000 },
  });
  const quick = net.connect();
  net.run(quick, 'SET', 'big', Buffer.alloc(300_000, 'x'));
  const used = net.server.stored(control.USED_MEMORY);
  // A reset while replies wait, with half a command behind.
  for (let round = 0; round < 50; round++) {
    const client = net.connect();
    client.reads = false;
    for (let index = 0; index < 10; index++) client.command('GET', 'big');
    client.send(commandBytes('SET', 'half', Buffer.alloc(100_000, 'y')).subarray(0, 50_000));
    net.pass(5 + round);
    client.abort();
  }
  net.pass(100);
  assert.equal(net.server.stored(control.CLIENTS), 1);
  assert.equal(net.server.stored(control.USED_MEMORY), used);
  // Silence: half a command, then nobody is there any more; and nobody who takes the reply.
  const [half, reply] = [net.connect(), net.connect()];
  half.send(Buffer.from('*2\r\n$3\r\nGET\r\n$100\r\nab'));
  net.run(reply, 'PING');
  net.pass(100);
  net.server.core.turn(net.wire.nowUs);
  net.server.takeSent();
  reply.command('GET', 'big');
  reply.work();
  net.peer.core.turn(net.wire.nowUs);
  for (const packet of net.peer.takeSent()) net.server.deliver(packet);
  for (let seconds = 0; seconds < 60; seconds++) {
    for (let turns = 0; turns < 100; turns++) net.server.core.turn(net.wire.nowUs + seconds * 1e6 + turns * 10_000);
    net.server.takeSent();
  }
  assert.equal(net.server.stored(control.CLIENTS), 0);
});

test('a full store refuses writes and goes on; whose reply has no room is closed', () => {
  const net = new KvNet({ pages: 400 }, { [control.MAX_MEMORY]: 6_000_000, [control.MAX_CLIENTS]: 200 });
  const client = net.connect();
  let stored = 0;
  let reply = '+OK\r\n';
  for (; reply === '+OK\r\n'; stored++) reply = net.run(client, 'SET', `k${stored}`, Buffer.alloc(10_000, 'x'));
  assert.equal(reply, "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  assert.ok(stored > 200 && stored < 700, String(stored));
  // Replies that nobody reads, until there is no memory for more.
  const slow = Array.from({ length: 60 }, () => net.connect());
  for (const each of slow) {
    each.reads = false;
    for (let index = 0; index < 200; index++) each.command('GET', 'k1');
  }
  net.pass(1000);
  for (const each of slow) each.reads = true;
  net.until(
    'all have their end, or all of it',
    () => slow.every(({ over, length }) => over !== undefined || length === 200 * 10_010),
    900_000,
  );
  const closed = slow.filter(({ over }) => over === -104);
  assert.ok(closed.length > 10 && closed.length < 60, `${closed.length} were closed`);
  assert.equal(net.run(net.connect(), 'DEL', 'k1'), ':1\r\n');
  net.end();
});
