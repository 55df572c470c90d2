// The log of pages that a device wrote (SET_LOG_BASE, VHOST_F_LOG_ALL), while its queues run: every page that it wrote is in it, of data, statuses and
// rings, and none that it only read; a log that is too small is never written outside of.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Access } from '../../src/memory/domain.js';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { DirtyLog } from '../../src/vhost/dirty-log.js';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import { MemoryTable } from '../../src/vhost/memory-table.js';
import { Request } from '../../src/vhost/protocol.js';
import { Vring } from '../../src/vhost/vring.js';
import { Chain } from '../../src/virtio/chain.js';
import { packedStart } from '../../src/virtio/packed-device.js';
import { ask, startDisk } from '../support/disks.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { layouts } from '../support/virtqueues.js';

const features = { indirect: true, eventIndex: true };
const logAll = 1n << 26n;

function messageOf(length: number, offset = 0): DataView {
  const payload = new DataView(new ArrayBuffer(16));
  payload.setBigUint64(0, BigInt(length), true);
  payload.setBigUint64(8, BigInt(offset), true);
  return payload;
}

test('any range is marked, page for page, within the log', () => {
  const memory = new Region(8192, { kind: 'memfd' });
  const log = new DirtyLog(messageOf(1000, 4096), memory.fd, false);
  const random = randomSource(3);
  const model = new Uint8Array(4096);
  let beyond = 0;
  for (let count = 0; count < 2000; count++) {
    const start = Math.floor(random() * 8300) * 4096 + Math.floor(random() * 4096);
    const length = random() < 0.2 ? Math.floor(random() * 2 ** 26) : Math.floor(random() * 9000);
    log.mark(start, length);
    if (length === 0) continue;
    if (Math.floor((start + length - 1) / 4096) >= 8000) beyond++;
    for (let page = Math.floor(start / 4096); page <= (start + length - 1) / 4096 && page < 8000; page++)
      model[page >> 3]! |= 1 << (page & 7);
    if (count % 100 !== 0) continue;
    assert.deepEqual(memory.bytes.slice(4096), model);
    memory.bytes.fill(0);
    model.fill(0);
  }
  log.mark(2 ** 52, 2 ** 32);
  assert.deepEqual(memory.bytes.slice(4096 + 1000), new Uint8Array(4096 - 1000));
  assert.equal(log.beyond, beyond + 1);
  log.unmap();
  memory.unmap();
});

for (const layout of layouts)
  test(`${layout}: what is written behind an IOMMU is marked, though the IOMMU's addresses are forgotten meanwhile`, () => {
    const pageBytes = 4096;
    const shared = new GuestMemory(64 * pageBytes);
    const packed = layout === 'packed';
    const front = new FrontQueue(0, shared, 16, { ...features, packed });
    const [data, end] = [shared.take(pageBytes, pageBytes), shared.region.byteLength];
    // Neighbours of the IOMMU's are none in memory.
    const io = (offset: number): number => (Math.floor(offset / pageBytes) ^ 1) * pageBytes + (offset % pageBytes);
    const memory = new MemoryTable();
    memory.add(
      { guest: shared.guestAddress(0), length: end, user: shared.userAddress(0), offset: 0 },
      shared.region.fd,
    );
    memory.hasIotlb = true;
    const allow = (start: number): void => {
      for (let at = 0; at < end; at += pageBytes)
        assert.ok(memory.allow(start + io(at), pageBytes, shared.userAddress(at), Access.both));
    };
    allow(0);
    const bits = new Region(2 ** 18, { kind: 'memfd' });
    const log = new DirtyLog(messageOf(bits.byteLength), bits.fd, false);
    const vring = new Vring(0);
    vring.size = 16;
    vring.base = packed ? packedStart : 0;
    const { descriptors, used, available } = front.places;
    vring.addresses = { descriptors: io(descriptors), used: io(used), available: io(available) };
    vring.log = { isOn: true, address: io(used) };
    const started = vring.start(
      memory,
      { ...features, packed },
      undefined,
      () => log,
      () => false,
    );
    assert.ok(typeof started === 'object' && 'resumed' in started);
    const id = front.driver.add([], [{ address: io(data), length: 100 }]);
    front.driver.publish();
    const chain = new Chain(16);
    assert.ok(vring.queue!.take(chain));
    for (let start = 2 ** 30; memory.domain.has(io(data)); start += 2 ** 20) allow(start);
    vring.queue!.give(chain.id, chain.slots, 100);
    vring.queue!.publish();
    assert.equal(front.driver.takeBack(), id);
    for (const at of [data, used, ...(packed ? [descriptors] : [])]) {
      const page = shared.guestAddress(at) / pageBytes;
      assert.ok((bits.bytes[Math.floor(page / 8)]! & (1 << Math.floor(page % 8))) !== 0, `the page of ${at}`);
    }
    log.unmap();
    bits.unmap();
    memory.clear();
    front.close();
    shared.unmap();
  });

describe('a disk whose guest moves', { timeout: 240_000 }, () => {
  for (const layout of layouts)
    test(`${layout}: what it wrote is marked, and what it read is not, from when it is asked to until it is not`, async () => {
      const disk = await startDisk('epoll');
      const guest = new FrontEnd(disk.socket);
      guest.send(Request.setProtocolFeatures, [(1n << 1n) | (1n << 3n)]);
      await guest.begin(features, { layout, deviceBits: 1n << 9n });
      guest.send(Request.setProtocolFeatures, [(1n << 1n) | (1n << 3n) | (1n << 9n)]);
      const bits =
        (1n << 32n) | (1n << 30n) | (1n << 29n) | (1n << 28n) | (1n << 9n) | (layout === 'packed' ? 1n << 34n : 0n);
      const firstPage = guest.guest(0) / 4096;
      const memory = new Region(Math.ceil((firstPage + 4096) / 8), { kind: 'memfd' });
      const pagesOf = (): number[] =>
        Array.from({ length: 2048 }, (_, page) => page).filter(
          (page) => (memory.bytes[(firstPage + page) >> 3]! & (1 << ((firstPage + page) & 7))) !== 0,
        );
      await ask(guest, { type: 0, sector: 1n, room: 512 });
      guest.send(Request.setLogBase, [BigInt(memory.byteLength), 0n], [memory.fd]);
      assert.equal((await guest.answer())!.getBigUint64(0, true), 0n);
      await ask(guest, { type: 0, sector: 1n, room: 512 });
      assert.deepEqual(pagesOf(), [], 'nothing before it is asked for');
      assert.equal(await guest.acknowledged(Request.setFeatures, [bits | logAll]), 0n, 'while the queue runs');
      assert.equal(await guest.acknowledged(Request.setFeatures, [bits ^ (1n << 28n)]), 1n, 'no other feature');
      const { descriptors, used, available } = guest.queues[0]!.places;
      const user = (offset: number): bigint => BigInt(guest.user(offset));
      const address = (flags: bigint, moved = 0n) =>
        guest.acknowledged(Request.setVringAddr, [
          flags << 32n,
          user(descriptors) + moved,
          user(used),
          user(available),
          BigInt(guest.guest(used)),
        ]);
      assert.equal(await address(1n), 0n);
      assert.equal(await address(1n, 16n), 1n, 'a ring that runs stays where it is');
      assert.equal(await address(2n), 1n, 'flags that are unknown');
      memory.bytes.fill(0);
      const place = guest.take(0, 4096);
      await ask(guest, { type: 0, sector: 1n, room: 9000 - (9000 % 512) });
      // The header's page has the status; data begins a page behind it.
      const written = [place, place + 4096, place + 8192].map((at) => at / 4096);
      const ring = new Set([used, ...(layout === 'packed' ? [descriptors] : [])].map((at) => Math.floor(at / 4096)));
      const expected = (data: readonly number[]): number[] => [...new Set([...ring, ...data])].sort((a, b) => a - b);
      assert.deepEqual(
        pagesOf(),
        expected([...written, (place + 12_288) / 4096].filter((page) => page * 4096 < place + 4096 + 8704)),
      );
      memory.bytes.fill(0);
      const second = guest.take(0, 4096);
      await ask(guest, { type: 1, sector: 1n, write: new Uint8Array(8192) });
      assert.deepEqual(pagesOf(), expected([second / 4096]), 'a write: its status alone');
      assert.equal(await guest.acknowledged(Request.setFeatures, [bits]), 0n);
      memory.bytes.fill(0);
      await ask(guest, { type: 0, sector: 1n, room: 512 });
      assert.deepEqual(pagesOf(), [], 'nothing any more');
      guest.close();
      memory.unmap();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

  test('a log that is too small, wraps, or is none', async () => {
    const disk = await startDisk('epoll');
    const guest = new FrontEnd(disk.socket);
    const memory = new Region(4096, { kind: 'memfd' });
    await guest.start(features);
    guest.send(Request.setProtocolFeatures, [(1n << 1n) | (1n << 3n)]);
    const bits = (1n << 32n) | (1n << 30n) | (1n << 29n) | (1n << 28n);
    guest.send(Request.setLogBase, [16n, 0n], [memory.fd]);
    assert.equal((await guest.answer())!.getBigUint64(0, true), 0n);
    assert.equal(await guest.acknowledged(Request.setFeatures, [bits | logAll]), 0n);
    assert.equal((await ask(guest, { type: 0, sector: 1n, room: 4096 })).status, 0);
    assert.ok(memory.bytes.every((byte) => byte === 0));
    guest.close();
    for (const [name, words] of [
      ['an offset that wraps', [4096n, 2n ** 64n - 4096n]],
      ['past its file', [8192n, 0n]],
      ['2^63 bytes', [2n ** 63n, 0n]],
      ['no bytes', [0n, 0n]],
    ] as const) {
      const other = new FrontEnd(disk.socket);
      other.send(Request.setProtocolFeatures, [1n << 1n]);
      other.send(Request.setLogBase, words, [memory.fd]);
      assert.equal(await other.answer(), undefined, name);
      other.close();
    }
    const unagreed = new FrontEnd(disk.socket);
    unagreed.send(Request.setLogBase, [4096n, 0n], [memory.fd]);
    assert.equal(await unagreed.answer(), undefined);
    unagreed.close();
    memory.unmap();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
