// Commands that wait for a key: several clients at once against a real Redis, every client's replies compared after every command; timeouts in virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance } from './kv-random.js';
import { commandBytes, control, TestStore } from './kv-store.js';
import { missingRedis, type RedisConnection, RedisPeer } from './redis-peer.js';

const CLIENTS = 5;

const key = (chance: Chance): string => `k${chance.below(4)}`;
const many = (chance: Chance, make: () => string): string[] => Array.from({ length: 1 + chance.below(3) }, make);

/** A command of one of the clients: about as many that wait as that give. */
function command(chance: Chance): string[] {
  const keys = many(chance, () => key(chance));
  const side = (): string => chance.of(['LEFT', 'RIGHT']);
  switch (chance.below(21)) {
    case 0:
    case 1:
      return [chance.of(['BLPOP', 'BRPOP']), ...keys, '0'];
    case 2:
      return ['BLMOVE', key(chance), key(chance), side(), side(), '0'];
    case 3:
      return ['BRPOPLPUSH', key(chance), key(chance), '0'];
    case 4:
      return ['BLMPOP', '0', String(keys.length), ...keys, side(), 'COUNT', String(1 + chance.below(3))];
    case 5:
    case 6:
      return [chance.of(['BZPOPMIN', 'BZPOPMAX']), ...keys, '0'];
    case 7:
      return ['BZMPOP', '0', String(keys.length), ...keys, chance.of(['MIN', 'MAX'])];
    case 8:
    case 9:
    case 10:
      return [chance.of(['LPUSH', 'RPUSH']), key(chance), ...many(chance, () => `v${chance.below(100)}`)];
    case 11:
    case 12:
      return [
        'ZADD',
        key(chance),
        ...many(chance, () => String(chance.below(9))).flatMap((score) => [score, `m${chance.below(9)}`]),
      ];
    case 13:
      return ['RENAME', key(chance), key(chance)];
    case 14:
      return ['COPY', key(chance), key(chance), 'REPLACE'];
    case 15:
      return ['DEL', key(chance)];
    case 16:
      return ['LMOVE', key(chance), key(chance), side(), side()];
    case 17:
      return ['SET', key(chance), 'text'];
    case 18:
      return ['SELECT', String(chance.below(2))];
    case 19:
      return ['MOVE', key(chance), String(chance.below(2))];
    default:
      return chance.of([
        ['BLPOP', 'k1', 'x'],
        ['BLPOP', 'k1', '-1'],
        ['BLMOVE', 'k1', 'k2', 'UP', 'LEFT', '0'],
        ['BLMPOP', '0', '0', 'k1', 'LEFT'],
        ['BZMPOP', '0', '1', 'k1', 'LEFT'],
        ['LMPOP', '2', 'k1', 'k2', 'LEFT', 'COUNT', '0'],
        ['LMPOP', '2', 'k1', 'k2', 'RIGHT', 'COUNT', '2'],
        ['ZMPOP', '1', 'k1', 'MAX'],
      ]);
  }
}

/** The same clients of a store and of a Redis. */
class Both {
  readonly store = new TestStore();
  readonly ours: number[] = [];
  readonly theirs: RedisConnection[] = [];
  readonly #redis: RedisPeer;
  #marks = 0;

  constructor(redis: RedisPeer) {
    this.#redis = redis;
  }

  async open(clients: number): Promise<void> {
    for (let index = 0; index < clients; index++) {
      this.ours.push(this.store.core.clientOpen());
      this.theirs.push(await this.#redis.another());
    }
  }

  /** Whether a client waits. */
  waits(client: number): boolean {
    this.store.feed(this.ours[client]!, Buffer.alloc(0));
    return (this.store.feedState & control.FEED_BLOCKED) !== 0;
  }

  /** Sends the same to both, and compares what all clients got. */
  async send(client: number, input: Buffer, what: string): Promise<void> {
    this.store.feed(this.ours[client]!, input);
    const given = this.ours.map((each) => this.store.output(each).toString('latin1'));
    this.theirs[client]!.socket.write(input);
    // What the command did is done when Redis answers somebody who asked later.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#redis.exchangeUntil(Buffer.alloc(0), `mark ${this.#marks++}`);
    for (const [index, connection] of this.theirs.entries()) {
      const wanted = (await connection.exchange(Buffer.alloc(0), given[index]!.length)).toString('latin1');
      assert.equal(given[index], wanted, `client ${index} after client ${client}'s ${what}`);
    }
  }
}

test('clients that wait and clients that give, in any order: every reply as Redis has it', {
  skip: missingRedis(),
}, async () => {
  const redis = await RedisPeer.start();
  try {
    const both = new Both(redis);
    await both.open(CLIENTS + 1);
    const chance = new Chance(0xb10c);
    for (const [client, version] of [
      [1, '3'],
      [3, '3'],
    ] as const) {
      const hello = commandBytes('HELLO', version);
      both.store.run(both.ours[client]!, 'HELLO', version);
      await both.theirs[client]!.exchangeUntil(hello, 'hello');
    }
    let waited = 0;
    for (let step = 0; step < 3000; step++) {
      // The last one never waits, so that somebody can always go on.
      const client = chance.below(CLIENTS + 1);
      if (both.waits(client)) {
        waited++;
        continue;
      }
      let words = command(chance);
      if (client === CLIENTS && words[0]!.startsWith('B')) words = ['RPUSH', key(chance), 'x'];
      if (chance.below(10) === 0) {
        const inner = [words, command(chance), command(chance)];
        await both.send(
          client,
          Buffer.concat([commandBytes('MULTI'), ...inner.map((each) => commandBytes(...each)), commandBytes('EXEC')]),
          `MULTI ${JSON.stringify(inner)}`,
        );
      } else await both.send(client, commandBytes(...words), JSON.stringify(words));
    }
    assert.ok(waited > 300, `clients waited at ${waited} steps only`);
  } finally {
    await redis.stop();
  }
});

/** Gives the same replies in the same order whoever came first. */
test('who came first is served first, and one element goes to one client', () => {
  const store = new TestStore();
  const clients = Array.from({ length: 20 }, () => store.core.clientOpen());
  const giver = store.core.clientOpen();
  for (const client of clients) assert.equal(store.run(client, 'BLPOP', 'queue', '0'), '');
  for (let index = 0; index < clients.length; index++) {
    assert.equal(store.run(giver, 'RPUSH', 'queue', `job${index}`), ':1\r\n');
    assert.equal(store.core.nextClientEvent(), clients[index]);
    assert.equal(store.core.nextClientEvent(), -1);
    assert.match(store.output(clients[index]!).toString(), new RegExp(`job${index}\r\n$`));
  }
  assert.equal(store.run(giver, 'EXISTS', 'queue'), ':0\r\n');
});

test('SWAPDB, MOVE and COPY bring what a client of another database waits for', () => {
  const store = new TestStore();
  const [client, giver] = [store.core.clientOpen(), store.core.clientOpen()];
  store.run(client, 'SELECT', '1');
  for (const words of [
    ['SWAPDB', '0', '1'],
    ['MOVE', 'list', '1'],
    ['COPY', 'list', 'list', 'DB', '1'],
  ]) {
    store.run(client, 'BLPOP', 'list', '0');
    store.run(giver, 'RPUSH', 'list', 'x');
    assert.equal(store.output(client).length, 0);
    store.run(giver, ...words);
    assert.match(store.output(client).toString(), /x\r\n$/, words[0]);
    store.run(giver, 'FLUSHALL');
  }
});

test('a client that waits gives up at its time, not before, and nothing is left of it', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const used = store.figure(control.USED_MEMORY);
  for (const [words, reply] of [
    [['BLPOP', 'a', 'b', 'a', '2.5'], '*-1\r\n'],
    [['BLMOVE', 'a', 'b', 'LEFT', 'LEFT', '2.5'], '*-1\r\n'],
    [['BZPOPMIN', 'a', '2.5'], '*-1\r\n'],
    [['BZMPOP', '2.5', '1', 'a', 'MAX'], '*-1\r\n'],
  ] as const) {
    assert.equal(store.run(client, ...words), '');
    store.pass(2499);
    assert.equal(store.output(client).length, 0);
    assert.ok(store.core.storeTurn(store.now % 0x1_0000_0000) <= 1000);
    store.pass(1);
    assert.equal(store.core.nextClientEvent(), client);
    assert.equal(store.output(client).toString(), reply);
    store.pass(0);
    assert.equal(store.figure(control.USED_MEMORY), used);
  }
  // A time that is over because the client got something does not come back.
  const giver = store.core.clientOpen();
  store.run(client, 'BLPOP', 'a', '1');
  store.run(giver, 'LPUSH', 'a', 'x');
  assert.match(store.output(client).toString(), /x\r\n$/);
  store.pass(5000);
  assert.equal(store.output(client).length, 0);
});

test('what a client sent behind a command that waits is taken when that is over; one that goes takes nothing', () => {
  const store = new TestStore();
  const [client, gone, giver] = [store.core.clientOpen(), store.core.clientOpen(), store.core.clientOpen()];
  const used = store.figure(control.USED_MEMORY);
  const wait = commandBytes('BLPOP', 'list', '0');
  const both = Buffer.concat([wait, commandBytes('PING')]);
  assert.equal(store.feed(client, both), wait.length);
  assert.equal(store.feedState, control.FEED_BLOCKED);
  assert.equal(store.feed(client, both.subarray(wait.length)), 0);
  assert.equal(store.feed(gone, wait), wait.length);
  store.core.clientClose(gone);
  store.run(giver, 'RPUSH', 'list', 'one', 'two');
  assert.equal(store.output(client).toString(), '*2\r\n$4\r\nlist\r\n$3\r\none\r\n');
  assert.equal(store.exchange(client, both.subarray(wait.length)).toString(), '+PONG\r\n');
  assert.equal(store.run(giver, 'LRANGE', 'list', '0', '-1'), '*1\r\n$3\r\ntwo\r\n');
  store.run(giver, 'DEL', 'list');
  store.pass(1);
  assert.equal(store.figure(control.USED_MEMORY), used);
});

test('CLIENT UNBLOCK, CLIENT KILL and CLIENT LIST know who waits', () => {
  const store = new TestStore();
  const [client, other] = [store.core.clientOpen(), store.core.clientOpen()];
  const id = store.run(client, 'CLIENT', 'ID').slice(1).trim();
  assert.equal(store.run(other, 'CLIENT', 'UNBLOCK', id), ':0\r\n');
  store.run(client, 'BLPOP', 'list', '0');
  assert.match(store.run(other, 'CLIENT', 'LIST'), / flags=b /);
  assert.match(store.run(other, 'INFO', 'clients'), /blocked_clients:1\r\n/);
  assert.equal(
    store.run(other, 'CLIENT', 'UNBLOCK', id, 'SOON'),
    '-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n',
  );
  assert.equal(store.run(other, 'CLIENT', 'UNBLOCK', id, 'ERROR'), ':1\r\n');
  assert.equal(store.output(client).toString(), '-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n');
  store.run(client, 'BLPOP', 'list', '0');
  assert.equal(store.run(other, 'CLIENT', 'UNBLOCK', id), ':1\r\n');
  assert.equal(store.output(client).toString(), '*-1\r\n');
  store.run(client, 'BLPOP', 'list', '0');
  store.run(other, 'CLIENT', 'KILL', 'ID', id);
  // It is as good as gone: what comes is not for it.
  store.run(other, 'LPUSH', 'list', 'x');
  assert.equal(store.run(other, 'LLEN', 'list'), ':1\r\n');
  assert.equal(store.core.nextClientEvent(), client);
  assert.equal(store.core.clientState(client), control.FEED_CLOSED);
});

test('where memory is short a client is told so and does not wait', () => {
  const store = new TestStore({}, 72);
  const client = store.core.clientOpen();
  while (store.run(client, 'SET', `key:${store.figure(control.KEYS)}`, 'x'.repeat(3000)) === '+OK\r\n');
  const empty = store.figure(control.USED_MEMORY);
  const waiting = Array.from({ length: 90 }, () => store.core.clientOpen());
  const keys = Array.from({ length: 2000 }, (_, index) => `${index}${'y'.repeat(200)}`);
  let refused = 0;
  for (const each of waiting) {
    const reply = store.exchange(each, commandBytes('BLPOP', ...keys, '0')).toString();
    if (reply.startsWith('-OOM')) refused++;
    else assert.equal(reply, '');
  }
  assert.ok(refused > 0);
  for (const each of waiting) store.core.clientClose(each);
  assert.equal(store.figure(control.USED_MEMORY), empty);
});
