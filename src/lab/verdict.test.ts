// The judgement of a measurement: it must be able to fail, and what is not seen is no agreement.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictExperiment } from './prediction.js';
import type { Experiment, Measured } from './run.js';
import type { SenderName } from './senders.js';
import { treatments } from './treatments.js';
import { judge } from './verdict.js';

const bytes = 1_000_000;

function experiment(treatment: string, sender: SenderName, measured: Partial<Measured['counters']>, linear = 0) {
  const { name, words, path } = treatments.find((each) => each.name === treatment)!;
  const counters = { tcpSent: 0, tcpReceived: bytes, reverted: 0, ...measured };
  const made: Experiment = {
    ...{ treatment: name, words, sender, bytes, tier: 'tracepoints' },
    predicted: predictExperiment(sender, path, bytes),
    measured: { counters, arrivedLinear: linear },
  };
  return judge(made)!;
}

test('what was predicted agrees, to the byte', () => {
  assert.ok(experiment('none', 'write', { tcpSent: bytes }).agrees);
  assert.ok(experiment('none', 'sendfile', {}).agrees);
  assert.ok(experiment('none', 'zerocopy', { reverted: bytes }).agrees);
  assert.ok(experiment('firewall-careless', 'sendfile', {}, bytes).agrees);
  assert.ok(experiment('firewall-head-only', 'sendfile', {}, 0).agrees);
});

test('a copy that nobody predicted, and one that did not happen, disagree', () => {
  for (const verdict of [
    experiment('none', 'write', { tcpSent: bytes - 1 }),
    experiment('none', 'sendfile', { reverted: 1 }),
    experiment('none', 'sendfile', {}, 1),
    experiment('none', 'zerocopy', { reverted: bytes / 2 }),
    experiment('firewall-careless', 'sendfile', {}, 0),
    experiment('firewall-head-only', 'sendfile', {}, bytes),
    experiment('none', 'write', { tcpSent: bytes, tcpReceived: bytes - 1 }),
  ]) {
    assert.equal(verdict.agrees, false);
    assert.equal(verdict.differences.length, 1);
  }
});

test('retransmissions are copied again, but not without bound', () => {
  assert.ok(experiment('none', 'zerocopy', { reverted: bytes * 1.05 }).agrees);
  assert.equal(experiment('none', 'zerocopy', { reverted: bytes * 1.2 }).agrees, false);
});

test('a capture copies user pages twice; the tracepoint tier sees one of them and the other is named', () => {
  const verdict = experiment('capture', 'zerocopy', { reverted: bytes });
  assert.equal(verdict.unseenBytes, bytes);
  assert.equal(verdict.copiedBytes, bytes);
  const counters = { reverted: 2 * bytes, linearised: 0, segmented: 0, xdpCopied: 0, captured: 0, otherCopied: 0 };
  const seen = experiment('capture', 'zerocopy', counters);
  assert.deepEqual([seen.agrees, seen.unseenBytes, seen.copiedBytes], [true, 0, 2 * bytes]);
});

test('on the function tier the meter is a witness of its own', () => {
  const functions = (counters: Partial<Measured['counters']>, treatment: string, linear: number) =>
    experiment(treatment, 'sendfile', { linearised: 0, segmented: 0, xdpCopied: 0, ...counters }, linear);
  assert.ok(functions({ linearised: bytes }, 'firewall-careless', bytes).agrees);
  assert.ok(functions({ xdpCopied: bytes * 1.05 }, 'xdp', bytes).agrees);
  assert.ok(functions({ segmented: bytes * 1.04, linearised: 5000 }, 'sg-off', bytes).agrees);
  assert.ok(functions({ segmented: bytes * 0.05 }, 'none', 0).agrees, 'headers of segments are no payload');
  for (const wrong of [
    functions({ linearised: bytes - 1 }, 'firewall-careless', bytes),
    functions({ linearised: bytes * 1.3 }, 'firewall-careless', bytes),
    functions({ linearised: 1 }, 'firewall-head-only', 0),
    functions({ segmented: bytes - 1 }, 'sg-off', bytes),
    functions({}, 'xdp', bytes),
  ]) {
    assert.equal(wrong.agrees, false);
    assert.match(wrong.differences[0]!, /by the meter/);
  }
});

test('the firewall experiment predicts a copy of the whole payload one way, and none the other ways', () => {
  const onPath = (name: string, sender: SenderName) => {
    const { path } = treatments.find((each) => each.name === name)!;
    const { linearised, copied } = predictExperiment(sender, path, bytes);
    return linearised + copied;
  };
  for (const sender of ['write', 'sendfile', 'splice'] as const) {
    assert.equal(onPath('firewall-careless', sender), bytes);
    assert.equal(onPath('firewall-head-only', sender), 0);
    assert.equal(onPath('firewall-reserved', sender), 0);
  }
});
