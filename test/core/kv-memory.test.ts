// Memory of the store: where there is no room nothing traps and nothing is half done, and when all is flushed all of it is back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance, randomCommand } from './kv-random.js';
import { commandBytes, control, TestStore } from './kv-store.js';

/** Bytes that a store uses after everything was deleted and every client but one is gone. */
function usedWhenEmpty(store: TestStore, client: number): number {
  store.run(client, 'RESET');
  store.run(client, 'FLUSHALL');
  store.pass(200);
  return store.figure(control.USED_MEMORY);
}

/** Runs a random command; one that waits for a key gives up at its time. */
function runRandom(store: TestStore, client: number, words: readonly (string | Buffer)[]): string {
  const reply = store.run(client, ...words);
  if ((store.feedState & control.FEED_BLOCKED) !== 0) store.pass(10);
  return reply;
}

test('random commands, FLUSHALL: the memory of an empty store, whatever was sent', () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const empty = usedWhenEmpty(store, client);
  const chance = new Chance(0xfeed);
  for (let round = 0; round < 20; round++) {
    const other = store.core.clientOpen();
    for (let index = 0; index < 1000; index++) {
      runRandom(store, chance.below(3) === 0 ? other : client, randomCommand(chance, true));
      if (chance.below(50) === 0)
        store.run(other, chance.of(['SUBSCRIBE', 'PSUBSCRIBE', 'UNSUBSCRIBE']), `ch${chance.below(9)}`);
      if (chance.below(50) === 0)
        store.run(client, 'PUBLISH', `ch${chance.below(9)}`, 'm'.repeat(chance.below(20_000)));
      store.output(other);
    }
    // It goes away as it is: in a transaction, subscribed, with keys watched and half a command.
    store.run(other, 'WATCH', 'k1', 'k2');
    store.feed(other, Buffer.from('*3\r\n$3\r\nSET\r\n$2\r\nk1\r\n$50000\r\nhalf'));
    store.core.clientClose(other);
    store.pass(200);
    assert.equal(usedWhenEmpty(store, client), empty, `round ${round}`);
  }
});

/** Commands that need much memory, for a store that has little. */
function largeCommand(chance: Chance): (string | Buffer)[] {
  const key = `big${chance.below(40)}`;
  const long = 'x'.repeat(chance.below(chance.of([100, 1000, 20_000, 60_000])));
  const many = Array.from(
    { length: 1 + chance.below(60) },
    () => `${chance.below(10_000)}${'y'.repeat(chance.below(300))}`,
  );
  switch (chance.below(12)) {
    case 0:
      return ['SET', key, long];
    case 1:
      return ['APPEND', key, long];
    case 2:
      return ['LPUSH', key, ...many];
    case 3:
      return ['SADD', key, ...many];
    case 4:
      return ['ZADD', key, ...many.flatMap((member) => [String(chance.below(99)), member])];
    case 5:
      return ['HSET', key, ...many.flatMap((member) => [member, long.slice(0, 500)])];
    case 6:
      return ['COPY', key, `big${chance.below(40)}`, 'REPLACE'];
    case 7:
      return ['RENAME', key, `big${chance.below(40)}`];
    case 8:
      return ['SUNIONSTORE', key, `big${chance.below(40)}`, `big${chance.below(40)}`];
    case 9:
      return ['SETRANGE', key, String(chance.below(300_000)), 'x'];
    case 10:
      return chance.below(6) === 0 ? ['DEL', key] : ['EXPIREAT', key, '9999999999'];
    default:
      return ['LSET', key, '0', long];
  }
}

for (const [name, policy] of [
  ['noeviction', control.POLICY_NOEVICTION],
  ['allkeys-lru', control.POLICY_ALLKEYS_LRU],
] as const) {
  test(`a small store that is full, ${name}: no trap, no leak, and it goes on`, () => {
    const store = new TestStore({ [control.POLICY]: policy }, 72);
    let client = store.core.clientOpen();
    const empty = usedWhenEmpty(store, client);
    const chance = new Chance(0xf011 + policy);
    let refused = 0;
    for (let round = 0; round < 8; round++) {
      for (let index = 0; index < 2500; index++) {
        const words = chance.below(4) === 0 ? randomCommand(chance, true) : largeCommand(chance);
        if (words[0] === 'FLUSHDB') continue;
        const reply = runRandom(store, client, words);
        if (reply.startsWith('-OOM')) refused += 1;
        if (store.core.clientState(client) !== 0) {
          // It was closed for want of room for its reply. Whoever comes next can read and make room.
          store.core.clientClose(client);
          client = store.core.clientOpen();
          assert.equal(store.run(client, 'PING'), '+PONG\r\n', `after ${words[0]}`);
          assert.match(store.run(client, 'DEL', `big${chance.below(40)}`), /^:[01]\r\n$/);
        }
        if (index % 100 === 0) store.pass(10);
      }
      assert.equal(usedWhenEmpty(store, client), empty, `round ${round}`);
      assert.equal(store.run(client, 'SET', 'after', 'all'), '+OK\r\n');
    }
    if (policy === control.POLICY_NOEVICTION) assert.ok(refused > 500, `only ${refused} were refused`);
    else assert.ok(store.figure(control.EVICTED) > 20, `only ${store.figure(control.EVICTED)} were evicted`);
  });
}

test('LPUSH and RPUSH for which there is no room add nothing', () => {
  for (const command of ['LPUSH', 'RPUSH']) {
    const store = new TestStore({ [control.MAX_ARGUMENTS]: 4096 }, 72);
    const client = store.core.clientOpen();
    store.run(client, 'RPUSH', 'list', 'first');
    const pieces = Array.from({ length: 4000 }, (_, index) => `${index}${'x'.repeat(240)}`);
    let last = '';
    for (let tries = 0; tries < 10 && !last.startsWith('-OOM'); tries++) {
      const had = store.run(client, 'LLEN', 'list');
      last = store.exchange(client, commandBytes(command, 'list', ...pieces)).toString('latin1');
      if (last.startsWith('-')) assert.equal(store.run(client, 'LLEN', 'list'), had);
    }
    assert.match(last, /^-OOM/);
  }
});

test('WATCH sees what COPY and MOVE put into another database', () => {
  for (const command of [
    ['COPY', 'from', 'seen', 'DB', '1'],
    ['MOVE', 'seen', '1'],
  ]) {
    const store = new TestStore();
    const watcher = store.core.clientOpen();
    const other = store.core.clientOpen();
    store.run(watcher, 'SELECT', '1');
    store.run(watcher, 'WATCH', 'seen');
    store.run(other, 'MSET', 'from', 'a', 'seen', 'b');
    assert.equal(store.run(other, ...command), ':1\r\n');
    store.run(watcher, 'MULTI');
    store.run(watcher, 'GET', 'seen');
    assert.equal(store.run(watcher, 'EXEC'), '*-1\r\n');
  }
});

test("INFO's memory is what Redis' users read there: the most is never less than now, and parts are parts", () => {
  const store = new TestStore();
  const client = store.core.clientOpen();
  const figures = (): Map<string, number> =>
    new Map(
      [...store.run(client, 'INFO', 'memory').matchAll(/^(\w+):([\d.]+)%?\r?$/gm)].map((line) => [
        line[1]!,
        Number(line[2]),
      ]),
    );
  store.run(client, 'CONFIG', 'SET', 'maxmemory', '20mb');
  store.data.setBigUint64(store.block + control.TELL_RESIDENT, 90_000_000n, true);
  for (let index = 0; index < 50; index++) store.run(client, 'SET', `k${index}`, 'x'.repeat(100_000));
  const full = figures();
  assert.ok(full.get('used_memory')! > 5_000_000 && full.get('used_memory')! < 6_000_000);
  assert.equal(full.get('used_memory_peak'), full.get('used_memory'));
  assert.equal(full.get('used_memory_rss'), 90_000_000);
  assert.equal(full.get('maxmemory'), 20 * 1024 ** 2);
  assert.ok(Math.abs(full.get('mem_fragmentation_ratio')! - 90_000_000 / full.get('used_memory')!) < 0.01);
  store.run(client, 'FLUSHALL');
  store.pass(10);
  const empty = figures();
  assert.ok(empty.get('used_memory')! < 50_000);
  assert.equal(empty.get('used_memory_peak'), full.get('used_memory_peak'));
  assert.equal(empty.get('used_memory_dataset')! + empty.get('used_memory_overhead')!, empty.get('used_memory'));
});
