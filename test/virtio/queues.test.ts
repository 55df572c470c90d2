// Both layouts of a queue, device against driver: what is added comes out, once, in order, whatever the two do when; who wants to be told is
// told; and what a driver or a device writes that makes no sense is refused, within a bound, without a touch outside of the Domain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromWords, highWord, lowWord } from '../../src/kernel/words.js';
import { Pieces } from '../../src/memory/domain.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Chain } from '../../src/virtio/chain.js';
import type { PackedRing } from '../../src/virtio/packed-device.js';
import { Descriptor, needsEvent, type QueueFeatures } from '../../src/virtio/queue.js';
import type { SplitRing } from '../../src/virtio/split-device.js';
import { dataAddress, guestBase, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

const plain: QueueFeatures = { indirect: true, eventIndex: false };
const byEvent: QueueFeatures = { indirect: true, eventIndex: true };

const piece = (address: number, length: number) => ({ address, length });

describe('a request and its answer', () => {
  for (const layout of layouts) {
    for (const features of [plain, byEvent]) {
      const name = `${layout}, ${features.eventIndex ? 'event index' : 'flags'}`;
      test(`${name}: pieces come out as they were added, and the written bytes go back`, () => {
        const { device, driver } = makeQueue(layout, 8, features);
        const chain = new Chain(8);
        assert.equal(device.take(chain), false);
        const from = dataAddress(8);
        const id = driver.add([piece(from, 16), piece(from + 100, 512)], [piece(from + 4096, 1)]);
        assert.ok(id >= 0);
        assert.equal(device.take(chain), false, 'not before it is shown');
        assert.equal(driver.publish(), true, 'a fresh device wants a kick');
        assert.equal(device.take(chain), true);
        assert.equal(chain.fault, undefined);
        assert.deepEqual([chain.count, chain.readable, chain.readableBytes, chain.writableBytes], [3, 2, 528, 1]);
        assert.equal(fromWords(chain.high[0]!, chain.low[0]!), from);
        assert.equal(chain.lengths[1], 512);
        assert.equal(device.take(chain), false, 'once');
        assert.equal(driver.takeBack(), -1);
        device.give(chain.id, chain.slots, 1);
        assert.equal(driver.takeBack(), -1, 'not before it is shown');
        assert.equal(device.publish(), true, 'whoever was never told is told');
        assert.equal(driver.takeBack(), id);
        assert.equal(driver.written, 1);
        assert.equal(driver.takeBack(), -1);
        assert.equal(driver.free, 8);
      });

      test(`${name}: a chain of exactly the size, and sizes that are no power of two`, () => {
        for (const size of layout === 'packed' ? [1, 3, 7, 300] : [1, 2, 8, 256]) {
          const { device, driver } = makeQueue(layout, size, features);
          const chain = new Chain(size);
          for (let round = 0; round < 5; round++) {
            const pieces = Array.from({ length: size }, (_, index) => piece(dataAddress(size) + index, 1));
            assert.equal(driver.add([...pieces, piece(0, 1)], []), -1, 'one more than there is room for');
            const id = driver.add(pieces, []);
            driver.publish();
            assert.ok(device.take(chain) && chain.fault === undefined, `${size}: ${chain.fault}`);
            assert.equal(chain.count, size);
            device.give(chain.id, chain.slots, 0);
            device.publish();
            assert.equal(driver.takeBack(), id);
          }
        }
      });

      test(`${name}: what was taken and put back comes again, the same, through turns of the ring`, () => {
        for (const size of layout === 'packed' ? [5, 8] : [8]) {
          const { device, driver } = makeQueue(layout, size, features);
          const chain = new Chain(size);
          for (let round = 0; round < 3 * size; round++) {
            const ids = [1, 2].map((count) =>
              driver.add(
                Array.from({ length: count }, () => piece(dataAddress(size), 8)),
                [],
              ),
            );
            driver.publish();
            const before = device.position;
            const seen: number[] = [];
            for (let turn = 0; turn < 3; turn++) {
              let slots = 0;
              for (const _ of ids) {
                assert.ok(device.take(chain));
                slots += chain.slots;
                if (turn < 2) continue;
                device.give(chain.id, chain.slots, 0);
                seen.push(chain.count);
              }
              assert.equal(device.take(chain), false);
              if (turn === 2) continue;
              device.putBack(2, slots);
              assert.equal(device.position, before);
            }
            device.publish();
            assert.deepEqual(seen, [1, 2]);
            assert.deepEqual([driver.takeBack(), driver.takeBack()], ids);
          }
        }
      });

      test(`${name}: any order of both sides' steps, through many turns of the ring`, () => {
        const steps = fc.array(fc.constantFrom('add', 'show', 'take', 'give', 'publish', 'back'), {
          minLength: 50,
          maxLength: 400,
        });
        fc.assert(
          fc.property(steps, fc.integer({ min: 1, max: 1000 }), fc.constantFrom(1, 2, 4, 16), (all, seed, size) => {
            playSteps(makeQueue(layout, size, features), all, randomSource(seed));
          }),
          { numRuns: 200 },
        );
      });

      test(`${name}: nobody waits for what is done: each side is told where it asked to be`, () => {
        fc.assert(
          fc.property(fc.integer({ min: 1, max: 10_000 }), fc.constantFrom(1, 2, 4, 16), (seed, size) => {
            playSleepers(makeQueue(layout, size, features), randomSource(seed));
          }),
          { numRuns: 200 },
        );
      });
    }
  }
});

/** What the model knows: requests by id, in the order in which they were added, taken and given. */
function playSteps({ device, driver }: TestQueue, steps: readonly string[], random: () => number): void {
  const added: { id: number; bytes: number; pieces: number }[] = [];
  const shown: typeof added = [];
  const taken: { chain: Chain; request: (typeof added)[number]; written: number }[] = [];
  const given: typeof taken = [];
  const back: typeof taken = [];
  for (const step of steps) {
    if (step === 'add') {
      const pieces = 1 + Math.floor(random() * 3);
      const list = Array.from({ length: pieces }, (_, index) =>
        piece(dataAddress(16) + index * 64, 1 + Math.floor(random() * 64)),
      );
      const readable = Math.floor(random() * (pieces + 1));
      const free = driver.free;
      const id = driver.add(list.slice(0, readable), list.slice(readable));
      assert.equal(id >= 0, pieces <= free);
      if (id >= 0) added.push({ id, pieces, bytes: list.slice(readable).reduce((sum, { length }) => sum + length, 0) });
    } else if (step === 'show') {
      driver.publish();
      shown.push(...added.splice(0));
    } else if (step === 'take') {
      const chain = new Chain(device.size);
      const has = device.take(chain);
      assert.equal(has, shown.length > 0);
      if (!has) continue;
      const request = shown.shift()!;
      assert.equal(chain.fault, undefined);
      assert.deepEqual([chain.count, chain.writableBytes], [request.pieces, request.bytes]);
      taken.push({ chain, request, written: Math.floor(random() * (request.bytes + 1)) });
    } else if (step === 'give' && taken.length > 0) {
      const [one] = taken.splice(Math.floor(random() * taken.length), 1);
      device.give(one!.chain.id, one!.chain.slots, one!.written);
      given.push(one!);
    } else if (step === 'publish') {
      device.publish();
      back.push(...given.splice(0));
    } else if (step === 'back') {
      const id = driver.takeBack();
      assert.equal(driver.fault, undefined);
      assert.equal(id, back[0]?.request.id ?? -1);
      if (id >= 0) assert.equal(driver.written, back.shift()!.written);
    }
  }
  assert.equal(device.fault, undefined);
}

/** Both sleep where they asked to be told; whoever is asleep while something waits for it was not told: never. */
function playSleepers({ device, driver }: TestQueue, random: () => number): void {
  let [deviceSleeps, driverSleeps] = [false, false];
  let [sent, served, got] = [0, 0, 0];
  const held: Chain[] = [];
  for (let step = 0; step < 600; step++) {
    if (random() < 0.5) {
      if (driverSleeps) {
        assert.equal(got, served - held.length * 0, 'the driver sleeps and something is back');
        if (sent > got && random() < 0.9) continue;
      }
      for (let burst = Math.floor(random() * 4); burst > 0 && driver.add([piece(dataAddress(16), 1)], []) >= 0; burst--)
        sent++;
      if (driver.publish()) deviceSleeps = false;
      driver.suppressInterrupts();
      while (driver.takeBack() >= 0) got++;
      driverSleeps = random() < 0.7 && !driver.awaitInterrupt();
    } else {
      if (deviceSleeps) continue;
      device.suppressKicks();
      for (let burst = Math.floor(random() * 5); burst > 0; burst--) {
        const chain = new Chain(device.size);
        if (!device.take(chain)) break;
        held.push(chain);
      }
      while (held.length > 0 && random() < 0.8) {
        const chain = held.shift()!;
        device.give(chain.id, chain.slots, 0);
        served++;
      }
      if (device.publish()) driverSleeps = false;
      deviceSleeps = held.length === 0 && random() < 0.7 && !device.awaitKick();
      if (deviceSleeps) assert.equal(served, sent, 'the device sleeps and something is available');
    }
  }
  assert.equal(driver.fault ?? device.fault, undefined);
}

describe('what a driver writes that makes no sense', () => {
  const split = (size = 8, features = plain) => {
    const queue = makeQueue('split', size, features);
    return { ...queue, ring: queue.ring as SplitRing, chain: new Chain(size) };
  };
  const packed = (size = 8, features = plain) => {
    const queue = makeQueue('packed', size, features);
    return { ...queue, ring: queue.ring as PackedRing, chain: new Chain(size) };
  };

  test('split: an index that jumps, and a head outside, break the queue for good', () => {
    for (const [index, head, fault] of [
      [9, 0, 'available index'],
      [32_768, 0, 'available index'],
      [65_535, 0, 'available index'],
      [1, 8, 'head outside'],
      [1, 65_535, 'head outside'],
    ] as const) {
      const { device, ring, chain } = split();
      ring.available[2] = head;
      ring.available[1] = index;
      for (let look = 0; look < 3; look++) assert.equal(device.take(chain), false);
      assert.equal(device.fault, fault);
      assert.equal(device.awaitKick(), false, 'nothing is to be looked at again');
    }
  });

  test('split: loops, a next outside, readable behind writable: the request is refused, and the queue goes on', () => {
    const { device, ring, chain } = split();
    const write = (at: number, flags: number, next: number): void => {
      ring.descriptors.set([0, 0, 4, flags | (next << 16)], at * 4);
    };
    write(0, Descriptor.next, 0);
    write(1, Descriptor.next, 2);
    write(2, Descriptor.next, 1);
    write(3, Descriptor.next, 8);
    write(4, Descriptor.next | Descriptor.write, 5);
    write(5, 0, 0);
    ring.available.set([0, 1, 3, 4, 5], 2);
    ring.available[1] = 5;
    const faults = Array.from({ length: 5 }, () => (device.take(chain) ? chain.fault : 'none'));
    assert.deepEqual(faults, ['too long', 'too long', 'next outside', 'order', undefined]);
    assert.equal(device.fault, undefined);
  });

  test('split and packed: indirect tables of every bad kind', () => {
    for (const layout of layouts) {
      const table = dataAddress(8);
      const cases: readonly (readonly [
        string | undefined,
        number,
        number,
        number,
        ((data: DataView, at: number) => void)?,
      ])[] = [
        ['indirect length', table, 0, 0],
        ['indirect length', table, 8, 0],
        ['indirect length', table, 24, 0],
        ['too long', table, 2 ** 32 - 16, 0],
        ['too long', table, 9 * 16, 0],
        ['too long', table, 65_537 * 16, 0],
        ['too long', table, 65_536 * 16, 0],
        ['indirect outside', 0, 16, 0],
        ['indirect outside', guestBase - 16, 16, 0],
        ['indirect outside', 2 ** 53, 16, 0],
        ['indirect and next', table, 16, Descriptor.next],
        [
          'indirect nested',
          table,
          32,
          0,
          (data, at) => data.setUint16(at + (layout === 'split' ? 12 : 14), Descriptor.indirect, true),
        ],
        [undefined, table, 32, 0],
        [undefined, table, 32, Descriptor.write],
      ];
      for (const [fault, address, length, flags, spoil] of cases) {
        const queue = makeQueue(layout, 8, plain);
        spoil?.(queue.guest.data, table - guestBase);
        // Otherwise a table of split: one entry that ends at once.
        writeHead(queue, address, length, flags | Descriptor.indirect);
        const chain = new Chain(8);
        const isTaken = queue.device.take(chain);
        if (fault === 'indirect and next' && layout === 'packed') assert.equal(queue.device.fault, 'chain without end');
        else assert.deepEqual([isTaken, chain.fault], [true, fault], `${layout} ${length} at ${address}`);
      }
      const refused = makeQueue(layout, 8, { indirect: false, eventIndex: false });
      writeHead(refused, table, 16, Descriptor.indirect);
      const chain = new Chain(8);
      assert.ok(refused.device.take(chain));
      assert.equal(chain.fault, 'indirect not negotiated');
    }
  });

  test('split: a table that loops ends at the size of the queue', () => {
    const queue = makeQueue('split', 8, plain);
    const table = dataAddress(8);
    for (let entry = 0; entry < 100; entry++) {
      queue.guest.data.setUint16(table - guestBase + entry * 16 + 12, Descriptor.next, true);
      queue.guest.data.setUint16(table - guestBase + entry * 16 + 14, (entry + 1) % 100, true);
    }
    writeHead(queue, table, 1600, Descriptor.indirect);
    const chain = new Chain(8);
    assert.ok(queue.device.take(chain));
    assert.equal(chain.fault, 'too long');
  });

  test('packed: a chain without end, into what is not available, of any id', () => {
    const endless = packed();
    for (let at = 0; at < 8; at++) {
      endless.ring.halves[at * 8 + 7] = Descriptor.next | Descriptor.available;
    }
    assert.equal(endless.device.take(endless.chain), false);
    assert.equal(endless.device.fault, 'chain without end');
    const broken = packed();
    broken.ring.halves[7] = Descriptor.next | Descriptor.available;
    assert.equal(broken.device.take(broken.chain), false);
    assert.equal(broken.device.fault, 'chain without end');
    const ids = packed();
    ids.ring.halves[6] = 65_535;
    ids.ring.halves[7] = Descriptor.available;
    assert.ok(ids.device.take(ids.chain));
    assert.deepEqual([ids.chain.id, ids.chain.slots], [65_535, 1]);
    ids.ring.driverEvent[1] = 3;
    ids.device.give(65_535, 1, 0);
    assert.equal(ids.device.publish(), true);
  });

  test('random bytes in the rings: no spin, no touch outside, for both layouts', () => {
    for (const layout of layouts) {
      for (let seed = 1; seed <= 400; seed++) {
        const random = randomSource(seed);
        const queue = makeQueue(layout, 16, seed % 2 === 0 ? plain : byEvent);
        const chain = new Chain(16);
        const pieces = new Pieces(64);
        for (let round = 0; round < 20; round++) {
          for (let count = 0; count < 30; count++) {
            queue.guest.bytes[Math.floor(random() * 16 * 25)] = Math.floor(random() * 256);
          }
          for (let take = 0; take < 40 && queue.device.take(chain); take++) {
            pieces.clear();
            for (let index = 0; index < chain.count; index++)
              queue.domain.translate(chain.high[index]!, chain.low[index]!, chain.lengths[index]!, 1, pieces);
            queue.device.give(chain.id, Math.max(1, chain.slots), 0);
          }
          queue.device.publish();
          queue.device.awaitKick();
        }
      }
    }
  });
});

/** Makes one descriptor available, as a driver would that writes whatever it likes. */
function writeHead({ ring }: TestQueue, address: number, length: number, flags: number): void {
  const [low, high] = [lowWord(address), highWord(address)];
  if ('words' in ring) {
    ring.words.set([low, high, length], 0);
    ring.halves[7] = flags | Descriptor.available;
    return;
  }
  ring.descriptors.set([low, high, length, flags | (1 << 16)], 0);
  ring.available[2] = 0;
  ring.available[1] = 1;
}

test('what a device writes is checked as well: ids that are not out, more than was writable', () => {
  for (const layout of layouts) {
    for (const [id, written] of [
      [5, 0],
      [65_535, 0],
      [0, 100],
    ] as const) {
      const { device, driver } = makeQueue(layout, 8, plain);
      const own = driver.add([], [piece(dataAddress(8), 99)]);
      driver.publish();
      const chain = new Chain(8);
      device.take(chain);
      device.give(id === 0 ? chain.id : id, 1, written);
      device.publish();
      assert.equal(driver.takeBack(), -1, `${layout} ${id} ${own}`);
      assert.equal(driver.fault, 'the device gave back what it did not have');
    }
  }
});

test('the event index of the specification, over the wrap of 16 bits', () => {
  assert.equal(needsEvent(5, 6, 5), true);
  assert.equal(needsEvent(6, 6, 5), false);
  assert.equal(needsEvent(4, 6, 5), false);
  assert.equal(needsEvent(65_535, 2, 65_534), true);
  assert.equal(needsEvent(2, 2, 65_534), false);
});

for (const layout of layouts) {
  test(`${layout}: a table over seams of the driver's memory is read as one`, () => {
    for (const seams of [[16], [5], [20, 21, 40], [47]]) {
      const { device, driver, domain, guest } = makeQueue(layout, 8, plain);
      const at = dataAddress(8) + 4096 - guestBase;
      domain.clear();
      const starts = [0, ...seams.map((seam) => at + seam), guest.bytes.length];
      for (let index = 0; index + 1 < starts.length; index++) {
        domain.grant(guestBase + starts[index]!, starts[index + 1]! - starts[index]!, guest, starts[index]!, 3);
      }
      const table = { address: guestBase + at, data: guest.data, at };
      driver.addIndirect([piece(2 ** 40 + 1, 16), piece(7, 512)], [piece(2 ** 33, 9)], table);
      driver.publish();
      const chain = new Chain(8);
      assert.ok(device.take(chain));
      assert.equal(chain.fault, undefined, `${seams}`);
      assert.deepEqual([...chain.lengths.subarray(0, 3)], [16, 512, 9]);
      assert.deepEqual([chain.high[0], chain.low[0], chain.low[1], chain.high[2]], [256, 1, 7, 2]);
      assert.deepEqual(domain.faults, { outside: 0, access: 0, wraps: 0, pieces: 0 });
      domain.revoke(guestBase + at + seams[0]!, 1);
      driver.addIndirect([piece(1, 1), piece(2, 1)], [piece(3, 1)], table);
      driver.publish();
      assert.ok(device.take(chain));
      assert.equal(chain.fault, 'indirect outside');
      assert.equal(domain.faults.outside, 1);
    }
  });
}
