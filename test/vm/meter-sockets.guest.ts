// The function tier against workloads that know what they moved through sockets: each in a process of its own, exact to the
// byte, billed to it and to nobody else. One line a workload, with the error in bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Counters, createMeter, type Meter } from '../../src/meter/index.js';
import {
  assertExact,
  countersOf,
  fileThere,
  finish,
  startWorkload,
  temporary,
  unalike,
} from '../../src/meter/support.test.js';
import { workloads } from '../support/socket-workloads.js';

/** The sum of what differs; what was reverted where pages were pinned may be more (assertExact). */
function errorBytes(counted: Counters, expected: Counters): number {
  return unalike(counted, expected)
    .filter(({ cause }) => cause !== 'reverted' || (expected.pinned ?? 0) === 0)
    .reduce((sum, { difference }) => sum + Math.abs(difference), 0);
}

/** Copies that nothing on a loopback path makes; a buffer over its limit (64 KiB with headers) it does segment. */
const neverHere = ['linearised', 'captured', 'xdpCopied'] as const;

async function withMeter(use: (meter: Meter) => Promise<void>): Promise<void> {
  const meter = createMeter();
  try {
    assert.equal(meter.tier, 'functions');
    await use(meter);
    const { shortfall } = meter.read();
    assert.equal(shortfall.lostBytes, 0);
    assert.equal(shortfall.unattributedBytes, 0);
  } finally {
    meter.close();
  }
}

test('each socket workload, exact to the byte on the function tier', async (context) => {
  await withMeter(async (meter) => {
    for (const name of Object.keys(workloads)) {
      await context.test(name, async (each) => {
        const run = startWorkload(name);
        const expected = await finish(run);
        const counted = countersOf(meter.read(), run.child.pid);
        const pinned = expected.pinned ?? 0;
        const { reverted = 0, headerExpanded, segmented, coalesced, otherCopied } = counted;
        each.diagnostic(
          `error ${errorBytes(counted, expected)}; pinned ${pinned}, ` +
            `reverted ${reverted}, heads ${headerExpanded}, segmented ${segmented}, coalesced ${coalesced}, other ${otherCopied}`,
        );
        assertExact(counted, expected, name);
        for (const cause of neverHere) assert.equal(counted[cause], 0, `${name}: ${cause}`);
      });
    }
  });
});

for (const way of ['sendfile', 'zerocopy']) {
  test(`${way} between two processes: the sender is billed for sending, whoever runs the transmit`, async (context) => {
    await withMeter(async (meter) => {
      const portFile = temporary(`port-${way}`);
      const receiver = startWorkload('receiver', way, portFile);
      await fileThere(portFile);
      const sender = startWorkload(`sender-${way}`, '', portFile);
      const [received, sent] = await Promise.all([finish(receiver), finish(sender)]);
      const reading = meter.read();
      const bySender = countersOf(reading, sender.child.pid);
      const byReceiver = countersOf(reading, receiver.child.pid);
      context.diagnostic(`error ${errorBytes(bySender, sent) + errorBytes(byReceiver, received)}`);
      assertExact(bySender, sent, 'sender');
      assertExact(byReceiver, received, 'receiver');
      assert.equal(byReceiver.reverted, 0);
      if (way !== 'zerocopy') return;
      const stacks = meter.stacks().filter(({ cause }) => cause === 'reverted');
      const bytes = stacks.reduce((sum, each) => sum + each.bytes, 0);
      assert.ok(bytes >= bySender.reverted!, `${bytes} of ${bySender.reverted}`);
      assert.match(stacks[0]!.stack.join(' < '), /netif_receive_skb/);
    });
  });
}

test('four processes at once, each billed for its own', async (context) => {
  await withMeter(async (meter) => {
    const names = ['tcp-sendfile', 'tcp-zerocopy', 'udp-1000', 'unix-stream'];
    const runs = names.map((name) => startWorkload(name, '-together'));
    const results = await Promise.all(runs.map(finish));
    const reading = meter.read();
    const errors = runs.map((run, index) => errorBytes(countersOf(reading, run.child.pid), results[index]!));
    context.diagnostic(`error ${errors.reduce((sum, each) => sum + each, 0)}`);
    runs.forEach((run, index) => {
      assertExact(countersOf(reading, run.child.pid), results[index]!, names[index]!);
    });
  });
});
