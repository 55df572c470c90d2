import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layoutBytes, layoutOf } from './layout.js';
import { cutPoints, type PackLimits, pack, packExact } from './pack.js';

/** Descriptors of [from, to) counted byte by byte, the slow and obvious way; undefined when a limit is broken. */
function slowDescriptors(lengths: readonly number[], limits: PackLimits, from: number, to: number): number | undefined {
  if (to - from > limits.maxBytes) return undefined;
  const owner: number[] = [];
  lengths.forEach((bytes, fragment) => {
    for (let index = 0; index < bytes; index += 1) owner.push(fragment);
  });
  const descriptorOf: number[] = [];
  let used = 0;
  for (let at = from; at < to; at += 1) {
    const first =
      at === from || owner[at] !== owner[at - 1] || runLength(descriptorOf, used) === limits.bytesPerDescriptor;
    if (first) used += 1;
    descriptorOf.push(used);
  }
  if (used > limits.maxDescriptors) return undefined;
  for (let packet = 0; packet < descriptorOf.length; packet += limits.segmentBytes) {
    const touched = new Set(descriptorOf.slice(packet, packet + limits.segmentBytes));
    if (touched.size > limits.maxDescriptorsPerPacket) return undefined;
  }
  return used;
}

function runLength(list: readonly number[], value: number): number {
  return list.filter((one) => one === value).length;
}

/** Every way to cut, enumerated. */
function bruteForce(lengths: readonly number[], limits: PackLimits): number[] {
  const points = cutPoints(layoutOf(lengths), limits);
  const inner = points.length - 2;
  let best: number[] | undefined;
  for (let mask = 0; mask < 2 ** inner; mask += 1) {
    const cuts = [0, ...points.slice(1, -1).filter((_, index) => mask & (1 << index)), points.at(-1)!];
    const cost = [0, 0, 0];
    let possible = true;
    for (let index = 0; index + 1 < cuts.length && possible; index += 1) {
      const from = cuts[index]!;
      const to = cuts[index + 1]!;
      const descriptors = slowDescriptors(lengths, limits, from, to);
      const smallest = points.indexOf(to) === points.indexOf(from) + 1;
      if (descriptors === undefined && !smallest) possible = false;
      cost[0] = cost[0]! + (descriptors === undefined ? to - from : 0);
      cost[1] = cost[1]! + 1;
      cost[2] = cost[2]! + (descriptors ?? 1);
    }
    if (possible && (!best || compare(cost, best) < 0)) best = cost;
  }
  return best!;
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < 3; index += 1) if (a[index] !== b[index]) return a[index]! - b[index]!;
  return 0;
}

const limits = fc.record({
  maxBytes: fc.integer({ min: 3, max: 12 }),
  maxDescriptors: fc.integer({ min: 1, max: 6 }),
  bytesPerDescriptor: fc.integer({ min: 1, max: 6 }),
  segmentBytes: fc.integer({ min: 1, max: 6 }),
  maxDescriptorsPerPacket: fc.integer({ min: 1, max: 4 }),
  granularity: fc.integer({ min: 1, max: 4 }),
});

test('the exact packing equals brute force on every case small enough to enumerate', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 }), limits, (lengths, bounds) => {
      fc.pre(cutPoints(layoutOf(lengths), bounds).length <= 13);
      const exact = packExact(layoutOf(lengths), bounds);
      assert.deepEqual([exact.linearisedBytes, exact.handoffs, exact.descriptors], bruteForce(lengths, bounds));
    }),
    { numRuns: 1500 },
  );
});

test('a packing covers the message without holes, and the exact one never hands off more often than the greedy one', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 40 }), (lengths) => {
      const bounds: PackLimits = {
        maxBytes: 65_470,
        maxDescriptors: 17,
        bytesPerDescriptor: 16_383,
        segmentBytes: 1448,
        maxDescriptorsPerPacket: 8,
        granularity: 4096,
      };
      const { exact, greedy } = pack(layoutOf(lengths), bounds);
      for (const packing of [exact, greedy]) {
        let at = 0;
        for (const one of packing.supers) {
          assert.equal(one.from, at);
          at = one.to;
        }
        assert.equal(at, layoutBytes(layoutOf(lengths)));
      }
      assert.ok(exact.linearisedBytes <= greedy.linearisedBytes);
      if (exact.linearisedBytes === greedy.linearisedBytes) assert.ok(exact.handoffs <= greedy.handoffs);
    }),
    { numRuns: 100 },
  );
});

test('greedy is beaten where a run of small fragments meets a packet boundary', () => {
  const bounds: PackLimits = {
    maxBytes: 12,
    maxDescriptors: 4,
    bytesPerDescriptor: 12,
    segmentBytes: 4,
    maxDescriptorsPerPacket: 2,
    granularity: 1,
  };
  const { exact, greedy } = pack(layoutOf([5, 3, 2, 3, 2, 4, 2]), bounds);
  assert.equal(exact.handoffs, 2);
  assert.equal(greedy.handoffs, 3);
});
