// As many clients as a store may have, the moment it is there: each is served, beside the store's warm-up and after it, and what is counted is theirs. Not here: stores with other words.

import assert from 'node:assert/strict';
import { RawClient, startKv } from './kv-process.js';

/** Starts a store with these words, for `most` clients, and holds it to that. */
export async function serveAtOnce(words: readonly string[], most: number): Promise<void> {
  const store = await startKv([...words, '--maxclients', `${most}`]);
  const clients = Array.from({ length: most }, () => new RawClient(store.port));
  const replies = await Promise.all(clients.map((each) => each.ask('SET a 1\r\n', '+OK\r\n')));
  assert.deepEqual(new Set(replies), new Set(['+OK\r\n']));
  const info = await clients[0]!.ask('INFO\r\n', 'x'.repeat(1200));
  const commands = await clients[0]!.ask('INFO commandstats\r\n', 'x'.repeat(60));
  assert.ok(!/cmdstat_get|cmdstat_config/.test(commands), commands);
  assert.match(commands, new RegExp(`cmdstat_set:calls=${most}\\b`));
  assert.match(info, new RegExp(`total_connections_received:${most}\\b`));
  assert.match(info, new RegExp(`connected_clients:${most}\\b`));
  assert.match(info, /rejected_connections:0\b/);
  assert.match(info, /keyspace_misses:0\b/);
  assert.equal(await store.end(), 0);
}
