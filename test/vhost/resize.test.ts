// A disk that becomes larger or smaller while a guest runs: SIGHUP has it measured, the front end is told over the socket for that, and requests go as
// far as the file does. That socket is never waited on.

import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { receiveWithDescriptors, sendWithDescriptors } from '../../src/kernel/pass-descriptors.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { unixStreamPair } from '../../src/kernel/socket-pair.js';
import { Region } from '../../src/memory/region.js';
import { BackRequest, Request } from '../../src/vhost/protocol.js';
import { ask, diskBytes, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';

const features = { indirect: true, eventIndex: true };

/** The capacity that a guest reads, in sectors. */
async function capacityOf(guest: FrontEnd): Promise<bigint> {
  const payload = new Uint8Array(20);
  payload[4] = 8;
  guest.raw(Request.getConfig, 1, payload);
  return (await guest.answer())!.getBigUint64(12, true);
}

describe('a disk of another size', { timeout: 240_000 }, () => {
  test('SIGHUP: the front end is told, once for each change, and requests go as far as the file', async () => {
    const disk = await startDisk('epoll');
    const guest = new FrontEnd(disk.socket);
    await guest.start(features);
    guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 5n) | (1n << 9n)]);
    const [ours, theirs] = unixStreamPair();
    assert.equal(await guest.acknowledged(Request.setBackendFd, [], [theirs]), 0n);
    closeDescriptor(theirs);
    const last = BigInt(diskBytes / 512);
    assert.equal(await capacityOf(guest), last);
    assert.equal((await ask(guest, { type: 0, sector: last, room: 512 })).status, 1);
    const memory = new Region(4096);
    for (const bytes of [2 * diskBytes, diskBytes / 2]) {
      truncateSync(disk.image, bytes);
      disk.child.kill('SIGHUP');
      let have = 0;
      await until('it is told', () => {
        have = receiveWithDescriptors(ours, memory.address, 4096, []);
        return have > 0;
      });
      const words = [0, 4, 8].map((at) => memory.data.getUint32(at, true));
      assert.deepEqual([have, ...words], [12, BackRequest.configChanged, 1, 0]);
      assert.equal(await capacityOf(guest), BigInt(bytes / 512));
      assert.equal((await ask(guest, { type: 0, sector: BigInt(bytes / 512) - 1n, room: 512 })).status, 0);
      assert.equal((await ask(guest, { type: 0, sector: BigInt(bytes / 512), room: 512 })).status, 1);
    }
    disk.child.kill('SIGHUP');
    await until('it is said', () => disk.said().includes(`has ${diskBytes / 2} bytes now: its guest is told`));
    assert.ok(receiveWithDescriptors(ours, memory.address, 4096, []) < 0, 'nothing has changed since');
    memory.unmap();
    closeDescriptor(ours);
    guest.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('a front end that never reads, sends what was not asked for, or has gone: nobody waits for it', async () => {
    const disk = await startDisk('epoll');
    const guest = new FrontEnd(disk.socket);
    await guest.start(features);
    guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 5n) | (1n << 9n)]);
    const event = createEventDescriptor();
    assert.equal(await guest.acknowledged(Request.setBackendFd, [], [event]), 1n, 'no socket');
    const memory = new Region(4096);
    const [ours, theirs] = unixStreamPair();
    // Full before it is passed.
    while (sendWithDescriptors(theirs, memory.address, 4096, []) > 0);
    sendWithDescriptors(ours, memory.address, 100, [event]);
    assert.equal(await guest.acknowledged(Request.setBackendFd, [], [theirs]), 0n);
    closeDescriptor(theirs);
    for (let count = 0; count < 80; count++) {
      truncateSync(disk.image, diskBytes + (1 + (count % 2)) * 4096);
      disk.child.kill('SIGHUP');
      assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
    }
    closeDescriptor(ours);
    truncateSync(disk.image, 2 * diskBytes);
    disk.child.kill('SIGHUP');
    await until('it is measured', () => disk.said().includes(`has ${2 * diskBytes} bytes`));
    assert.equal((await ask(guest, { type: 0, sector: 1n, room: 512 })).status, 0);
    memory.unmap();
    closeDescriptor(event);
    guest.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
