// A guest with an IOMMU (VIRTIO_F_ACCESS_PLATFORM): every address of rings and descriptors is the IOMMU's, pages of it known one by one, asked for by the
// disk and answered by the test, over its real socket; what is taken back is not touched any more once that is answered.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { receiveWithDescriptors } from '../../src/kernel/pass-descriptors.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { unixStreamPair } from '../../src/kernel/socket-pair.js';
import { Region } from '../../src/memory/region.js';
import { BackRequest, headerBytes, IotlbType, Request } from '../../src/vhost/protocol.js';
import { startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { type Layout, layouts } from '../support/virtqueues.js';

const features = { indirect: true, eventIndex: false };
const pageBytes = 4096;
/** Where the IOMMU has the guest's memory: pages of it in another order (page `n` is at `n ^ 1`), so that neighbours are none. */
const ioStart = 0x7000_0000;
const ioAddress = (offset: number): number =>
  ioStart + (Math.floor(offset / pageBytes) ^ 1) * pageBytes + (offset % pageBytes);
const offsetOf = (address: number): number =>
  (Math.floor((address - ioStart) / pageBytes) ^ 1) * pageBytes + ((address - ioStart) % pageBytes);

/** A front end whose guest has an IOMMU. */
class GuestBehindIommu {
  readonly guest: FrontEnd;
  readonly #back: number;
  readonly #message = new Region(4096);
  #have = 0;
  #place = 0;
  misses = 0;
  /** Answers what the disk asks for: not where a page is kept from it. */
  readonly kept = new Set<number>();

  private constructor(guest: FrontEnd, back: number) {
    this.guest = guest;
    this.#back = back;
  }

  static async start(socket: string, layout: Layout): Promise<GuestBehindIommu> {
    const guest = new FrontEnd(socket);
    const [ours, theirs] = unixStreamPair();
    guest.send(Request.setProtocolFeatures, [(1n << 3n) | (1n << 5n)]);
    guest.send(Request.setBackendFd, [], [theirs]);
    closeDescriptor(theirs);
    guest.send(Request.setFeatures, [
      (1n << 32n) | (1n << 33n) | (1n << 30n) | (1n << 28n) | (1n << 9n) | (layout === 'packed' ? 1n << 34n : 0n),
    ]);
    guest.send(Request.setMemoryTable, guest.table(), [guest.memory.fd]);
    const behind = new GuestBehindIommu(guest, ours);
    guest.take(0, pageBytes);
    guest.behind(layout === 'packed', (offset) => ioAddress(offset));
    guest.startQueue(0, 16, features);
    return behind;
  }

  /** A message about the IOMMU. @returns what the disk answers: 0n when it obeyed */
  async tell(type: number, address: number, length: number, access = 3, user = this.guest.user(offsetOf(address))) {
    const word = BigInt(access) | (BigInt(type) << 8n);
    this.guest.send(Request.iotlb, [BigInt(address), BigInt(length), BigInt(user), word]);
    return (await this.guest.answer())?.getBigUint64(0, true);
  }

  /** Answers misses that have come. */
  async serve(): Promise<void> {
    const { data, address } = this.#message;
    for (;;) {
      const result = receiveWithDescriptors(this.#back, address + this.#have, 44 - this.#have, []);
      if (result <= 0) return;
      this.#have += result;
      if (this.#have < 44) continue;
      this.#have = 0;
      assert.deepEqual(
        [0, 8].map((at) => data.getUint32(at, true)),
        [BackRequest.iotlb, 32],
      );
      assert.equal(data.getUint8(headerBytes + 25), IotlbType.miss);
      const missed = Number(data.getBigUint64(headerBytes, true));
      const page = missed - (missed % pageBytes);
      this.misses++;
      if (this.kept.has(page)) continue;
      assert.equal(await this.tell(IotlbType.update, page, pageBytes), 0n);
    }
  }

  /** Sends a request of the disk, and serves misses until it is back. */
  async ask(type: number, sector: number, bytes: number): Promise<number> {
    const { guest } = this;
    this.#place = guest.take(pageBytes + Math.max(bytes, 1), pageBytes);
    guest.memory.data.setUint32(this.#place, type, true);
    guest.memory.data.setBigUint64(this.#place + 8, BigInt(sector), true);
    guest.memory.bytes[this.#place + 16] = 0xaa;
    const head = { address: ioAddress(this.#place), length: 16 };
    const pages = Array.from({ length: Math.ceil(bytes / pageBytes) }, (_, index) => ({
      address: ioAddress(this.#place + pageBytes + index * pageBytes),
      length: Math.min(pageBytes, bytes - index * pageBytes),
    }));
    const status = { address: ioAddress(this.#place + 16), length: 1 };
    const { driver } = guest.queues[0]!;
    const isWrite = type === 1;
    const readable = isWrite ? [head, ...pages] : [head];
    const writable = isWrite ? [status] : [...pages, status];
    const at = this.guest.take(pageBytes, pageBytes);
    const table = { address: ioAddress(at), data: guest.memory.data, at };
    const isIndirect = sector % 2 === 0;
    const added = isIndirect ? driver.addIndirect(readable, writable, table) : driver.add(readable, writable);
    assert.ok(added >= 0);
    guest.publish(0);
    let id = -1;
    for (let tries = 0; id < 0; tries++) {
      assert.ok(tries < 2000, 'it came back');
      await this.serve();
      id = driver.takeBack();
      if (id < 0) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return guest.memory.bytes[this.#place + 16]!;
  }

  /** Bytes of the data of what was asked last. */
  data(bytes: number): Uint8Array {
    return this.guest.memory.bytes.subarray(this.#place + pageBytes, this.#place + pageBytes + bytes);
  }

  get place(): number {
    return this.#place;
  }

  close(): void {
    closeDescriptor(this.#back);
    this.guest.close();
    this.#message.unmap();
  }
}

describe('a guest with an IOMMU', { timeout: 240_000 }, () => {
  for (const layout of layouts)
    test(`${layout}: what is missing is asked for, of rings and requests, and every byte is right`, async () => {
      const disk = await startDisk('auto');
      const image = readFileSync(disk.image);
      const behind = await GuestBehindIommu.start(disk.socket, layout);
      for (let count = 0; count < 12; count++) {
        const bytes = 512 * (1 + ((count * 7) % 40));
        assert.equal(await behind.ask(0, count * 3, bytes), 0);
        assert.ok(image.subarray(count * 3 * 512, count * 3 * 512 + bytes).equals(behind.data(bytes)));
      }
      assert.ok(behind.misses > 12, `${behind.misses} were missed`);
      // Taken back: the ring's own pages, and all of it; it is asked for again.
      const before = behind.misses;
      assert.equal(await behind.tell(IotlbType.invalidate, ioStart, behind.guest.memory.byteLength), 0n);
      assert.equal(await behind.ask(0, 5, 8192), 0);
      assert.ok(image.subarray(5 * 512, 5 * 512 + 8192).equals(behind.data(8192)));
      assert.ok(behind.misses >= before + 4);
      behind.close();
      disk.child.kill('SIGTERM');
      assert.equal(await disk.ended, 0);
    });

  test('what may only be read is not written: the request fails; what is never said waits, and nobody spins', async () => {
    const disk = await startDisk('epoll');
    const behind = await GuestBehindIommu.start(disk.socket, 'split');
    assert.equal(await behind.ask(0, 1, 512), 0);
    const { guest } = behind;
    const place = guest.take(2 * pageBytes, pageBytes);
    const readOnly = ioAddress(place + pageBytes);
    assert.equal(await behind.tell(IotlbType.update, readOnly, pageBytes, 1), 0n);
    guest.memory.data.setUint32(place, 0, true);
    guest.memory.bytes[place + pageBytes] = 0x55;
    const { driver } = guest.queues[0]!;
    const status = { address: ioAddress(place + 16), length: 1 };
    driver.add([{ address: ioAddress(place), length: 16 }], [{ address: readOnly, length: 512 }, status]);
    guest.publish(0);
    await until('it is back', async () => {
      await behind.serve();
      return driver.takeBack() >= 0;
    });
    assert.equal(guest.memory.bytes[place + 16], 1, 'an error');
    assert.equal(guest.memory.bytes[place + pageBytes], 0x55, 'nothing was written');
    // A page that the front end never says: the queue waits, the socket is answered, and the processor rests.
    const never = ioAddress(guest.take(pageBytes, pageBytes));
    behind.kept.add(never);
    driver.add([{ address: never, length: 16 }], [status]);
    guest.publish(0);
    await until('it is asked for', async () => {
      const before = behind.misses;
      await behind.serve();
      return behind.misses > before;
    });
    const tasks = `/proc/${disk.child.pid}/task`;
    const switches = (): number =>
      readdirSync(tasks)
        .map((task) => readFileSync(`${tasks}/${task}/status`, 'utf8'))
        .reduce((sum, status) => sum + Number(/voluntary_ctxt_switches:\s+(\d+)/.exec(status)![1]), 0);
    const atFirst = switches();
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.ok(switches() - atFirst < 100);
    guest.send(Request.getVringBase, [0n]);
    assert.ok((await guest.answer())!.getUint32(4, true) > 0, 'a queue that waits ends');
    behind.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });

  test('messages that make no sense are answered so, and nothing is allowed by them', async () => {
    const disk = await startDisk('epoll');
    const plain = new FrontEnd(disk.socket);
    await plain.start(features);
    plain.send(Request.iotlb, [0n, 4096n, BigInt(plain.user(0)), 3n | (2n << 8n)]);
    assert.equal((await plain.answer())!.getBigUint64(0, true), 1n, 'without an IOMMU');
    plain.close();
    const behind = await GuestBehindIommu.start(disk.socket, 'split');
    const { guest } = behind;
    for (const [name, type, address, length, access, user] of [
      ['no bytes', IotlbType.update, ioStart, 0, 3, guest.user(0)],
      ['no access', IotlbType.update, ioStart, 4096, 0, guest.user(0)],
      ['access 7', IotlbType.update, ioStart, 4096, 7, guest.user(0)],
      ['outside of memory', IotlbType.update, ioStart, 4096, 3, guest.user(0) - 4096],
      ['past memory', IotlbType.update, ioStart, 4096, 3, guest.user(0) + guest.memory.byteLength - 2048],
      ['a type of ours', IotlbType.miss, ioStart, 4096, 3, guest.user(0)],
      ['type 9', 9, ioStart, 4096, 3, guest.user(0)],
      ['beyond 2^53', IotlbType.update, 2 ** 60, 4096, 3, guest.user(0)],
    ] as const)
      assert.equal(await behind.tell(type, address, length, access, user), 1n, name);
    // More ranges than are kept: the oldest are asked for again.
    for (let page = 0; page < 2100; page++)
      assert.equal(await behind.tell(IotlbType.update, 2 ** 40 + page * 8192, 4096, 3, guest.user(0)), 0n);
    assert.equal(await behind.ask(0, 1, 4096), 0);
    behind.close();
    disk.child.kill('SIGTERM');
    assert.equal(await disk.ended, 0);
  });
});
