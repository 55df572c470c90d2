// What peers may send ahead, by the listener: as much as its limit while there is memory for all, and little from then on, whoever came first and however many there are.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type FakePeer, noFaults } from '../../src/engine/fake.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { lineOf, World } from './line-protocol.js';

const request = lineOf({ pieces: [{ kind: 'segment', length: 10 }], later: 0, last: false });
/** What each may be ahead by, what all may have, and what one that is late may have. */
const [each, all, least] = [32 << 10, 256 << 10, 8 << 10];
const aheadBytes = 2 * each;
const count = 64;

/** A peer that takes nothing, and sends much. */
function sendAhead(world: World): FakePeer {
  const peer = world.connect();
  peer.room = 0;
  peer.write(request.repeat(Math.ceil(aheadBytes / request.length)));
  return peer;
}

function turns(world: World): void {
  for (let turn = 0; turn < 200; turn++) world.turn();
}

describe('what peers send ahead', { skip: platformIsLinux ? false : 'regions need Linux' }, () => {
  test('is bounded in all, of those that come one after the other; who was stopped goes on when it reads', () => {
    const world = new World(noFaults, { backlogLimit: each, allBacklogBytes: all });
    const peers: FakePeer[] = [];
    for (let number = 0; number < 16; number++) {
      peers.push(sendAhead(world));
      turns(world);
    }
    const taken = peers.map((peer) => aheadBytes - peer.waiting);
    assert.ok(taken[0]! >= each - request.length, `${taken[0]} bytes of the first`);
    assert.ok(taken.at(-1)! >= 4096 && taken.at(-1)! < least, `${taken.at(-1)} bytes of the last`);
    assert.ok(world.listener.heldBytes >= all, `${world.listener.heldBytes} bytes`);
    assert.ok(world.listener.heldBytes <= all + 2 * each + 16 * least, `${world.listener.heldBytes} bytes`);
    for (const peer of peers) peer.room = Number.POSITIVE_INFINITY;
    world.until(() => peers.every((peer) => peer.waiting === 0), 'the rest', 40_000);
    for (let turn = 0; turn < 2000 && world.listener.heldBytes > 0; turn++) world.turn();
    assert.equal(world.listener.heldBytes, 0);
    world.end();
  });

  test('is bounded in all, of those that come at once, and given back when they go', () => {
    const world = new World(noFaults, { backlogLimit: each, allBacklogBytes: all });
    const peers = Array.from({ length: count }, () => sendAhead(world));
    for (let times = 0; times < 4; times++) turns(world);
    const { heldBytes } = world.listener;
    assert.ok(heldBytes >= all && heldBytes <= 2 * all + count * least, `${heldBytes} bytes`);
    assert.ok(peers.every((peer) => peer.waiting > 0 && peer.waiting <= aheadBytes - 4096 + request.length));
    world.listener.abortAll();
    world.until(() => world.listener.connections === 0, 'the end');
    assert.equal(world.listener.heldBytes, 0);
    world.end();
  });
});
