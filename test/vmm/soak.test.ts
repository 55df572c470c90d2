// A part of `npm run soak:vm`: random commands to the store in a guest against a model, in turns on one thread and beside it, where writes are refused at the bound of memory and where keys make room.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectionDeeds } from '../../bench/vm/soak/collections.js';
import { KvModel, WrongAnswer } from '../../bench/vm/soak/model.js';
import { soak } from '../../bench/vm/soak/soak.js';
import { stringDeeds } from '../../bench/vm/soak/strings.js';
import { patient } from '../support/patience.js';
import { guestsRefused, imageOf } from './support.js';

const seed = Number(process.env['CLEARWAY_SEED'] ?? 7);
/** So that memory is at its bound soon. */
const small = { image: imageOf('kv'), seed, keys: 2500, maxMemory: 1024 ** 2 };
const skip = guestsRefused();

test('20,000 requests in turns, writes are refused at the bound', { skip, timeout: patient(240_000) }, async () => {
  const found = await soak({ ...small, door: 'turns', policy: 'noeviction', requests: 20_000 });
  assert.ok(found.keys > 1000 && found.expired > 100 && found.refused > 100, JSON.stringify(found));
});

test('20,000 requests in turns, keys make room at the bound', { skip, timeout: patient(240_000) }, async () => {
  const found = await soak({ ...small, door: 'turns', policy: 'allkeys-lru', requests: 20_000 });
  assert.ok(found.keys > 1000 && found.expired > 100 && found.evicted > 100, JSON.stringify(found));
});

test('5,000 requests to a guest in a thread of its own', { skip, timeout: patient(240_000) }, async () => {
  const found = await soak({ ...small, door: 'threads', policy: 'noeviction', requests: 5000 });
  assert.ok(found.keys > 500, JSON.stringify(found));
});

test('the model refuses a wrong reply, a key that is lost, and one that outlives its time', () => {
  const model = new KvModel({ ...stringDeeds, ...collectionDeeds }, false);
  const judge = (words: string, reply: string): number => {
    const list = words.split(' ');
    return model.judge({ words: list, keys: [list[1]!] }, reply, 0);
  };
  judge('SET a 1 PX 1000', '+OK\r\n');
  judge('GET a', '$1\r\n1\r\n');
  assert.throws(() => judge('GET a', '$1\r\n2\r\n'), WrongAnswer);
  assert.throws(() => judge('GET a', '$-1\r\n'), WrongAnswer);
  model.beginMs = model.endMs = 1000;
  judge('GET a', '$1\r\n1\r\n');
  judge('GET a', '$-1\r\n');
  judge('SET b x PX 1000', '+OK\r\n');
  model.beginMs = model.endMs = 3000;
  assert.throws(() => judge('GET b', '$1\r\nx\r\n'), WrongAnswer);
  assert.throws(() => judge('GET c', "-OOM command not allowed when used memory > 'maxmemory'.\r\n"), WrongAnswer);
  judge('SET c x', "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  judge('EXISTS c', ':0\r\n');
});
