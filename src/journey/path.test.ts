// The way of a message through its stamps: which count, which belong to something else. No kernel here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MSG } from '../kernel/constants.js';
import { journeyOf } from './path.js';
import type { PointName } from './points.js';
import type { Stamp } from './record.js';
import { assertWhole, flow, stamp } from './support.test.js';

const sender = { thread: 11, process: 10, name: 'sender' };
const reader = { thread: 21, process: 20, name: 'reader' };
const device = { interfaceIndex: 1, name: 'lo' };
const woken = { value: (20n << 32n) | 21n };

/** A message of `bytes` from sequence number `start` on, delivered over loopback in one buffer, read by a waiting reader. */
function delivered(start = 1000, bytes = 100): Stamp[] {
  const range = { start: start >>> 0, end: (start + bytes) >>> 0 };
  return [
    stamp('queued', 110, { ...range, ...sender, enteredNs: 100, call: 44, value: BigInt(bytes), flow }),
    stamp('deviceQueue', 120, { ...range, ...device }),
    stamp('driver', 130, { ...range, ...device }),
    stamp('driverDone', 140, { start: range.start, ...device }),
    stamp('receive', 150, { ...range, ...device }),
    stamp('tcpReceive', 160, range),
    stamp('ready', 170, range),
    stamp('waking', 180, woken),
    stamp('wakeup', 190, woken),
    stamp('running', 200, woken),
    stamp('sent', 205, { ...range, ...sender, value: BigInt(bytes) }),
    stamp('sendReturned', 208, sender),
    stamp('copy', 210, { ...range, ...reader, enteredNs: 90, call: 45, value: BigInt(bytes) }),
    stamp('received', 220, { ...reader, value: BigInt(bytes) }),
    stamp('returned', 230, { ...reader, value: BigInt(bytes) }),
  ];
}

const names = (stamps: readonly Stamp[]) => journeyOf(stamps)!.path.map(({ point }) => point);
const way: PointName[] = [
  ...(['entered', 'queued', 'deviceQueue', 'driver', 'driverDone', 'receive', 'tcpReceive'] as const),
  ...(['ready', 'waking', 'wakeup', 'running', 'copy', 'received', 'returned'] as const),
];

test('the plain way: every point once, in order, and the rest beside it', () => {
  const journey = journeyOf(delivered())!;
  assertWhole(journey);
  assert.deepEqual(
    journey.path.map(({ point }) => point),
    way,
  );
  assert.equal(journey.totalNs, 130);
  assert.equal(journey.outcome, 'read');
  assert.equal(journey.bytes, 100);
  assert.deepEqual(
    journey.beside.map(({ point }) => point),
    ['sent', 'sendReturned'],
  );
  assert.deepEqual(journey.sender, { ...sender, call: 44 });
  assert.deepEqual(journey.reader, { ...reader, call: 45 });
});

test('the order in which stamps come does not matter, nor where sequence numbers wrap', () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(delivered(), { minLength: delivered().length }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (shuffled, start) => {
        assert.deepEqual(names(shuffled), way);
        const journey = journeyOf(delivered(start))!;
        assert.equal(journey.bytes, 100);
        assert.deepEqual(
          journey.path.map(({ point }) => point),
          way,
        );
      },
    ),
  );
});

test('whatever is missing or comes besides, the stages sum to the whole', () => {
  const noise = fc.record({
    point: fc.constantFrom<PointName>(...way, 'retransmitted', 'released', 'dropped', 'acknowledged', 'qdiscIn'),
    timeNs: fc.integer({ min: 50, max: 300 }),
    start: fc.integer({ min: 900, max: 1150 }),
    length: fc.integer({ min: 0, max: 200 }),
    thread: fc.constantFrom(0, 11, 21, 22),
    value: fc.constantFrom(0n, 1n, 50n, (20n << 32n) | 21n, -11n),
    enteredNs: fc.integer({ min: 0, max: 300 }),
  });
  fc.assert(
    fc.property(fc.subarray(delivered()), fc.array(noise, { maxLength: 12 }), (kept, more) => {
      const others = more.map(({ point, timeNs, start, length, ...rest }) =>
        stamp(point, timeNs, { start, end: start + length, ...rest }),
      );
      const journey = journeyOf([...kept, ...others]);
      if (journey !== undefined) assertWhole(journey);
    }),
  );
});

test('a receiver that has closed its own sending side is not seen at tcpReceive; its readiness is', () => {
  const stamps = delivered().filter(({ point }) => point !== 'tcpReceive');
  assertWhole(journeyOf(stamps)!);
  assert.deepEqual(
    names(stamps),
    way.filter((point) => point !== 'tcpReceive'),
  );
});

test('a reader that comes later: its call is a point, the wake-up of another process is none', () => {
  const stamps = delivered()
    .filter(({ point }) => point !== 'waking' && point !== 'wakeup' && point !== 'running')
    .map((each) => (each.point === 'copy' ? { ...each, enteredNs: 205 } : each));
  const other = stamp('waking', 181, { value: (99n << 32n) | 99n });
  assert.deepEqual(names([...stamps, other]).slice(7), ['ready', 'called', 'copy', 'received', 'returned']);
});

test('a peek copies too, and is not the reading', () => {
  const range = { start: 1000, end: 1100 };
  const peek = [
    stamp('copy', 202, { ...range, ...reader, enteredNs: 90 }),
    stamp('received', 203, { ...reader, call: MSG.PEEK }),
    stamp('returned', 204, reader),
  ];
  const journey = journeyOf([...delivered(), ...peek])!;
  assertWhole(journey);
  assert.equal(journey.path.at(-1)!.timeNs, 230);
  assert.equal(journey.reads, 1);
});

test('a message read in parts ends with the read that takes its last byte', () => {
  const parts = delivered().filter(({ timeNs }) => timeNs < 210);
  for (let part = 0; part < 4; part++) {
    const at = 210 + part * 30;
    const range = { start: 1000 + part * 25, end: 1025 + part * 25 };
    parts.push(stamp('copy', at, { ...range, ...reader, enteredNs: at - 5 }));
    parts.push(stamp('received', at + 10, reader), stamp('returned', at + 20, reader));
  }
  const journey = journeyOf(parts)!;
  assertWhole(journey);
  assert.equal(journey.reads, 4);
  assert.equal(journey.path.at(-1)!.timeNs, 320);
  assert.ok(journey.path.some(({ point, timeNs }) => point === 'called' && timeNs === 295));
});

test('a message of several buffers is where its last byte is; readiness counts from when that can be read', () => {
  const first = { start: 1000, end: 1060 };
  const second = { start: 1060, end: 1100 };
  const stamps = delivered().flatMap((each): Stamp[] => {
    if (!['deviceQueue', 'driver', 'receive', 'tcpReceive'].includes(each.point)) return [each];
    return [
      { ...each, ...first, timeNs: each.timeNs - 8 },
      { ...each, ...second },
    ];
  });
  const done = stamps.map((each) => (each.point === 'driverDone' ? { ...each, start: 1060 } : each));
  const early = stamp('ready', 155, first);
  const journey = journeyOf([...done, early])!;
  assert.deepEqual(
    journey.path.map(({ point }) => point),
    way,
  );
  assert.equal(journey.path[2]!.timeNs, 120);
  assert.equal(journey.path[7]!.timeNs, 170);
  assert.deepEqual([journey.packets, journey.packetsAgain], [2, 0]);
});

test('a retransmission: what arrived is what counts, and the time before it is a stage of its own', () => {
  const range = { start: 1000, end: 1100 };
  const lost = [
    stamp('deviceQueue', 112, { ...range, ...device }),
    stamp('driver', 113, { ...range, ...device }),
    stamp('receive', 114, { ...range, ...device }),
    stamp('retransmitted', 119, range),
  ];
  const journey = journeyOf([...delivered(), ...lost])!;
  assertWhole(journey);
  assert.equal(journey.retransmissions, 1);
  assert.deepEqual([journey.packets, journey.packetsAgain], [2, 1]);
  assert.deepEqual(journey.path.map(({ point }) => point).slice(1, 5), [
    'queued',
    'deviceQueue',
    'sentAgain',
    'driver',
  ]);
  assert.equal(journey.path.find(({ point }) => point === 'driver')!.timeNs, 130);
  assert.equal(journey.path.find(({ point }) => point === 'receive')!.timeNs, 150);
});

test('a send that took less ends the message earlier', () => {
  const stamps = delivered().map((each) => (each.point === 'sent' ? { ...each, value: 40n } : each));
  const journey = journeyOf(stamps)!;
  assert.equal(journey.bytes, 40);
  assertWhole(journey);
});

test('to a peer elsewhere: the end is its acknowledgement', () => {
  const stamps = delivered().filter(({ timeNs, point }) => timeNs < 150 || point === 'sent');
  const journey = journeyOf([...stamps, stamp('acknowledged', 900, { start: 1000, end: 1100 })])!;
  assertWhole(journey);
  assert.equal(journey.outcome, 'acknowledged');
  assert.equal(journey.totalNs, 800);
  assert.equal(journeyOf(stamps)!.outcome, 'unfinished');
});

test('from elsewhere: it begins at the device', () => {
  const range = { start: 1000, end: 1100 };
  const arrived = stamp('arrived', 145, { ...range, ...device, value: 1n, flow });
  const journey = journeyOf([arrived, ...delivered().filter(({ timeNs }) => timeNs >= 150)])!;
  assertWhole(journey);
  assert.equal(journey.fromElsewhere, true);
  assert.equal(journey.sender, undefined);
  assert.deepEqual(
    journey.path.map(({ point }) => point),
    ['arrived', ...way.slice(5)],
  );
});

test('without its beginning there is no journey', () => {
  assert.equal(journeyOf(delivered().filter(({ point }) => point !== 'queued')), undefined);
});
