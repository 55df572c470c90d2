// When a guest's streams are looked at though the guest does nothing: at each tick while too much of its room is lent. Whose room that is, and who ends: lending.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kicker } from '../../src/kvm/kick.js';
import { Loop, tickMs } from '../../src/transport/loop.js';
import { StreamDoor } from '../../src/vmm/stream-door.js';
import { VmGuest } from '../../src/vmm/vm-guest.js';
import { guestsRefused, imageOf } from './support.js';

test('a guest that rests for ever has its streams looked at while too much is lent', { skip: guestsRefused() }, () => {
  let nowMs = 1000;
  const loop = new Loop('epoll', () => nowMs);
  const kicker = new Kicker();
  const image = imageOf('probe');
  const start = { image, memoryBytes: 16 * 1024 ** 2, commandLine: '', mac: new Uint8Array(6), shared: kicker.shared };
  const doors = { link: undefined, remote: undefined, streams: new StreamDoor(6379) };
  const lines = { put: () => 0, flush: () => 0 };
  const guest = new VmGuest(loop, start, doors, { name: 'guest', lines, say: () => {}, over: () => {} });
  let runs = 0;
  let looks = 0;
  let isShort = false;
  guest.guest.run = () => {
    runs++;
    return 'rest';
  };
  Object.defineProperty(guest.guest, 'restUs', { value: 2 ** 32 - 1 });
  Object.defineProperty(guest.vsock!, 'isShort', { get: () => isShort });
  guest.vsock!.turn = () => {
    looks++;
  };
  const tick = (): void => {
    nowMs += tickMs;
    for (let turns = 0; turns < 3; turns++) loop.turn(0);
  };
  for (let ticks = 0; ticks < 3; ticks++) tick();
  assert.equal(looks, 0);
  isShort = true;
  for (let ticks = 1; ticks <= 3; ticks++) {
    tick();
    assert.equal(looks, ticks);
  }
  assert.equal(runs, 1, 'it rests');
  isShort = false;
  for (let ticks = 0; ticks < 3; ticks++) tick();
  assert.equal(looks, 3);
  guest.stop();
  guest.close();
  loop.close();
  kicker.close();
});
