import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameGuard } from '../../xdp/frame-guard.js';
import type { XdpCounts } from './xdp-interface.js';
import { xdpFamilies, xdpReasons } from './xdp-metrics.js';

const kernel = {
  receiveDropped: 7,
  receiveInvalid: 0,
  transmitInvalid: 2,
  receiveRingFull: 3,
  fillRingEmpty: 5,
  transmitRingEmpty: 900,
};
const guard = new FrameGuard(8, 2048);
guard.takeToReceive();
guard.giveBack(-1);
const { faults, unused, receiving, sending } = guard;
const queue = { kernel, faults, frames: { unused, receiving, sending } };
const counts: XdpCounts = { name: 'eth1', queues: [queue, { ...queue, kernel: undefined }] };

test('what was lost is told by queue and reason, once; a queue whose kernel says nothing has no row', () => {
  const text = xdpFamilies(counts);
  const rows = text.split('\n').filter((line) => line.startsWith('clearway_xdp_dropped_total{'));
  assert.deepEqual(
    rows.map((row) => [/reason="([^"]+)"/.exec(row)![1], Number(row.split(' ').at(-1))]),
    [
      ['no frame to receive into', 5],
      ['ring full', 3],
      ['too long', 2],
      ['entry of the fill ring', 0],
      ['entry of the transmit ring', 2],
    ],
  );
  assert.match(text, /clearway_xdp_frames\{device="eth1",queue="1",owner="receiving"\} 1/);
  assert.match(text, /clearway_xdp_faults_total\{device="eth1",queue="0",reason="outside"\} 1/);
  assert.doesNotMatch(text, /returned twice/);
});

test('people watch what was lost and what made no sense, of all queues', () => {
  const { 'eth1, AF_XDP, lost': lost, 'eth1, AF_XDP, faults': wrong } = xdpReasons(counts);
  assert.deepEqual(lost, {
    'no frame to receive into': 5,
    'ring full': 3,
    'too long': 2,
    'entry of the fill ring': 0,
    'entry of the transmit ring': 2,
  });
  assert.equal(wrong!['outside'], 2);
});
