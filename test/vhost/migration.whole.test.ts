// A guest that moves while it runs, with its disk: a front end that copies memory as QEMU does, by rounds of the log of written pages while requests go
// on, and goes on with the copy at another process that was started for it with the same image. Every byte of memory and of the image is held
// against the other side. Not here: which pages are marked (dirty-log.whole.test.ts), QEMU's own migration (test/vm/).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Region } from '../../src/memory/region.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Request } from '../../src/vhost/protocol.js';
import { ask, type Disk, diskBytes, runDisk, startDisk } from '../support/disks.js';
import { until } from '../support/until.js';
import { FrontEnd } from '../support/vhost-front-end.js';
import { type Layout, layouts } from '../support/virtqueues.js';

const pageBytes = 4096;
const features = { indirect: true, eventIndex: true };
const [logMemory, replyAck, config, flush, logAll] = [1n << 1n, 1n << 3n, 1n << 9n, 1n << 9n, 1n << 26n];
const size = 64;
/** Requests at once, and bytes of the data of each, of which it takes some pages. */
const depth = 12;
const mostData = 5 * pageBytes;

const bitsOf = (layout: Layout): bigint =>
  (1n << 32n) | (1n << 30n) | (1n << 29n) | (1n << 28n) | flush | (layout === 'packed' ? 1n << 34n : 0n);

/** A guest whose writes are known to the front end, as its processor's are to QEMU. */
class MovingGuest {
  readonly guest: FrontEnd;
  readonly log: Region;
  readonly #layout: Layout;
  readonly #random = randomSource(17);
  readonly #slots: {
    header: number;
    data: number;
    status: number;
    isWrite: boolean;
    id: number;
    sector: number;
    bytes: number;
  }[];
  /** What the image is to hold. */
  readonly image: Buffer;
  done = 0;

  constructor(guest: FrontEnd, layout: Layout, image: Buffer) {
    this.guest = guest;
    this.#layout = layout;
    this.image = image;
    this.log = new Region(Math.ceil((guest.guest(0) + guest.memory.byteLength) / pageBytes / 8), { kind: 'memfd' });
    this.#slots = Array.from({ length: depth }, () => ({
      ...{ header: guest.take(pageBytes, pageBytes), data: guest.take(mostData, pageBytes) },
      // Of pages that nobody but the device writes.
      ...{ status: guest.take(pageBytes, pageBytes), isWrite: false, id: -1, sector: 0, bytes: 0 },
    }));
  }

  /** Takes the pages that are marked, and marks them no more. */
  dirty(): number[] {
    const pages: number[] = [];
    const first = this.guest.guest(0) / pageBytes;
    for (let page = 0; page < this.guest.memory.byteLength / pageBytes; page++) {
      const [at, bit] = [(first + page) >> 3, 1 << ((first + page) & 7)];
      if ((Atomics.and(this.log.bytes, at, ~bit) & bit) !== 0) pages.push(page);
    }
    return pages;
  }

  /** What the guest's processor writes. */
  #touch(offset: number, bytes: number): void {
    for (let page = Math.floor(offset / pageBytes); page <= (offset + bytes - 1) / pageBytes; page++) {
      const at = this.guest.guest(0) / pageBytes + page;
      Atomics.or(this.log.bytes, at >> 3, 1 << (at & 7));
    }
  }

  #touchRing(): void {
    const { descriptors, available } = this.guest.queues[0]!.places;
    this.#touch(descriptors, 16 * size);
    this.#touch(available, this.#layout === 'packed' ? 4 : 6 + 2 * size);
  }

  /** Asks for what is free: reads and writes of random places, each slot in a part of the image of its own. */
  ask(): void {
    const { guest } = this;
    for (const [index, slot] of this.#slots.entries()) {
      if (slot.id >= 0) continue;
      slot.isWrite = this.#random() < 0.5;
      slot.bytes = 512 * (1 + Math.floor(this.#random() * (mostData / 512)));
      const room = Math.floor(diskBytes / depth / 512) - mostData / 512;
      slot.sector = Math.floor((index * diskBytes) / depth / 512) + Math.floor(this.#random() * room);
      guest.memory.data.setUint32(slot.header, slot.isWrite ? 1 : 0, true);
      guest.memory.data.setBigUint64(slot.header + 8, BigInt(slot.sector), true);
      this.#touch(slot.header, 16);
      const data = { address: guest.guest(slot.data), length: slot.bytes };
      if (slot.isWrite) {
        const bytes = guest.memory.bytes.subarray(slot.data, slot.data + slot.bytes);
        for (let at = 0; at < slot.bytes; at += 4) bytes.fill(Math.floor(this.#random() * 256), at, at + 4);
        this.#touch(slot.data, slot.bytes);
        this.image.set(bytes, slot.sector * 512);
      }
      const header = { address: guest.guest(slot.header), length: 16 };
      const status = { address: guest.guest(slot.status), length: 1 };
      slot.id = guest.queues[0]!.driver.add(
        slot.isWrite ? [header, data] : [header],
        slot.isWrite ? [status] : [data, status],
      );
      assert.ok(slot.id >= 0);
    }
    this.#touchRing();
    guest.publish(0);
  }

  /** Waits for a request, and takes back what is done. */
  async take(): Promise<void> {
    this.#took(await this.guest.back(0));
    this.takeNow();
  }

  /** Takes back what is done. */
  takeNow(): void {
    const { driver } = this.guest.queues[0]!;
    for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) this.#took(id);
    this.#touchRing();
  }

  /** Holds what was read against the image. */
  #took(id: number): void {
    const slot = this.#slots.find((each) => each.id === id)!;
    slot.id = -1;
    assert.equal(this.guest.memory.bytes[slot.status], 0);
    const { data, bytes, sector } = slot;
    const expected = this.image.subarray(sector * 512, sector * 512 + bytes);
    assert.ok(expected.equals(this.guest.memory.bytes.subarray(data, data + bytes)), `${this.done} are right`);
    this.done++;
  }

  get underWay(): number {
    return this.#slots.filter(({ id }) => id >= 0).length;
  }
}

/** A guest of a disk. @param count of its queues: 0 or 1 */
async function begin(disk: Disk, layout: Layout, count = 1): Promise<FrontEnd> {
  const guest = new FrontEnd(disk.socket, 4 * 1024 * 1024);
  await guest.begin(features, { layout, count, size, deviceBits: flush });
  guest.send(Request.setProtocolFeatures, [logMemory | replyAck | config]);
  return guest;
}

/** As it is done while a guest moves: its log, its features, and where its ring is logged. */
async function startLogging({ guest, log }: MovingGuest, layout: Layout): Promise<void> {
  guest.send(Request.setLogBase, [BigInt(log.byteLength), 0n], [log.fd]);
  assert.equal((await guest.answer())!.getBigUint64(0, true), 0n);
  assert.equal(await guest.acknowledged(Request.setFeatures, [bitsOf(layout) | logAll]), 0n);
  const { descriptors, used, available } = guest.queues[0]!.places;
  const [user, isLogged] = [(offset: number): bigint => BigInt(guest.user(offset)), 1n << 32n];
  const words = [isLogged, user(descriptors), user(used), user(available), BigInt(guest.guest(used))];
  assert.equal(await guest.acknowledged(Request.setVringAddr, words), 0n);
}

/** Sets the moved guest's queue up where it stands. */
function resume(guest: FrontEnd, from: FrontEnd, base: number): void {
  const { places, driver, call, kick } = from.queues[0]!;
  const user = (offset: number): bigint => BigInt(guest.user(offset));
  guest.send(Request.setVringNum, [BigInt(driver.size) << 32n]);
  guest.send(Request.setVringBase, [BigInt(base) << 32n]);
  guest.send(Request.setVringAddr, [0n, user(places.descriptors), user(places.used), user(places.available), 0n]);
  guest.send(Request.setVringKick, [0n], [kick]);
  guest.send(Request.setVringCall, [0n], [call]);
  guest.send(Request.setVringEnable, [1n << 32n]);
}

for (const engine of ['epoll', 'auto'])
  for (const layout of layouts)
    test(`${engine}, ${layout}: memory that is copied by the log is what the guest has, and it goes on at the other process`, async () => {
      const source = await startDisk(engine);
      const guest = await begin(source, layout);
      const moving = new MovingGuest(guest, layout, readFileSync(source.image));
      const copy = new Uint8Array(guest.memory.byteLength);
      await startLogging(moving, layout);
      // All of it once, as it is while requests go on; then what was written since, again and again.
      moving.ask();
      copy.set(guest.memory.bytes);
      let copied = 0;
      for (let round = 0; round < 40; round++) {
        moving.ask();
        if (round % 3 === 0 && moving.underWay > 0) await moving.take();
        for (const page of moving.dirty()) {
          copied++;
          copy.set(guest.memory.bytes.subarray(page * pageBytes, (page + 1) * pageBytes), page * pageBytes);
        }
        if (moving.underWay > 0) await moving.take();
      }
      assert.ok(copied > 100, `${copied} pages`);
      const target = await runDisk(source.image, `${source.socket}.target`, ['--engine', engine, '--incoming']);
      // The guest stands still; requests under way end before the place of its queue is said.
      moving.ask();
      guest.send(Request.getVringBase, [0n]);
      const base = (await guest.answer())!.getUint32(4, true);
      for (const page of moving.dirty())
        copy.set(guest.memory.bytes.subarray(page * pageBytes, (page + 1) * pageBytes), page * pageBytes);
      assert.ok(Buffer.from(copy).equals(guest.memory.bytes), 'every byte of its memory');

      const moved = await begin(target, layout, 0);
      moved.memory.bytes.set(copy);
      resume(moved, guest, base);
      // Its driver goes on with the memory there, whichever process did what it asked for last.
      await until('all is back', () => {
        guest.memory.bytes.set(moved.memory.bytes);
        moving.takeNow();
        return moving.underWay === 0;
      });
      assert.ok(readFileSync(source.image).equals(moving.image), 'every byte of the image');
      moved.close();
      const again = await begin(target, layout);
      const first = moving.image.subarray(0, 4096);
      assert.ok(first.equals((await ask(again, { type: 0, sector: 0n, room: 4096 })).data));
      assert.equal((await ask(again, { type: 1, sector: 0n, write: new Uint8Array(512).fill(7) })).status, 0);
      again.close();
      guest.close();
      moving.log.unmap();
      for (const disk of [source, target]) {
        disk.child.kill('SIGTERM');
        assert.equal(await disk.ended, 0, disk.said());
      }
    });

test('the image is used by one process: another one waits until the guest has moved, and again when it comes back', async () => {
  const source = await startDisk('epoll');
  const target = await runDisk(source.image, `${source.socket}.target`, ['--incoming']);
  const guest = await begin(source, 'split');
  const moving = new MovingGuest(guest, 'split', readFileSync(source.image));
  moving.ask();
  while (moving.underWay > 0) await moving.take();
  const other = await begin(target, 'split');
  await until('it says so', () => target.said().includes('is in use by another process: the guest waits'));
  const reading = ask(other, { type: 0, sector: 0n, room: 512 });
  await startLogging(moving, 'split');
  const before = moving.done;
  moving.ask();
  while (moving.underWay > 0) await moving.take();
  assert.ok(moving.done > before, 'it is not held up');
  guest.send(Request.getVringBase, [0n]);
  const base = (await guest.answer())!.getUint32(4, true);
  assert.ok(moving.image.subarray(0, 512).equals((await reading).data), 'the other one begins');
  // It did not get through: the guest goes on where it was, when the other one has gone.
  resume(guest, guest, base);
  await until('it says so', () => source.said().includes('is in use by another process: the guest waits'));
  target.child.kill('SIGTERM');
  assert.equal(await target.ended, 0);
  moving.ask();
  while (moving.underWay > 0) await moving.take();
  other.close();
  guest.close();
  moving.log.unmap();
  source.child.kill('SIGTERM');
  assert.equal(await source.ended, 0, source.said());
});
