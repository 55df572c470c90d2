// Pipelines over many keys, whose places are touched before the commands run (src/core/kv/warm.ts): the same replies as one by one, whatever the bytes are and
// wherever they are cut; each piece ends where the memory does, so that a look beyond it would trap.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Chance, randomCommand } from './kv-random.js';
import { commandBytes, TestStore } from './kv-store.js';

/** @param keys with more than 4,096 their places are touched */
function filled(keys = 6000): { store: TestStore; client: number } {
  const store = new TestStore();
  const client = store.core.clientOpen();
  for (let index = 0; index < keys; index++) store.run(client, 'SET', `key:${index}`, index);
  return { store, client };
}

test('pipelines over many keys, cut anywhere, while the table grows and shrinks: as one by one', () => {
  const [whole, single] = [filled(), filled()];
  const chance = new Chance(0x3a53);
  for (let round = 0; round < 400; round++) {
    const commands = Array.from({ length: 1 + chance.below(60) }, () =>
      chance.below(3) === 0
        ? randomCommand(chance)
        : [chance.of(['GET', 'DEL', 'INCR', 'EXISTS']), `key:${chance.below(12_000)}`],
    );
    commands.push(['DISCARD'], ['SELECT', '0'], ['SET', `key:${chance.below(20_000)}`, '7']);
    const wanted = commands.map((words) => single.store.run(single.client, ...words)).join('');
    const input = Buffer.concat(commands.map((words) => commandBytes(...words)));
    const given = whole.store.exchange(whole.client, input, 1 + chance.below(chance.of([7, 200, 5000])));
    assert.equal(given.toString('latin1'), wanted, `round ${round}`);
  }
});

test('bytes that are nearly commands: the same where places are touched as where they are not, and no trap', () => {
  const stores = [filled(6000).store, filled(3000).store];
  const chance = new Chance(0x0dd);
  const seeds = Array.from({ length: 60 }, (_, index) => commandBytes('GET', `key:${index * 50}`));
  for (let round = 0; round < 50_000; round++) {
    const bytes = Buffer.concat(Array.from({ length: 1 + chance.below(6) }, () => chance.of(seeds)));
    for (let changes = chance.below(4); changes > 0; changes--) {
      bytes[chance.below(bytes.length)] = chance.of([0x24, 0x2a, 0x0d, 0x0a, 0x30, 0x39, 0x2d, chance.below(256)]);
    }
    const input = bytes.subarray(0, 1 + chance.below(bytes.length));
    const [touched, other] = stores.map((store) => {
      const client = store.core.clientOpen();
      store.feed(client, input);
      const result = `${store.output(client).toString('latin1')} ${store.core.clientState(client)}`;
      store.core.clientClose(client);
      return result;
    });
    assert.equal(touched, other, JSON.stringify(input.toString('latin1')));
  }
});
