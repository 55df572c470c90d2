// The messages about memory of requests in flight (GET_INFLIGHT_FD, SET_INFLIGHT_FD) at a real disk: what is made is sealed and as large as it has to
// be; what comes back is anything.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { F } from '../../src/kernel/constants.js';
import { createEventDescriptor } from '../../src/kernel/event.js';
import { sealsOf } from '../../src/kernel/seals.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { Request } from '../../src/vhost/protocol.js';
import { ask, descriptorsOf, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd, shrinkableFile } from '../support/vhost-front-end.js';
import { layouts } from '../support/virtqueues.js';

const features = { indirect: true, eventIndex: false };
const shape = (queues: number, entries: number): bigint => BigInt(queues) | (BigInt(entries) << 16n);

describe('memory of requests in flight', { timeout: 240_000 }, () => {
  test('what a disk makes is sealed, and as large as its layout needs', async () => {
    const disk = await startDisk('epoll');
    const guest = new FrontEnd(disk.socket);
    for (const [bits, bytes] of [
      [1n << 32n, 3n * 2112n],
      [(1n << 32n) | (1n << 34n), 3n * 4160n],
    ] as const) {
      guest.send(Request.setFeatures, [bits]);
      guest.send(Request.getInflight, [0n, 0n, shape(3, 129)]);
      const answer = (await guest.answer())!;
      assert.deepEqual(
        [answer.getBigUint64(0, true), answer.getBigUint64(8, true), answer.byteLength],
        [bytes, 0n, 24],
      );
      assert.equal(guest.received.length, 1);
      const fd = guest.received.pop()!;
      assert.equal(sealsOf(fd) & (F.SEAL_SHRINK | F.SEAL_GROW), F.SEAL_SHRINK | F.SEAL_GROW);
      closeDescriptor(fd);
    }
    guest.close();
    disk.child.kill('SIGKILL');
  });

  test('what is passed has to hold what is said of it; anything in it is not believed, and the queue goes on', async () => {
    const disk = await startDisk('epoll');
    const first = new FrontEnd(disk.socket);
    await first.start(features);
    await ask(first, { type: 0, sector: 0n, room: 512 });
    first.close();
    await until('it has gone', () => disk.said().includes('has gone'));
    const idle = descriptorsOf(disk.child.pid!);
    const memory = new Region(65_536, { kind: 'memfd' });
    const event = createEventDescriptor();
    const short = shrinkableFile(65_536, false);
    const guest = new FrontEnd(disk.socket);
    guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 12n)]);
    const set = (length: bigint, offset: bigint, words: bigint, fd = memory.fd) =>
      guest.acknowledged(Request.setInflight, [length, offset, words], [fd]);
    for (const [name, length, offset, words, fd] of [
      ['2^40 bytes', 2n ** 40n, 0n, shape(4, 32_768), memory.fd],
      ['65,535 queues', 65_536n, 0n, shape(65_535, 16), memory.fd],
      ['no queues', 65_536n, 0n, shape(0, 16), memory.fd],
      ['no entries', 65_536n, 0n, shape(1, 0), memory.fd],
      ['65,535 entries', 2n ** 24n, 0n, shape(1, 65_535), memory.fd],
      ['too few bytes', 64n, 0n, shape(1, 16), memory.fd],
      ['an offset that wraps', 65_536n, 2n ** 64n - 4096n, shape(1, 16), memory.fd],
      ['an offset within a page', 4096n, 100n, shape(1, 16), memory.fd],
      ['past its file', 65_536n, 65_536n, shape(1, 16), memory.fd],
      ['an eventfd', 4096n, 0n, shape(1, 16), event],
      ['a file that may become shorter', 4096n, 0n, shape(1, 16), short],
    ] as const)
      assert.equal(await set(length, offset, words, fd), 1n, name);
    assert.equal(await guest.acknowledged(Request.setInflight, [4096n, 0n, shape(1, 16)], []), 1n, 'no file');
    memory.bytes.fill(0xee);
    assert.equal(await set(4096n, 0n, shape(1, 16)), 0n);
    await guest.start(features);
    assert.equal((await ask(guest, { type: 0, sector: 0n, room: 512 })).status, 0);
    await until('it is said', () => disk.said().includes('is not believed (its version is unknown)'));
    assert.equal(await set(4096n, 0n, shape(1, 16)), 1n, 'not while a queue runs');
    guest.close();
    await until('nothing is left', () => descriptorsOf(disk.child.pid!) <= idle);
    memory.unmap();
    for (const fd of [event, short]) closeDescriptor(fd);
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  for (const layout of layouts) {
    test(`${layout}: memory that takes the place of what a queue was noted in, while that queue waits for memory`, async () => {
      const disk = await startDisk('epoll');
      const guest = new FrontEnd(disk.socket);
      await guest.begin(features, { hasInflight: true, layout });
      await ask(guest, { type: 0, sector: 0n, room: 512 });
      assert.equal(await guest.acknowledged(Request.setMemoryTable, [0n]), 0n);
      const memory = new Region(65_536, { kind: 'memfd' });
      assert.equal(await guest.acknowledged(Request.setInflight, [65_536n, 0n, shape(1, 16)], [memory.fd]), 0n);
      // What the queue was noted in is not there any more.
      guest.send(Request.getVringBase, [0n]);
      assert.equal((await guest.answer())?.byteLength, 8);
      memory.unmap();
      guest.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });
  }
});
