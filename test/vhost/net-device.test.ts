// NetDevice without a session: buffers that a packet did not need stay taken, or are put back where the guest takes addresses back while queues run;
// what lies over a seam of the guest's memory is whole.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Access } from '../../src/memory/domain.js';
import { Loop } from '../../src/transport/loop.js';
import { Echo } from '../../src/vhost/net/echo.js';
import { NetDevice } from '../../src/vhost/net/net-device.js';
import { ReceiveQueue } from '../../src/vhost/net/receive-queue.js';
import { Vring } from '../../src/vhost/vring.js';
import { patterned } from '../conformance/serve/servers.js';
import { NetBit } from '../support/net-guest.js';
import { dataAddress, guestBase, type Layout, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

const size = 8;
const rings = { indirect: true, eventIndex: false };

/** A device that echoes, and both of its queues, which run. */
function makeDevice(layout: Layout, bits: bigint) {
  const loop = new Loop('epoll');
  const echo = new Echo();
  const device = new NetDevice(loop, echo, { pairs: 1, mac: new Uint8Array(6), mtu: undefined, mostMtu: 65_535 });
  echo.join(device);
  device.negotiated(bits);
  const [receive, transmit] = [0, 1].map(() => makeQueue(layout, size, rings)) as [TestQueue, TestQueue];
  const vrings = [receive, transmit].map(({ device: queue, domain }, index) => {
    const vring = new Vring(index);
    vring.queue = queue;
    vring.isEnabled = true;
    device.started(vring, { domain } as never);
    return vring;
  });
  return { loop, device, receive, transmit, vrings: vrings as [Vring, Vring] };
}

describe('a network device without a session', () => {
  for (const layout of layouts) {
    for (const [name, bits, left] of [
      ['are kept', NetBit.mergeable, 5],
      ['are put back, where addresses are taken back', NetBit.mergeable | (1n << 33n), 2],
    ] as const) {
      test(`${layout}: buffers that were not needed ${name}`, () => {
        const { loop, device, receive, transmit, vrings } = makeDevice(layout, bits);
        for (let count = 0; count < 5; count++)
          receive.driver.add([], [{ address: dataAddress(size) + count * 100, length: 100 }]);
        receive.driver.publish();
        // One that takes two of them, and one for which all are too few.
        for (const length of [12 + 150, 12 + 5000]) transmit.driver.add([{ address: dataAddress(size), length }], []);
        transmit.driver.publish();
        loop.turn(0);
        assert.deepEqual(device.counts.receivedDropped, { 'no buffer': 1 });
        assert.deepEqual([receive.driver.takeBack() >= 0, receive.driver.takeBack() >= 0], [true, true]);
        assert.equal(vrings[0].queue!.position & 0x7fff, left);
        device.stop(vrings[0], () => {});
        assert.equal(vrings[0].queue!.position & 0x7fff, 2, 'when the queue ends they are put back in any case');
        loop.close();
      });
    }

    test(`${layout}: packets in a thousand segments each do not hold a turn: the rest waits for the next`, () => {
      const bits = NetBit.checksum | NetBit.hostTso4;
      const { loop, device, transmit } = makeDevice(layout, bits);
      const start = dataAddress(size);
      const { data, bytes } = transmit.guest;
      const at = start - guestBase;
      // NEEDS_CSUM, TCPV4, segments of 16 bytes.
      data.setUint8(at, 1);
      data.setUint8(at + 1, 1);
      data.setUint16(at + 2, 54, true);
      data.setUint16(at + 4, 16, true);
      data.setUint16(at + 6, 34, true);
      data.setUint16(at + 8, 16, true);
      bytes.fill(7, at + 12, at + 12 + 40_000);
      for (let count = 0; count < size; count++) transmit.driver.add([{ address: start, length: 12 + 40_000 }], []);
      transmit.driver.publish();
      const after = (): number => {
        loop.turn(0);
        return (
          device.counts.sentPackets + Object.values(device.counts.sentDropped).reduce((sum, each) => sum + each!, 0)
        );
      };
      assert.deepEqual([after(), after(), after(), after()], [2, 4, 6, 8]);
      loop.close();
    });

    test(`${layout}: headers and packets over seams of the guest's memory, each way, are whole, and no fault`, () => {
      for (const seam of [1, 6, 12, 13, 40]) {
        const { loop, receive, transmit } = makeDevice(layout, NetBit.mergeable);
        const start = dataAddress(size);
        for (const { domain, guest } of [receive, transmit]) {
          const first = start + seam - guestBase;
          domain.clear();
          domain.grant(guestBase, first, guest, 0, Access.both);
          domain.grant(guestBase + first, guest.bytes.length - first, guest, first, Access.both);
        }
        const packet = patterned(60);
        transmit.guest.bytes.set(packet, start - guestBase + 12);
        receive.driver.add([], [{ address: start, length: 100 }]);
        receive.driver.publish();
        transmit.driver.add([{ address: start, length: 72 }], []);
        transmit.driver.publish();
        loop.turn(0);
        assert.ok(receive.driver.takeBack() >= 0);
        assert.equal(receive.driver.written, 72);
        const at = start - guestBase;
        assert.ok(Buffer.from(receive.guest.bytes.subarray(at + 12, at + 72)).equals(packet), `a seam at ${seam}`);
        assert.equal(receive.guest.data.getUint16(at + 10, true), 1);
        for (const { domain } of [receive, transmit])
          assert.ok(Object.values(domain.faults).every((count) => count === 0));
        loop.close();
      }
    });

    test(`${layout}: buffers of no use, of as many descriptors as there are, are looked at in turns`, () => {
      const entries = 2048;
      const { guest, device: queue, driver, domain } = makeQueue(layout, entries, rings);
      let faults = 0;
      const receive = new ReceiveQueue(queue, domain, { mergeable: true, fault: () => faults++ });
      if (layout === 'split') {
        // Each entry of the ring names the same chain, which is as long as the ring.
        const { data } = guest;
        for (let index = 0; index < entries; index++) {
          data.setUint32(16 * index + 8, 1, true);
          data.setUint32(16 * index + 12, index + 1 < entries ? 1 | ((index + 1) << 16) : 0, true);
        }
        data.setUint16(16 * entries + 2, entries, true);
      } else {
        for (let count = 0; count < entries; count++) driver.add([{ address: dataAddress(entries), length: 1 }], []);
        driver.publish();
      }
      assert.equal(receive.fill(1514), false);
      const each = layout === 'split' ? 2 : 2048;
      assert.equal(faults, each);
      assert.equal(receive.fill(1514), false);
      if (layout === 'split') assert.equal(faults, 2 * each, 'the next turn goes on');
    });
  }
});
