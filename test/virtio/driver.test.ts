// What a driver's queue does beyond one request after the other: tables, and a device that goes and another that takes its place: what was not
// answered is asked for again, as the driver remembers it, whatever was written over the ring.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromWords } from '../../src/kernel/words.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Chain } from '../../src/virtio/chain.js';
import { PackedDeviceQueue, packedStart } from '../../src/virtio/packed-device.js';
import type { QueueFeatures } from '../../src/virtio/queue.js';
import { SplitDeviceQueue } from '../../src/virtio/split-device.js';
import { dataAddress, guestBase, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

const features: QueueFeatures = { indirect: true, eventIndex: true };
const piece = (address: number, length: number) => ({ address, length });

/** Another device on the same ring, where the driver says. */
function secondDevice({ ring, domain }: TestQueue, position: number) {
  return 'words' in ring
    ? new PackedDeviceQueue(ring, domain, features, position)
    : new SplitDeviceQueue(ring, domain, features, position);
}

const addressOf = ({ high, low }: Chain, index: number): number => fromWords(high[index]!, low[index]!);

for (const layout of layouts) {
  describe(`a driver's ${layout} queue`, () => {
    test('a table: one descriptor, whatever it holds; refused where tables were not agreed on', () => {
      const queue = makeQueue(layout, 4, features);
      const { device, driver, guest } = queue;
      const chain = new Chain(8);
      const place = dataAddress(4);
      const at = place - guestBase;
      const table = (number: number) => ({
        address: place + number * 256,
        data: guest.data,
        at: at + number * 256,
      });
      const ids = [0, 1, 2, 3].map((number) =>
        driver.addIndirect([piece(place + 2048, 16), piece(2 ** 40 + number, 100)], [piece(place, 1)], table(number)),
      );
      assert.equal(driver.free, 0);
      assert.equal(driver.addIndirect([piece(place, 1)], [], table(4)), -1, 'there is no room');
      driver.publish();
      for (const [number, id] of ids.entries()) {
        const small = layout === 'split' ? new Chain(4) : chain;
        assert.ok(device.take(small));
        assert.equal(small.fault, undefined);
        assert.deepEqual([small.count, small.readable, small.readableBytes, small.writableBytes], [3, 2, 116, 1]);
        assert.equal(addressOf(small, 1), 2 ** 40 + number);
        device.give(small.id, small.slots, 1);
        device.publish();
        assert.equal(driver.takeBack(), id);
        assert.equal(driver.written, 1);
      }
      assert.equal(driver.free, 4);
      const without = makeQueue(layout, 4, { indirect: false, eventIndex: false });
      assert.equal(without.driver.addIndirect([piece(place, 1)], [], table(0)), -1);
    });

    test('another device gets what the one before did not answer, in order, whatever was written over the ring', () => {
      for (let seed = 1; seed <= 50; seed++) {
        const random = randomSource(seed);
        const queue = makeQueue(layout, 16, features);
        const { driver, ring } = queue;
        let device = queue.device;
        const out = new Map<number, { order: number; address: number; pieces: number }>();
        let order = 0;
        for (let life = 0; life < 4; life++) {
          for (let step = 0; step < 60; step++) {
            const pieces = 1 + Math.floor(random() * 3);
            const address = 2 ** 33 + ++order * 4096;
            const list = Array.from({ length: pieces }, (_, index) => piece(address + index * 16, 8));
            const id = driver.add(list.slice(1), list.slice(0, 1));
            if (id >= 0) out.set(id, { order, address, pieces });
            driver.publish();
            const chain = new Chain(16);
            // It takes more than it gives back.
            if (device.take(chain) && random() < 0.7) device.give(chain.id, chain.slots, 0);
            device.publish();
            const back = driver.takeBack();
            if (back >= 0) assert.ok(out.delete(back));
          }
          for (let back = driver.takeBack(); back >= 0; back = driver.takeBack()) assert.ok(out.delete(back));
          assert.equal(driver.fault, undefined);
          assert.ok(out.size > 0);
          const words = 'words' in ring ? ring.words : ring.descriptors;
          for (let index = 0; index < words.length; index++) words[index] = Math.floor(random() * 2 ** 32);
          driver.restart();
          driver.publish();
          device = secondDevice(queue, layout === 'packed' ? packedStart : 0);
          const expected = [...out].sort(([, one], [, other]) => one.order - other.order);
          for (const [id, { address, pieces }] of expected) {
            const chain = new Chain(16);
            assert.ok(device.take(chain), `seed ${seed}`);
            assert.equal(chain.count, pieces);
            assert.equal(addressOf(chain, pieces - 1), address, 'its writable piece');
            device.give(chain.id, chain.slots, 8);
            device.publish();
            assert.equal(driver.takeBack(), id);
            out.delete(id);
          }
          assert.equal(driver.free, 16);
          assert.equal(device.take(new Chain(16)), false);
        }
      }
    });

    test('where a device goes on: what it used is behind it, and what it says beyond what is out is not believed', () => {
      const queue = makeQueue(layout, 4, features);
      const { driver, device, ring } = queue;
      const chain = new Chain(4);
      for (let count = 0; count < 6; count++) {
        driver.add([piece(dataAddress(4), 1)], []);
        driver.publish();
        assert.ok(device.take(chain));
        device.give(chain.id, chain.slots, 0);
        device.publish();
        assert.ok(driver.takeBack() >= 0);
      }
      assert.equal(driver.position, layout === 'split' ? 6 : device.position);
      if ('used' in ring) ring.used[1] = 300;
      assert.equal(driver.position, layout === 'split' ? 6 : device.position);
      if ('used' in ring) ring.used[1] = 6;
      const next = secondDevice(queue, driver.position);
      const id = driver.add([piece(dataAddress(4), 7)], []);
      driver.publish();
      assert.ok(next.take(chain));
      assert.equal(chain.readableBytes, 7);
      next.give(chain.id, chain.slots, 0);
      next.publish();
      assert.equal(driver.takeBack(), id);
    });
  });
}
