// Requests that are under way when a device's process ends: whoever goes on does them again, in order, and none that its driver was shown as done.
// The end comes at every store of an index or a flag, thousands of times; and areas that make no sense are not believed, and lead nowhere.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { Chain } from '../../src/virtio/chain.js';
import { inflightBytes, type Resumed } from '../../src/virtio/inflight.js';
import { resumePacked } from '../../src/virtio/inflight-packed.js';
import { resumeSplit } from '../../src/virtio/inflight-split.js';
import { type PackedRing, packedStart } from '../../src/virtio/packed-device.js';
import type { SplitRing } from '../../src/virtio/split-device.js';
import { repeated } from '../support/long.js';
import { type Layout, layouts, makeQueue, type TestQueue } from '../support/virtqueues.js';

class Killed extends Error {}

/** Runs work that ends by force before its `count`th store through Atomics, or behind it. Returns whether it did, and how many are left. */
function killedAt(count: number, isBehind: boolean, work: () => void): [isKilled: boolean, left: number] {
  const { store } = Atomics;
  let left = count;
  const stored = (array: Int32Array, index: number, value: number): number => {
    const isLast = --left === 0;
    if (isLast && !isBehind) throw new Killed();
    store(array, index, value);
    if (isLast) throw new Killed();
    return value;
  };
  Atomics.store = stored as typeof Atomics.store;
  try {
    work();
    return [false, left];
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
    return [true, 0];
  } finally {
    Atomics.store = store;
  }
}

const features = { indirect: false, eventIndex: true };

function resume(layout: Layout, { ring, domain }: TestQueue, area: ArrayBuffer, base = packedStart): Resumed {
  return layout === 'split'
    ? resumeSplit(ring as SplitRing, domain, features, area)
    : resumePacked(ring as PackedRing, domain, features, area, base);
}

/** A driver whose requests are known by a number, which is the address of their first piece. */
class Guest {
  readonly queue: TestQueue;
  /** Numbers of requests by the driver's id. */
  readonly out = new Map<number, number>();
  readonly done = new Set<number>();
  #next = 1;

  constructor(queue: TestQueue) {
    this.queue = queue;
  }

  add(random: () => number): void {
    const { driver } = this.queue;
    const pieces = Array.from({ length: Math.floor(random() * 3) }, () => ({ address: 1, length: 8 }));
    const id = driver.add([{ address: this.#next, length: 8 }, ...pieces], []);
    if (id >= 0) this.out.set(id, this.#next++);
  }

  /** Takes back whatever is done. */
  look(): void {
    const { driver } = this.queue;
    for (let id = driver.takeBack(); id >= 0; id = driver.takeBack()) {
      const request = this.out.get(id)!;
      assert.ok(!this.done.has(request), `request ${request} came back twice`);
      this.done.add(request);
      this.out.delete(id);
    }
    assert.equal(driver.fault, undefined);
  }
}

/** What is known outside of a process: the last request that it took (requests are taken in the order of their numbers). */
interface Witness {
  lastTaken: number;
  /** It was about to put the last one back. */
  mayPutBack: boolean;
}

/** A device's process: it takes requests, has some under way, and gives them back in any order; `may` is what it can end in. */
function live(
  guest: Guest,
  { queue, resumed }: Resumed,
  witness: Witness,
  random: () => number,
  may: (work: () => void) => void,
): void {
  const chain = new Chain(queue.size);
  const under: { id: number; slots: number }[] = [];
  const expected: number[] = [];
  for (let request = 1; expected.length < resumed; request++) if (!guest.done.has(request)) expected.push(request);
  for (let step = 0; step < 200; step++) {
    const what = random();
    if (what < 0.3) {
      guest.add(random);
      guest.queue.driver.publish();
    } else if (what < 0.6) {
      may(() => {
        if (!queue.take(chain)) return;
        assert.equal(chain.fault, undefined);
        const request = chain.low[0]!;
        assert.equal(request, expected.shift() ?? witness.lastTaken + 1, 'in the order in which they were taken');
        witness.lastTaken = Math.max(witness.lastTaken, request);
        const isNew = request === witness.lastTaken && expected.length === 0;
        under.push({ id: chain.id, slots: chain.slots });
        if (isNew && random() < 0.2) {
          // Before it, if its process ends while it is put back.
          witness.mayPutBack = true;
          queue.putBack(1, chain.slots);
          under.pop();
          witness.lastTaken--;
          witness.mayPutBack = false;
        }
      });
    } else if (what < 0.8 && under.length > 0) {
      const [one] = under.splice(Math.floor(random() * under.length), 1);
      may(() => queue.give(one!.id, one!.slots, 0));
    } else {
      may(() => {
        queue.publish();
        queue.awaitKick();
      });
      guest.look();
    }
  }
}

describe('requests in flight', () => {
  for (const layout of layouts) {
    test(`${layout}: killed anywhere, again and again: nothing is lost, and nothing that was shown is done again`, () => {
      for (let seed = 1; seed <= repeated(150); seed++) {
        const random = randomSource(seed);
        const size = layout === 'split' ? 8 : 7;
        const guest = new Guest(makeQueue(layout, size, features));
        const area = new ArrayBuffer(inflightBytes(size, layout === 'packed'));
        const witness: Witness = { lastTaken: 0, mayPutBack: false };
        for (let lives = 0; lives < 12; lives++) {
          const resumed = resume(layout, guest.queue, area);
          assert.equal(resumed.doubt, undefined, `seed ${seed}, life ${lives}`);
          guest.look();
          const under = witness.lastTaken - guest.done.size;
          // One more was noted perhaps, by a process that ended before it knew.
          const isOneLess = witness.mayPutBack && resumed.resumed === under - 1;
          assert.ok(
            isOneLess || resumed.resumed === under || resumed.resumed === under + 1,
            `seed ${seed}: ${resumed.resumed}, ${under}`,
          );
          witness.lastTaken += resumed.resumed - under;
          witness.mayPutBack = false;
          let isDead = false;
          let stores = 1 + Math.floor(random() * 60);
          const isBehind = random() < 0.5;
          try {
            live(guest, resumed, witness, random, (work) => {
              [isDead, stores] = killedAt(stores, isBehind, work);
              if (isDead) throw new Killed();
            });
          } catch (error) {
            if (!(error instanceof Killed)) throw error;
          }
        }
        const { queue } = resume(layout, guest.queue, area);
        const chain = new Chain(size);
        for (let rounds = 0; guest.out.size > 0; rounds++) {
          assert.ok(rounds < 100, `seed ${seed}: ${[...guest.out.values()]} never come back`);
          guest.queue.driver.publish();
          while (queue.take(chain)) queue.give(chain.id, chain.slots, 0);
          queue.publish();
          guest.look();
        }
      }
    });
  }

  for (const layout of layouts) {
    const bytes = inflightBytes(8, layout === 'packed');

    test(`${layout}: an area of anything is believed or not, and the queue goes on`, () => {
      const random = randomSource(11);
      let doubts = 0;
      for (let count = 0; count < 3000; count++) {
        const guest = new Guest(makeQueue(layout, 8, features));
        for (let added = 0; added < 4; added++) guest.add(random);
        guest.queue.driver.publish();
        const area = new ArrayBuffer(bytes);
        const halves = new Uint16Array(area);
        const isAll = count % 2 === 0;
        if (isAll) for (let at = 0; at < halves.length; at++) halves[at] = random() * 65_536;
        else {
          // What a queue left behind, and then a few words of it are others.
          const { queue } = resume(layout, guest.queue, area);
          const chain = new Chain(8);
          for (let taken = 0; taken < 3; taken++) queue.take(chain);
          for (let word = 0; word < 3; word++)
            halves[Math.floor(random() * halves.length)] = random() < 0.5 ? random() * 9 : random() * 65_536;
        }
        // A version of its own is refused at once: mostly it is the right one.
        if (count % 8 !== 0) halves[4] = 1;
        const { queue, resumed, doubt } = resume(layout, guest.queue, area);
        if (doubt !== undefined) {
          doubts++;
          assert.equal(resumed, 0);
        }
        assert.ok(resumed <= 8);
        const chain = new Chain(8);
        let taken = 0;
        while (taken <= 20 && queue.take(chain)) {
          taken++;
          queue.give(chain.id, chain.slots, 0);
        }
        assert.ok(taken <= 12, `${taken} were taken`);
        queue.publish();
        assert.equal(new Uint16Array(area)[4], 1);
      }
      assert.ok(doubts > 500, `${doubts} doubts`);
    });

    test(`${layout}: after an end in order the next start is a fresh one, where its front end says`, () => {
      const guest = new Guest(makeQueue(layout, 8, features));
      const area = new ArrayBuffer(bytes);
      const random = randomSource(3);
      const first = resume(layout, guest.queue, area);
      for (let count = 0; count < 20; count++) {
        guest.add(random);
        guest.queue.driver.publish();
        const chain = new Chain(8);
        assert.ok(first.queue.take(chain));
        first.settle(false);
        assert.equal(new Uint16Array(area)[4], 1, 'something is under way');
        first.queue.give(chain.id, chain.slots, 0);
        first.queue.publish();
        guest.look();
      }
      const base = first.queue.position;
      first.settle(false);
      assert.equal(new Uint16Array(area)[4], 0);
      guest.add(random);
      guest.queue.driver.publish();
      const { queue, resumed } = resume(layout, guest.queue, area, base);
      assert.equal(resumed, 0);
      const chain = new Chain(8);
      assert.ok(queue.take(chain));
      assert.equal(chain.low[0], 21);
    });
  }
});

test('packed: a front end that says one place for both sides (16 bits) means both', () => {
  const queue = makeQueue('packed', 8, features, 4096);
  const { queue: device } = resume('packed', queue, new ArrayBuffer(inflightBytes(8, true)), 0x8000);
  assert.equal(device.position, packedStart);
  const id = queue.driver.add([{ address: 1, length: 8 }], []);
  queue.driver.publish();
  const chain = new Chain(8);
  assert.ok(device.take(chain));
  device.give(chain.id, chain.slots, 0);
  device.publish();
  assert.equal(queue.driver.takeBack(), id);
});
