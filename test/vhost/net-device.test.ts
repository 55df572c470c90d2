// NetDevice without a session: buffers that a packet did not need stay taken, or are put back where the guest takes addresses back while queues run.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Loop } from '../../src/transport/loop.js';
import { Echo } from '../../src/vhost/net/echo.js';
import { NetDevice } from '../../src/vhost/net/net-device.js';
import { Vring } from '../../src/vhost/vring.js';
import { NetBit } from '../support/net-guest.js';
import { dataAddress, layouts, makeQueue } from '../support/virtqueues.js';

const size = 8;
const rings = { indirect: true, eventIndex: false };

describe('buffers for packets between turns', () => {
  for (const layout of layouts) {
    for (const [name, bits, left] of [
      ['are kept', NetBit.mergeable, 5],
      ['are put back, where addresses are taken back', NetBit.mergeable | (1n << 33n), 2],
    ] as const) {
      test(`${layout}: those that were not needed ${name}`, () => {
        const loop = new Loop('epoll');
        const echo = new Echo();
        const device = new NetDevice(loop, echo, { pairs: 1, mac: new Uint8Array(6), mtu: undefined, mostMtu: 65_535 });
        echo.join(device);
        device.negotiated(bits);
        const [receive, transmit] = [0, 1].map(() => makeQueue(layout, size, rings));
        const vrings = [receive!, transmit!].map(({ device: queue, domain }, index) => {
          const vring = new Vring(index);
          vring.queue = queue;
          vring.isEnabled = true;
          device.started(vring, { domain } as never);
          return vring;
        });
        for (let count = 0; count < 5; count++)
          receive!.driver.add([], [{ address: dataAddress(size) + count * 100, length: 100 }]);
        receive!.driver.publish();
        // One that takes two of them, and one for which all are too few.
        for (const length of [12 + 150, 12 + 5000]) transmit!.driver.add([{ address: dataAddress(size), length }], []);
        transmit!.driver.publish();
        loop.turn(0);
        assert.deepEqual(device.counts.receivedDropped, { 'no buffer': 1 });
        assert.deepEqual([receive!.driver.takeBack() >= 0, receive!.driver.takeBack() >= 0], [true, true]);
        assert.equal(vrings[0]!.queue!.position & 0x7fff, left);
        device.stop(vrings[0]!, () => {});
        assert.equal(vrings[0]!.queue!.position & 0x7fff, 2, 'when the queue ends they are put back in any case');
        loop.close();
      });
    }
  }
});
