// The clients that people use, against `clearway kv`: redis-cli, redis-benchmark, ioredis, node-redis.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { startKv } from '../support/kv-process.js';

const isMissing = (command: string): string | false =>
  spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
    ? false
    : `there is no ${command}: apt-get install redis-tools`;

test('ioredis: commands, pipelines, transactions, blocking on nothing, subscriptions', async () => {
  const store = await startKv();
  const client = new Redis({ port: store.port, host: '127.0.0.1' });
  assert.equal(await client.set('a', '1'), 'OK');
  assert.equal(await client.incr('a'), 2);
  assert.deepEqual(await client.pipeline().get('a').hset('h', { x: '1', y: '2' }).hgetall('h').exec(), [
    [null, '2'],
    [null, 2],
    [null, { x: '1', y: '2' }],
  ]);
  assert.deepEqual(await client.multi().rpush('l', 'a', 'b').lrange('l', 0, -1).exec(), [
    [null, 2],
    [null, ['a', 'b']],
  ]);
  const worker = client.duplicate();
  const jobs = worker.blpop('jobs', 'more', 0);
  const least = worker.duplicate();
  const delayed = least.bzpopmin('delayed', 0);
  await client.rpush('more', 'job');
  await client.zadd('delayed', 1, 'soon');
  assert.deepEqual(await jobs, ['more', 'job']);
  assert.deepEqual(await delayed, ['delayed', 'soon', '1']);
  assert.equal(await worker.blmove('jobs', 'done', 'LEFT', 'RIGHT', 0.01), null);
  await assert.rejects(client.eval('return 1', 0), /unknown command 'eval': this store has no scripts/);
  worker.disconnect();
  least.disconnect();
  const subscriber = client.duplicate();
  const heard = new Promise((resolve) => subscriber.on('message', (channel, text) => resolve([channel, text])));
  await subscriber.subscribe('news');
  await client.publish('news', 'hello');
  assert.deepEqual(await heard, ['news', 'hello']);
  const keys: string[] = [];
  for await (const page of client.scanStream({ count: 2 })) keys.push(...(page as string[]));
  assert.deepEqual(keys.sort(), ['a', 'h', 'l']);
  client.disconnect();
  subscriber.disconnect();
  assert.equal(await store.end(), 0);
});

for (const RESP of [2, 3] as const) {
  test(`node-redis over RESP${RESP}`, async () => {
    const store = await startKv();
    const client = createClient({ socket: { port: store.port, host: '127.0.0.1' }, RESP });
    await client.connect();
    await client.set('k', 'v', { expiration: { type: 'EX', value: 100 } });
    assert.equal(await client.get('k'), 'v');
    assert.equal(await client.get('none'), null);
    await client.hSet('h', { a: '1' });
    assert.deepEqual({ ...(await client.hGetAll('h')) }, { a: '1' });
    await client.zAdd('z', [
      { score: 2, value: 'two' },
      { score: 1.5, value: 'one' },
    ]);
    assert.deepEqual(await client.zRangeWithScores('z', 0, -1), [
      { score: 1.5, value: 'one' },
      { score: 2, value: 'two' },
    ]);
    const waiting = client.duplicate();
    await waiting.connect();
    const popped = waiting.bzPopMax(['z', 'none'], 0);
    assert.deepEqual(await popped, { key: 'z', value: 'two', score: 2 });
    const job = waiting.blPop('jobs', 0);
    await client.lPush('jobs', 'one');
    assert.deepEqual({ ...(await job) }, { key: 'jobs', element: 'one' });
    await waiting.close();
    assert.equal(await client.setBit('bits', 7, 1), 0);
    assert.equal(await client.bitCount('bits'), 1);
    assert.deepEqual(await client.zUnionWithScores(['z', 'z']), [{ value: 'one', score: 3 }]);
    await client.sAdd('s', ['x', 'y']);
    assert.deepEqual([...(await client.sMembers('s'))].sort(), ['x', 'y']);
    assert.match(await client.info(), /redis_version:/);
    client.destroy();
    assert.equal(await store.end(), 0);
  });
}

test('redis-cli: a command, its own questions at the start, SCAN, big pipes', {
  skip: isMissing('redis-cli'),
}, async () => {
  const store = await startKv();
  const cli = (args: readonly string[], input?: string): string =>
    spawnSync('redis-cli', ['-p', `${store.port}`, ...args], { encoding: 'utf8', input, timeout: 60_000 }).stdout;
  assert.equal(cli(['SET', 'a', '1']), 'OK\n');
  assert.equal(cli([], 'GET a\nINCR a\nHELLO 3\n').split('\n').slice(0, 2).join(), '1,2');
  const commands = Array.from({ length: 1000 }, (_, index) => `SET key:${index} ${index}\n`).join('');
  assert.match(cli(['--pipe'], commands.replaceAll('\n', '\r\n')), /errors: 0, replies: 1000/);
  assert.equal(cli(['--scan', '--pattern', 'key:99*']).trim().split('\n').length, 11);
  assert.match(cli(['INFO', 'server']), /redis_version/);
  assert.equal(await store.end(), 0);
});

test('redis-benchmark runs its whole list', { skip: isMissing('redis-benchmark') }, async () => {
  const store = await startKv();
  const { status, stdout } = spawnSync(
    'redis-benchmark',
    ['-p', `${store.port}`, '-n', '2000', '-c', '20', '-P', '4', '-q', '--csv'],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(status, 0);
  for (const name of ['PING_INLINE', 'SET', 'GET', 'INCR', 'LPUSH', 'SADD', 'HSET', 'ZADD', 'LRANGE_600', 'MSET']) {
    assert.match(stdout, new RegExp(`"${name}`), name);
  }
  assert.equal(await store.end(), 0);
});
