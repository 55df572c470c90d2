// A front end's session with a disk that is slow, by the fake engine: what comes to its end while requests are under way waits for them, and what they
// were begun with stays as long. Not here: the socket (test/vhost/), requests themselves (disk.whole.test.ts).

import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import type { FakeFileOperation } from '../../src/engine/fake-files.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { Region } from '../../src/memory/region.js';
import { Loop } from '../../src/transport/loop.js';
import { BlockDevice } from '../../src/vhost/block/block-device.js';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import { Flag, Request } from '../../src/vhost/protocol.js';
import { Session } from '../../src/vhost/session.js';
import type { Vring } from '../../src/vhost/vring.js';

const skip = platformIsLinux ? false : 'needs Linux';
const size = 16;

/** A front end, its guest, and a disk whose file does what the test says. */
class SlowSession {
  readonly engine = new FakeEngine();
  readonly loop = new Loop(this.engine, () => 0);
  readonly file = {
    ...{ path: 'slow.raw', isReadOnly: false, sectors: 1000, alignment: undefined, isLost: false },
    ...{ fd: -1, descriptorFor: () => -1, measure: () => false },
    ...{ isLocked: true, lock: () => true },
    unlock: (): void => {
      this.file.isLocked = false;
    },
  };
  /** Its guest has an IOMMU. */
  readonly #hasIotlb: boolean;
  readonly device = new BlockDevice(this.loop, this.file, { queues: 1, id: 'slow' });
  readonly memory = new GuestMemory(1024 * 1024);
  readonly queue = new FrontQueue(0, this.memory, size, { indirect: false, eventIndex: false, packed: false });
  /** The queue, as the device has it. */
  #vring: Vring | undefined;
  /** Requests that were answered, in order. */
  readonly answered: number[] = [];
  /** Why it was ended. */
  readonly ends: string[] = [];
  readonly session = new Session(this.device, {
    answer: (request) => void this.answered.push(request),
    watchKick: () => true,
    look: (vring: Vring) => this.device.kicked(vring),
    askForRange: () => false,
    say: () => {},
    talkBack: () => {},
    tell: () => false,
    end: (why) => void this.ends.push(why),
  });

  constructor(hasIotlb = false) {
    this.#hasIotlb = hasIotlb;
    this.#start();
  }

  /** Sends a message. @param fd that goes with it */
  send(request: number, words: readonly bigint[], fd?: number): void {
    const payload = new DataView(new ArrayBuffer(words.length * 8));
    for (const [index, word] of words.entries()) payload.setBigUint64(index * 8, word, true);
    const fds = fd === undefined ? [] : [openSync(`/proc/self/fd/${fd}`, 'r+')];
    assert.equal(
      this.session.handle(request, Flag.version, payload, fds, () => {}),
      undefined,
    );
  }

  table(): void {
    const { region } = this.memory;
    const numbers = [1, this.memory.guestAddress(0), region.byteLength, this.memory.userAddress(0), 0];
    this.send(Request.setMemoryTable, numbers.map(BigInt), region.fd);
  }

  /** Everything until the queue runs. */
  #start(): void {
    this.send(Request.setFeatures, [(1n << 32n) | (1n << 30n) | (this.#hasIotlb ? 1n << 33n : 0n)]);
    this.table();
    if (this.#hasIotlb) this.allow(this.memory.guestAddress(0), this.memory.region.byteLength);
    const { descriptors, used, available } = this.queue.places;
    const { memory } = this;
    const [first, second, third] = [descriptors, used, available].map((at) =>
      BigInt(this.#hasIotlb ? memory.guestAddress(at) : memory.userAddress(at)),
    );
    this.send(Request.setVringNum, [BigInt(size) << 32n]);
    this.send(Request.setVringAddr, [0n, first!, second!, third!, 0n]);
    this.send(Request.setVringKick, [0x100n]);
    const { device } = this;
    const started = device.started.bind(device);
    device.started = (vring, table) => {
      this.#vring = vring;
      started(vring, table);
    };
    this.send(Request.setVringEnable, [1n << 32n]);
    this.loop.turn(0);
  }

  /** Allows a range of the IOMMU's addresses, which leads to the beginning of memory. */
  allow(start: number, length: number): void {
    this.send(Request.iotlb, [BigInt(start), BigInt(length), BigInt(this.memory.userAddress(0)), 3n | (2n << 8n)]);
  }

  /** Asks for a sector. Returns where its status comes. */
  read(): number {
    const place = this.memory.take(1024);
    const { data } = this.memory.region;
    const address = this.memory.guestAddress(place);
    data.setUint32(place, 0, true);
    data.setBigUint64(place + 8, 0n, true);
    data.setUint8(place + 16, 0xaa);
    const writable = [
      { address: address + 64, length: 512 },
      { address: address + 16, length: 1 },
    ];
    assert.ok(this.queue.driver.add([{ address, length: 16 }], writable) >= 0);
    this.queue.driver.publish();
    this.device.kicked(this.#vring!);
    return place + 16;
  }

  /** Ends all that is under way, well. */
  endAll(): void {
    for (const operation of [...this.engine.files.pending] as FakeFileOperation[])
      this.engine.files.end(operation, 512);
    for (let turn = 0; turn < 4; turn++) this.loop.turn(0);
  }

  close(): void {
    this.queue.close();
    this.memory.unmap();
    this.device.close();
    this.loop.close();
  }
}

for (const [name, request] of [
  ['GET_VRING_BASE', Request.getVringBase],
  ['SET_MEM_TABLE', Request.setMemoryTable],
  ['RESET_DEVICE', Request.resetDevice],
] as const) {
  test(`the end of a session while ${name} waits for a request: it is waited for, once`, { skip }, () => {
    const slow = new SlowSession();
    const status = slow.read();
    if (request === Request.setMemoryTable) slow.table();
    else slow.send(request, request === Request.getVringBase ? [0n] : []);
    assert.equal(slow.session.isReady, false);
    let isOver = 0;
    slow.session.close(() => isOver++);
    slow.loop.turn(0);
    assert.deepEqual([isOver, slow.session.memory.count], [0, 1], 'the request still leads to the memory');
    slow.endAll();
    assert.deepEqual([isOver, slow.session.memory.count], [1, 0]);
    assert.equal(slow.memory.region.data.getUint8(status), 0);
    assert.deepEqual(slow.answered, request === Request.getVringBase ? [request] : []);
    slow.close();
  });
}

test('a range that an IOMMU takes back, which others were known instead of: requests under way over it are waited for', {
  skip,
}, () => {
  const slow = new SlowSession(true);
  slow.read();
  const { iotlb } = slow.session.memory;
  // The oldest goes for the last of them: that of the queue, and of the request.
  for (let count = 0; count < 2048; count++) slow.allow(2 ** 45 + count * 8192, 4096);
  assert.equal(iotlb.overlaps(slow.memory.guestAddress(0), slow.memory.region.byteLength), false);
  const before = slow.answered.length;
  slow.send(Request.iotlb, [BigInt(slow.memory.guestAddress(0)), 4096n, 0n, 3n << 8n]);
  slow.loop.turn(0);
  assert.equal(slow.answered.length, before, 'the page is not the guest again while the disk may write to it');
  slow.endAll();
  assert.equal(slow.answered.length, before + 1);
  slow.close();
});

test('ranges of an IOMMU are bounded, also where parts of them are taken back', { skip }, () => {
  const slow = new SlowSession(true);
  const { iotlb } = slow.session.memory;
  for (let count = 0; count < 3000; count++) {
    slow.allow(2 ** 45 + count * 65_536, 3 * 4096);
    slow.send(Request.iotlb, [BigInt(2 ** 45 + count * 65_536 + 4096), 4096n, 0n, 3n << 8n]);
  }
  assert.equal(iotlb.count, 2048);
  slow.close();
});

test('memory that is refused, of which the front end cannot be told: the session ends', { skip }, () => {
  const slow = new SlowSession();
  slow.read();
  const numbers = [1, slow.memory.guestAddress(0), 2 ** 40, slow.memory.userAddress(0), 0];
  slow.send(Request.setMemoryTable, numbers.map(BigInt), slow.memory.region.fd);
  assert.equal(slow.ends.length, 0, 'a request is under way');
  slow.endAll();
  assert.match(slow.ends.join(), /^the front end passed memory that ends at/);
  slow.session.close(() => {});
  slow.close();
});

for (const [name, result] of [
  ['is on the disk', 0],
  ['is not', -Errno.EIO],
] as const)
  test(`a guest that moves: its queue's place is said when what it wrote ${name}`, { skip }, () => {
    const slow = new SlowSession();
    const log = new Region(2 ** 18, { kind: 'memfd' });
    slow.send(Request.setProtocolFeatures, [1n << 1n]);
    slow.send(Request.setLogBase, [BigInt(log.byteLength), 0n], log.fd);
    slow.send(Request.setFeatures, [(1n << 32n) | (1n << 30n) | (1n << 26n)]);
    slow.loop.turn(0);
    slow.read();
    slow.send(Request.getVringBase, [0n]);
    assert.equal(slow.engine.files.pending[0]!.kind, 'read');
    slow.endAll();
    const [sync, ...others] = slow.engine.files.pending;
    assert.deepEqual([sync!.kind, others.length, slow.session.isReady], ['sync', 0, false]);
    assert.ok(!slow.answered.includes(Request.getVringBase));
    assert.ok(slow.file.isLocked);
    slow.engine.files.end(sync!, result);
    slow.loop.turn(0);
    assert.equal(slow.answered.includes(Request.getVringBase), result === 0);
    assert.equal(slow.file.isLocked, result !== 0);
    assert.equal(slow.ends.length, result === 0 ? 0 : 1);
    if (result !== 0) assert.match(slow.ends[0]!, /must not go on elsewhere/);
    assert.equal(slow.session.isReady, true);
    slow.session.close(() => {});
    log.unmap();
    slow.close();
  });
