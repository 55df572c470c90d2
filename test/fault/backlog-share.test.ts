// What peers may send ahead, by the listener: of a few each has its limit, of many less, so that those that send and do not read hold a bounded amount in all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noFaults } from '../../src/engine/fake.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { lineOf, World } from './line-protocol.js';

test('of many connections each may be less far ahead; who was stopped goes on when it reads', {
  skip: platformIsLinux ? false : 'regions need Linux',
}, () => {
  const world = new World(noFaults, { backlogLimit: 1 << 20, maxConnections: 5000 });
  const request = lineOf({ pieces: [{ kind: 'segment', length: 10 }], later: 0, last: false });
  const aheadBytes = 60_000;
  /** Connects, and sends much while it takes nothing. Returns the peer, and how many bytes were taken from it. */
  const sendAhead = () => {
    const peer = world.connect();
    peer.room = 0;
    const ahead = request.repeat(Math.ceil(aheadBytes / request.length));
    peer.write(request + ahead);
    for (let turns = 0; turns < 600; turns++) world.turn();
    return { peer, taken: request.length + ahead.length - peer.waiting };
  };
  assert.ok(sendAhead().taken >= aheadBytes, 'all of it');
  for (let count = 1; count < 2047; count++) world.connect();
  world.until(() => world.listener.connections === 2047, 'all of them', 10_000);
  const share = (64 << 20) / (world.listener.connections + 1);
  assert.ok(share < 33_000);
  const { peer, taken } = sendAhead();
  assert.ok(taken > 4096 && taken < share + 4096, `${taken} bytes`);
  peer.room = Number.POSITIVE_INFINITY;
  world.until(() => peer.waiting === 0, 'the rest', 40_000);
  world.listener.abortAll();
  world.end();
});
