// The store against a real Redis: the same commands, the same replies, byte for byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicCases, hashCases, sharedCases, wordsOf } from './kv-cases.js';
import { commandBytes, TestStore } from './kv-store.js';
import { missingRedis, RedisPeer } from './redis-peer.js';

/** A reply without what is another number in each server: the client's. */
function plain(reply: Buffer): string {
  return reply.toString('latin1').replace(/\$2\r\nid\r\n:\d+/, 'id');
}

test('the list of cases, one after another', { skip: missingRedis() }, async () => {
  const redis = await RedisPeer.start();
  try {
    const store = new TestStore();
    const client = store.core.clientOpen();
    const differences: string[] = [];
    const lines = `${basicCases}${hashCases}${sharedCases}`
      .trim()
      .split('\n')
      .filter((line) => line !== '');
    for (const line of lines) {
      const input = commandBytes(...wordsOf(line));
      const reply = store.exchange(client, input);
      const given = plain(reply);
      const wanted = plain(await redis.exchange(input, reply.length));
      if (wanted !== given)
        differences.push(`${line}\n  Redis ${JSON.stringify(wanted)}\n  store ${JSON.stringify(given)}`);
    }
    assert.ok(lines.length > 200);
    assert.equal(differences.join('\n'), '');
  } finally {
    await redis.stop();
  }
});
