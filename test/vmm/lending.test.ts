// A guest that lends several packets of a stream at once, as the store never does: a driver in memory against the monitor's device. Whose packets go when they have the room of all: those
// of readers that take next to nothing, as many as it needs, and of a reader that takes what it can none, however many it has.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pieces } from '../../src/memory/domain.js';
import { type StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { dataAddress, guestBase, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

const size = 64;
const guestPort = 7;
const packetBytes = 128;
/** What a client that reads takes from one look to the next, and what one does that only seems to. */
const [much, next] = [4096, 1];

/** The guest, and the clients of its streams: what they were lent they have until they are ended. */
class Lending implements StreamOwner {
  nowMs = 0;
  readonly device: VsockDevice;
  readonly queue: TestQueue;
  /** What each client has, and what of all that it took so far. */
  readonly has = new Map<number, number[]>();
  readonly took = new Map<number, number>();
  readonly ended: number[] = [];
  /** What is with the kernel still when a client ends comes back later. */
  comesBackLater = false;
  #packets = 0;

  constructor(layout: (typeof layouts)[number], ports: readonly number[]) {
    this.queue = makeQueue(layout, size, { indirect: false, eventIndex: false });
    this.device = new VsockDevice(
      this.queue.domain,
      3,
      this,
      () => {},
      () => this.nowMs,
    );
    this.device.start([undefined, this.queue.device]);
    for (const port of ports) this.device.open(port, guestPort);
  }

  /** The guest sends a packet of one byte to each of some ports, in this order. */
  send(ports: readonly number[]): void {
    const { guest, driver } = this.queue;
    for (const port of ports) {
      const address = dataAddress(size) + this.#packets++ * packetBytes;
      const at = address - guestBase;
      for (const [field, value] of [
        [0, 3],
        [8, 2],
        [16, guestPort],
        [20, port],
        [24, 1],
      ] as const)
        guest.data.setUint32(at + field, value, true);
      guest.data.setUint16(at + 28, 1, true);
      guest.data.setUint16(at + 30, 5, true);
      assert.ok(driver.add([{ address, length: 45 }], []) >= 0);
    }
    driver.publish();
    this.device.turn();
  }

  /** Later; clients took so much more meanwhile. */
  later(ms: number, took: Readonly<Record<number, number>> = {}): void {
    this.nowMs += ms;
    for (const [port, bytes] of Object.entries(took)) this.took.set(+port, (this.took.get(+port) ?? 0) + bytes);
    this.device.turn();
  }

  /** How many packets the guest has back. */
  back(): number {
    this.device.publish();
    let count = 0;
    while (this.queue.driver.takeBack() >= 0) count++;
    return count;
  }

  giveBack(port: number): void {
    for (const token of this.has.get(port) ?? []) this.device.giveBack(token);
    this.has.delete(port);
  }

  lent(port: number, pieces: Pieces, token: number): boolean {
    assert.equal(pieces.byteLength, 1);
    this.has.set(port, [...(this.has.get(port) ?? []), token]);
    return true;
  }

  refused(port: number): void {
    this.ended.push(port);
    if (!this.comesBackLater) this.giveBack(port);
  }

  tookBytes(port: number): number {
    return this.took.get(port) ?? 0;
  }

  accepted(): void {}
  over(): void {}
  writable(): void {}
}

/** So many packets of each port, in turns. */
function inTurns(counts: Readonly<Record<number, number>>): number[] {
  const left = { ...counts };
  const ports: number[] = [];
  for (let more = true; more; ) {
    more = false;
    for (const port of Object.keys(left).map(Number))
      if (left[port]!-- > 0) {
        ports.push(port);
        more = true;
      }
  }
  return ports;
}

for (const layout of layouts) {
  describe(`a guest that lends several packets of a stream, ${layout}`, () => {
    test('a reader with several packets waiting is kept with all of them; who reads nothing ends', () => {
      const guest = new Lending(layout, [1, 2]);
      guest.send(inTurns({ 1: 20, 2: 30 }));
      guest.later(1001, { 1: much });
      assert.deepEqual(guest.ended, [2]);
      assert.equal(guest.has.get(1)!.length, 20);
      assert.equal(guest.back(), 30);
      assert.equal(guest.device.counts.slowReaders, 1);
      guest.send(Array(30).fill(1));
      for (let seconds = 0; seconds < 5; seconds++) guest.later(1001, { 1: much });
      assert.deepEqual(guest.ended, [2]);
      guest.later(1001);
      assert.deepEqual(guest.ended, [2, 1]);
      assert.equal(guest.back(), 50);
    });

    test('while too much is lent it has to be looked again, though the guest does nothing; and no longer', () => {
      const guest = new Lending(layout, [1]);
      guest.comesBackLater = true;
      assert.equal(guest.device.isShort, false);
      guest.send(Array(48).fill(1));
      assert.equal(guest.device.isShort, false);
      guest.send([1]);
      for (let ms = 0; guest.device.isShort && guest.ended.length === 0 && ms < 2000; ms += 250) guest.later(250);
      assert.deepEqual(guest.ended, [1]);
      assert.equal(guest.device.isShort, true, 'it is on its way back');
      guest.giveBack(1);
      assert.equal(guest.device.isShort, false);
      guest.device.stop();
      assert.equal(guest.device.isShort, false);
    });

    test('no more end than are in the way: what an ended stream has counts as free, all of it and once', () => {
      const guest = new Lending(layout, [1, 2, 3]);
      guest.comesBackLater = true;
      guest.send(inTurns({ 2: 20, 1: 18, 3: 12 }));
      guest.later(1001, { 1: much });
      assert.deepEqual(guest.ended, [2]);
      // Its packets are still on their way back.
      for (let looks = 0; looks < 10; looks++) guest.later(60);
      assert.deepEqual(guest.ended, [2]);
      guest.giveBack(2);
      assert.equal(guest.back(), 20);
    });

    test('who takes a byte now and then takes next to nothing', () => {
      const guest = new Lending(layout, [1, 2, 3, 4]);
      guest.send(inTurns({ 1: 16, 2: 17, 3: 16 }));
      for (let tenths = 0; tenths < 10; tenths++) guest.later(101, { 1: much / 8, 2: next, 3: next });
      assert.deepEqual(guest.ended, [2]);
      assert.equal(guest.back(), 17);
      guest.send(Array(20).fill(4));
      assert.equal(guest.has.get(4)!.length, 20, 'there is room for others');
    });

    test('it is looked at no more than each 50 ms, and not at all where there is room', () => {
      const guest = new Lending(layout, [1, 2]);
      let asked = 0;
      const { tookBytes } = guest;
      guest.tookBytes = (port) => {
        asked++;
        return tookBytes.call(guest, port) + asked * much;
      };
      guest.send(inTurns({ 1: 24, 2: 24 }));
      for (let ms = 0; ms < 3000; ms++) guest.later(1);
      assert.equal(asked, 0);
      guest.send([1]);
      for (let ms = 0; ms < 10_000; ms++) guest.later(1);
      assert.ok(asked > 0 && asked <= 2 * 10, `${asked} questions in ten seconds`);
      assert.deepEqual(guest.ended, []);
    });
  });
}
