// The benchmark's own parts: what DPDK says is read right, the tables say what was measured, and the soak finds what is lost.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { signalEvent } from '../../src/kernel/event.js';
import { fromWords } from '../../src/kernel/words.js';
import { Access, Domain } from '../../src/memory/domain.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { BlockDriver } from '../../src/vhost/front-end/block-driver.js';
import { FrontQueue } from '../../src/vhost/front-end/front-queue.js';
import { GuestMemory } from '../../src/vhost/front-end/guest-memory.js';
import { Chain } from '../../src/virtio/chain.js';
import { SplitDeviceQueue } from '../../src/virtio/split-device.js';
import { referenceName } from './back-ends.js';
import { domainNsPerRequest } from './domain-cost.js';
import { packetRates } from './dpdk.js';
import type { RingRounds } from './measure-rings.js';
import { renderBlock, renderDomain, renderRings, renderRingTrips } from './render.js';
import { soakDriver, soakQueue } from './soak.js';

test('the rates that DPDK says, in order', () => {
  const said = '  Rx-pps:            0          Rx-bps:\n  Tx-pps:  7\n Rx-pps:     16823681   Rx-bps: 8\n';
  assert.deepEqual(packetRates(said), [0, 16_823_681]);
});

test('tables: ratios of the rounds, and verdicts', () => {
  const round = (cpuUsPerRequest: number) => ({
    ...{ cpuUsPerRequest, requestsPerSecond: 1000 / cpuUsPerRequest },
    ...{ kicksPerRequest: 0.5, interruptsPerRequest: 0.25 },
  });
  const cells = [
    { row: 'read 4 KiB', subject: 'clearway uring', rounds: [round(10), round(11), round(30)] },
    { row: 'read 4 KiB', subject: referenceName, rounds: [round(10), round(10), round(20)] },
  ];
  const result = { cells, trips: {}, domainNs: [100, 100, 100] };
  const [, , row] = renderBlock(result).split('\n');
  assert.match(row!, /clearway uring +\| +1\.10x \| +1 to 1\.50 \| <= 1\.20x \| met/);
  assert.match(renderDomain(result), /clearway uring +\| +0\.909 % \| <= 5 % \| met/);
  const ours = { layout: 'split', isPolling: true, driver: 'TypeScript', device: 'TypeScript' } as const;
  const rings: RingRounds[] = [{ ...ours, kind: 'operations', rounds: [2e6, 4e6], p99: [] }];
  assert.match(renderRings(rings, { split: [10e6, 10e6] }), /split +\| +0\.300x .* met/);
  assert.match(renderRings(rings, {}), /not measured/);
  const trips: RingRounds[] = [
    { ...ours, kind: 'trip', rounds: [2, 3], p99: [5, 5] },
    { ...ours, driver: 'C', device: 'C', kind: 'trip', rounds: [1, 1], p99: [3, 3] },
  ];
  const [, , first] = renderRingTrips(trips).split('\n');
  assert.match(first!, /TypeScript +\| +2\.50 +\| +5\.?0* +\| +2\.50x +\| +2 to 3/);
});

test('the checks of a request take some time, and refuse nothing', () => {
  assert.ok(domainNsPerRequest(0.02) > 0);
});

/** A device in this process that answers to what it likes: `isHeard` of each kick, `isTold` of each interrupt. */
function deviceOf(queue: FrontQueue, memory: GuestMemory) {
  const domain = new Domain();
  const { data, buffer, byteLength, address } = memory.region;
  const window = (at: number) => ({ data, bytes: new Uint8Array(buffer), at });
  domain.grant(memory.guestAddress(0), byteLength, { address, window }, 0, Access.both);
  const { size } = queue.driver;
  const { descriptors, used, available } = queue.places;
  const ring = {
    size,
    descriptors: new Uint32Array(buffer, descriptors, 4 * size),
    available: new Uint16Array(buffer, available, size + 3),
    used: new Uint16Array(buffer, used, 4 * size + 3),
    usedWords: new Uint32Array(buffer, used, 2 * size + 1),
  };
  const device = new SplitDeviceQueue(ring, domain, { indirect: false, eventIndex: false });
  const chain = new Chain(size);
  return {
    /** Answers what is there. Returns whether it is to say so. */
    serve(): boolean {
      while (device.take(chain)) {
        const last = chain.count - 1;
        data.setUint8(fromWords(chain.high[last]!, chain.low[last]!) - memory.guestAddress(0), 0);
        device.give(chain.id, chain.slots, chain.writableBytes);
      }
      return device.publish();
    },
  };
}

describe('the soak', () => {
  const run = async (serve: (device: ReturnType<typeof deviceOf>, queue: FrontQueue) => void, limitMs: number) => {
    const memory = new GuestMemory(256 * 1024);
    const queue = new FrontQueue(0, memory, 32, { packed: false, indirect: false, eventIndex: false });
    const driver = new BlockDriver(queue, memory, soakDriver);
    const device = deviceOf(queue, memory);
    const timer = setInterval(() => serve(device, queue), 1);
    try {
      return await soakQueue(queue, driver, { bits: 0n, seconds: 0.2, limitMs, random: randomSource(1) });
    } finally {
      clearInterval(timer);
      queue.close();
      memory.unmap();
    }
  };

  test('a device that says what is done is let be', async () => {
    const [requests] = await run((device, queue) => {
      if (device.serve()) signalEvent(queue.call);
    }, 10_000);
    assert.ok(requests > 0);
  });

  test('one that does what is asked and does not say so is found out', async () => {
    await assert.rejects(
      run((device) => void device.serve(), 300),
      /waited for 300 ms: it was done, and the device sent no interrupt/,
    );
  });

  test('one that sleeps until a second kick is found out', async () => {
    let heard = 0;
    await assert.rejects(
      run((device, queue) => {
        // Everything up to the fifth kick is heard, then one is not.
        if (queue.kicks > 5 && heard === 0) heard = queue.kicks;
        if (heard > 0 && queue.kicks <= heard + 8) return;
        if (device.serve()) signalEvent(queue.call);
      }, 300),
      /waited for 300 ms: a second kick/,
    );
  });

  test('one that is dead is found out', async () => {
    await assert.rejects(
      run(() => {}, 300),
      /a second kick does not wake the device either/,
    );
  });
});
