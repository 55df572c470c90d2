// A disk whose guest writes anything anywhere: rings, descriptors, tables, headers are mutated at random, from a seed, between its turns and within them.
// The disk throws nothing, touches nothing outside of what was granted, comes to rest, and serves the next guest. CLEARWAY_MUTATIONS says how
// many (1,000,000). Not here: messages (message-mutations.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeEngine } from '../../src/engine/fake.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux, viewMemory } from '../../src/kernel/ffi.js';
import { Access } from '../../src/memory/domain.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Loop } from '../../src/transport/loop.js';
import { BlockDevice } from '../../src/vhost/block/block-device.js';
import { MemoryTable } from '../../src/vhost/memory-table.js';
import { Vring } from '../../src/vhost/vring.js';
import type { Chain } from '../../src/virtio/chain.js';
import type { DeviceQueue } from '../../src/virtio/queue.js';
import { dataAddress, guestBase, type Layout, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

const mutations = Number(process.env['CLEARWAY_MUTATIONS'] ?? 1_000_000);
const size = 16;
const requests = 6;
const requestBytes = 2048;
/** Bytes of the device's memory, of which the last page is not the guest's to name. */
const dataBytes = 64 * 1024;
const mutationsARound = 20;

/** Numbers at which things change. */
const edges = [
  ...[0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 20, 31, 32, 64, 127, 128, 255, 511, 512, 513, 4095, 4096],
  ...[0x7fff, 0x8000, 0x8080, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff],
  ...[guestBase % 2 ** 32, (guestBase + dataBytes) % 2 ** 32],
];

/** Guests that go mad, one after the other, and the disk that bears them. */
class Madhouse {
  readonly faults = new Map<string, number>();
  done = 0;
  readonly #random: () => number;
  readonly #layout: Layout;
  readonly #engine = new FakeEngine();
  readonly #loop = new Loop(this.#engine, () => 0);
  readonly #file = {
    ...{ path: 'mad.raw', isReadOnly: false, sectors: 4096, alignment: undefined, isLost: false },
    ...{ fd: -1, descriptorFor: () => -1, measure: () => false },
    ...{ isLocked: true, lock: () => true, unlock: () => {} },
  };
  readonly #device = new BlockDevice(this.#loop, this.#file, { queues: 1, id: 'mad' });
  #queue!: TestQueue;
  #vring!: Vring;
  /** Calls of the queue's take. */
  #taken = 0;

  constructor(layout: Layout, seed: number) {
    this.#layout = layout;
    this.#random = randomSource(seed);
  }

  #any(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** A fresh guest. */
  begin(): void {
    this.#queue = makeQueue(
      this.#layout,
      size,
      { indirect: this.#any(4) > 0, eventIndex: this.#any(2) === 0 },
      dataBytes,
    );
    const { guest, device } = this.#queue;
    this.#device.negotiated(this.#any(2) === 0 ? 1n << 9n : 0n);
    this.#vring = new Vring(0);
    this.#vring.queue = this.#watched(device);
    this.#vring.isEnabled = true;
    const memory = new MemoryTable();
    // In three regions that touch each other; the last page belongs to nobody.
    const cuts = [0, 1000 + this.#any(500), 8000 + this.#any(8000), guest.bytes.length - 4096];
    for (let index = 0; index + 1 < cuts.length; index++) {
      const [from, to] = [cuts[index]!, cuts[index + 1]!];
      memory.domain.grant(guestBase + from, to - from, guest, from, Access.both);
    }
    this.#device.started(this.#vring, memory);
  }

  /** The queue, whose calls are counted, and whose memory changes under it now and then. */
  #watched(queue: DeviceQueue): DeviceQueue {
    const take = (chain: Chain): boolean => {
      this.#taken++;
      const isTaken = queue.take(chain);
      if (isTaken && chain.fault !== undefined) this.#count(chain.fault);
      if (this.#any(8) === 0) this.mutate(1);
      return isTaken;
    };
    return new Proxy(queue, {
      get: (target, name) => {
        if (name === 'take') return take;
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #count(name: string): void {
    this.faults.set(name, (this.faults.get(name) ?? 0) + 1);
  }

  /** The guest asks for something sensible. */
  ask(): void {
    const { driver, guest } = this.#queue;
    for (let count = 0; count < requests; count++) {
      const place = dataAddress(size) + count * requestBytes;
      const at = place - guestBase;
      guest.data.setUint32(at, [0, 1, 4, 8, 11, 13][this.#any(6)]!, true);
      guest.data.setBigUint64(at + 8, BigInt(this.#any(4000)), true);
      const isWrite = this.#any(2) === 0;
      const header = { address: place, length: 16 };
      const status = { address: place + 16, length: 1 };
      const data = { address: place + 32, length: 512 * (1 + this.#any(2)) };
      const [readable, writable] = isWrite ? [[header, data], [status]] : [[header], [data, status]];
      const table = { address: place + 1600, data: guest.data, at: at + 1600 };
      if (this.#any(2) === 0) driver.add(readable, writable);
      else driver.addIndirect(readable, writable, table);
    }
    driver.publish();
  }

  /** Writes numbers where they do not belong. */
  mutate(count: number): void {
    const { data, bytes } = this.#queue.guest;
    const ring = 24 * size + 64;
    for (let index = 0; index < count; index++) {
      const value = this.#any(2) === 0 ? edges[this.#any(edges.length)]! : this.#any(2 ** 32);
      // In the ring, in the requests and their tables, or anywhere.
      const kind = this.#any(5);
      const requestsAt = dataAddress(size) - guestBase;
      const at =
        kind < 3
          ? this.#any(ring)
          : kind === 3
            ? requestsAt + this.#any(requests) * requestBytes + [0, 1600][this.#any(2)]! + this.#any(48)
            : this.#any(bytes.length - 4);
      if (this.#any(2) === 0) data.setUint16(at & ~1, value & 0xffff, true);
      else data.setUint32(at & ~3, value >>> 0, true);
      this.done++;
    }
  }

  /** Ends what the file was asked for, once it is certain that it leads nowhere else. */
  #serve(): void {
    const { guest } = this.#queue;
    for (const operation of [...this.#engine.files.pending]) {
      if (operation.count > 0) {
        const pieces = new DataView(viewMemory(operation.iovecs, operation.count * 16));
        let bytes = 0;
        for (let index = 0; index < operation.count; index++) {
          const from = Number(pieces.getBigUint64(index * 16, true)) - guest.address;
          const length = Number(pieces.getBigUint64(index * 16 + 8, true));
          const isZeros = operation.kind === 'write' && (from < 0 || from > dataBytes * 2);
          assert.ok(isZeros || (from >= 0 && from + length <= guest.bytes.length - 4096), `${length} bytes at ${from}`);
          bytes += length;
        }
        assert.ok(operation.offset + bytes <= this.#file.sectors * 512);
        const results = [bytes, bytes, bytes, 1 + this.#any(bytes), 0, -Errno.EIO, -Errno.EINTR, -Errno.EFAULT];
        this.#engine.files.end(operation, results[this.#any(results.length)]!);
      } else this.#engine.files.end(operation, [0, 0, -Errno.EOPNOTSUPP, -Errno.EIO][this.#any(4)]!);
    }
  }

  /** Turns until nothing is under way, and then some: whoever is done with what there is takes no more. */
  rest(): void {
    for (let turn = 0; turn < 400; turn++) {
      this.#loop.turn(0);
      this.#serve();
    }
    assert.equal(this.#engine.files.pending.length, 0);
    const taken = this.#taken;
    for (let turn = 0; turn < 10; turn++) this.#loop.turn(0);
    assert.equal(this.#taken, taken, 'it spins');
  }

  kick(): void {
    this.#device.kicked(this.#vring);
    this.#loop.turn(0);
    this.#serve();
  }

  /** The guest is reset. */
  end(): void {
    const { fault } = this.#queue.device;
    if (fault !== undefined) this.#count(fault);
    let isOver = false;
    this.#device.stop(this.#vring, () => {
      isOver = true;
    });
    for (let turn = 0; turn < 400 && !isOver; turn++) {
      this.#serve();
      this.#loop.turn(0);
    }
    assert.ok(isOver, 'it ends');
    assert.equal(this.#device.counts.underWay, 0);
    this.#file.isLost = false;
  }

  /** A guest in its right mind. */
  serves(): void {
    this.begin();
    const { driver, guest } = this.#queue;
    const place = dataAddress(size) + 4096;
    guest.data.setUint32(place - guestBase, 8, true);
    driver.add([{ address: place, length: 16 }], [{ address: place + 32, length: 21 }]);
    driver.publish();
    this.rest();
    this.kick();
    assert.ok(driver.takeBack() >= 0);
    assert.equal(guest.data.getUint8(place + 52 - guestBase), 0);
    this.end();
  }

  close(): void {
    this.#device.close();
    this.#loop.close();
  }
}

for (const layout of layouts) {
  test(`${layout}: ${mutations} mutations of rings, tables and headers`, {
    skip: platformIsLinux ? false : 'needs Linux',
    timeout: 600_000,
  }, () => {
    const madhouse = new Madhouse(layout, 11);
    while (madhouse.done < mutations / 2) {
      madhouse.begin();
      for (let round = 0; round < 5; round++) {
        madhouse.ask();
        madhouse.mutate(mutationsARound);
        madhouse.kick();
        madhouse.mutate(mutationsARound / 4);
        madhouse.kick();
      }
      madhouse.rest();
      madhouse.end();
    }
    madhouse.serves();
    madhouse.close();
    assert.ok(madhouse.faults.size >= 6, `of every kind: ${[...madhouse.faults.keys()]}`);
  });
}
