// What is closed of a front end, its queues and its memory says so: no address and no number that it had is used again.

import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMemoryFile } from '../../src/kernel/memory.js';
import { SharedRegion } from '../../src/memory/shared-region.js';
import { BlockRequest } from '../../src/vhost/block/numbers.js';
import { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import { startDevices } from '../support/vhost-process.js';

const skip = process.platform === 'linux' ? false : 'Linux alone has it';
const isState = { code: 'CLEARWAY_STATE' };

test('a front end that was closed, twice, refuses what it is asked then', { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-virtio-'));
  const [image, socket] = [join(folder, 'disk.raw'), join(folder, 'disk.sock')];
  writeFileSync(image, '');
  truncateSync(image, 1024 * 1024);
  const device = await startDevices(['disk', image, '--socket', socket], [socket]);
  try {
    const frontEnd = await FrontEnd.connect(socket);
    await frontEnd.start({ features: 0n, queues: 1, size: 128 });
    const [queue] = frontEnd.queues as [(typeof frontEnd.queues)[0]];
    const disk = new BlockDriver(queue, frontEnd.memory, { depth: 2, bytes: 4096 });
    const slot = disk.take();
    const underWay = assert.rejects(queue.untilBack(60_000), isState);
    frontEnd.close();
    await underWay;
    // Numbers that were its own belong to others now, and stay theirs.
    const others = [1, 2, 3, 4, 5, 6].map(() => openSync('/dev/null', 'r'));
    frontEnd.close();
    queue.close();
    const open = readdirSync('/proc/self/fd');
    assert.ok(others.every((fd) => open.includes(String(fd))));
    for (const fd of others) closeSync(fd);
    for (const use of [
      () => queue.driver,
      () => queue.publish(),
      () => queue.kickNow(),
      () => queue.waitNow(1),
      () => disk.ask(slot, BlockRequest.read, 0, 512),
      () => disk.askRange(slot, BlockRequest.discard, 0, 1),
      () => disk.bytesOf(slot),
      () => disk.takeBack(),
      () => disk.publish(),
      () => frontEnd.memory.take(64),
    ])
      assert.throws(use, isState);
    await assert.rejects(queue.wait(1), isState);
    await assert.rejects(frontEnd.start({ features: 0n, queues: 1, size: 128 }), isState);
    const isFrontEnd = { code: 'CLEARWAY_FRONT_END' };
    await assert.rejects(frontEnd.readConfig(0, 8), isFrontEnd);
    await assert.rejects(frontEnd.writeConfig(0, [1]), isFrontEnd);
    await assert.rejects(frontEnd.stopQueue(0), isFrontEnd);
  } finally {
    await device.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('shared memory that was given back, twice, shows nothing', { skip }, () => {
  const fd = createMemoryFile('shared', 8192);
  try {
    const region = new SharedRegion(fd, { offset: 0, length: 8192 });
    assert.equal(region.window(4096, 16).at, 4096);
    region.unmap();
    region.unmap();
    assert.throws(() => region.window(4096, 16), isState);
  } finally {
    closeSync(fd);
  }
});
