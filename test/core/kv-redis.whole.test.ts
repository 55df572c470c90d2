// The store against a real Redis: the same commands, the same replies, byte for byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminCases } from './kv-admin-cases.js';
import { basicCases, hashCases, sharedCases, wordsOf } from './kv-cases.js';
import { collectionCases } from './kv-collection-cases.js';
import { Chance, randomCommand } from './kv-random.js';
import { Comparison, type Reply, readReplies } from './kv-replies.js';
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
    const lines = `${basicCases}${hashCases}${collectionCases}${sharedCases}${adminCases}`
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

test('every command has the arity and the keys that Redis has for it', { skip: missingRedis() }, async () => {
  const redis = await RedisPeer.start();
  try {
    const store = new TestStore();
    const input = commandBytes('COMMAND');
    const described = (bytes: Buffer): Map<Reply, string> =>
      new Map((readReplies(bytes)[0] as Reply[][]).map((it) => [it[0]!, [it[1], ...it.slice(3, 6)].join(' ')]));
    const ours = described(store.exchange(store.core.clientOpen(), input));
    const theirs = described(await redis.exchangeUntil(input, 'mark'));
    assert.ok(ours.size > 180);
    // Of these two Redis tells the keys with their subcommands.
    for (const name of ['$object', '$memory']) assert.ok(ours.delete(name));
    for (const [name, places] of ours) assert.equal(places, theirs.get(name), String(name));
  } finally {
    await redis.stop();
  }
});

const BATCHES = 300;
const BATCH = 100;

test('30,000 random commands of all types, reply by reply', { skip: missingRedis() }, async () => {
  const redis = await RedisPeer.start();
  try {
    const store = new TestStore();
    const client = store.core.clientOpen();
    const chance = new Chance(Number(process.env['CLEARWAY_SEED'] ?? 0x5eed));
    const comparison = new Comparison();
    const differences: string[] = [];
    for (let batch = 0; batch < BATCHES && differences.length === 0; batch++) {
      // A transaction ends with its batch: the mark would wait in it.
      const commands = Array.from({ length: BATCH - 1 }, () => randomCommand(chance, true));
      commands.push(['DISCARD']);
      const inputs = commands.map((words) => commandBytes(...words));
      const theirs = readReplies(await redis.exchangeUntil(Buffer.concat(inputs), `mark ${batch}`));
      const ours = inputs.map((input) => {
        const reply = store.exchange(client, input);
        // One that waits for a key gives up after 10 ms.
        if (reply.length === 0) store.pass(10);
        return readReplies(reply.length > 0 ? reply : store.output(client))[0] as Reply;
      });
      assert.equal(theirs.length, commands.length);
      commands.forEach((words, index) => {
        const [wanted, given] = comparison.forms(words, theirs[index] as Reply, ours[index] as Reply);
        if (wanted !== given) differences.push(`${JSON.stringify(words)}\n  Redis ${wanted}\n  store ${given}`);
      });
    }
    assert.equal(differences.slice(0, 20).join('\n'), '');
  } finally {
    await redis.stop();
  }
});
