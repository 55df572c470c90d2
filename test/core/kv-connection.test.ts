// What a connection is allowed and told beside its commands: browsers are kept out, replies are turned off and on, commands may have very many arguments.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandBytes, control, TestStore } from './kv-store.js';

test('a request of HTTP, which a browser can be led to send, ends its connection before anything in it is run', () => {
  for (const head of [
    'POST / HTTP/1.1\r\nSET a 1\r\n',
    'post x\r\nSET a 1\r\n',
    'Host: store:6379\r\n\r\nSET a 1\r\n',
  ]) {
    const store = new TestStore();
    const client = store.core.clientOpen();
    assert.equal(store.exchange(client, Buffer.from(head)).toString(), '');
    assert.equal(store.core.clientState(client), control.FEED_CLOSED);
    assert.equal(store.run(store.core.clientOpen(), 'EXISTS', 'a'), ':0\r\n');
    assert.equal(store.figure(control.PROTOCOL_ERRORS), 1);
  }
});

test('a browser that asks for a page gets an error, and its connection ends with the second line', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const page = 'GET / HTTP/1.1\r\nHost: localhost:6379\r\nSET a 1\r\n';
  assert.match(store.exchange(client, Buffer.from(page)).toString(), /^-ERR wrong number of arguments for 'get'/);
  assert.equal(store.core.clientState(client), control.FEED_CLOSED);
});

test('replies that are turned on again begin with that one, and messages come also to who wants no replies', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const speaker = store.core.clientOpen();
  const lines = (text: string): Buffer => Buffer.from(text.replaceAll('\n', '\r\n'));
  const say = (text: string): string => store.exchange(client, lines(text)).toString();
  assert.equal(say('CLIENT REPLY OFF\nPING\nCLIENT REPLY ON\nPING\n'), '+OK\r\n+PONG\r\n');
  assert.equal(say('CLIENT REPLY SKIP\nCLIENT REPLY ON\nPING\n'), '+OK\r\n+PONG\r\n');
  assert.equal(say('CLIENT REPLY SKIP\nPING\nPING\n'), '+PONG\r\n');
  assert.equal(say('CLIENT REPLY OFF\nRESET\nPING\n'), '+RESET\r\n+PONG\r\n');
  const joined = '*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n';
  assert.equal(say('HELLO 3\nCLIENT REPLY OFF\nPING\n').endsWith('*0\r\n'), true);
  assert.equal(say('PING\nSUBSCRIBE news\nPING\n'), joined.replace('*', '>'));
  assert.equal(store.run(speaker, 'PUBLISH', 'news', 'x'), ':1\r\n');
  assert.equal(store.output(client).toString(), '>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  assert.equal(say('PING\nUNSUBSCRIBE news\nPING\n'), '>3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:0\r\n');
});

test('more long arguments than have a place of their own come whole, in pieces of any size', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  const names = Array.from({ length: 300 }, (_, index) => `key:${index}`);
  const input = commandBytes('MSET', ...names.flatMap((name, index) => [name, Buffer.alloc(16_384 + index, name)]));
  for (const piece of [16_384, 65_536]) {
    assert.equal(store.exchange(client, input, piece).toString(), '+OK\r\n', `pieces of ${piece}`);
    for (const index of [0, 100, 255, 256, 299]) {
      assert.ok(store.run(client, 'GET', `key:${index}`).startsWith(`$${16_384 + index}\r\nkey:${index}key:`));
    }
    assert.equal(store.run(client, 'DEL', ...names), ':300\r\n');
  }
  store.pass(0);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('a store of 256 MiB takes commands of a million arguments', () => {
  const store = new TestStore({ [control.MAX_ARGUMENTS]: 0 }, 4608);
  const client = store.core.clientOpen();
  const members = Array.from({ length: 100_000 }, (_, index) => index);
  assert.equal(store.exchange(client, commandBytes('SADD', 'set', ...members), 65_536).toString(), ':100000\r\n');
  const most = Buffer.from(`*${2 ** 20 + 1}\r\n`);
  assert.match(store.exchange(client, most).toString(), /invalid multibulk length/);
});

test('a command that ends before its key has none to tell of', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  store.run(client, 'AUTH', 'default', 'a-secret', 'more', 'words');
  assert.match(store.run(client, 'COMMAND', 'GETKEYS', 'OBJECT', 'HELP'), /^-ERR The command has no key arguments/);
});

test('scores next to 0 and far from it are written in the fewest digits, and there is one 0', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  for (const score of [
    5e-324, 1.5e-323, 1e-310, 2.225073858507201e-308, 2.2250738585072014e-308, 1.7976931348623157e308,
  ]) {
    store.run(client, 'ZADD', 'z', String(score), 'm');
    assert.equal(store.run(client, 'ZSCORE', 'z', 'm'), `$${String(score).length}\r\n${score}\r\n`);
  }
  store.run(client, 'ZADD', 'z', '-0', 'm');
  assert.equal(store.run(client, 'ZSCORE', 'z', 'm'), '$1\r\n0\r\n');
  assert.match(store.run(client, 'ZADD', 'z', '1e-400', 'm'), /^-ERR value is not a valid float/);
});

test('100,000 channels are joined and left as fast by the second client as by the first', () => {
  const store = new TestStore({}, 1024);
  const used = store.figure(control.USED_MEMORY);
  const clients = [store.core.clientOpen(), store.core.clientOpen()];
  const names = Array.from({ length: 100_000 }, (_, index) => `channel:${index}`);
  const say = (client: number, command: string): void => {
    for (let from = 0; from < names.length; from += 1000) {
      const reply = store.run(client, command, ...names.slice(from, from + 1000));
      assert.equal(reply.split('\r\n').length, 1000 * 6 + 1);
    }
  };
  const began = performance.now();
  for (const client of clients) say(client, 'SUBSCRIBE');
  assert.equal(store.run(clients[1]!, 'PUBLISH', 'channel:7', 'x').slice(0, 4), '-ERR');
  say(clients[0]!, 'UNSUBSCRIBE');
  say(clients[1]!, 'UNSUBSCRIBE');
  // Lists that were walked took a minute.
  assert.ok(performance.now() - began < 20_000);
  for (const client of clients) store.core.clientClose(client);
  store.pass(1);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('CLIENT LIST has all that programs read as numbers, and tells channels from patterns', () => {
  const store = new TestStore();
  const [one, two] = [store.core.clientOpen(), store.core.clientOpen()];
  store.run(one, 'HELLO', '3');
  store.run(one, 'SUBSCRIBE', 'a', 'b', 'a');
  store.run(one, 'PSUBSCRIBE', 'c*');
  store.run(one, 'MULTI');
  store.run(one, 'SET', 'key', 'value');
  const line = store
    .run(two, 'CLIENT', 'LIST')
    .split('\n')
    .find((it) => it.includes('resp=3'))!;
  const fields = new Map(
    line
      .trim()
      .split(' ')
      .map((field) => field.split('=') as [string, string]),
  );
  const known = 'id age idle db sub psub multi qbuf qbuf-free obl argv-mem oll omem tot-mem';
  for (const name of known.split(' ')) assert.match(fields.get(name) ?? 'nothing', /^-?\d+$/, name);
  assert.deepEqual(
    ['sub', 'psub', 'multi', 'redir'].map((name) => fields.get(name)),
    ['2', '1', '1', '-1'],
  );
  assert.match(store.run(two, 'CLIENT', 'INFO'), / multi=-1 .* multi-mem=0 /);
});
