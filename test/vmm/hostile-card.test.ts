// A guest that does what it likes with the rings and descriptors of its network card: what leaves and what is written lies in its own memory, the device counts, refuses and goes on,
// and works again for a driver that begins anew.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { Access, Domain } from '../../src/memory/domain.js';
import { Region } from '../../src/memory/region.js';
import { Loop } from '../../src/transport/loop.js';
import { type DropReason, Frame, type NetPeer } from '../../src/vhost/net/frame.js';
import type { JoinedPeer } from '../../src/vhost/net/joined-peer.js';
import type { NetDevice } from '../../src/vhost/net/net-device.js';
import { noOffloads } from '../../src/vhost/net/net-header.js';
import { Feature, MmioTransport } from '../../src/virtio/mmio.js';
import { NetworkCard } from '../../src/vmm/network-card.js';
import { layouts } from './module-guest.js';

const guardBytes = 4096;
const memoryBytes = 256 * 1024;
const physical = 0x20_0000;
/** What stands around the guest's memory, and nowhere in it. */
const guardByte = 0xa5;
/** Of each queue: where its descriptors and the driver's and the device's parts are. */
const placesOf = (queue: number) => {
  const base = physical + queue * 0x8000;
  return { descriptors: base, driver: base + 0x5000, device: base + 0x6000 };
};

const region = new Region(memoryBytes + 2 * guardBytes);
const outside = new Region(65_536);
const outsideBytes = new Uint8Array(outside.buffer);
const loop = new Loop('epoll');
after(() => loop.close());

/** The other side of a card: looks at what leaves, and has packets for it. */
class Wire implements JoinedPeer, NetPeer {
  readonly accepts = noOffloads;
  device!: NetDevice;
  /** Packets that left. */
  heard = 0;

  join(device: NetDevice): void {
    this.device = device;
  }

  transmit({ spans, byteLength }: Frame): DropReason | undefined {
    for (let at = 0; at < byteLength; at++)
      assert.notEqual(spans.byteAt(at), guardByte, 'it sent what is not of the guest');
    this.heard++;
    return undefined;
  }

  /** Brings a packet of so many bytes. */
  bring(length: number): void {
    outsideBytes.fill(0x11, 0, length);
    const frame = new Frame();
    const window = (offset: number) => ({ data: outside.data, bytes: outsideBytes, at: offset });
    frame.spans.add(outside.address, length, { address: outside.address, window }, 0);
    this.device.deliver(frame, 0);
    this.device.flush();
  }

  flush(): void {}
  roomAgain(): void {}
  negotiated(): void {}
  left(): void {}
  close(): void {}
}

/** A card over memory with a guard on both sides. */
class Card {
  readonly data = new DataView(region.buffer, guardBytes, memoryBytes);
  readonly bytes = new Uint8Array(region.buffer);
  readonly domain = new Domain();
  readonly card: NetworkCard;
  readonly transport: MmioTransport;
  readonly wire = new Wire();

  constructor(layout: bigint) {
    this.bytes.fill(0);
    this.bytes.fill(guardByte, 0, guardBytes);
    this.bytes.fill(guardByte, guardBytes + memoryBytes);
    const view = new DataView(region.buffer);
    const window = (offset: number, length: number) => {
      assert.ok(offset >= guardBytes && offset + length <= guardBytes + memoryBytes, 'outside of the guest');
      return { data: view, bytes: this.bytes, at: offset };
    };
    this.domain.grant(physical, memoryBytes, { address: region.address, window }, guardBytes, Access.both);
    const options = { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: undefined, told: () => {}, say: () => {} };
    this.card = new NetworkCard(loop, this.domain, this.wire, options);
    this.transport = new MmioTransport(this.card, this.domain, layout);
  }

  /** Packets that left, packets that came, and what made no sense. */
  get counts() {
    const { counts, faults } = this.card;
    return { heard: this.wire.heard, packetsIn: counts.receivedPackets, faults: faults + this.transport.faults };
  }

  /** Brings it up as a driver does. */
  start(taken: bigint, size: number): void {
    const write = (offset: number, value: number): void => this.transport.write(offset, 4, value >>> 0);
    for (const status of [0, 1, 3]) write(0x70, status);
    for (const word of [0, 1]) {
      write(0x24, word);
      write(0x20, Number(((taken | Feature.version1) >> BigInt(word * 32)) & 0xffff_ffffn));
    }
    write(0x70, 11);
    for (const queue of [0, 1]) {
      const { descriptors, driver, device } = placesOf(queue);
      for (const [offset, value] of [
        [0x30, queue],
        [0x38, size],
        [0x80, descriptors],
        [0x90, driver],
        [0xa0, device],
        [0x44, 1],
      ] as const)
        write(offset, value);
    }
    write(0x70, 15);
  }

  /** What the monitor does in a turn, with packets that come from outside. */
  turn(): void {
    const begunMs = performance.now();
    for (const length of [60, 1514, 14]) this.wire.bring(length);
    this.card.turn();
    loop.turn(0);
    assert.ok(performance.now() - begunMs < 2000, 'a look took long');
    for (const start of [0, guardBytes + memoryBytes])
      assert.ok(
        this.bytes.subarray(start, start + guardBytes).every((byte) => byte === guardByte),
        'it wrote beside the memory',
      );
  }

  /** A descriptor of a queue of the split layout. */
  describe(queue: number, index: number, address: number, length: number, flags: number, next = 0): void {
    const at = placesOf(queue).descriptors - physical + index * 16;
    this.data.setBigUint64(at, BigInt(address), true);
    this.data.setUint32(at + 8, length, true);
    this.data.setUint16(at + 12, flags, true);
    this.data.setUint16(at + 14, next, true);
  }

  /** Makes the first descriptor available, `by` entries on. */
  offer(queue: number, by = 1, head = 0): void {
    const at = placesOf(queue).driver - physical;
    const index = this.data.getUint16(at + 2, true);
    this.data.setUint16(at + 4 + (index % 64) * 2, head, true);
    this.data.setUint16(at + 2, index + by, true);
  }

  close(): void {
    this.transport.reset();
  }
}

/** Packets that noise sent and took, in all layouts: they are seldom ones in a single layout. */
const packets = { sent: 0, taken: 0 };

for (const [name, layout] of Object.entries(layouts)) {
  test(`a hostile guest's card, ${name}: rings and descriptors full of anything`, () => {
    let faultsSeen = 0;
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 512, maxLength: 2048 }),
        fc.constantFrom(2, 8, 64, 256),
        fc.boolean(),
        fc.nat(),
        (noise, size, isTame, salt) => {
          const card = new Card(layout);
          for (let at = 0; at < 0x10000; at++) card.data.setUint8(at, noise[(at * 7 + salt) % noise.length]!);
          // Half of them with addresses that lie inside, so that more of it is followed.
          for (let at = 0; isTame && at < 0x10000; at += 16) {
            card.data.setUint32(at, physical + (card.data.getUint32(at, true) % memoryBytes), true);
            card.data.setUint32(at + 4, 0, true);
            card.data.setUint32(at + 8, card.data.getUint32(at + 8, true) % 2000, true);
          }
          for (let at = 0; at < 0x10000; at++)
            if (card.data.getUint8(at) === guardByte) card.data.setUint8(at, guardByte ^ 1);
          card.start(layout, size);
          for (let turns = 0; turns < 5; turns++) card.turn();
          const { faults, packetsIn, heard } = card.counts;
          faultsSeen += faults;
          packets.taken += packetsIn;
          packets.sent += heard;
          card.close();
        },
      ),
      { numRuns: 300 },
    );
    assert.ok(faultsSeen > 0);
  });
}

test("a hostile guest's card: noise sent and took packets", () => {
  assert.ok(packets.sent > 0 && packets.taken > 0, JSON.stringify(packets));
});

describe("a hostile guest's card: one thing that is wrong, and then a driver that begins anew", () => {
  const buffer = physical + 0x1_0000;
  const end = physical + memoryBytes;
  const Flag = { next: 1, write: 2, indirect: 4 } as const;
  const wrongs: Readonly<Record<string, (card: Card) => void>> = {
    'an address beneath linear memory': (card) => card.describe(1, 0, 0x10_0000, 100, 0),
    'an address beyond the memory': (card) => card.describe(1, 0, end, 100, 0),
    'a piece that ends beyond the memory': (card) => card.describe(1, 0, end - 50, 100, 0),
    'a piece whose end wraps': (card) => card.describe(1, 0, 2 ** 53 - 2 ** 20, 0xffff_ffff, 0),
    'a piece of 4 GiB': (card) => card.describe(1, 0, buffer, 0xffff_ffff, 0),
    'no more than a header': (card) => card.describe(1, 0, buffer, 12, 0),
    'a packet that the device is to write': (card) => card.describe(1, 0, buffer, 100, Flag.write),
    'a descriptor that follows itself': (card) => card.describe(1, 0, buffer, 1, Flag.next, 0),
    'two that follow each other': (card) => {
      card.describe(1, 0, buffer, 1, Flag.next, 1);
      card.describe(1, 1, buffer, 1, Flag.next, 0);
    },
    'one that follows outside': (card) => card.describe(1, 0, buffer, 100, Flag.next, 64),
    'a table, which was not agreed on': (card) => card.describe(1, 0, buffer, 32, Flag.indirect),
    'room that the device is to read': (card) => {
      card.describe(0, 0, buffer, 2000, 0);
      card.offer(0);
    },
    'room beyond the memory': (card) => {
      card.describe(0, 0, end - 50, 2000, Flag.write);
      card.offer(0);
    },
  };
  for (const [name, spoil] of Object.entries(wrongs)) {
    test(name, () => {
      const card = new Card(0n);
      card.start(0n, 64);
      spoil(card);
      card.offer(1);
      for (let turns = 0; turns < 3; turns++) card.turn();
      const { heard, packetsIn, faults } = card.counts;
      assert.deepEqual([heard, packetsIn], [0, 0]);
      assert.ok(faults > 0);
      works(card);
    });
  }

  for (const [name, by, head] of [
    ['more available than there is', 1000, 0],
    ['a head outside', 1, 64],
  ] as const) {
    test(`${name}: the queue is over`, () => {
      const card = new Card(0n);
      card.start(0n, 64);
      card.describe(1, 0, buffer, 100, 0);
      card.offer(1, by, head);
      for (let turns = 0; turns < 3; turns++) card.turn();
      assert.equal(card.counts.heard, 0);
      works(card);
    });
  }

  /** The driver begins anew, and packets go both ways. */
  function works(card: Card): void {
    card.transport.write(0x70, 4, 0);
    card.bytes.fill(0, guardBytes, guardBytes + memoryBytes);
    card.start(0n, 64);
    const before = card.counts;
    card.describe(0, 0, buffer, 2000, Flag.write);
    card.describe(1, 0, buffer + 4096, 100, 0);
    card.offer(0);
    card.offer(1);
    card.turn();
    assert.equal(card.counts.heard, before.heard + 1);
    assert.equal(card.counts.packetsIn, before.packetsIn + 1);
    card.close();
  }
});
