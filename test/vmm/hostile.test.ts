// A guest that does what it likes with its registers, its rings and their descriptors: the device counts, refuses and goes on; nothing is thrown, nothing outside of the guest's memory
// is touched, and no look at it takes long.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Access, Domain, type Pieces } from '../../src/memory/domain.js';
import { Feature, MmioTransport } from '../../src/virtio/mmio.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { repeated } from '../support/long.js';
import { layouts } from './module-guest.js';

const memoryBytes = 256 * 1024;
const physical = 0x20_0000;

/** A device over memory that is full of what a guest likes, with a guard behind it. */
class Hostile implements StreamOwner {
  readonly buffer = new ArrayBuffer(memoryBytes + 4096);
  readonly data = new DataView(this.buffer);
  readonly bytes = new Uint8Array(this.buffer);
  readonly domain = new Domain();
  readonly device: VsockDevice;
  readonly transport: MmioTransport;
  readonly lentTokens: number[] = [];

  constructor(layout: bigint) {
    const window = (offset: number, length: number) => {
      assert.ok(offset >= 0 && offset + length <= memoryBytes, 'outside of the memory of the guest');
      return { data: this.data, bytes: this.bytes, at: offset };
    };
    this.domain.grant(physical, memoryBytes, { address: 0, window }, 0, Access.both);
    this.bytes.fill(0xa5, memoryBytes);
    this.device = new VsockDevice(this.domain, 3, this, () => {});
    this.transport = new MmioTransport(this.device, this.domain, layout);
  }

  accepted(): void {}
  refused(_port?: number): void {}
  over(): void {}
  tookBytes(): number {
    return 0;
  }

  writable(): void {}

  lent(_port: number, pieces: Pieces, token: number): boolean {
    for (let index = 0; index < pieces.count; index++)
      assert.ok(pieces.addresses[index]! >= 0 && pieces.addresses[index]! + pieces.lengths[index]! <= memoryBytes);
    if (token % 3 === 0) return false;
    this.lentTokens.push(token);
    return true;
  }

  write(offset: number, value: number): void {
    this.transport.write(offset, 4, value >>> 0);
  }

  /** Brings it up as a driver does. */
  start(taken: bigint, sizes: readonly [number, number], at = physical): void {
    for (const status of [0, 1, 3]) this.write(0x70, status);
    for (const word of [0, 1]) {
      this.write(0x24, word);
      this.write(0x20, Number(((taken | Feature.version1) >> BigInt(word * 32)) & 0xffff_ffffn));
    }
    this.write(0x70, 11);
    for (const [index, size] of sizes.entries()) {
      this.write(0x30, index);
      this.write(0x38, size);
      const base = at + index * 0x8000;
      for (const [register, place] of [
        [0x80, base],
        [0x90, base + 0x5000],
        [0xa0, base + 0x6000],
      ] as const)
        this.write(register, place);
      this.write(0x44, 1);
    }
    this.write(0x70, 15);
  }

  /** What the monitor does in a turn. */
  turn(): void {
    const begunMs = performance.now();
    this.device.open(1025, 6379);
    this.device.send(1025, this.bytes, 0, 5000);
    this.device.publish();
    this.device.turn();
    for (const token of this.lentTokens.splice(0)) this.device.giveBack(token);
    this.device.close(1025, true);
    this.device.publish();
    assert.ok(performance.now() - begunMs < 2000, 'a look took long');
    assert.ok(
      this.bytes.subarray(memoryBytes).every((byte) => byte === 0xa5),
      'it wrote behind the memory',
    );
  }
}

for (const [name, layout] of Object.entries(layouts)) {
  describe(`a hostile guest, ${name}`, () => {
    test('rings and descriptors full of anything', () => {
      let faults = 0;
      fc.assert(
        fc.property(
          fc.uint8Array({ minLength: 512, maxLength: 2048 }),
          fc.constantFrom(2, 8, 64, 256),
          fc.boolean(),
          fc.nat(),
          (noise, size, isTame, salt) => {
            const guest = new Hostile(layout);
            for (let at = 0; at < 0x10000; at++) guest.bytes[at] = noise[(at * 7 + salt) % noise.length]!;
            // Half of them with addresses that lie inside, so that more of it is followed.
            for (let at = 0; isTame && at < 0x10000; at += 16) {
              guest.data.setUint32(at, physical + (guest.data.getUint32(at, true) % memoryBytes), true);
              guest.data.setUint32(at + 4, 0, true);
              guest.data.setUint32(at + 8, guest.data.getUint32(at + 8, true) % 9000, true);
            }
            guest.start(layout, [size, size]);
            for (let turns = 0; turns < 5; turns++) guest.turn();
            faults += guest.device.counts.faults + guest.transport.faults;
          },
        ),
        { numRuns: repeated(300) },
      );
      assert.ok(faults > 0);
    });

    test('registers written in any order, queues anywhere', () => {
      const register = fc.constantFrom(
        ...[0x14, 0x20, 0x24, 0x30, 0x38, 0x44, 0x50, 0x64, 0x70, 0x80, 0x84, 0x90, 0x94, 0xa0, 0xa4, 0xfc, 0x100, 2],
      );
      const value = fc.oneof(
        fc.nat(64),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        fc.constantFrom(0, 15, physical, physical + memoryBytes - 8, 1024, 11),
      );
      fc.assert(
        fc.property(fc.array(fc.tuple(register, value, fc.constantFrom(1, 2, 4)), { maxLength: 60 }), (writes) => {
          const guest = new Hostile(layout);
          if (writes.length % 2 === 0) guest.start(layout, [64, 64]);
          for (const [offset, word, bytes] of writes) {
            guest.transport.write(offset, bytes, word);
            guest.transport.read(offset, bytes);
          }
          guest.turn();
        }),
        { numRuns: repeated(500) },
      );
    });

    test('queues that lie outside, or not as they must, are refused: the device says that it needs a reset', () => {
      for (const at of [0, physical - 16, physical + memoryBytes - 32, physical + 3, 0xffff_fff0]) {
        const guest = new Hostile(layout);
        guest.start(layout, [64, 64], at);
        assert.equal(guest.transport.isStarted, false);
        assert.equal(guest.transport.read(0x70, 4) & 0x40, 0x40);
        guest.turn();
      }
    });
  });
}

test('a packet whose bytes are not there ends its stream: nobody takes what follows for them', () => {
  const guest = new Hostile(0n);
  const [descriptors, driver] = [physical + 0x8000, physical + 0xd000];
  const header = 0x1_8000;
  for (const [at, value] of [
    [0, 3],
    [8, 2],
    [16, 6379],
    [20, 1025],
    [24, 100],
  ] as const)
    guest.data.setUint32(header + at, value, true);
  guest.data.setUint16(header + 28, 1, true);
  guest.data.setUint16(header + 30, 5, true);
  for (const [index, address, length] of [
    [0, physical + header, 44],
    [1, physical - 4096, 100],
  ] as const) {
    const at = descriptors - physical + index * 16;
    guest.data.setBigUint64(at, BigInt(address), true);
    guest.data.setUint32(at + 8, length, true);
    guest.data.setUint16(at + 12, index === 0 ? 1 : 0, true);
    guest.data.setUint16(at + 14, 1, true);
  }
  guest.start(0n, [64, 64]);
  const ended: number[] = [];
  guest.refused = (port?: number) => void ended.push(port!);
  guest.device.open(1025, 6379);
  guest.data.setUint16(driver - physical + 2, 1, true);
  guest.device.turn();
  assert.deepEqual(ended, [1025]);
  assert.deepEqual(guest.lentTokens, []);
  assert.equal(guest.device.send(1025, guest.bytes, 0, 10), 10, 'there is no such stream any more');
});

test('a driver that begins anew has back what it lent, of streams that it ended as well', () => {
  const guest = new Hostile(0n);
  const [descriptors, driver] = [physical + 0x8000, physical + 0xd000];
  // Data of a stream, then its end.
  for (const [index, operation, length] of [
    [0, 5, 6],
    [1, 3, 0],
  ] as const) {
    const packet = 0x1_8000 + index * 64;
    for (const [at, value] of [
      [0, 3],
      [8, 2],
      [16, 6379],
      [20, 1025],
      [24, length],
    ] as const)
      guest.data.setUint32(packet + at, value, true);
    guest.data.setUint16(packet + 28, 1, true);
    guest.data.setUint16(packet + 30, operation, true);
    const at = descriptors - physical + index * 16;
    guest.data.setBigUint64(at, BigInt(physical + packet), true);
    guest.data.setUint32(at + 8, 44 + length, true);
    guest.data.setUint16(driver - physical + 4 + index * 2, index, true);
  }
  guest.start(0n, [64, 64]);
  const lent: number[] = [];
  guest.lent = (port) => lent.push(port) > 0;
  const ended: number[] = [];
  guest.device.open(1025, 6379);
  guest.data.setUint16(driver - physical + 2, 2, true);
  guest.device.turn();
  assert.deepEqual(lent, [1025]);
  guest.refused = (port?: number) => void ended.push(port!);
  guest.write(0x70, 0);
  assert.deepEqual(ended, [1025]);
});

test('packets that must be answered, without room for answers: it is heard no further until there is some', () => {
  const guest = new Hostile(0n);
  const size = 1024;
  const [descriptors, driver, device] = [physical + 0x8000, physical + 0xd000, physical + 0xe000];
  // A packet of a stream that nobody has: a reset is due for each.
  const packet = 0x1_8000;
  for (const [at, value] of [
    [0, 3],
    [8, 2],
    [16, 6379],
    [20, 99],
  ] as const)
    guest.data.setUint32(packet + at, value, true);
  guest.data.setUint16(packet + 28, 1, true);
  guest.data.setUint16(packet + 30, 5, true);
  for (let index = 0; index < size; index++) {
    const at = descriptors - physical + index * 16;
    guest.data.setBigUint64(at, BigInt(physical + packet), true);
    guest.data.setUint32(at + 8, 44, true);
    guest.data.setUint16(driver - physical + 4 + index * 2, index, true);
  }
  guest.start(0n, [64, size]);
  const used = (): number => guest.data.getUint16(device - physical + 2, true);
  for (let turns = 1; turns <= 20; turns++) {
    // All of it is available again as far as it was given back.
    guest.data.setUint16(driver - physical + 2, used() + size, true);
    guest.device.turn();
    guest.device.publish();
  }
  assert.ok(used() >= 1024 && used() <= 8192, `${used()} packets were taken`);
  let refused = 0;
  guest.refused = () => refused++;
  for (let port = 2000; port < 2100; port++) guest.device.open(port, 6379);
  assert.equal(refused, 100, 'no streams begin either');
});
