// The key-value store as our machine code beside the same module in V8: the same commands over the same rings at the same times, and afterwards memories that are the same byte for byte.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layouts } from '../vmm/module-guest.js';
import { Dice } from './dice.js';
import { memoryBytes, natively, Store } from './kv-guest.js';
import { nativeRefused } from './native.js';

const kinds = [
  'SET k@ v@',
  'GET k@',
  'INCRBY n@ @',
  'INCRBYFLOAT f@ 0.@',
  'APPEND s@ abc@',
  'GETRANGE s@ 1 @',
  'SETBIT b@ @ 1',
  'BITCOUNT b@',
  'LPUSH l@ a@ b@',
  'RPOP l@',
  'LRANGE l@ 0 -1',
  'HSET h@ f@ v@ g@ w@',
  'HGETALL h@',
  'HINCRBY h@ c @',
  'SADD s1@ a@ b@',
  'SMEMBERS s1@',
  'SINTER s1@ s1@',
  'ZADD z@ 1.@ a@ -2.5 b@',
  'ZRANGE z@ 0 -1 WITHSCORES',
  'ZINCRBY z@ 0.25 a@',
  `SET big@ ${'x'.repeat(3000)}`,
  'GET big@',
  'DEL k@ l@',
  'EXPIRE k@ @',
  'PEXPIRE n@ @',
  'TTL k@',
  'TYPE z@',
  'RENAME k@ k@',
  'EXISTS k@ n@',
  'SCAN 0 COUNT @',
  'OBJECT ENCODING l@',
  'INFO',
  'DBSIZE',
  'MULTI',
  'EXEC',
  'NONSENSE @',
  'SUBSCRIBE c@',
  'PUBLISH c@ m@',
  'STRLEN s@',
  'GETDEL k@',
  'SETRANGE s@ @ xyz',
  'HDEL h@ f@',
  'ZRANK z@ a@',
  'ZREM z@ b@',
  'LINSERT l@ BEFORE a@ c@',
  'MSET k@ 1 k@ 2',
  'MGET k@ k@ k@',
  'PING',
  'ECHO e@',
  'FLUSHALL',
];

/** Commands out of a seed, `@` being numbers. */
function commands(dice: Dice, many: number): string {
  return Array.from({ length: many }, () => {
    const kind = dice.below(200) === 0 ? 'FLUSHALL' : kinds[dice.below(kinds.length - 1)]!;
    return `${kind.replaceAll('@', () => `${dice.below(40)}`)}\r\n`;
  }).join('');
}

test('the store gives the same replies and the same memory as in V8', { skip: nativeRefused() }, () => {
  for (const [index, [name, layout]] of Object.entries(layouts).entries()) {
    const [inV8, ours] = [new Store(layout), new Store(layout, natively)];
    const dice = new Dice(index + 1);
    for (let port = 2000; port < 2004; port++) for (const store of [inV8, ours]) store.clients.device.open(port, 6379);
    for (let round = 0; round < 10; round++) {
      const [port, text, us] = [2000 + dice.below(4), commands(dice, 1 + dice.below(60)), dice.below(3_000_000)];
      for (const store of [inV8, ours]) {
        store.ask(port, text);
        store.wait(us);
      }
    }
    assert.ok(inV8.clients.replies.length > 5000, `${inV8.clients.replies.length}`);
    assert.ok(ours.clients.replies === inV8.clients.replies, `${name}: replies differ`);
    assert.ok(
      Buffer.from(inV8.guest.bytes.buffer).equals(Buffer.from(ours.guest.bytes.buffer, 0, memoryBytes)),
      `${name}: memories differ`,
    );
  }
});
