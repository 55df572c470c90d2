// The listener where descriptors are short, over the fake engine: who makes way for whom. Other limits are in listener.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakePeer } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { tickMs } from '../../src/transport/loop.js';
import { World } from './line-protocol.js';

const skip = platformIsLinux ? false : 'regions need Linux';

function textOf(peer: FakePeer): string {
  return Buffer.from(peer.got.bytes).toString('latin1');
}

test('out of descriptors, those that others keep are let go of for who has a place, and for nobody else', {
  skip,
}, () => {
  let free = 0;
  let kept = 3;
  let asked = 0;
  const relieve = (): boolean => {
    asked++;
    if (kept === 0) return false;
    kept--;
    free++;
    return true;
  };
  const script = (step: string, value: number): number => {
    if (step !== 'accept') return value;
    if (free === 0) return -Errno.EMFILE;
    free--;
    return value;
  };
  const world = new World(script, { maxConnections: 2, relieve });
  const peers = [world.connect(), world.connect(), world.connect()];
  for (let turns = 0; turns < 12; turns++) world.turn();
  assert.equal(world.listener.connections, 2);
  assert.deepEqual([asked, kept], [2, 1]);
  free = 1000;
  for (let ticks = 0; ticks < 2; ticks++) world.turn(tickMs);
  assert.equal(world.listener.counts.refused, 1);
  assert.equal(peers.filter((peer) => textOf(peer) === 'full\n').length, 1);
  world.end();
});

/** 32 clients that have been idle for longer than a second. */
function idleClients(world: World): FakePeer[] {
  const idle = Array.from({ length: 32 }, () => world.connect());
  world.until(() => world.listener.connections === 32, 'all of them');
  for (let ticks = 0; ticks < 8; ticks++) world.turn(tickMs);
  return idle;
}

test('where what others keep makes room, no connection that is idle has to go', { skip }, () => {
  let errno = 0;
  const script = (step: string, value: number): number => (step === 'accept' && errno > 0 ? -errno : value);
  const relieve = (): boolean => {
    errno = 0;
    return true;
  };
  const world = new World(script, { yieldAfterMs: 1000, relieve });
  const idle = idleClients(world);
  errno = Errno.EMFILE;
  world.connect();
  for (let turns = 0; turns < 4; turns++) world.turn();
  assert.equal(world.listener.connections, 33);
  for (let ticks = 0; ticks < 3; ticks++) world.turn(tickMs);
  assert.equal(idle.filter((peer) => peer.sawEnd).length, 0);
  world.end();
});

test('for want of memory, and where nothing became free, those that are idle make way', { skip }, () => {
  for (const [reason, asks] of [
    [Errno.ENOBUFS, 0],
    [Errno.ENOMEM, 0],
    [Errno.EMFILE, 1],
    [Errno.ENFILE, 1],
  ] as const) {
    let errno = 0;
    let asked = 0;
    const script = (step: string, value: number): number => (step === 'accept' && errno > 0 ? -errno : value);
    const relieve = (): boolean => {
      asked++;
      errno = 0;
      return false;
    };
    const world = new World(script, { yieldAfterMs: 1000, relieve });
    const idle = idleClients(world);
    errno = reason;
    world.connect();
    for (let turns = 0; turns < 4; turns++) world.turn();
    assert.equal(asked, asks, `errno ${reason}`);
    errno = 0;
    world.turn(tickMs);
    world.turn();
    assert.ok(
      idle.some((peer) => peer.sawEnd),
      `errno ${reason}`,
    );
    world.end();
  }
});
