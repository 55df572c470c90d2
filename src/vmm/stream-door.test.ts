import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../transport/connection.js';
import { type DoorState, StreamDoor } from './stream-door.js';
import type { VsockDevice } from './vsock-device.js';

test('what a client took is what its kernel acknowledged, not what ours took for it', () => {
  const door = new StreamDoor(6379);
  const opened: number[] = [];
  const open = (port: number): void => void opened.push(port);
  door.device = { isStarted: true, open, close: () => {} } as unknown as VsockDevice;
  let outstanding = 700;
  const unacknowledged = (fd: number): number => (fd === 9 ? outstanding : 0);
  const connection = {
    ...{ state: door.createState(), sentBytes: 1000, fd: 9 },
    owner: { loop: { engine: { unacknowledged } } },
  } as unknown as Connection<DoorState>;
  door.opened(connection);
  assert.equal(door.tookBytes(opened[0]!), 300);
  outstanding = 100;
  assert.equal(door.tookBytes(opened[0]!), 900);
  door.closed(connection);
  assert.equal(door.tookBytes(opened[0]!), 0);
});
