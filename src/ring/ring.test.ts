import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { ConsumerRing, ProducerRing } from './ring.js';

function ringAt(start: number, entries: number): { producer: ProducerRing; consumer: ConsumerRing } {
  const indices = new Int32Array(new SharedArrayBuffer(8)).fill(start);
  return { producer: new ProducerRing(indices, 0, 1, entries), consumer: new ConsumerRing(indices, 0, 1, entries) };
}

/** Indices from which the 32 bits wrap around soon: to negative, and to zero. */
const starts = [0, 0x7fff_fffe, -3, -1] as const;

test('a ring is a bounded queue, also where its indices wrap around', () => {
  const steps = fc.array(fc.record({ fill: fc.nat(9), publish: fc.boolean(), read: fc.nat(9), release: fc.boolean() }));
  fc.assert(
    fc.property(fc.constantFrom(...starts), fc.constantFrom(1, 2, 8), steps, (start, entries, all) => {
      const { producer, consumer } = ringAt(start, entries);
      const slots = new Int32Array(entries);
      let filled = 0;
      let published = 0;
      let read = 0;
      let released = 0;
      for (const step of all) {
        const room = entries - (filled - released);
        // The consumer's index is read again only when the ring seems full: what is said may be too little, never 0.
        assert.ok(producer.free() <= room && producer.free() > 0 === room > 0, `${producer.free()} of ${room}`);
        for (let count = step.fill; count > 0 && producer.free() > 0; count--) {
          slots[producer.tail & producer.mask] = filled++;
          producer.tail = (producer.tail + 1) | 0;
        }
        if (step.publish) {
          producer.publish();
          published = filled;
        }
        assert.equal(consumer.available(), published - read, 'entries to read');
        for (let count = Math.min(step.read, consumer.available()); count > 0; count--) {
          assert.equal(slots[consumer.head & consumer.mask], read++);
          consumer.head = (consumer.head + 1) | 0;
        }
        if (step.release) {
          consumer.release();
          released = read;
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('only a power of two of entries makes a ring', () => {
  for (const entries of [0, 3, 12, -8, 2 ** 31, 1.5]) assert.throws(() => ringAt(0, entries), RangeError);
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
