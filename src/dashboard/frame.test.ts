import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PointName } from '../journey/points.js';
import type { JourneyReading } from '../journey/tracer.js';
import { sampleReading } from '../meter/sample.test.js';
import { FrameMaker, pointOf } from './frame.js';

const server = (scale: number) => ({
  requests: 10 * scale,
  connections: 4,
  ways: { none: 0, inline: 100 * scale, sendfile: 1000 * scale, gather: 0 },
  copies: { encode: 50 * scale },
});

test('rates are over the time between observations, sums since the start', () => {
  const frames = new FrameMaker();
  const first = frames.next({ timeMs: 1_000_000, reading: sampleReading('nginx', 1), server: server(1) });
  assert.equal(first.now.sent, 6000, 'the first is over the time since the meter was opened');
  const second = frames.next({ timeMs: 1_002_000, reading: sampleReading('nginx', 3), server: server(3) });
  assert.equal(second.now.sent, 6000);
  assert.equal(second.start.sent, 18_000);
  assert.equal(second.now.counters.spliced, 5000);
  assert.equal(second.now.userCopied, 50);
  assert.equal(second.now.server!.requests, 10);
  assert.equal(second.now.server!.connections, 4, 'a gauge has no rate');
  assert.equal(second.start.server!.copies['encode'], 150);
  assert.deepEqual(pointOf(second).slice(0, 6), [1_002_000, 6000, 300, 1350, 5000, 50]);
  const [line] = second.processes;
  assert.deepEqual([line!.command, line!.copiedRate, line!.copied], ['nginx', 1350, 4050]);
});

test('the journey of messages: stages with their share of all time; what was lost is said', () => {
  const stage = (from: PointName, to: PointName, sumNs: number) => ({
    ...{ from, to, count: 4, p50Ns: 10, p99Ns: 20, maxNs: 30, sumNs },
  });
  const journey: JourneyReading = {
    ...{ tier: 'tracepoints' as const, unseen: [], elapsedMs: 1000, headless: 0, notKept: 0, slowest: [] },
    ...{ messages: { seen: 9, followed: 4, busy: 0 }, outcomes: { read: 4, acknowledged: 0, unfinished: 0 } },
    lost: [
      { point: 'copy', records: 2 },
      { point: 'ready', records: 1 },
    ],
    total: stage('entered', 'returned', 400),
    stages: [stage('entered', 'queued', 100), stage('queued', 'returned', 300)],
  };
  const frame = new FrameMaker().next({ timeMs: 0, journey });
  assert.deepEqual(
    frame.journey!.stages.map(({ from, to, share }) => [from, to, share]),
    [
      ['entered', 'queued', 0.25],
      ['queued', 'returned', 0.75],
    ],
  );
  assert.equal(frame.journey!.stages[1]!.words, 'the call returns to the reader');
  assert.deepEqual(frame.shortfall, ['3 records of messages found no room: their journeys lack points']);
});

test('what is not known is null, never 0', () => {
  const frame = new FrameMaker().next({ timeMs: 5000, server: server(1) });
  assert.deepEqual(
    [frame.tier, frame.now.copied, frame.now.byReference, frame.now.received, frame.sockets, frame.why, frame.journey],
    [null, null, null, null, null, null, null],
  );
  assert.equal(frame.now.sent, 1100, 'body bytes that the server gave to the kernel');
  const idle = new FrameMaker();
  idle.next({ timeMs: 0, reading: sampleReading() });
  const still = idle.next({ timeMs: 1000, reading: sampleReading() });
  assert.equal(still.now.sent, 0);
  assert.equal(still.now.amplification.total, null, 'no payload, no ratio');
});

test('names of processes cannot steer the page, and long lists are cut and say so', () => {
  const reading = sampleReading('\x1b<img>');
  const rows = Array.from({ length: 70 }, (_, index) => ({ ...reading.rows[0]!, processId: index + 1 }));
  const frame = new FrameMaker().next({ timeMs: 0, reading: { ...reading, rows } });
  assert.equal(frame.processes.length, 50);
  assert.equal(frame.processCount, 70);
  assert.equal(frame.processes[0]!.command, '?<img>');
});
