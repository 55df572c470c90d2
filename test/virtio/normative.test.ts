// What the specification says that a device or a driver MUST do or not do with a queue (VIRTIO 1.4, sections 2.7 and 2.8), one test a statement,
// by its section. Not here: memory order, which no single thread can see (the two-sided tests are in queues.test.ts); virtio-blk
// (test/vhost/block-normative.whole.test.ts).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setWord64 } from '../../src/kernel/words.js';
import { Chain } from '../../src/virtio/chain.js';
import { Event, type PackedRing } from '../../src/virtio/packed-device.js';
import { Descriptor, type QueueFeatures } from '../../src/virtio/queue.js';
import type { SplitRing } from '../../src/virtio/split-device.js';
import { dataAddress, guestBase, type Layout, makeQueue, type TestQueue } from '../support/virtqueues.js';

const byFlags: QueueFeatures = { indirect: true, eventIndex: false };
const byEvent: QueueFeatures = { indirect: true, eventIndex: true };
const size = 8;
const data = dataAddress(size);
const piece = (address: number, length: number) => ({ address, length });

type Split = TestQueue & { readonly ring: SplitRing };
type Packed = TestQueue & { readonly ring: PackedRing };
const split = (features: QueueFeatures): Split => makeQueue('split', size, features) as Split;
const packed = (features: QueueFeatures): Packed => makeQueue('packed', size, features) as Packed;

/** One request from the driver to the device and back. Returns whether each wanted to tell the other. */
function round({ device, driver }: TestQueue, written = 0): { readonly kick: boolean; readonly interrupt: boolean } {
  const chain = new Chain(size);
  assert.ok(driver.add([piece(data, 16)], [piece(data + 64, 8)]) >= 0);
  const kick = driver.publish();
  assert.ok(device.take(chain) && chain.fault === undefined);
  device.give(chain.id, chain.slots, written);
  const interrupt = device.publish();
  assert.ok(driver.takeBack() >= 0);
  return { kick, interrupt };
}

/** Writes a descriptor of a split queue, or of a table behind it. */
function describeAt(words: Uint32Array, index: number, address: number, length: number, flags: number, next = 0): void {
  setWord64(words, index * 4, address);
  words[index * 4 + 2] = length;
  words[index * 4 + 3] = flags | (next << 16);
}

/** Makes a head available, as a driver does. */
function makeAvailable({ ring }: Split, head: number): void {
  const { available } = ring;
  available[2 + (available[1]! & (size - 1))] = head;
  Atomics.store(available, 1, (available[1]! + 1) & 0xffff);
}

describe('split virtqueues, the device', () => {
  test('2.7.5.1 MUST NOT write to any descriptor table entry, nor to a device-readable buffer', () => {
    const queue = split(byFlags);
    round(queue);
    const { driver, device, ring, guest } = queue;
    driver.add([piece(data, 16)], [piece(data + 64, 8)]);
    driver.publish();
    const [table, readable] = [ring.descriptors.slice(), guest.bytes.slice(data - guestBase, data - guestBase + 16)];
    const chain = new Chain(size);
    device.take(chain);
    device.give(chain.id, chain.slots, 8);
    device.publish();
    assert.deepEqual(ring.descriptors, table);
    assert.deepEqual(guest.bytes.slice(data - guestBase, data - guestBase + 16), readable);
  });

  test('2.7.5.3.2 MUST ignore the write-only flag of the descriptor that refers to an indirect table', () => {
    const queue = split(byFlags);
    const table = new Uint32Array(queue.guest.bytes.buffer, data - guestBase, 8);
    describeAt(table, 0, data + 1024, 16, Descriptor.next, 1);
    describeAt(table, 1, data + 2048, 4, Descriptor.write);
    describeAt(queue.ring.descriptors, 3, data, 32, Descriptor.indirect | Descriptor.write);
    makeAvailable(queue, 3);
    const chain = new Chain(size);
    assert.ok(queue.device.take(chain));
    assert.deepEqual([chain.fault, chain.readableBytes, chain.writableBytes], [undefined, 16, 4]);
  });

  test('2.7.5.3.2 MUST handle normal chained descriptors followed by a single indirect one', () => {
    const queue = split(byFlags);
    const table = new Uint32Array(queue.guest.bytes.buffer, data - guestBase, 8);
    describeAt(table, 0, data + 1024, 16, Descriptor.next, 1);
    describeAt(table, 1, data + 2048, 4, Descriptor.write);
    describeAt(queue.ring.descriptors, 0, data + 512, 8, Descriptor.next, 5);
    describeAt(queue.ring.descriptors, 5, data + 600, 8, Descriptor.next, 2);
    describeAt(queue.ring.descriptors, 2, data, 32, Descriptor.indirect);
    makeAvailable(queue, 0);
    const chain = new Chain(size);
    assert.ok(queue.device.take(chain));
    assert.deepEqual([chain.fault, chain.count, chain.readableBytes, chain.writableBytes], [undefined, 4, 32, 4]);
  });

  test('2.7.7.2 without EVENT_IDX MUST ignore used_event, send where flags is 0, and not where it is 1', () => {
    const queue = split(byFlags);
    round(queue);
    queue.ring.available[2 + size] = 100;
    queue.ring.available[0] = 0;
    assert.equal(round(queue).interrupt, true);
    queue.ring.available[2 + size] = queue.ring.used[1]!;
    queue.ring.available[0] = 1;
    assert.equal(round(queue).interrupt, false);
  });

  test('2.7.7.2 with EVENT_IDX MUST ignore the lower bit of flags, and send where idx was equal to used_event', () => {
    const queue = split(byEvent);
    round(queue);
    for (const flags of [0, 1]) {
      queue.ring.available[0] = flags;
      queue.ring.available[2 + size] = queue.ring.used[1]!;
      assert.equal(round(queue).interrupt, true);
      queue.ring.available[2 + size] = (queue.ring.used[1]! + 1) & 0xffff;
      assert.equal(round(queue).interrupt, false);
    }
  });

  test('2.7.8.2 MUST set len prior to updating the used idx', () => {
    const { device, driver, ring } = split(byFlags);
    driver.add([], [piece(data, 8)]);
    driver.publish();
    const chain = new Chain(size);
    device.take(chain);
    device.give(chain.id, chain.slots, 7);
    assert.deepEqual([ring.used[1], ring.usedWords[2]], [0, 7]);
    device.publish();
    assert.equal(ring.used[1], 1);
  });

  test('2.7.10.2 MUST set flags of the used ring to 0 or 1, with EVENT_IDX to 0; MUST handle spurious notifications', () => {
    for (const [features, allowed] of [
      [byFlags, [0, 1]],
      [byEvent, [0]],
    ] as const) {
      const queue = split(features);
      for (const step of [
        () => queue.device.suppressKicks(),
        () => queue.device.awaitKick(),
        () => round(queue),
        () => queue.device.suppressKicks(),
      ]) {
        step();
        assert.ok((allowed as readonly number[]).includes(queue.ring.used[0]!));
      }
      assert.equal(queue.device.take(new Chain(size)), false, 'a kick without anything');
      assert.equal(queue.device.fault, undefined);
      round(queue);
    }
  });
});

describe('split virtqueues, the driver', () => {
  test('2.7.6.1 MUST NOT decrement the available idx', () => {
    const queue = split(byFlags);
    for (let count = 1; count < 70_000; count++) {
      round(queue);
      if (queue.ring.available[1] !== (count & 0xffff)) assert.fail(`idx ${queue.ring.available[1]} after ${count}`);
    }
  });

  test('2.7.7.1 MUST set flags to 0 or 1, with EVENT_IDX to 0; MUST handle spurious notifications', () => {
    for (const [features, allowed] of [
      [byFlags, [0, 1]],
      [byEvent, [0]],
    ] as const) {
      const queue = split(features);
      for (const step of [
        () => queue.driver.suppressInterrupts(),
        () => queue.driver.awaitInterrupt(),
        () => round(queue),
        () => queue.driver.suppressInterrupts(),
      ]) {
        step();
        assert.ok((allowed as readonly number[]).includes(queue.ring.available[0]!));
      }
      assert.equal(queue.driver.takeBack(), -1);
      assert.equal(queue.driver.fault, undefined);
    }
  });

  test('2.7.10.1 without EVENT_IDX MUST ignore avail_event, send where flags is 0, and not where it is 1', () => {
    const queue = split(byFlags);
    queue.ring.used[2 + 4 * size] = 100;
    queue.ring.used[0] = 0;
    assert.equal(round(queue).kick, true);
    queue.ring.used[2 + 4 * size] = queue.ring.available[1]!;
    queue.ring.used[0] = 1;
    assert.equal(round(queue).kick, false);
  });

  test('2.7.10.1 with EVENT_IDX MUST ignore the lower bit of flags, and send where idx was equal to avail_event', () => {
    const queue = split(byEvent);
    for (const flags of [0, 1]) {
      queue.ring.used[0] = flags;
      queue.ring.used[2 + 4 * size] = queue.ring.available[1]!;
      assert.equal(round(queue).kick, true);
      queue.ring.used[2 + 4 * size] = (queue.ring.available[1]! + 1) & 0xffff;
      assert.equal(round(queue).kick, false);
    }
  });

  test('2.7.5.3.1 MUST NOT set INDIRECT and NEXT together, nor INDIRECT within a table', () => {
    const { driver, ring, guest } = split(byFlags);
    const table = { address: data + 4096, data: guest.data, at: data + 4096 - guestBase };
    assert.ok(driver.addIndirect([piece(data, 1), piece(data + 8, 1)], [piece(data + 16, 1)], table) >= 0);
    const flags = ring.descriptors[ring.available[2]! * 4 + 3]! & 0xffff;
    assert.equal(flags & (Descriptor.indirect | Descriptor.next), Descriptor.indirect);
    const inTable = [0, 1, 2].map((index) => guest.data.getUint16(table.at + index * 16 + 12, true));
    assert.deepEqual(inTable, [Descriptor.next, Descriptor.next, Descriptor.write]);
  });
});

for (const layout of ['split', 'packed'] as const satisfies readonly Layout[]) {
  describe(`${layout} virtqueues, the driver`, () => {
    test('2.7.4.2, 2.8.17.1 MUST place device-writable elements after device-readable ones', () => {
      const { device, driver } = makeQueue(layout, size, byFlags);
      driver.add([piece(data, 1), piece(data + 8, 2)], [piece(data + 16, 4), piece(data + 24, 8)]);
      driver.publish();
      const chain = new Chain(size);
      device.take(chain);
      assert.deepEqual([...chain.lengths.subarray(0, 4)], [1, 2, 4, 8]);
      assert.equal(chain.readable, 2);
    });

    test('2.7.5.2, 2.8.17.1 MUST NOT add a chain of more than 2^32 bytes, nor one longer than the queue', () => {
      const { driver, guest } = makeQueue(layout, size, byFlags);
      const half = piece(data, 2 ** 31);
      const table = { address: data + 4096, data: guest.data, at: data + 4096 - guestBase };
      assert.equal(driver.add([half], [half]), -1);
      assert.equal(driver.addIndirect([half, half], [], table), -1);
      const long = Array.from({ length: size + 1 }, () => piece(data, 1));
      assert.equal(driver.add(long, []), -1);
      assert.equal(driver.addIndirect(long, [], table), -1);
      assert.equal(driver.free, size, 'nothing was taken for them');
      assert.equal(driver.publish(), false);
    });

    test('2.7.5.3.1, 2.8.19.1 MUST NOT set INDIRECT unless the feature was negotiated', () => {
      const { driver, guest } = makeQueue(layout, size, { indirect: false, eventIndex: false });
      const table = { address: data + 4096, data: guest.data, at: data + 4096 - guestBase };
      assert.equal(driver.addIndirect([piece(data, 1)], [], table), -1);
    });
  });
}

describe('packed virtqueues, the device', () => {
  test('2.8.12.1 MUST NOT use a descriptor unless it observes its AVAIL bit being changed', () => {
    const { device, driver, ring } = packed(byFlags);
    const chain = new Chain(size);
    assert.equal(device.take(chain), false, 'as the ring was at first');
    driver.add([piece(data, 16)], []);
    assert.equal(device.take(chain), false, 'not shown yet');
    driver.publish();
    assert.equal(device.take(chain), true);
    ring.halves[7] = Descriptor.available;
    assert.equal(device.take(chain), false, 'the same entry again is no other');
  });

  test('2.8.12.1 MUST NOT change a descriptor after changing its USED bit', () => {
    const queue = packed(byFlags);
    round(queue, 8);
    const before = queue.ring.words.slice(0, 4);
    for (let count = 0; count < size / 2 - 1; count++) round(queue);
    assert.deepEqual(queue.ring.words.slice(0, 4), before);
  });

  test('2.8.6.1 MUST start processing descriptors in the order in which they appear in the ring', () => {
    const { device, driver } = packed(byFlags);
    const ids = [1, 2, 3, 4].map((length) => driver.add([piece(data, length)], []));
    driver.publish();
    const chain = new Chain(size);
    const seen = ids.map(() => (device.take(chain), [chain.id, chain.lengths[0]]));
    assert.deepEqual(
      seen,
      ids.map((id, index) => [id, index + 1]),
    );
  });

  test('2.8.17.2 MUST use chained descriptors in the order in which they were made available', () => {
    const { device, driver } = packed(byFlags);
    for (let turn = 0; turn < 3; turn++) {
      driver.add(
        [1, 2, 3, 4, 5].map((length) => piece(data, length)),
        [],
      );
      driver.publish();
      const chain = new Chain(size);
      device.take(chain);
      assert.deepEqual([...chain.lengths.subarray(0, chain.count)], [1, 2, 3, 4, 5], 'over the end of the ring too');
      device.give(chain.id, chain.slots, 0);
      device.publish();
      driver.takeBack();
    }
  });

  test('2.8.10, 2.8.14 sends where the driver enabled events, not where it disabled them, and at its descriptor', () => {
    const queue = packed(byEvent);
    const { driverEvent } = queue.ring;
    round(queue);
    driverEvent[1] = Event.enable;
    assert.equal(round(queue).interrupt, true);
    driverEvent[1] = Event.disable;
    assert.equal(round(queue).interrupt, false);
    driverEvent[1] = Event.at;
    // A request takes two entries: the next one is at 6, then at 0 of the next turn.
    driverEvent[0] = 6 | 0x8000;
    assert.equal(round(queue).interrupt, true);
    driverEvent[0] = 2;
    assert.equal(round(queue).interrupt, false);
    assert.equal(round(queue).interrupt, true);
  });
});

describe('packed virtqueues, the driver', () => {
  test('2.8.12.2 MUST NOT change a descriptor unless it observes its USED bit being changed', () => {
    const { driver, ring } = packed(byFlags);
    for (let count = 0; count < size; count++) assert.ok(driver.add([piece(data, count + 1)], []) >= 0);
    driver.publish();
    const before = ring.words.slice();
    assert.equal(driver.add([piece(data, 99)], []), -1);
    assert.equal(driver.publish(), false);
    assert.deepEqual(ring.words, before);
  });

  test('2.8.17.1 MUST NOT make the first descriptor of a list available before all the others', () => {
    const { driver, ring } = packed(byFlags);
    driver.add([piece(data, 1), piece(data, 2), piece(data, 3)], []);
    const flags = (index: number): number => ring.halves[index * 8 + 7]!;
    assert.equal(flags(0) & Descriptor.available, 0);
    assert.deepEqual(
      [flags(1), flags(2)].map((each) => each & Descriptor.available),
      [0x80, 0x80],
    );
    driver.publish();
    assert.equal(flags(0) & Descriptor.available, 0x80);
  });

  test('2.8.17.1 MUST make sure that there is room for the whole list before it makes the first available', () => {
    const { driver, ring } = packed(byFlags);
    for (let count = 0; count < size - 2; count++) driver.add([piece(data, 1)], []);
    driver.publish();
    const before = ring.words.slice();
    assert.equal(driver.add([piece(data, 1), piece(data, 2), piece(data, 3)], []), -1);
    assert.deepEqual(ring.words, before);
  });

  test('2.8.19.1 MUST NOT set any flag but WRITE within a table, nor INDIRECT in a list linked by NEXT', () => {
    const { driver, ring, guest } = packed(byFlags);
    const table = { address: data + 4096, data: guest.data, at: data + 4096 - guestBase };
    assert.ok(driver.addIndirect([piece(data, 1), piece(data + 8, 1)], [piece(data + 16, 1)], table) >= 0);
    driver.publish();
    assert.equal(ring.halves[7]! & (Descriptor.indirect | Descriptor.next), Descriptor.indirect);
    const inTable = [0, 1, 2].map((index) => guest.data.getUint16(table.at + index * 16 + 14, true));
    assert.deepEqual(inTable, [0, 0, Descriptor.write]);
  });

  test('2.8.10, 2.8.14 kicks where the device enabled events, not where it disabled them, and at its descriptor', () => {
    const queue = packed(byEvent);
    const { deviceEvent } = queue.ring;
    deviceEvent[1] = Event.enable;
    assert.equal(round(queue).kick, true);
    deviceEvent[1] = Event.disable;
    assert.equal(round(queue).kick, false);
    deviceEvent[1] = Event.at;
    deviceEvent[0] = 4 | 0x8000;
    assert.equal(round(queue).kick, true);
    deviceEvent[0] = 0;
    assert.equal(round(queue).kick, false);
    assert.equal(round(queue).kick, true);
  });
});
