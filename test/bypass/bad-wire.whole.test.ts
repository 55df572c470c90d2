// Our own TCP/IP and the kernel's as peers over a wire that loses, doubles, reorders and corrupts packets: every byte arrives, in order, both ways, over IPv4 and IPv6.
// Larger transfers, and how fast they are: `npm run bench:bypass -- transfer`.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { type BypassNetwork, openBypass, type StackStream } from '../../src/bypass/index.js';
import type { Badness } from '../support/bad-wire.js';
import { RelayedPair, relayRefused } from '../support/relayed-pair.js';
import type { RelayCounts } from '../support/wire-relay.js';

const bytes = 1024 * 1024;
const limitMs = 60_000;

/** Bytes that repeat only after more than a window holds, so that a piece in the wrong place is another one. */
function seededBytes(seed: number): Buffer {
  let state = seed | 1;
  const words = new Uint32Array(bytes / 4);
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

/** Sends all of one, and takes all that comes. (Not by iterating, which destroys a stream when the other direction ends first.) */
async function exchange(stream: Socket | StackStream, ours: Buffer): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  (stream as Duplex).on('data', (part: Uint8Array) => parts.push(part));
  stream.end(ours);
  await once(stream, 'close');
  return Buffer.concat(parts);
}

/** One connection to a server of the kernel, full in both directions at once. */
async function bothWays(network: BypassNetwork, host: string, seed: number): Promise<void> {
  const [ours, theirs] = [seededBytes(seed), seededBytes(seed + 0x5555)];
  const server = createServer({ allowHalfOpen: true }).listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const accepted = once(server, 'connection').then(([socket]) => exchange(socket as Socket, theirs));
  const [came, went] = await Promise.all([exchange(network.connect(port, host), ours), accepted]);
  assert.ok(came.equals(theirs), `what the kernel sent to us, ${came.length} bytes`);
  assert.ok(went.equals(ours), `what we sent to the kernel, ${went.length} bytes`);
  server.close();
}

const cases: readonly (readonly [string, Badness, readonly (keyof RelayCounts)[]])[] = [
  ['a good wire', {}, []],
  ['1 % lost', { loss: 0.01 }, ['lost']],
  ['5 % lost', { loss: 0.05 }, ['lost']],
  ['a tenth reordered', { reorder: 0.1 }, ['reordered']],
  ['5 % twice', { duplicate: 0.05 }, ['duplicated']],
  ['2 % with a flipped bit', { corrupt: 0.02 }, ['corrupted']],
  [
    'all of it',
    { loss: 0.02, reorder: 0.05, duplicate: 0.02, corrupt: 0.01 },
    ['lost', 'reordered', 'duplicated', 'corrupted'],
  ],
];

describe('our own TCP/IP over a bad wire', { skip: relayRefused() }, () => {
  for (const [index, [name, badness, happened]] of cases.entries()) {
    test(`1 MiB both ways, IPv4 and IPv6: ${name}`, { timeout: limitMs }, async () => {
      const pair = await RelayedPair.make({ ...badness, seed: 12 + index });
      const network = openBypass({ device: pair.device, addresses: pair.addresses });
      try {
        await Promise.all(pair.peerHosts.map((host, family) => bothWays(network, host, 100 * index + family)));
        const counts = await pair.counts();
        for (const each of happened) assert.ok(counts[each] > 5, `${each}: ${JSON.stringify(counts)}`);
        const figures = network.figures();
        assert.equal(figures['faultStack'], 0);
        // A flipped bit is seen by a checksum, and by nothing else.
        if (badness.corrupt !== undefined)
          assert.ok(figures['transportChecksum']! + figures['ipChecksum']! > 0, JSON.stringify(figures));
      } finally {
        network.close();
        await pair.remove();
      }
    });
  }
});
