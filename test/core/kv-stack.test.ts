// The store over its own TCP/IP in one module, in virtual time: it answers as the store alone does, command by command, and its connections end as they should.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicCases, hashCases, sharedCases, wordsOf } from './kv-cases.js';
import { collectionCases } from './kv-collection-cases.js';
import { Chance, randomCommand } from './kv-random.js';
import { Comparison, type Reply, readReplies } from './kv-replies.js';
import { control, KvNet, StackClient } from './kv-stack-host.js';
import { commandBytes, TestStore } from './kv-store.js';

const plain = (reply: Buffer): string => reply.toString('latin1').replace(/\$2\r\nid\r\n:\d+/, 'id');

test('the list of cases, one after another: as the store alone', () => {
  const net = new KvNet({}, { [control.MAX_CLIENTS]: 100 });
  const model = new TestStore();
  const [client, alone] = [net.connect(), model.core.clientOpen()];
  const lines = `${basicCases}${hashCases}${collectionCases}${sharedCases}`
    .trim()
    .split('\n')
    .filter((line) => line !== '');
  for (const line of lines) {
    const input = commandBytes(...wordsOf(line));
    const wanted = model.exchange(alone, input);
    assert.equal(plain(net.ask(client, input, wanted.length)), plain(wanted), line);
  }
  assert.ok(lines.length > 200);
});

test('random commands of all types in pipelines, cut anywhere: as the store alone', () => {
  const net = new KvNet({}, { [control.MAX_CLIENTS]: 100 });
  const model = new TestStore();
  const [client, alone] = [net.connect(), model.core.clientOpen()];
  const chance = new Chance(0x5eed);
  const comparison = new Comparison();
  for (let batch = 0; batch < 100; batch++) {
    const commands = Array.from({ length: 100 }, () => randomCommand(chance));
    const inputs = commands.map((words) => commandBytes(...words));
    const theirs = inputs.map((input) => readReplies(model.exchange(alone, input))[0] as Reply);
    client.segment = 1 + chance.below(1500);
    client.send(Buffer.concat([...inputs, commandBytes('ECHO', `mark ${batch}`)]));
    // In a transaction the mark waits, too.
    let bytes = Buffer.alloc(0);
    net.until('the mark', () => {
      bytes = Buffer.concat([bytes, client.take()]);
      return (
        /mark \d+\r\n$|\+QUEUED\r\n$/.test(bytes.toString('latin1', Math.max(0, bytes.length - 20))) &&
        client.unsent === 0 &&
        readReplies(bytes).length === 101
      );
    });
    model.exchange(alone, commandBytes('ECHO', `mark ${batch}`));
    const ours = readReplies(bytes);
    commands.forEach((words, index) => {
      const [wanted, given] = comparison.forms(words, theirs[index] as Reply, ours[index] as Reply);
      assert.equal(given, wanted, JSON.stringify(words));
    });
    if (ours[100] === '+QUEUED') comparison.forms(['ECHO', 'mark'], '+QUEUED', '+QUEUED');
  }
});

test('replies of every length beside one another, hidden ones, and messages to oneself: as the store alone', () => {
  const net = new KvNet({}, { [control.MAX_CLIENTS]: 100 });
  const model = new TestStore();
  const [client, alone] = [net.connect(), model.core.clientOpen()];
  const chance = new Chance(7);
  const compare = (inputs: readonly Buffer[]): void => {
    const input = Buffer.concat(inputs);
    const wanted = model.exchange(alone, input);
    assert.ok(net.ask(client, input, wanted.length).equals(wanted));
  };
  for (let length = 0; length < 4400; length += 7)
    compare([commandBytes('SET', 'a', 'x'.repeat(length)), commandBytes('GET', 'a'), commandBytes('PING')]);
  compare([commandBytes('SET', 'long', Buffer.alloc(50_000, 'long')), commandBytes('HELLO', '3')]);
  compare([commandBytes('SUBSCRIBE', 'me')]);
  for (let round = 0; round < 300; round++) {
    const many = 1 + chance.below(40);
    compare(
      Array.from({ length: many }, () =>
        chance.of([
          () => commandBytes('GETRANGE', 'long', 0, chance.below(3000)),
          () => commandBytes('GET', chance.of(['long', 'a', 'none'])),
          () => commandBytes('PUBLISH', 'me', 'y'.repeat(chance.below(2000))),
          () => commandBytes('CLIENT', 'REPLY', chance.of(['ON', 'OFF', 'SKIP'])),
          () => commandBytes('CLIENT', 'REPLY', 'ON'),
        ])(),
      ).concat(commandBytes('CLIENT', 'REPLY', 'ON')),
    );
  }
  const filled = Number(net.server.core.filledBytes.value);
  assert.ok(filled > 1e6, 'some were copied into frames');
  assert.ok(net.server.stored(control.OUTPUT_BYTES) - filled > 500_000, 'and some were written there');
  assert.equal(net.server.stored(control.OUTPUT_BYTES), model.figure(control.OUTPUT_BYTES));
  net.end();
});

test('what clients publish reaches others; what they ask of the caller is answered by it', () => {
  const net = new KvNet();
  const [one, two, speaker] = [net.connect(), net.connect(), net.connect()];
  assert.match(net.run(one, 'SUBSCRIBE', 'news'), /subscribe/);
  assert.match(net.run(two, 'HELLO', '3'), /^%/);
  assert.match(net.run(two, 'PSUBSCRIBE', 'n*'), /psubscribe/);
  assert.equal(net.run(speaker, 'PUBLISH', 'news', 'x'), ':2\r\n');
  net.until('both hear it', () => one.length > 0 && two.length > 0);
  assert.equal(one.take().toString(), '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  assert.equal(two.take().toString(), '>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  const bits: number[] = [];
  net.asked = (asked) => {
    bits.push(asked);
    net.server.core.snapshotSaved(1, 1_700_000_000n);
  };
  speaker.send(Buffer.concat([commandBytes('SET', 'a', '1'), commandBytes('SAVE'), commandBytes('GET', 'a')]));
  net.until('it is saved', () => speaker.length >= 5 + 5 + 7);
  assert.equal(speaker.take().toString(), '+OK\r\n+OK\r\n$1\r\n1\r\n');
  assert.deepEqual(bits, [1]);
  net.end();
});

test('who waits for a key is answered when somebody gives it something, with what it sent ahead; gone, it gets nothing', () => {
  const net = new KvNet();
  const [one, two, gone, speaker] = [net.connect(), net.connect(), net.connect(), net.connect()];
  net.run(speaker, 'PING');
  for (const client of [gone, one, two]) {
    client.send(Buffer.concat([commandBytes('BLPOP', 'list', 0), commandBytes('ECHO', 'then')]));
    net.pass(1);
  }
  gone.close();
  net.pass(1);
  assert.equal(net.server.stored(control.CLIENTS), 3);
  assert.equal(net.run(speaker, 'RPUSH', 'list', 'a', 'b'), ':2\r\n');
  net.until('both are answered', () => one.length > 30 && two.length > 30);
  assert.equal(one.take().toString(), '*2\r\n$4\r\nlist\r\n$1\r\na\r\n$4\r\nthen\r\n');
  assert.equal(two.take().toString(), '*2\r\n$4\r\nlist\r\n$1\r\nb\r\n$4\r\nthen\r\n');
  // By time, at the moment that was asked for.
  const before = net.wire.nowUs;
  one.command('BLPOP', 'list', '0.25');
  net.until('it gave up', () => one.length > 0);
  assert.equal(one.take().toString(), '*-1\r\n');
  assert.ok(net.wire.nowUs - before >= 250_000 && net.wire.nowUs - before < 260_000, `${net.wire.nowUs - before} us`);
  net.end();
});

test('nobody is served while what was asked of the caller waits', () => {
  const net = new KvNet();
  const [one, two] = [net.connect(), net.connect()];
  net.run(one, 'PING');
  net.run(two, 'PING');
  net.asked = undefined;
  one.send(Buffer.concat([commandBytes('SAVE'), commandBytes('SET', 'a', '1')]));
  net.pass(1);
  two.command('GET', 'a');
  net.pass(1000);
  assert.equal(one.length + two.length, 0);
  net.asked = () => net.server.core.snapshotSaved(1, 1n);
  net.until('both are answered', () => one.length > 0 && two.length > 0);
  assert.equal(one.take().toString(), '+OK\r\n+OK\r\n');
  assert.equal(two.take().toString(), '$1\r\n1\r\n');
  net.end();
});

test('half closed by its client, it still answers; then it ends', () => {
  const net = new KvNet();
  const client = net.connect();
  client.send(
    Buffer.concat(Array.from({ length: 1000 }, (_, index) => commandBytes('SET', `k${index}`, 'v'.repeat(100)))),
  );
  client.shutDown();
  net.until('its end', () => client.over !== undefined);
  assert.equal(client.over, 0);
  assert.equal(client.take().toString(), '+OK\r\n'.repeat(1000));
  assert.equal(net.server.stored(control.CLIENTS), 0);
  net.end();
});

test('QUIT and what is no RESP: the last reply arrives, then the end, also where the client goes on talking', () => {
  const net = new KvNet();
  for (const [bytes, reply] of [
    [commandBytes('QUIT'), /^\+OK\r\n$/],
    [Buffer.from('*1\r\n%4\r\n'), /^-ERR Protocol error: expected '\$', got '%'\r\n$/],
  ] as const) {
    const client = net.connect();
    client.send(Buffer.concat([bytes, Buffer.alloc(200_000, 'PING\r\n')]));
    net.until('its end', () => client.over !== undefined);
    assert.equal(client.over, 0);
    assert.match(client.take().toString(), reply);
    client.close();
  }
  // Who talks for ever is reset.
  const client = net.connect();
  client.send(Buffer.concat([commandBytes('QUIT'), Buffer.alloc(600_000, 'PING\r\n')]));
  net.until('a reset', () => net.server.figure('tcpResetsSent') > 0, 10_000);
  // And who says nothing has two seconds.
  const silent = net.connect();
  assert.equal(net.run(silent, 'QUIT'), '+OK\r\n');
  const before = net.wire.nowUs;
  net.until('it is over', () => net.server.core.linkCount() === 1, 3000);
  assert.ok(net.wire.nowUs - before > 1_900_000);
  net.end();
});

test('more clients than may be are told so; one that goes makes room', () => {
  const net = new KvNet({}, { [control.MAX_CLIENTS]: 3 });
  const clients = [net.connect(), net.connect(), net.connect()];
  for (const client of clients) assert.equal(net.run(client, 'PING'), '+PONG\r\n');
  const fourth = net.connect();
  fourth.command('PING');
  net.until('its end', () => fourth.over !== undefined);
  assert.equal(fourth.over, 0);
  assert.equal(fourth.take().toString(), '-ERR max number of clients reached\r\n');
  fourth.close();
  clients[1]!.close();
  net.pass(10);
  assert.equal(net.run(net.connect(), 'PING'), '+PONG\r\n');
  assert.equal(net.server.stored(control.CLIENTS_REFUSED), 1);
  net.end();
});

test('without the password nothing but AUTH; CLIENT KILL and silence end others', () => {
  const net = new KvNet();
  const password = net.server.control + 0x7c0;
  net.server.bytes.set(Buffer.from('secret'), password);
  net.server.set(control.PASSWORD, password);
  net.server.set(control.PASSWORD_LENGTH, 6);
  const [one, two] = [net.connect(), net.connect()];
  assert.match(net.run(one, 'GET', 'a'), /^-NOAUTH/);
  assert.equal(net.run(one, 'AUTH', 'secret'), '+OK\r\n');
  assert.equal(net.run(two, 'AUTH', 'secret'), '+OK\r\n');
  const id = net.run(two, 'CLIENT', 'ID').slice(1, -2);
  assert.equal(net.run(one, 'CLIENT', 'KILL', 'ID', id), ':1\r\n');
  net.until('it is told', () => two.over !== undefined);
  assert.equal(two.over, 0);
  net.server.set(control.IDLE_SECONDS, 5);
  net.until('silence ends it', () => one.over !== undefined, 10_000);
  net.end();
});

test('CLIENT LIST says where a client calls from, and CLIENT KILL finds it by that', () => {
  const net = new KvNet();
  const [one, two] = [net.connect(), net.connect()];
  net.run(two, 'PING');
  const list = net.run(one, 'CLIENT', 'LIST');
  const [first, second] = [...list.matchAll(/ addr=(10\.0\.0\.1:\d+) /g)].map((found) => found[1]!);
  assert.ok(first !== undefined && second !== undefined && first !== second, list);
  const mine = / addr=(\S+) /.exec(net.run(one, 'CLIENT', 'INFO'))![1]!;
  assert.equal(net.run(one, 'CLIENT', 'KILL', 'ADDR', mine === first ? second : first), ':1\r\n');
  net.until('it is told', () => two.over !== undefined);
  net.end();
  const addresses = {
    'fd00::2': 'fd00::2',
    'fd00:0:0:1:0:0:0:1': 'fd00:0:0:1::1',
    'fd00:db8:0:0:1:0:0:1': 'fd00:db8::1:0:0:1',
    'fd00:0:1:2:3:4:5:6': 'fd00:0:1:2:3:4:5:6',
    'fd00:10:200:3000:abcd:ef:f00:0': 'fd00:10:200:3000:abcd:ef:f00:0',
    'fd00:1::': 'fd00:1::',
  };
  for (const [address, written] of Object.entries(addresses)) {
    const six = new KvNet({ ipv6: 'fd00::1/8' }, {}, {}, { ipv6: `${address}/8` });
    const client = new StackClient(six.peer, 'fd00::1');
    six.clients.push(client);
    assert.ok(six.run(client, 'CLIENT', 'INFO').includes(` addr=[${written}]:`), written);
  }
});

test('the end: nobody is accepted, replies are read, then all are closed', () => {
  const net = new KvNet();
  const clients = Array.from({ length: 20 }, () => net.connect());
  for (const client of clients) net.run(client, 'SET', 'big', Buffer.alloc(100_000, 'x'));
  for (const client of clients) client.command('GET', 'big');
  net.until('it began', () => clients[19]!.length > 0);
  net.server.core.stopListening();
  net.server.core.endClients(0);
  const late = net.connect();
  net.until('all have ended', () => clients.every(({ over }) => over !== undefined));
  for (const client of clients) {
    assert.equal(client.over, 0);
    assert.equal(client.length, 100_011);
    client.close();
  }
  net.until('it was refused', () => late.over !== undefined);
  assert.equal(late.over, -111);
  net.until('nothing is left', () => net.server.core.linkCount() === 0);
  net.end();
});
