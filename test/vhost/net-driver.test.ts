// Frames of a network device from the driver's side, against a device in this process that sends every frame back: whole ones, merged ones, and ones
// that make no sense.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fromWords } from '../../src/kernel/words.js';
import { Access, Domain } from '../../src/memory/domain.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { FrontEndError } from '../../src/vhost/front-end/front-end-error.js';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import { NetDriver, type ReceivedFrame } from '../../src/vhost/front-end/net-driver.js';
import { netHeaderBytes } from '../../src/vhost/net/net-header.js';
import { Chain } from '../../src/virtio/chain.js';
import { PackedDeviceQueue } from '../../src/virtio/packed-device.js';
import { SplitDeviceQueue } from '../../src/virtio/split-device.js';

const size = 32;
const agreed = { indirect: false, eventIndex: true };

/** Both sides over one memory. */
function makeNet(packed: boolean, bytes: number, mergeable: boolean) {
  const memory = new GuestMemory(1024 * 1024);
  const queues = [0, 1].map((index) => new FrontQueue(index, memory, size, { ...agreed, packed }));
  const [receive, transmit] = queues as [FrontQueue, FrontQueue];
  const driver = new NetDriver(receive, transmit, memory, { depth: 16, bytes, mergeable });
  const domain = new Domain();
  const window = (at: number) => ({ data: memory.region.data, bytes: new Uint8Array(memory.region.buffer), at });
  const start = memory.guestAddress(0);
  domain.grant(start, memory.region.byteLength, { address: memory.region.address, window }, 0, Access.both);
  const { buffer } = memory.region;
  const devices = queues.map(({ places: { descriptors, used, available } }) =>
    packed
      ? new PackedDeviceQueue(
          {
            size,
            words: new Uint32Array(buffer, descriptors, 4 * size),
            halves: new Uint16Array(buffer, descriptors, 8 * size),
            deviceEvent: new Uint16Array(buffer, used, 2),
            driverEvent: new Uint16Array(buffer, available, 2),
          },
          domain,
          agreed,
        )
      : new SplitDeviceQueue(
          {
            size,
            descriptors: new Uint32Array(buffer, descriptors, 4 * size),
            available: new Uint16Array(buffer, available, size + 3),
            used: new Uint16Array(buffer, used, 4 * size + 3),
            usedWords: new Uint32Array(buffer, used, 2 * size + 1),
          },
          domain,
          agreed,
        ),
  );
  const place = ({ high, low }: Chain): number => fromWords(high[0]!, low[0]!) - start;
  const [toDriver, fromDriver] = devices as [(typeof devices)[number], (typeof devices)[number]];
  return {
    driver,
    toDriver,
    memory,
    place,
    /** Sends back what was sent, in as many buffers as it takes; `count` is what the header says of them. */
    echo(count?: number): void {
      const [sent, room] = [new Chain(size), new Chain(size)];
      while (fromDriver.take(sent)) {
        const frame = memory.region.bytes.subarray(place(sent), place(sent) + sent.readableBytes);
        let first = -1;
        let buffers = 0;
        for (let done = 0; done < frame.length; buffers++) {
          assert.ok(toDriver.take(room), 'there is room to receive into');
          const here = Math.min(frame.length - done, room.writableBytes);
          memory.region.bytes.set(frame.subarray(done, done + here), place(room));
          if (first < 0) first = place(room);
          done += here;
          toDriver.give(room.id, room.slots, here);
        }
        memory.region.data.setUint16(first + 10, count ?? buffers, true);
        fromDriver.give(sent.id, sent.slots, 0);
      }
      toDriver.publish();
      fromDriver.publish();
    },
    close(): void {
      for (const queue of queues) queue.close();
      memory.unmap();
    },
  };
}

function bytesOf(driver: NetDriver, frame: ReceivedFrame): Uint8Array {
  return Buffer.concat(Array.from({ length: frame.count }, (_, index) => driver.partOf(frame, index)));
}

for (const packed of [false, true]) {
  describe(`frames, ${packed ? 'packed' : 'split'}`, () => {
    for (const { bytes, mergeable, most } of [
      { bytes: 1526, mergeable: false, most: 1514 },
      { bytes: 256, mergeable: true, most: 240 },
    ]) {
      test(`${mergeable ? 'merged buffers' : 'one buffer each'}: thousands there and back, every byte`, () => {
        const net = makeNet(packed, bytes, mergeable);
        const random = randomSource(3);
        for (let round = 0; round < 400; round++) {
          net.driver.post();
          const sent: Uint8Array[] = [];
          for (let count = 1 + Math.floor(random() * 8); count > 0; count--) {
            const slot = net.driver.take();
            assert.ok(slot >= 0);
            const length = 1 + Math.floor(random() * most);
            const frame = net.driver.bytesOf(slot).subarray(netHeaderBytes, netHeaderBytes + length);
            for (let index = 0; index < length; index++) frame[index] = Math.floor(random() * 256);
            sent.push(frame.slice());
            assert.ok(net.driver.send(slot, length));
          }
          net.driver.publish();
          net.echo();
          for (const frame of sent) {
            const received = net.driver.receive();
            assert.ok(received !== undefined);
            assert.equal(received.byteLength, frame.length);
            assert.deepEqual(Buffer.from(bytesOf(net.driver, received)), Buffer.from(frame));
          }
          assert.equal(net.driver.receive(), undefined);
        }
        assert.equal(net.driver.faults, 0);
        net.close();
      });
    }

    test('a frame in several buffers is handed out whole, and one that is not there yet is not', () => {
      const net = makeNet(packed, 128, true);
      net.driver.post();
      net.driver.publish();
      const room = new Chain(size);
      const give = (bytes: number, buffers?: number): void => {
        assert.ok(net.toDriver.take(room));
        if (buffers !== undefined) net.memory.region.data.setUint16(net.place(room) + 10, buffers, true);
        net.toDriver.give(room.id, room.slots, bytes);
        net.toDriver.publish();
      };
      give(128, 3);
      assert.equal(net.driver.receive(), undefined);
      give(128);
      assert.equal(net.driver.receive(), undefined);
      give(20);
      const frame = net.driver.receive();
      assert.deepEqual([frame?.count, frame?.byteLength], [3, 128 - netHeaderBytes + 128 + 20]);
      // No header, no buffers, more buffers than there can be: dropped, and the next is handed out.
      give(5, 1);
      give(100, 0);
      give(100, 65_535);
      give(100, 1);
      assert.equal(net.driver.receive()?.byteLength, 100 - netHeaderBytes);
      assert.equal(net.driver.faults, 3);
      net.close();
    });

    test('a device that gives back what it does not have is not served on', () => {
      const net = makeNet(packed, 128, false);
      net.driver.post();
      net.driver.publish();
      const room = new Chain(size);
      assert.ok(net.toDriver.take(room));
      net.toDriver.give(room.id, room.slots, 5000);
      net.toDriver.publish();
      assert.throws(() => net.driver.receive(), FrontEndError);
      net.close();
    });
  });
}
