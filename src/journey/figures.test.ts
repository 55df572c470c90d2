// Filters, histograms, and what the collector makes of stamps: no kernel here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Collector } from './collector.js';
import { addressWords, parseConnectionFilter } from './connection-filter.js';
import { Durations } from './durations.js';
import type { Journey } from './path.js';
import { formatDuration, textReport } from './report.js';
import { flow, stamp } from './support.test.js';
import { type JourneyOptions, traceJourneys } from './tracer.js';

test('a filter names an address, a port or both; anything else is refused in a sentence', () => {
  assert.deepEqual(parseConnectionFilter(':443'), { port: 443 });
  assert.deepEqual(parseConnectionFilter('10.0.0.7:80'), { address: [0, 0, 0xffff0000, 0x0700000a], port: 80 });
  assert.deepEqual(parseConnectionFilter('[::1]:80'), { address: [0, 0, 0, 0x01000000], port: 80 });
  assert.deepEqual(parseConnectionFilter('::1'), { address: [0, 0, 0, 0x01000000] });
  assert.deepEqual(parseConnectionFilter('[fe80::1:2]'), { address: [0x80fe, 0, 0, 0x02000100] });
  assert.deepEqual(addressWords('::ffff:10.0.0.7'), addressWords('10.0.0.7'));
  const wrong = [
    '',
    ':',
    ':0',
    ':65536',
    ':99999999',
    'example.com',
    '10.0.0',
    '1.2.3.4:',
    '[1.2.3.4]:5',
    '[::1',
    '::1:x',
  ];
  for (const text of [...wrong, 'fe80::1%eth0', '\u001b[31m', 'a'.repeat(10_000)]) {
    assert.throws(() => parseConnectionFilter(text), /is named by an address, a port or both/, JSON.stringify(text));
  }
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        const { address, port } = parseConnectionFilter(text);
        assert.ok(address !== undefined || port !== undefined);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'CLEARWAY_CONNECTION_FILTER');
      }
    }),
  );
});

test('quantiles are within 0.8 %, least, most and sum are exact', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 10_000_000_000 }), { minLength: 1 }), (values) => {
      const durations = new Durations();
      for (const value of values) durations.add(value);
      const sorted = [...values].sort((a, b) => a - b);
      for (const share of [0.5, 0.99, 1]) {
        const exact = sorted[Math.max(1, Math.ceil(share * values.length)) - 1]!;
        assert.ok(Math.abs(durations.quantileNs(share) - exact) <= exact * 0.008, `${share} of ${values}`);
      }
      assert.equal(durations.maxNs, sorted.at(-1));
      assert.equal(durations.minNs, sorted[0]);
      assert.equal(
        durations.sumNs,
        values.reduce((sum, value) => sum + value, 0),
      );
    }),
  );
  assert.throws(() => new Durations().add(-1), RangeError);
  assert.deepEqual([0, 999, 12_345, 4_560_000, 2e9].map(formatDuration), [
    '0 ns',
    '999 ns',
    '12.3 us',
    '4.56 ms',
    '2.00 s',
  ]);
});

const all = { keep: 100, slowest: 2, wanted: () => true };

/** A message sent at a time and read by thread 21 in one call that begins at `enteredNs`. */
function message(journey: number, at: number, start: number, enteredNs: number) {
  const range = { journey, start, end: start + 10 };
  const reader = { thread: 21, process: 20, name: 'reader' };
  return {
    queued: stamp('queued', at, { ...range, enteredNs: at - 1, flow, name: 'sender', process: 10, thread: 11 }),
    copy: stamp('copy', enteredNs + 10 + journey, { ...range, ...reader, enteredNs }),
  };
}

test('one read that ends two messages ends both', () => {
  const collector = new Collector(all);
  const [first, second] = [message(1, 100, 0, 200), message(2, 110, 10, 200)];
  // The record of the return names the message that was read last.
  const returned = stamp('returned', 230, { journey: 2, thread: 21 });
  for (const each of [first.queued, second.queued, first.copy, second.copy, returned]) collector.take(each);
  collector.harvest(collector.ripened(), 240);
  assert.deepEqual(collector.outcomes, { read: 2, acknowledged: 0, unfinished: 0 });
  assert.deepEqual(
    collector.kept.map(({ totalNs }) => totalNs),
    [131, 121],
  );
});

test('what is not finished waits, then is taken as it is; what has no beginning is counted', () => {
  const collector = new Collector(all);
  collector.take(message(1, 100, 0, 200).queued);
  collector.take(message(2, 100, 0, 200).copy);
  collector.harvest(new Set([1]), 200);
  assert.deepEqual(collector.outcomes, { read: 0, acknowledged: 0, unfinished: 0 });
  assert.equal(collector.headless, 1);
  collector.harvest(new Set(), 4_000_000_000);
  assert.deepEqual(collector.outcomes, { read: 0, acknowledged: 0, unfinished: 1 });
  assert.equal(collector.total.count, 0);
});

test('the slowest are kept, the rest is counted; stages of all sum to the whole of all', () => {
  const collector = new Collector({ ...all, keep: 3 });
  for (let id = 1; id <= 20; id++) {
    const { queued, copy } = message(id, id * 1000, 0, id * 1000 + 100 + id * 7);
    for (const each of [queued, copy, stamp('returned', copy.timeNs + 5, { journey: id, thread: 21 })])
      collector.take(each);
    collector.harvest(collector.ripened(), 0);
  }
  const { kept, notKept, slowest, summary, total } = collector;
  assert.deepEqual([kept.length, notKept], [3, 17]);
  assert.deepEqual(
    slowest.map(({ id }) => id),
    [20, 19],
  );
  assert.equal(
    summary.reduce((sum, stage) => sum + stage.sumNs, 0),
    total.sumNs,
  );
  assert.equal(total.count, 20);
});

test('nothing needs to be kept', () => {
  const collector = new Collector({ ...all, keep: 0, slowest: 0 });
  for (const id of [1, 2]) {
    const { queued, copy } = message(id, 1000, 0, 1100);
    for (const each of [queued, copy, stamp('returned', copy.timeNs + 5, { journey: id, thread: 21 })])
      collector.take(each);
    collector.harvest(collector.ripened(), 0);
  }
  assert.deepEqual([collector.kept.length, collector.slowest.length, collector.total.count], [0, 0, 2]);
});

test('names in a report cannot steer a terminal', () => {
  const collector = new Collector(all);
  const { queued, copy } = message(1, 100, 0, 200);
  for (const each of [{ ...queued, name: '\u001b[2J' }, copy, stamp('returned', 230, { journey: 1, thread: 21 })])
    collector.take(each);
  collector.harvest(collector.ripened(), 0);
  const { outcomes, headless, notKept, total, summary: stages, slowest } = collector;
  const reading = {
    tier: 'tracepoints',
    unseen: ['much'],
    elapsedMs: 5,
    messages: { seen: 1, followed: 1, busy: 0 },
  } as const;
  const lost = [{ point: 'ready' as const, records: 3 }];
  const figures = { ...reading, outcomes, lost, headless, notKept, total, stages, slowest };
  const text = textReport(figures, collector.kept as Journey[], 'a test');
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /^Measured journey of 1 message: a test/);
  assert.match(text, /3 records lost: the ring was full \(ready\)/);
  assert.match(text, /the whole journey +1 +131 ns/);
});

test('what there is not to follow is refused before anything is attached', () => {
  const refused = (options: object, code: string): void =>
    assert.throws(() => traceJourneys(options as JourneyOptions), { code });
  for (const wrong of [0, -1, 1.5, Number.NaN, '2', null, 2n]) refused({ sample: wrong }, 'CLEARWAY_ARGUMENT');
  for (const wrong of [-1, Number.NaN, '2', null]) {
    refused({ keep: wrong }, 'CLEARWAY_ARGUMENT');
    refused({ slowest: wrong }, 'CLEARWAY_ARGUMENT');
  }
  refused({ tier: 'function' }, 'CLEARWAY_ARGUMENT');
  for (const wrong of [null, 'all', { kind: 'host' }, { kind: 'process', processId: 'x' }])
    refused({ scope: wrong }, 'CLEARWAY_METER_SCOPE');
  for (const wrong of [null, 443, '', Symbol('s'), {}]) refused({ connection: wrong }, 'CLEARWAY_CONNECTION_FILTER');
});
