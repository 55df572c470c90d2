// The front end and its driver of network devices against `clearway net --echo`: every frame comes back, every byte, in rings of both layouts.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import type { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { NetDriver } from '../../src/vhost/front-end/net-driver.js';
import { NetFeature } from '../../src/vhost/net/net-features.js';
import { netHeaderBytes } from '../../src/vhost/net/net-header.js';
import { bitsOf, Feature, hasBit } from '../../src/vhost/protocol.js';
import { startDevices } from '../support/vhost-process.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-net-front-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const kinds = [
  { name: 'split, a buffer each', bits: bitsOf(Feature.eventIndex), bytes: 1526 },
  { name: 'packed, a buffer each', bits: bitsOf(Feature.packed), bytes: 1526 },
  { name: 'split, merged buffers', bits: bitsOf(NetFeature.mergeable), bytes: 256 },
  {
    name: 'packed, merged buffers',
    bits: bitsOf(NetFeature.mergeable, Feature.packed, Feature.eventIndex),
    bytes: 256,
  },
];

describe('a front end and `clearway net --echo`', { timeout: 240_000 }, () => {
  for (const [index, { name, bits, bytes }] of kinds.entries()) {
    test(name, async () => {
      const socket = join(folder, `net${index}.sock`);
      const net = await startDevices(['net', '--socket', socket, '--echo'], [socket]);
      const frontEnd = await FrontEnd.connect(socket);
      try {
        assert.equal(frontEnd.queueNumber, 1, 'one pair');
        await frontEnd.start({ features: bits, queues: 2, size: 64 });
        const mergeable = hasBit(frontEnd.features, NetFeature.mergeable);
        assert.equal((frontEnd.features & bits) === bits, true);
        const [receive, transmit] = frontEnd.queues as [FrontQueue, FrontQueue];
        const driver = new NetDriver(receive, transmit, frontEnd.memory, { depth: 32, bytes, mergeable });
        const random = randomSource(9);
        for (let round = 0; round < 100; round++) {
          driver.post();
          const sent: Buffer[] = [];
          for (let count = 1 + Math.floor(random() * 4); count > 0; count--) {
            const slot = driver.take();
            assert.ok(slot >= 0);
            const length = 60 + Math.floor(random() * (Math.min(bytes, 1526) - netHeaderBytes - 60));
            const frame = driver.bytesOf(slot).subarray(netHeaderBytes, netHeaderBytes + length);
            for (let at = 0; at < length; at++) frame[at] = Math.floor(random() * 256);
            sent.push(Buffer.from(frame));
            assert.ok(driver.send(slot, length));
          }
          driver.publish();
          for (const frame of sent) {
            let received = driver.receive();
            while (received === undefined) {
              await receive.untilBack(20_000);
              received = driver.receive();
            }
            const parts = Array.from({ length: received.count }, (_, part) => driver.partOf(received, part));
            assert.ok(Buffer.concat(parts).equals(frame));
          }
        }
        assert.equal(driver.faults, 0);
      } finally {
        frontEnd.close();
        assert.equal(await net.end(), 0);
      }
    });
  }
});
