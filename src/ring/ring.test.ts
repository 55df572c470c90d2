import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { ConsumerRing, ProducerRing, WideConsumerRing } from './ring.js';

type Width = 16 | 32 | 64;

/** Both sides of a ring over fresh memory, its two indices at `start`. */
function ringAt(start: number, entries: number, width: Width = 32): { producer: ProducerRing; consumer: ConsumerRing } {
  const memory = new SharedArrayBuffer(16);
  if (width === 16) {
    const indices = new Uint16Array(memory).fill(start);
    return { producer: new ProducerRing(indices, 0, 1, entries), consumer: new ConsumerRing(indices, 0, 1, entries) };
  }
  if (width === 32) {
    const indices = new Int32Array(memory).fill(start);
    return { producer: new ProducerRing(indices, 0, 1, entries), consumer: new ConsumerRing(indices, 0, 1, entries) };
  }
  // A producer of ours counts in the low halves; the kernel's counts in 64 bits, which a consumer must not tell apart.
  const indices = new BigUint64Array(memory).fill(BigInt.asUintN(64, BigInt(start)));
  const producer = new ProducerRing(new Int32Array(memory), 0, 2, entries);
  return { producer, consumer: new WideConsumerRing(indices, 0, 1, entries) };
}

/** Indices from which 16 or 32 bits wrap around soon: to negative, and to zero. */
const starts = [0, 0x7ffe, 0xfffe, 0x7fff_fffe, -3, -1] as const;

type Step =
  | { readonly kind: 'write'; readonly sizes: readonly number[] }
  | { readonly kind: 'publish' | 'release' }
  | { readonly kind: 'read'; readonly most: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    sizes: fc.array(fc.integer({ min: 1, max: 16 }), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constantFrom('publish' as const, 'release' as const) }),
  fc.record({ kind: fc.constant('read' as const), most: fc.nat(20) }),
);

/**
 * The model: a queue of entries with four counts. A record takes several entries, and is written exactly when the model has
 * room for all of it: a ring that says less than there is would lose records for good, one that says more would
 * overwrite what nobody has read.
 */
class Model {
  filled = 0;
  published = 0;
  read = 0;
  released = 0;
  readonly slots: Int32Array;

  constructor(
    readonly producer: ProducerRing,
    readonly consumer: ConsumerRing,
    readonly entries: number,
  ) {
    this.slots = new Int32Array(entries);
  }

  write(size: number): void {
    const { producer, entries } = this;
    const room = entries - (this.filled - this.released);
    const said = producer.free(size);
    assert.equal(said >= size, room >= size, `a record of ${size}: ${said} entries free, ${room} in truth`);
    assert.ok(said <= room, `${said} entries free, ${room} in truth`);
    if (said < size) {
      assert.equal(said, room, 'exact where it is too little');
      return;
    }
    for (let count = 0; count < size; count++) {
      this.slots[producer.tail & producer.mask] = this.filled++;
      producer.tail = (producer.tail + 1) | 0;
    }
  }

  take(most: number): void {
    const { consumer } = this;
    assert.equal(consumer.available(), this.published - this.read, 'entries to read');
    for (let count = Math.min(most, consumer.available()); count > 0; count--) {
      assert.equal(this.slots[consumer.head & consumer.mask], this.read++);
      consumer.head = (consumer.head + 1) | 0;
    }
  }

  apply(each: Step): void {
    if (each.kind === 'write') for (const size of each.sizes) this.write(size);
    else if (each.kind === 'read') this.take(each.most);
    else if (each.kind === 'publish') {
      this.producer.publish();
      this.published = this.filled;
    } else {
      this.consumer.release();
      this.released = this.read;
    }
  }
}

test('a ring is a bounded queue of records of any size, also where its indices wrap around', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...starts),
      fc.constantFrom<Width>(16, 32, 64),
      fc.constantFrom(1, 2, 8, 16),
      fc.array(step, { maxLength: 60 }),
      (start, width, entries, steps) => {
        const { producer, consumer } = ringAt(start, entries, width);
        const model = new Model(producer, consumer, entries);
        for (const each of steps) model.apply(each);
        // However it was used, it works on: what is there is read, and the whole ring is free again.
        for (const kind of ['publish', 'release'] as const) model.apply({ kind });
        model.take(entries);
        model.apply({ kind: 'release' });
        assert.equal(producer.free(entries), entries);
      },
    ),
    { numRuns: 1000 },
  );
});

test('64 bits are stored whole: beyond 32 of them the upper half counts on', () => {
  const memory = new SharedArrayBuffer(16);
  const indices = new BigUint64Array(memory).fill(0x1_ffff_fffcn);
  const consumer = new WideConsumerRing(indices, 0, 1, 16);
  indices[1] = 0x2_0000_0005n;
  assert.equal(consumer.available(), 9);
  consumer.head = (consumer.head + 6) | 0;
  consumer.release();
  assert.equal(indices[0], 0x2_0000_0002n);
  assert.equal(consumer.available(), 3);
});

test('only a power of two of entries makes a ring', () => {
  for (const entries of [0, 3, 12, -8, 2 ** 31, 1.5]) assert.throws(() => ringAt(0, entries), RangeError);
  assert.equal(ringAt(0, 2 ** 15, 16).producer.free(2 ** 15), 2 ** 15);
  assert.throws(() => ringAt(0, 2 ** 16, 16), RangeError);
});

test('two threads: every entry arrives once and in order, across the wrap-around', async () => {
  const entries = 64;
  const count = 300_000;
  const indices = new Int32Array(new SharedArrayBuffer(8)).fill(0x7fff_ffff - 1000);
  const slots = new Int32Array(new SharedArrayBuffer(entries * 4));
  const worker = new Worker(
    `const { workerData: { ring, indices, slots, entries, count } } = require('node:worker_threads');
     import(ring).then(({ ProducerRing }) => {
       const producer = new ProducerRing(indices, 0, 1, entries);
       for (let value = 0; value < count; ) {
         for (let room = producer.free(); room > 0 && value < count; room--) {
           slots[producer.tail & producer.mask] = value++;
           producer.tail = (producer.tail + 1) | 0;
         }
         producer.publish();
         Atomics.notify(indices, 1);
         if (producer.free() === 0) Atomics.wait(indices, 0, producer.tail - entries | 0, 1);
       }
     });`,
    { eval: true, workerData: { ring: new URL('./ring.js', import.meta.url).href, indices, slots, entries, count } },
  );
  const exited = new Promise((resolve, reject) => {
    worker.once('exit', resolve);
    worker.once('error', reject);
  });
  const consumer = new ConsumerRing(indices, 0, 1, entries);
  const limit = performance.now() + 30_000;
  let expected = 0;
  while (expected < count && performance.now() < limit) {
    for (let available = consumer.available(); available > 0; available--) {
      if (slots[consumer.head & consumer.mask] !== expected) assert.fail(`entry ${expected} out of order`);
      expected++;
      consumer.head = (consumer.head + 1) | 0;
    }
    consumer.release();
    Atomics.notify(indices, 0);
    if (consumer.available() === 0) Atomics.wait(indices, 1, consumer.head, 1);
  }
  assert.equal(expected, count);
  await exited;
});
