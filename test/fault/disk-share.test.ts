// A disk whose guest asks for as much at once as a ring can say, again and again in the same memory: each operation on the file is a small part of it, and few are under way, so that
// guests of other disks in the same thread wait for none of it. The fake engine has the file.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import type { FakeFileOperation } from '../../src/engine/fake-files.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux, viewMemory } from '../../src/kernel/ffi.js';
import { Access } from '../../src/memory/domain.js';
import { Loop } from '../../src/transport/loop.js';
import { BlockDevice } from '../../src/vhost/block/block-device.js';
import { MemoryTable } from '../../src/vhost/memory-table.js';
import { Vring } from '../../src/vhost/vring.js';
import { dataAddress, guestBase, makeQueue } from '../support/virtqueues.js';

const size = 1024;
const mebibyte = 1024 ** 2;
const dataBytes = 3 * mebibyte;
/** Behind this many bytes of data, the headers of requests. */
const headersAt = dataAddress(size) + 2 * mebibyte;
const Type = { read: 0, write: 1 } as const;
const writeZeroes = 13;

class LargeRequests {
  readonly engine = new FakeEngine();
  readonly loop = new Loop(this.engine, () => 0);
  readonly queue = makeQueue('split', size, { indirect: false, eventIndex: false }, dataBytes);
  readonly vring = new Vring(0);
  readonly device: BlockDevice;
  #asked = 0;

  constructor() {
    const file = {
      ...{ path: 'large.raw', isReadOnly: false, sectors: 2 ** 31, alignment: undefined, isLost: false },
      ...{ fd: -1, descriptorFor: () => -1, measure: () => false },
      ...{ isLocked: true, lock: () => true, unlock: () => {} },
    };
    this.device = new BlockDevice(this.loop, file, { queues: 1, id: 'large' });
    this.device.negotiated(1n << 9n);
    const memory = new MemoryTable();
    const { guest } = this.queue;
    memory.domain.grant(guestBase, guest.bytes.length, guest, 0, Access.both);
    this.vring.queue = this.queue.device;
    this.vring.isEnabled = true;
    this.device.started(this.vring, memory);
    this.loop.turn(0);
  }

  /** Asks for so many pieces of nearly 1 MiB, which all lie in the same place. Returns the request's id. */
  ask(type: number, pieces: number, offset: number): number {
    const { guest, driver } = this.queue;
    const place = headersAt + this.#asked++ * 64;
    guest.data.setUint32(place - guestBase, type, true);
    guest.data.setBigUint64(place - guestBase + 8, BigInt(offset / 512), true);
    const header = { address: place, length: 16 };
    const status = { address: place + 16, length: 1 };
    const body = Array.from({ length: pieces }, (_, index) => ({
      // Beside each other they would be one piece.
      address: dataAddress(size) + (index % 2) * 4096,
      length: mebibyte - 4096,
    }));
    const id = type === Type.read ? driver.add([header], [...body, status]) : driver.add([header, ...body], [status]);
    assert.ok(id >= 0);
    return id;
  }

  /** Asks for zeros. */
  askZeros(bytes: number, offset: number): void {
    const { guest, driver } = this.queue;
    const place = headersAt + this.#asked++ * 64;
    guest.data.setUint32(place - guestBase, writeZeroes, true);
    guest.data.setBigUint64(place - guestBase + 16, BigInt(offset / 512), true);
    guest.data.setUint32(place - guestBase + 24, bytes / 512, true);
    assert.ok(driver.add([{ address: place, length: 32 }], [{ address: place + 32, length: 1 }]) >= 0);
  }

  kick(): void {
    this.queue.driver.publish();
    this.device.kicked(this.vring);
  }

  get pending(): readonly FakeFileOperation[] {
    return this.engine.files.pending;
  }

  bytesOf({ iovecs, count }: FakeFileOperation): number {
    const data = new DataView(viewMemory(iovecs, count * 16));
    return Array.from({ length: count }, (_, index) => Number(data.getBigUint64(index * 16 + 8, true))).reduce(
      (sum, bytes) => sum + bytes,
      0,
    );
  }

  /**
   * Ends one operation after the other, each third one short, until the request has ended. Each is alone, of 2 MiB at most, and begins where the last one ended.
   * @param kind of all of them. @param from where the first one begins. Returns how many bytes they moved.
   */
  endAll(kind: FakeFileOperation['kind'], from: number): number {
    let done = 0;
    for (let operations = 0; this.back() === 0; operations++) {
      assert.ok(operations < 1000);
      const [operation, ...others] = this.pending;
      assert.deepEqual([operation!.kind, operation!.offset, others], [kind, from + done, []]);
      const bytes = this.bytesOf(operation!);
      assert.ok(bytes > 0 && bytes <= 2 * mebibyte, `${bytes}`);
      const moved = operations % 3 === 0 ? Math.ceil(bytes / 3) : bytes;
      done += moved;
      this.engine.files.end(operation!, moved);
      this.loop.turn(0);
      this.loop.turn(0);
    }
    return done;
  }

  back(): number {
    const ids = [];
    for (let id = this.queue.driver.takeBack(); id >= 0; id = this.queue.driver.takeBack()) ids.push(id);
    return ids.length;
  }

  close(): void {
    this.device.close();
    this.loop.close();
  }
}

const skip = platformIsLinux ? false : 'needs Linux';

for (const [name, type] of Object.entries(Type)) {
  test(`a ${name} of 200 MiB is done in operations of 2 MiB at most, all of it and in order`, { skip }, () => {
    const disk = new LargeRequests();
    const pieces = 200;
    disk.ask(type, pieces, 512);
    disk.kick();
    assert.equal(disk.endAll(type === Type.read ? 'read' : 'write', 512), pieces * (mebibyte - 4096));
    disk.close();
  });
}

test('zeros that the file system has to be given as bytes: of 2 MiB at most at once, all of them and in order', {
  skip,
}, () => {
  const disk = new LargeRequests();
  const length = 201 * mebibyte + 512;
  disk.askZeros(length, 512);
  disk.kick();
  disk.engine.files.end(disk.pending[0]!, -Errno.EOPNOTSUPP);
  disk.loop.turn(0);
  assert.equal(disk.endAll('write', 512), length);
  disk.close();
});

test('many requests for zeros: 16 MiB of them are under way, however short they are to say', { skip }, () => {
  const disk = new LargeRequests();
  const many = 100;
  for (let index = 0; index < many; index++) disk.askZeros(3 * mebibyte, index * 3 * mebibyte);
  disk.kick();
  let ended = 0;
  for (let turns = 0; ended < many; turns++) {
    assert.ok(turns < 10_000);
    assert.ok(disk.pending.length <= 8, `${disk.pending.length} are under way`);
    for (const operation of [...disk.pending])
      disk.engine.files.end(operation, operation.kind === 'write' ? disk.bytesOf(operation) : -Errno.EOPNOTSUPP);
    disk.loop.turn(0);
    ended += disk.back();
  }
  assert.equal(disk.device.counts.underWay, 0);
  disk.close();
});

test('many large ones: few are under way, the others when those have ended', { skip }, () => {
  const disk = new LargeRequests();
  const many = 100;
  for (let index = 0; index < many; index++) disk.ask(Type.read, 5, index * 5 * mebibyte);
  disk.kick();
  let ended = 0;
  for (let turns = 0; ended < many; turns++) {
    assert.ok(turns < 10_000);
    assert.ok(disk.pending.length <= 4, `${disk.pending.length} are under way`);
    for (const operation of [...disk.pending]) disk.engine.files.end(operation, disk.bytesOf(operation));
    disk.loop.turn(0);
    ended += disk.back();
  }
  assert.equal(disk.device.counts.underWay, 0);
  disk.close();
});
