// A disk over a file that is slow and fails, by the fake engine: requests end in any order, in parts, with errors, and a queue that is to stop waits
// for them; what the guest is told is what was done. Not here: a real file (test/vhost/).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import type { FakeFileOperation } from '../../src/engine/fake-files.js';
import { FALLOC_FL, RWF } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux, viewMemory } from '../../src/kernel/ffi.js';
import { Access, type Domain } from '../../src/memory/domain.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Loop } from '../../src/transport/loop.js';
import { BlockDevice } from '../../src/vhost/block/block-device.js';
import { MemoryTable } from '../../src/vhost/memory-table.js';
import { Vring } from '../../src/vhost/vring.js';
import { dataAddress, type GuestBuffer, guestBase, makeQueue, type TestQueue } from '../support/virtqueues.js';

const skip = platformIsLinux ? false : 'needs Linux';
const Type = { read: 0, write: 1, flush: 4, id: 8, discard: 11, zeroes: 13 } as const;
const size = 512;
const requestBytes = 8192;
const sectors = 100_000;

/** What a request asks for, and where its status comes. */
interface Asked {
  readonly id: number;
  readonly place: number;
}

/** A disk whose file does what the test says, and its guest. */
class SlowDisk {
  readonly engine = new FakeEngine();
  readonly loop = new Loop(this.engine, () => 0);
  readonly queue: TestQueue = makeQueue('split', size, { indirect: true, eventIndex: false }, size * requestBytes);
  readonly vring = new Vring(0);
  readonly said: string[] = [];
  readonly file = {
    ...{ path: 'slow.raw', isReadOnly: false, sectors, alignment: undefined, isLost: false },
    // No descriptor: the page cache has nothing.
    ...{ fd: -1, descriptorFor: () => -1, measure: () => false },
    ...{ isLocked: true, lock: () => true, unlock: () => {} },
  };
  readonly device: BlockDevice;
  readonly #memory = new MemoryTable();
  #used = 0;

  constructor(features = 1n << 9n) {
    this.device = new BlockDevice(this.loop, this.file, { queues: 1, id: 'slow' });
    this.device.onSay = (sentence) => this.said.push(sentence);
    this.device.negotiated(features);
    this.#memory.domain.grant(guestBase, this.guest.bytes.length, this.guest, 0, Access.both);
    this.vring.queue = this.queue.device;
    this.vring.isEnabled = true;
    this.device.started(this.vring, this.#memory);
    this.loop.turn(0);
  }

  get guest(): GuestBuffer {
    return this.queue.guest;
  }

  get domain(): Domain {
    return this.#memory.domain;
  }

  /** The guest's memory is of two regions from now on, which touch each other there. */
  seam(at: number): void {
    const { domain } = this;
    domain.clear();
    domain.grant(guestBase, at, this.guest, 0, Access.both);
    domain.grant(guestBase + at, this.guest.bytes.length - at, this.guest, at, Access.both);
  }

  get pending(): FakeFileOperation[] {
    return this.engine.files.pending;
  }

  /** Asks for something; the guest does not kick yet. */
  ask(
    type: number,
    sector: number,
    bytes: number,
    range?: { readonly sectors: number; readonly flags: number },
  ): Asked {
    const place = dataAddress(size) + (this.#used++ % size) * requestBytes;
    const { data } = this.guest;
    const at = place - guestBase;
    data.setUint32(at, type, true);
    data.setBigUint64(at + 8, BigInt(range === undefined ? sector : 0), true);
    data.setUint8(at + 16, 0xaa);
    const from = place + 32;
    if (range !== undefined) {
      data.setBigUint64(at + 32, BigInt(sector), true);
      data.setUint32(at + 40, range.sectors, true);
      data.setUint32(at + 44, range.flags, true);
    }
    const header = { address: place, length: 16 };
    const status = { address: place + 16, length: 1 };
    const body = bytes === 0 ? [] : [{ address: from, length: bytes }];
    const id =
      type === Type.read || type === Type.id
        ? this.queue.driver.add([header], [...body, status])
        : this.queue.driver.add([header, ...body], [status]);
    assert.ok(id >= 0);
    return { id, place: at };
  }

  kick(): void {
    this.queue.driver.publish();
    this.device.kicked(this.vring);
  }

  statusOf({ place }: Asked): number {
    return this.guest.data.getUint8(place + 16);
  }

  /** What came back to the guest. */
  back(): number[] {
    this.loop.turn(0);
    this.loop.turn(0);
    const ids: number[] = [];
    for (let id = this.queue.driver.takeBack(); id >= 0; id = this.queue.driver.takeBack()) ids.push(id);
    assert.equal(this.queue.driver.fault, undefined);
    return ids;
  }

  end(operation: FakeFileOperation, result: number): void {
    this.engine.files.end(operation, result);
  }

  close(): void {
    this.device.close();
    this.loop.close();
  }
}

/** The pieces that an operation leads to. */
function piecesOf({ iovecs, count }: FakeFileOperation): (readonly [address: number, length: number])[] {
  const data = new DataView(viewMemory(iovecs, count * 16));
  return Array.from({ length: count }, (_, index) => [
    Number(data.getBigUint64(index * 16, true)),
    Number(data.getBigUint64(index * 16 + 8, true)),
  ]);
}

test('requests end in any order, each as its own, and others are taken meanwhile', { skip }, () => {
  const disk = new SlowDisk();
  const asked = [8, 16, 24].map((sector) => disk.ask(Type.read, sector, 4096));
  disk.kick();
  assert.deepEqual(disk.back(), []);
  assert.deepEqual(
    disk.pending.map(({ offset }) => offset),
    [4096, 8192, 12_288],
  );
  const [first, second, third] = [...disk.pending] as [FakeFileOperation, FakeFileOperation, FakeFileOperation];
  disk.end(third, 4096);
  assert.deepEqual(disk.back(), [asked[2]!.id]);
  const late = disk.ask(Type.write, 32, 512);
  disk.kick();
  assert.equal(disk.pending.length, 3);
  disk.end(first, 4096);
  disk.end(disk.pending.at(-1)!, 512);
  assert.deepEqual(disk.back().sort(), [asked[0]!.id, late.id].sort());
  assert.equal(disk.statusOf(asked[1]!), 0xaa, 'nobody said anything of it');
  disk.end(second, 4096);
  assert.deepEqual(disk.back(), [asked[1]!.id]);
  assert.deepEqual(
    [...asked, late].map((each) => disk.statusOf(each)),
    [0, 0, 0, 0],
  );
  disk.close();
});

test('calls that move a part go on behind it; interrupted ones are made again; the end of the file is an error', {
  skip,
}, () => {
  const disk = new SlowDisk();
  for (const type of [Type.read, Type.write]) {
    const asked = disk.ask(type, 8, 4096);
    disk.kick();
    const [[address] = [0]] = piecesOf(disk.pending[0]!);
    for (const [result, at, left] of [
      [-Errno.EINTR, 0, 4096],
      [1, 1, 4095],
      [4000, 4001, 95],
    ] as const) {
      disk.end(disk.pending[0]!, result);
      disk.back();
      const { offset } = disk.pending[0]!;
      assert.deepEqual([offset, ...piecesOf(disk.pending[0]!)[0]!], [4096 + at, address + at, left]);
    }
    disk.end(disk.pending[0]!, 95);
    assert.deepEqual(disk.back(), [asked.id]);
    assert.equal(disk.statusOf(asked), 0);
    const cut = disk.ask(type, 8, 4096);
    disk.kick();
    disk.end(disk.pending[0]!, 100);
    disk.back();
    disk.end(disk.pending[0]!, 0);
    assert.deepEqual(disk.back(), [cut.id]);
    assert.equal(disk.statusOf(cut), 1);
    assert.equal(disk.queue.driver.written, 1, 'the status alone');
  }
  assert.equal(disk.said.length, 2);
  disk.close();
});

test('errors of the file are errors of the request; a flush that failed fails for good', { skip }, () => {
  const disk = new SlowDisk();
  for (const [type, errno] of [
    [Type.read, Errno.EIO],
    [Type.write, Errno.ENOSPC],
    [Type.write, Errno.EFAULT],
    [Type.flush, Errno.EIO],
  ] as const) {
    const asked = disk.ask(type, 0, type === Type.flush ? 0 : 512);
    disk.kick();
    disk.end(disk.pending[0]!, -errno);
    assert.deepEqual(disk.back(), [asked.id]);
    assert.equal(disk.statusOf(asked), 1);
    assert.match(disk.said.at(-1)!, new RegExp(`errno ${errno}`));
  }
  const again = disk.ask(Type.flush, 0, 0);
  disk.kick();
  assert.equal(disk.pending.length, 0, 'the kernel would say that all is well');
  assert.deepEqual(disk.back(), [again.id]);
  assert.equal(disk.statusOf(again), 1);
  disk.close();
});

test('a file system that cannot: a discard is done without, zeros are written, in as many parts as it takes', {
  skip,
}, () => {
  const disk = new SlowDisk();
  const discard = disk.ask(Type.discard, 8, 16, { sectors: 8, flags: 0 });
  disk.kick();
  assert.equal(disk.pending[0]!.flags, FALLOC_FL.PUNCH_HOLE | FALLOC_FL.KEEP_SIZE);
  disk.end(disk.pending[0]!, -Errno.EOPNOTSUPP);
  assert.deepEqual(disk.back(), [discard.id]);
  assert.equal(disk.statusOf(discard), 0);
  const zeros = disk.ask(Type.zeroes, 16, 16, { sectors: 400, flags: 0 });
  disk.kick();
  assert.equal(disk.pending[0]!.flags, FALLOC_FL.ZERO_RANGE | FALLOC_FL.KEEP_SIZE);
  disk.end(disk.pending[0]!, -Errno.EOPNOTSUPP);
  disk.back();
  let offset = 16 * 512;
  for (const part of [70_000, 1, 400 * 512 - 70_001]) {
    const operation = disk.pending[0]!;
    assert.deepEqual([operation.kind, operation.offset], ['write', offset]);
    const pieces = piecesOf(operation);
    assert.equal(
      pieces.reduce((sum, [, length]) => sum + length, 0),
      16 * 512 + 400 * 512 - offset,
    );
    assert.ok(new Uint8Array(viewMemory(pieces[0]![0], 64)).every((byte) => byte === 0));
    disk.end(operation, part);
    disk.loop.turn(0);
    offset += part;
  }
  assert.deepEqual(disk.back(), [zeros.id]);
  assert.equal(disk.statusOf(zeros), 0);
  disk.close();
});

test('a header, data and an id over seams of the memory are whole', { skip }, () => {
  const disk = new SlowDisk();
  for (const seam of [1, 8, 15, 16, 30, 40]) {
    const before = { ...disk.domain.faults };
    const asked = disk.ask(Type.write, 24, 512);
    disk.seam(asked.place + seam);
    disk.kick();
    assert.equal(disk.pending[0]!.offset, 24 * 512);
    assert.equal(
      piecesOf(disk.pending[0]!).reduce((sum, [, length]) => sum + length, 0),
      512,
    );
    disk.end(disk.pending[0]!, 512);
    assert.deepEqual(disk.back(), [asked.id]);
    const id = disk.ask(Type.id, 0, 20);
    disk.seam(id.place + seam);
    disk.kick();
    assert.deepEqual(disk.back(), [id.id]);
    assert.equal(disk.statusOf(id), 0);
    const bytes = Buffer.from(disk.guest.bytes.subarray(id.place + 32, id.place + 52));
    assert.equal(bytes.toString('latin1'), 'slow'.padEnd(20, '\0'));
    assert.deepEqual(disk.domain.faults, before);
  }
  disk.close();
});

test('a guest that cannot flush: its writes are stable when they end', { skip }, () => {
  const disk = new SlowDisk(0n);
  disk.ask(Type.write, 0, 512);
  disk.kick();
  assert.equal(disk.pending[0]!.flags, RWF.DSYNC);
  disk.end(disk.pending[0]!, 512);
  assert.equal(disk.back().length, 1);
  disk.close();
});

test('a queue that is to stop has stopped when nothing is under way, and takes nothing meanwhile', { skip }, () => {
  const disk = new SlowDisk();
  const asked = [0, 1, 2].map((sector) => disk.ask(Type.read, sector, 512));
  disk.kick();
  let stops = 0;
  disk.device.stop(disk.vring, () => stops++);
  const late = disk.ask(Type.read, 9, 512);
  disk.kick();
  for (const operation of [...disk.pending].reverse()) {
    assert.equal(stops, 0);
    disk.end(operation, 512);
    disk.loop.turn(0);
  }
  assert.equal(stops, 1);
  assert.equal(disk.pending.length, 0, 'what came afterwards stays in the ring');
  assert.deepEqual(disk.back().sort(), asked.map(({ id }) => id).sort(), 'and all that ended was shown');
  assert.equal(disk.statusOf(late), 0xaa);
  assert.equal(disk.device.counts.underWay, 0);
  disk.close();
});

test('more than may be under way: the rest is taken as others end, and none is lost or done twice', { skip }, () => {
  const disk = new SlowDisk();
  const random = randomSource(5);
  const asked = new Set<number>();
  for (let count = 0; count < size / 3 - 1; count++) asked.add(disk.ask(Type.write, count, 512).id);
  disk.kick();
  const seen: number[] = [];
  let most = 0;
  const offsets = new Set<number>();
  while (seen.length < asked.size) {
    disk.loop.turn(0);
    most = Math.max(most, disk.pending.length);
    assert.ok(disk.pending.length > 0);
    for (const { offset } of disk.pending) offsets.add(offset);
    for (let left = 1 + Math.floor(random() * 4); left > 0 && disk.pending.length > 0; left--) {
      disk.end(disk.pending[Math.floor(random() * disk.pending.length)]!, 512);
    }
    seen.push(...disk.back());
  }
  assert.equal(offsets.size, asked.size);
  assert.deepEqual([...seen].sort(), [...asked].sort());
  assert.ok(most > 64 && most <= 256);
  disk.close();
});
