import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopyReason, copyReasonNames } from '../memory/copy.js';
import { emptyBlockCounts } from './block/block-counts.js';
import { diskKind } from './block/disk-metrics.js';
import { type DeviceFigures, figuresOf } from './device-figures.js';
import { deviceScreen, shortNumber } from './device-screen.js';
import { idleState } from './device-state.js';
import type { NetCounts } from './net/net-device.js';
import { type NetsCounts, netKind } from './net/net-metrics.js';
import { emptyQueueCounts, type Named } from './queue-counts.js';

const copied = copyReasonNames.map(() => 0);
const there = { ...idleState, frontEnd: { processId: 7, forMs: 1000 } };

const noPackets: NetCounts = {
  ...{ sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0, sentDropped: {}, receivedDropped: {} },
  ...emptyQueueCounts(),
};

/** Readings of a disk that has counted nothing, and of what `change` makes of it. */
function disk(change: (counts: ReturnType<typeof emptyBlockCounts>) => void) {
  const counts = emptyBlockCounts();
  change(counts);
  return { devices: [{ name: 'disk', counts, state: there }], copied };
}

const placeOf = (words: string): number => diskKind.measures.findIndex((each) => each.words === words);

test('rates are of the time between two readings, other figures are what they are; reasons are listed by what and why', () => {
  const before = disk((counts) => Object.assign(counts, { readBytes: 1000, kicks: 5, errors: 3 }));
  const now = disk((counts) => {
    Object.assign(counts, { readBytes: 5000, kicks: 9, errors: 4 });
    Object.assign(counts.requests, { read: 2, flush: 1 });
    counts.faults['head outside'] = 1;
  });
  const { devices } = figuresOf(diskKind, now, before, 2);
  const [figures] = devices as [DeviceFigures];
  const shown = (words: string) => [figures.now[placeOf(words)], figures.start[placeOf(words)]];
  assert.deepEqual(shown('read'), [2000, 5000]);
  assert.deepEqual(shown('kicks'), [2, 9]);
  assert.deepEqual(shown('errors'), [4, 4]);
  assert.deepEqual(figures.reasons, [
    ['requests', 'read', 2],
    ['requests', 'flush', 1],
    ['faults', 'head outside', 1],
  ]);
});

test('waits: those of the last second are within a bound, and never beyond the longest; none ended: none is known', () => {
  const before = disk((counts) => Object.assign(counts, { longestMs: 0.2 }));
  const old = before.devices[0]!.counts.latency;
  old[0] = 10;
  const now = disk((counts) => {
    Object.assign(counts, { longestMs: 12_345 });
    counts.latency[0] = 12;
    counts.latency[3] = 1;
    counts.latency[counts.latency.length - 1] = 1;
  });
  assert.deepEqual(figuresOf(diskKind, now, before, 1).devices[0]!.waits, {
    halfMs: 0.1,
    mostMs: 12_345,
    longestMs: 12_345,
  });
  assert.deepEqual(figuresOf(diskKind, before, before, 1).devices[0]!.waits, {
    halfMs: null,
    mostMs: null,
    longestMs: 0.2,
  });
});

test('copies by reason, and what belongs to no device', () => {
  const bytes = [...copied];
  bytes[CopyReason.guestPacket] = 500;
  const uplink = { sentDropped: { full: 2, mtu: 1 }, receivedDropped: { down: 0 } };
  const devices = [{ name: 'guest', counts: noPackets, state: there }];
  const reading: NetsCounts = { devices, copied: bytes, uplink, xdp: undefined };
  const figures = figuresOf(netKind, reading, { ...reading, copied }, 2);
  assert.deepEqual(figures.copied, { guestPacket: 500 });
  assert.equal(figures.copiedNow, 250);
  assert.deepEqual(figures.reasons, [
    ['not taken by the way out', 'full', 2],
    ['not taken by the way out', 'mtu', 1],
  ]);
  const screen = deviceScreen(netKind.measures, figures, 80, 24);
  assert.match(screen, /\nnot taken by the way out: 2 full, 1 mtu\ncopied in user space: 500 B\n$/);
});

test('numbers in five characters', () => {
  for (const [value, unit, text] of [
    [0, 'count', '0'],
    [9999, 'count', '9999'],
    [12_345, 'count', '12.3k'],
    [999_700, 'count', '1.0M'],
    [456e6, 'count', '456M'],
    [1023, 'bytes', '1023'],
    [1024, 'bytes', '1.0k'],
    [1024 ** 3 * 99.99, 'bytes', '100G'],
    [2 ** 53, 'bytes', '8.0P'],
  ] as const) {
    assert.equal(shortNumber(value, unit), text);
  }
  for (let value = 1; value < 1e16; value *= 1.07) {
    for (const unit of ['count', 'bytes'] as const) assert.ok(shortNumber(value, unit).length <= 5, `${value}`);
  }
});

test('the screen fits 80 columns, and any other terminal, whatever is counted and however long names are', () => {
  const busy = <Counts extends object>(counts: Counts): Counts =>
    Object.assign(
      counts,
      Object.fromEntries(
        Object.entries(counts).map(([key, value]) => [key, typeof value === 'number' ? 88_888e6 : value]),
      ),
    );
  const diskCounts = busy({ ...emptyBlockCounts(), requests: { read: 99_999e6 }, faults: { loop: 99_999e6 } });
  const drops = { sentDropped: { down: 99_999e6 }, receivedDropped: { mtu: 99_999e6 } };
  const packets = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0, ...drops };
  const netCounts = busy({ ...emptyQueueCounts(), ...packets, faults: { loop: 99_999e6 } });
  const many = <Counts>(counts: Counts): Named<Counts>[] =>
    Array.from({ length: 30 }, (_, index) => ({
      name: `/var/lib/images/of/a/machine/with/a/long/name/disk${index}.raw`,
      counts,
      state: index === 0 ? idleState : there,
    }));
  const screens = (columns: number, rows: number): string[] => [
    deviceScreen(
      diskKind.measures,
      figuresOf(diskKind, { devices: many(diskCounts), copied }, undefined, 1),
      columns,
      rows,
    ),
    deviceScreen(
      netKind.measures,
      figuresOf(netKind, { devices: many(netCounts), copied, uplink: undefined, xdp: undefined }, undefined, 1),
      columns,
      rows,
    ),
  ];
  for (const screen of screens(80, 24)) {
    const lines = screen.split('\n');
    assert.ok(lines.every((line) => line.length <= 80) && lines.length <= 24, screen);
    // Nothing was cut: the last head is there, and every row ends with its figure.
    assert.match(lines[0]!, /^a second .* faults$/);
    assert.match(lines[1]!, /^…\S*disk0\.raw .* - /, 'one that nobody uses');
    assert.match(lines[2]!, /^…\S*disk1\.raw .*\d\dG$/, 'one that is busy');
    assert.match(screen, /and 10 more\ncopied in user space: 0 B\n$/);
  }
  for (const columns of [20, 60, 132, 250]) {
    for (const screen of screens(columns, 50)) {
      assert.ok(screen.split('\n').every((line) => line.length <= columns));
      assert.match(screen, /isk29\.raw/);
    }
  }
});
