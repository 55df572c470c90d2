// How bytes become commands and replies: cut anywhere, wrong in any way, more than there is room for; and that nothing stays behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeated } from '../support/long.js';
import { basicCases, wordsOf } from './kv-cases.js';
import { commandBytes, control, TestStore } from './kv-store.js';

function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

test('every place to cut a pipeline gives the same replies', () => {
  const pipeline = Buffer.concat([
    commandBytes('SET', 'key', 'value\r\n*1\r\n'),
    Buffer.from('PING\r\n  get "key"  \r\n\r\n*0\r\n*-1\r\n'),
    commandBytes('MSET', 'a', '1', 'b', '', 'c', '3'),
    commandBytes('MGET', 'a', 'b', 'c', 'd'),
    commandBytes('INCR', 'a'),
    Buffer.from('set \'it\\\'s\' "\\x41\\n"\nget "it\'s"\n'),
    commandBytes('NOSUCH', 'x'),
    Buffer.from('*1\r\n$4\r\nPING\r\n*1\r\n%4\r\n'),
  ]);
  const whole = new TestStore();
  const wanted = whole.exchange(whole.core.clientOpen(), pipeline).toString('latin1');
  assert.match(wanted, /expected '\$', got '%'\r\n$/);
  const store = new TestStore();
  for (let cut = 0; cut <= pipeline.length; cut++) {
    const client = store.core.clientOpen();
    store.run(client, 'FLUSHALL');
    const first = store.exchange(client, pipeline.subarray(0, cut)).toString('latin1');
    const rest = store.exchange(client, pipeline.subarray(cut)).toString('latin1');
    assert.equal(first + rest, wanted, `cut at ${cut}`);
    assert.equal(store.core.clientState(client), control.FEED_CLOSED);
    store.core.clientClose(client);
  }
  const client = store.core.clientOpen();
  store.run(client, 'FLUSHALL');
  assert.equal(store.exchange(client, pipeline, 1).toString('latin1'), wanted, 'byte by byte');
});

test('long values in pieces go to their place, and come back whole', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  const value = Buffer.alloc(3_000_000, 'abcdefghijk');
  const input = Buffer.concat([
    commandBytes('SET', 'one', value),
    commandBytes('MSET', 'two', value, 'three', value),
    commandBytes('GET', 'two'),
  ]);
  for (const piece of [1448, 16_384, 65_536, 1_000_003]) {
    const output = store.exchange(client, input, piece);
    assert.equal(output.length, 5 + 5 + 10 + value.length + 2, `pieces of ${piece}`);
    assert.ok(output.subarray(20, 20 + value.length).equals(value));
  }
  assert.equal(store.run(client, 'DEL', 'one', 'two', 'three'), ':3\r\n');
  store.pass(0);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('a value that is being sent stays as it was when it was asked for', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const old = Buffer.alloc(100_000, 'old');
  store.exchange(client, commandBytes('SET', 'key', old));
  store.feed(
    client,
    Buffer.concat([
      commandBytes('GET', 'key'),
      commandBytes('SET', 'key', Buffer.alloc(100_000, 'new')),
      commandBytes('DEL', 'key'),
    ]),
  );
  assert.ok(store.output(client).subarray(9, 100_009).equals(old));
});

test('keys expire at their time, looked at or not', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  for (let index = 0; index < 1000; index++) store.run(client, 'SET', `k${index}`, 'v', 'PX', 1000 + index * 10);
  assert.equal(store.run(client, 'DBSIZE'), ':1000\r\n');
  store.pass(1000);
  assert.equal(store.run(client, 'PTTL', 'k0'), ':0\r\n');
  store.pass(1);
  assert.equal(store.run(client, 'GET', 'k0'), '$-1\r\n');
  store.pass(5000);
  assert.equal(store.run(client, 'DBSIZE'), ':499\r\n');
  assert.equal(store.figure(control.EXPIRED), 501);
  assert.equal(store.run(client, 'PERSIST', 'k999'), ':1\r\n');
  store.pass(100_000);
  assert.equal(store.run(client, 'DBSIZE'), ':1\r\n');
  store.run(client, 'DEL', 'k999');
  store.pass(0);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('a scan meets every key that stays, while the table grows and shrinks', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const random = randoms(1);
  for (let round = 0; round < 6; round++) {
    for (let index = 0; index < 3000; index++) store.run(client, 'SET', `stays${index}`, index);
    const seen = new Set<string>();
    let cursor = '0';
    let extra = 0;
    do {
      const reply = store.run(client, 'SCAN', cursor, 'COUNT', 20);
      cursor = /^\*2\r\n\$\d+\r\n(\d+)/.exec(reply)![1]!;
      for (const match of reply.matchAll(/(stays\d+)\r\n/g)) seen.add(match[1]!);
      for (let more = 0; more < 10; more++) {
        if (round % 2 === 0) store.run(client, 'SET', `extra${extra++}`, 1);
        else store.run(client, 'DEL', `extra${random(20_000)}`);
      }
      store.pass(1);
      assert.ok(extra < 100_000, 'the scan ends');
    } while (cursor !== '0');
    assert.equal(seen.size, 3000, `round ${round}`);
  }
});

test('FLUSHALL is at once, and everything comes back', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  for (let index = 0; index < 20_000; index++)
    store.run(client, 'SET', `key:${index}`, 'x'.repeat(index % 300), 'EX', 1000);
  store.run(client, 'SELECT', 3);
  store.run(client, 'SET', 'a', 'b');
  assert.equal(store.run(client, 'FLUSHALL'), '+OK\r\n');
  assert.equal(store.run(client, 'DBSIZE'), ':0\r\n');
  assert.equal(store.figure(control.KEYS), 0);
  store.pass(1000);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('a client that asks for much and reads nothing waits, and holds a bounded amount', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  store.exchange(client, commandBytes('SET', 'key', Buffer.alloc(10_000, 'x')));
  const input = Buffer.concat(Array.from({ length: 500 }, () => commandBytes('GET', 'key')));
  const taken = store.feed(client, input);
  assert.ok(taken < input.length);
  assert.equal(store.feedState, control.FEED_FULL);
  assert.ok(store.core.clientOutputBytes(client) < (1 << 20) + 17 * 10_020);
  let length = store.output(client).length;
  length += store.exchange(client, input.subarray(taken)).length;
  assert.equal(length, 500 * 10_010);
});

test('4 GiB of replies, which refer to one value, end their client before they are counted wrong; others stay', () => {
  const store = new TestStore({}, 1536);
  const [client, other] = [store.core.clientOpen(), store.core.clientOpen()];
  const length = 64 << 20;
  assert.equal(store.run(client, 'SETRANGE', 'key', length - 1, 'x'), `:${length}\r\n`);
  store.pass(0);
  const used = store.figure(control.USED_MEMORY);
  const get = (times: number): Buffer => commandBytes('MGET', ...Array(times).fill('key'));
  store.feed(client, get(59));
  assert.equal(store.feedState, 0);
  const waiting = (): number => store.core.clientOutputBytes(client) >>> 0;
  assert.equal(waiting(), '*59\r\n'.length + 59 * (`$${length}\r\n`.length + length + 2));
  for (let bytes = store.core.clientOutput(client); bytes > 0; bytes = store.core.clientOutput(client))
    store.core.clientSent(client, bytes);
  for (const [index, input] of [get(65), Buffer.concat(Array(15).fill(get(5)))].entries()) {
    store.feed(client, input);
    assert.equal(store.feedState, control.FEED_CLOSED);
    assert.equal(store.figure(control.OUTPUT_LIMIT_CLOSED), index + 1);
    assert.ok(waiting() > 3.5 * 1024 ** 3);
    assert.equal(store.run(other, 'STRLEN', 'key'), `:${length}\r\n`);
    store.core.clientClose(client);
    store.pass(0);
    assert.equal(store.figure(control.USED_MEMORY), used);
    assert.equal(store.core.clientOpen(), client);
  }
});

test('without the password nothing but AUTH, and little at once', () => {
  const store = new TestStore();
  store.bytes.write('secret', store.block + control.CONTROL_BYTES - 16);
  store.data.setUint32(store.block + control.PASSWORD, store.block + control.CONTROL_BYTES - 16, true);
  store.data.setUint32(store.block + control.PASSWORD_LENGTH, 6, true);
  let client = store.core.clientOpen();
  assert.equal(store.run(client, 'GET', 'a'), '-NOAUTH Authentication required.\r\n');
  assert.match(store.run(client, 'AUTH', 'wrong'), /^-WRONGPASS /);
  assert.match(store.run(client, 'AUTH', 'secretsecret'), /^-WRONGPASS /);
  assert.match(store.run(client, 'HELLO', '3'), /^-NOAUTH HELLO/);
  assert.equal(store.run(client, 'AUTH', 'secret'), '+OK\r\n');
  assert.equal(store.run(client, 'GET', 'a'), '$-1\r\n');
  client = store.core.clientOpen();
  assert.match(store.exchange(client, Buffer.from('*11\r\n')).toString(), /unauthenticated multibulk length/);
  client = store.core.clientOpen();
  assert.match(store.exchange(client, Buffer.from('*1\r\n$20000\r\n')).toString(), /unauthenticated bulk length/);
  client = store.core.clientOpen();
  assert.match(store.run(client, 'HELLO', '3', 'AUTH', 'default', 'secret'), /^%7\r\n/);
  assert.equal(store.figure(control.AUTH_FAILED), 2);
});

test('memory at its bound: writes are refused, reads and deletes go on', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  store.data.setBigUint64(store.block + control.MAX_MEMORY, 4_000_000n, true);
  let stored = 0;
  while (store.run(client, 'SET', `k${stored}`, 'x'.repeat(1000)) === '+OK\r\n') stored++;
  assert.ok(stored > 2000 && stored < 4000, String(stored));
  assert.equal(store.run(client, 'SET', 'more', 'x'), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  assert.equal(store.run(client, 'STRLEN', 'k1'), ':1000\r\n');
  assert.equal(store.run(client, 'DEL', 'k1', 'k2'), ':2\r\n');
  assert.equal(store.run(client, 'SET', 'more', 'x'), '+OK\r\n');
});

test('tens of thousands of inputs that are nearly commands: no trap, no leak, bounded', () => {
  const random = randoms(7);
  const seeds = basicCases
    .trim()
    .split('\n')
    .map((line) => commandBytes(...wordsOf(line)));
  const store = new TestStore({ [control.QUERY_LIMIT]: 100_000, [control.MAX_BULK]: 50_000 });
  const used = store.figure(control.USED_MEMORY);
  // A million and more were run by hand (CLEARWAY_ROUNDS).
  const rounds = Number(process.env['CLEARWAY_ROUNDS'] ?? repeated(300_000));
  for (let round = 0; round < rounds; round++) {
    const client = store.core.clientOpen();
    assert.ok(client >= 0);
    const input = Buffer.concat([seeds[random(seeds.length)]!, seeds[random(seeds.length)]!]);
    for (let changes = random(4); changes > 0; changes--)
      input[random(input.length)] = random(3) === 0 ? 0x30 + random(10) : random(256);
    const cut = random(input.length + 1);
    store.feed(client, input.subarray(0, cut));
    store.feed(client, input.subarray(cut, input.length - random(3)));
    assert.ok(store.core.clientOutputBytes(client) < 200_000);
    store.core.clientClose(client);
    if (round % 1000 === 0) store.pass(1);
  }
  const client = store.core.clientOpen();
  store.run(client, 'CONFIG', 'SET', 'maxmemory', '0');
  assert.equal(store.run(client, 'FLUSHALL'), '+OK\r\n');
  store.core.clientClose(client);
  store.pass(1000);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('what is published reaches who listens, in their protocol; who does not read is closed', () => {
  const store = new TestStore({ [control.PUBSUB_HARD]: 100_000 });
  const used = store.figure(control.USED_MEMORY);
  const [one, two, speaker] = [store.core.clientOpen(), store.core.clientOpen(), store.core.clientOpen()];
  store.run(one, 'SUBSCRIBE', 'news');
  store.run(two, 'HELLO', '3');
  store.run(two, 'PSUBSCRIBE', 'n*');
  assert.equal(store.run(speaker, 'PUBLISH', 'news', 'x'), ':2\r\n');
  assert.deepEqual(
    new Set([store.core.nextClientEvent(), store.core.nextClientEvent(), store.core.nextClientEvent()]),
    new Set([one, two, -1]),
  );
  assert.equal(store.output(one).toString(), '*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  assert.equal(store.output(two).toString(), '>4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nx\r\n');
  for (let message = 0; message < 200; message++) {
    store.run(speaker, 'PUBLISH', 'news', 'x'.repeat(1000));
    store.output(one);
  }
  assert.equal(store.core.clientState(two), control.FEED_CLOSED);
  assert.equal(store.core.clientState(one), 0);
  assert.equal(store.figure(control.OUTPUT_LIMIT_CLOSED) > 0, true);
  store.core.clientClose(two);
  assert.equal(store.run(speaker, 'PUBLISH', 'news', 'x'), ':1\r\n');
  store.core.clientClose(one);
  assert.equal(store.run(speaker, 'PUBSUB', 'CHANNELS'), '*0\r\n');
  store.core.clientClose(speaker);
  assert.equal(store.figure(control.USED_MEMORY), used);
  store.pass(1);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('EXEC fails when another client changed what was watched; nothing stays of a client that goes', () => {
  const store = new TestStore();
  const used = store.figure(control.USED_MEMORY);
  const [one, two] = [store.core.clientOpen(), store.core.clientOpen()];
  store.run(one, 'WATCH', 'key');
  store.run(one, 'MULTI');
  store.run(one, 'SET', 'key', 'one');
  store.run(two, 'SET', 'key', 'two', 'PX', 10);
  assert.equal(store.run(one, 'EXEC'), '*-1\r\n');
  store.run(one, 'WATCH', 'key');
  store.pass(20);
  store.run(one, 'MULTI');
  assert.equal(store.run(one, 'EXEC'), '*-1\r\n', 'it expired');
  store.run(one, 'WATCH', 'key', 'other', 'key');
  store.run(one, 'MULTI');
  store.run(one, 'SET', 'a', 'b'.repeat(1000));
  store.core.clientClose(one);
  store.pass(1);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

for (const policy of [
  'allkeys-lru',
  'allkeys-lfu',
  'allkeys-random',
  'volatile-lru',
  'volatile-lfu',
  'volatile-random',
  'volatile-ttl',
]) {
  test(`${policy} makes room, and spares what it should`, () => {
    const store = new TestStore();
    const client = store.core.clientOpen();
    store.run(client, 'CONFIG', 'SET', 'maxmemory-policy', policy, 'maxmemory', '3000000');
    store.run(client, 'SET', 'stays', 'x');
    for (let index = 0; index < 5000; index++) {
      if (index % 10 === 0) store.pass(1000);
      if (policy !== 'allkeys-random') store.run(client, 'GET', 'stays');
      const reply = store.run(client, 'SET', `k${index}`, 'x'.repeat(1000), 'PX', 100_000_000 + (5000 - index) * 1000);
      assert.equal(reply, '+OK\r\n', `key ${index}`);
      assert.ok(store.figure(control.USED_MEMORY) < 3_100_000);
    }
    assert.ok(store.figure(control.EVICTED) > 1500, String(store.figure(control.EVICTED)));
    if (policy !== 'allkeys-random') assert.equal(store.run(client, 'GET', 'stays'), '$1\r\nx\r\n');
    const kept = (from: number, to: number): number => {
      let there = 0;
      for (let index = from; index < to; index++) there += Number(store.run(client, 'EXISTS', `k${index}`).slice(1));
      return there;
    };
    if (policy.endsWith('lru')) assert.ok(kept(4000, 5000) > kept(0, 1000) + 500);
    // The last ones expire first.
    if (policy === 'volatile-ttl') assert.ok(kept(0, 1000) === 1000 && kept(3000, 4900) < 100);
  });
}

test('a large hash: a scan meets all of it, DEL is at once, and everything comes back', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  for (let index = 0; index < 20_000; index++) store.run(client, 'HSET', 'h', `f${index}`, 'v'.repeat(index % 100));
  assert.equal(store.run(client, 'HLEN', 'h'), ':20000\r\n');
  const seen = new Set<string>();
  let cursor = '0';
  do {
    const reply = store.run(client, 'HSCAN', 'h', cursor, 'COUNT', 500);
    cursor = /^\*2\r\n\$\d+\r\n(\d+)/.exec(reply)![1]!;
    for (const match of reply.matchAll(/\r\n(f\d+)\r\n/g)) seen.add(match[1]!);
  } while (cursor !== '0');
  assert.equal(seen.size, 20_000);
  assert.equal(store.run(client, 'COPY', 'h', 'other'), ':1\r\n');
  for (let index = 0; index < 20_000; index++) store.run(client, 'HDEL', 'other', `f${index}`);
  assert.equal(store.run(client, 'DEL', 'h'), ':1\r\n');
  store.pass(0);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('announced values are bounded in all: who holds most is closed, data and others stay', () => {
  const store = new TestStore({ [control.MAX_CLIENTS]: 1000 });
  const [good, small] = [store.core.clientOpen(), store.core.clientOpen()];
  for (let index = 0; index < 1000; index++) store.run(good, 'SET', `k${index}`, 'v'.repeat(1000));
  store.pass(0);
  const used = store.figure(control.USED_MEMORY);
  store.feed(small, Buffer.from('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\npart'));
  const greedy = Array.from({ length: 500 }, (_, index) => {
    const client = store.core.clientOpen();
    store.feed(
      client,
      Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\na\r\n$${4_000_000 + (index % 2 === 0 ? index : -index) * 10}\r\n`),
    );
    return client;
  });
  store.pass(0);
  // Half of the 31 MiB at most, and one more.
  assert.ok(store.figure(control.USED_MEMORY) - used < 21 << 20, String(store.figure(control.USED_MEMORY)));
  const open = greedy.filter((client) => store.core.clientState(client) === 0);
  assert.ok(open.length >= 2 && open.length < 6, `${open.length} are open`);
  assert.match(store.run(good, 'INFO', 'stats'), /client_query_buffer_limit_disconnections:49\d\r\n/);
  assert.equal(store.run(good, 'DBSIZE'), ':1000\r\n');
  assert.equal(store.core.clientState(small), 0);
  const rest = Buffer.from(`${'x'.repeat(99_996)}\r\n`);
  assert.equal(store.exchange(small, rest).toString(), '+OK\r\n');
  assert.equal(store.run(good, 'STRLEN', 'a'), ':100000\r\n');
  for (const client of greedy) store.core.clientClose(client);
  store.run(good, 'DEL', 'a');
  store.core.clientClose(small);
  store.pass(0);
  assert.equal(store.figure(control.USED_MEMORY), used);
  // Alone, one may send what there is room for.
  const value = Buffer.alloc(20 << 20, 'x');
  assert.equal(store.exchange(good, commandBytes('SET', 'large', value)).toString(), '+OK\r\n');
});

test('binary keys and values, in every type and every one of 16 databases', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const text = `$256\r\n${all.toString('latin1')}\r\n`;
  for (let number = 0; number < 16; number++) {
    assert.equal(store.run(client, 'SELECT', number), '+OK\r\n');
    const key = Buffer.concat([all, Buffer.from([number, 0, 13, 10])]);
    const of = (type: string): Buffer => Buffer.concat([key, Buffer.from(type)]);
    store.run(client, 'SET', of('s'), all);
    store.run(client, 'HSET', of('h'), all, all);
    store.run(client, 'RPUSH', of('l'), all);
    store.run(client, 'SADD', of('e'), all);
    store.run(client, 'ZADD', of('z'), 1, all);
    assert.equal(store.run(client, 'DBSIZE'), ':5\r\n');
    assert.equal(store.run(client, 'GET', of('s')), text);
    assert.equal(store.run(client, 'HGETALL', of('h')), `*2\r\n${text}${text}`);
    assert.equal(store.run(client, 'LPOP', of('l')), text);
    assert.equal(store.run(client, 'SMEMBERS', of('e')), `*1\r\n${text}`);
    assert.equal(store.run(client, 'ZRANGE', of('z'), 0, -1), `*1\r\n${text}`);
    assert.equal(store.run(client, 'GET', key), '$-1\r\n');
  }
  assert.equal(store.run(client, 'SELECT', 16), '-ERR DB index is out of range\r\n');
  assert.equal(store.run(client, 'SWAPDB', 0, 15), '+OK\r\n');
  store.run(client, 'SELECT', 0);
  assert.equal(store.run(client, 'GET', Buffer.concat([all, Buffer.from([15, 0, 13, 10]), Buffer.from('s')])), text);
  assert.match(store.run(client, 'INFO', 'keyspace'), /db15:keys=4,/);
});

test('CONFIG RESETSTAT forgets what INFO counts of commands, connections and bytes', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  for (let times = 0; times < 10; times++) store.run(client, 'SET', 'key', 'x'.repeat(1000));
  store.run(client, 'GET', 'nothing');
  assert.match(store.run(client, 'INFO', 'commandstats'), /cmdstat_set:calls=10\r\n/);
  assert.equal(store.run(client, 'CONFIG', 'RESETSTAT'), '+OK\r\n');
  assert.equal(store.run(client, 'INFO', 'commandstats').split('cmdstat_').length, 2, 'of this command alone');
  const stats = store.run(client, 'INFO', 'stats');
  for (const name of ['total_connections_received', 'rejected_connections', 'keyspace_misses'])
    assert.match(stats, new RegExp(`${name}:0\r\n`));
  for (const name of ['total_net_input_bytes', 'total_net_output_bytes', 'total_commands_processed'])
    assert.ok(Number(new RegExp(`${name}:(\\d+)`).exec(stats)![1]) < 300, stats);
  store.core.clientClose(client);
});
