// Sums, amplification and conditions, without a kernel.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatBytes } from '../../text/units.js';
import { ConditionError, judge, metricNames, parseCondition } from '../fail-if.js';
import type { Reading } from '../meter.js';
import { byProcess, jsonReport, liveFrame, textReport } from '../report.js';
import { type AccountRow, addCounters, type Counters, subtractCounters, summarise } from './accounts.js';
import { accountBytes, type CauseName, causeNames, causeOffset, causes, tierSees } from './causes.js';

const row = (part: Partial<AccountRow>): AccountRow => ({
  processId: 10,
  startNs: 1,
  command: 'server',
  networkNamespace: 7,
  cgroupId: '1',
  counters: {},
  ...part,
});

function reading(rows: AccountRow[], elapsedMs = 1000): Reading {
  const counters = addCounters(rows.map((each) => each.counters));
  const shortfall = { lostEvents: 0, lostBytes: 0, unattributedBytes: 0, unattributedEvents: 0, missedEvents: 0 };
  return {
    tier: 'tracepoints',
    unseen: ['files'],
    untested: [],
    elapsedMs,
    rows,
    counters,
    summary: summarise(counters),
    shortfall,
  };
}

test('every counter has a place of its own in an account', () => {
  const offsets = causeNames.map(causeOffset);
  assert.equal(new Set(offsets).size, causeNames.length);
  assert.ok(offsets.every((offset) => offset % 8 === 0 && offset >= 16 && offset + 8 <= accountBytes));
});

test('a loopback copy is counted at both ends: amplification 2; sendfile 1; a revert is dearer than a copy', () => {
  const size = 1000;
  const payload = { payloadSent: size, payloadReceived: size };
  assert.equal(summarise({ ...payload, tcpSent: size, tcpReceived: size }).amplification.total, 2);
  assert.equal(summarise({ ...payload, spliced: size, tcpReceived: size }).amplification.total, 1);
  const reverted = summarise({ ...payload, pinned: size, reverted: size, tcpReceived: size });
  assert.deepEqual(reverted.amplification, { sent: 1, received: 1, total: 2 });
  assert.equal(reverted.byReference, size);
  assert.deepEqual(summarise({}).amplification, { sent: null, received: null, total: null });
});

test('sums and differences undo each other, and sums by movement add up', () => {
  const counters = fc
    .array(fc.tuple(fc.constantFrom(...causeNames), fc.nat(1e9)))
    .map((pairs) => Object.fromEntries(pairs) as Counters);
  fc.assert(
    fc.property(counters, counters, (left, right) => {
      const sum = addCounters([left, right]);
      const back = subtractCounters(sum, right);
      for (const name of Object.keys(sum) as CauseName[]) assert.equal(back[name], left[name] ?? 0);
      const { copied, userToKernel, kernelToUser, kernelToKernel } = summarise(sum);
      assert.equal(copied, userToKernel + kernelToUser + kernelToKernel);
      assert.equal(copied, summarise(left).copied + summarise(right).copied);
    }),
  );
});

test('rows of one process are one line, another process of the same id is another', () => {
  const sums = byProcess([
    row({ counters: { tcpSent: 5 } }),
    row({ networkNamespace: 8, counters: { tcpSent: 6 }, command: '' }),
    row({ startNs: 2, counters: { tcpSent: 100 }, command: 'later' }),
  ]);
  assert.deepEqual(
    sums.map((sum) => [sum.command, sum.counters.tcpSent, sum.networkNamespaces]),
    [
      ['later', 100, [7]],
      ['server', 11, [7, 8]],
    ],
  );
});

test('conditions: figures, counters, units; what cannot be judged fails', () => {
  const sent = row({ counters: { tcpSent: 2 * 1024 ** 2, payloadSent: 2 * 1024 ** 2 } });
  const at = reading([sent]);
  const verdict = (text: string, on = at) => judge(parseCondition(text), on);
  assert.equal(verdict('amplification > 1.1'), undefined);
  assert.match(verdict('amplification >= 1') ?? '', /holds: amplification is 1$/);
  assert.match(verdict('tcpSent==2MiB') ?? '', /holds/);
  assert.equal(verdict('tcpSent > 2 MiB'), undefined);
  assert.match(verdict('amplification > 1', reading([])) ?? '', /no payload was seen/);
  assert.match(verdict('tcpSent > 1', reading([])) ?? '', /no transfer was seen/);
  assert.match(verdict('linearised > 1') ?? '', /tracepoints tier does not see linearised/);
  for (const metric of metricNames) assert.equal(parseCondition(`${metric} < 5KiB`).value, 5120);
  for (const [size, bytes] of Object.entries({ '1M': 1024 ** 2, '1MiB': 1024 ** 2, '64kb': 65_536, '.5 g': 2 ** 29 })) {
    assert.equal(parseCondition(`copied>=${size}`).value, bytes, size);
  }
  for (const wrong of [
    '',
    'amplification',
    'amplification > ',
    '> 1',
    'amplification > 1 or 2',
    'x ~ 1',
    'copied > -1',
  ]) {
    assert.throws(() => parseCondition(wrong), ConditionError);
  }
  assert.throws(() => parseCondition('constructor > 1'), ConditionError);
});

test('reports: figures and what is not seen stand in them; a hostile command name cannot steer the terminal', () => {
  const hostile = row({ command: '\x1b[2Jevil\n', counters: { tcpSent: 65_536, payloadSent: 65_536, sendCalls: 1 } });
  const now = reading([hostile]);
  const text = textReport(now, 'all processes');
  assert.match(text, /copied by the CPU +64\.0 KiB/);
  assert.match(text, /copy amplification: 1\.00 in all/);
  assert.match(text, /does not see:\n {2}- files/);
  assert.ok(!text.includes('\x1b'));
  const frame = liveFrame(
    reading([hostile], 3000),
    reading([row({ ...hostile, counters: { tcpSent: 32_768 } })], 1000),
    'x',
    24,
  );
  assert.match(frame, /copied 16\.0 KiB/);
  for (const line of frame.split('\n')) assert.ok(line.length <= 80, `${line.length} columns: ${line}`);
  const json = jsonReport(now, 'all', new Map([['1', '/container']])) as { processes: { cgroups: string[] }[] };
  assert.deepEqual(json.processes[0]?.cgroups, ['/container']);
  assert.deepEqual([formatBytes(0), formatBytes(1023), formatBytes(1536)], ['0 B', '1023 B', '1.5 KiB']);
});

test('the tiers differ in what they see, and both see payload', () => {
  assert.ok(tierSees('tracepoints', 'payloadSent') && tierSees('functions', 'payloadSent'));
  assert.ok(!tierSees('tracepoints', 'linearised') && tierSees('functions', 'linearised'));
  for (const name of causeNames) assert.ok(causes[name].tiers.length > 0);
});
