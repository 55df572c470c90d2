// The meter against workloads that know what they moved: no byte more, no byte less, and billed to the right process.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { workloads } from '../../test/support/socket-workloads.js';
import { Btf } from '../bpf/btf.js';
import { ProgramSet } from '../bpf/program-set.js';
import { addCounters, readAccounts } from './accounts/accounts.js';
import { createMeter, openSource } from './meter.js';
import {
  assertExact,
  countersOf,
  fileThere,
  finish,
  meterSkip,
  startShell,
  startWorkload,
  temporary,
  withoutWay,
} from './support.test.js';
import { tracepointMaps, tracepointPrograms } from './tracepoints/tier.js';

test('each workload, exact to the byte', { skip: meterSkip }, async (context) => {
  const meter = createMeter();
  try {
    for (const name of Object.keys(workloads)) {
      await context.test(name, { skip: name.includes('uring') && engineAbsence('uring') }, async (each) => {
        const run = startWorkload(name);
        const expected = await finish(run);
        const reading = meter.read();
        const counted = countersOf(reading, run.child.pid);
        assertExact(counted, expected, name);
        if (expected.pinned !== undefined) each.diagnostic(`pinned ${expected.pinned}, reverted ${counted.reverted}`);
      });
    }
    const { lostEvents, lostBytes, missedEvents, unattributedBytes } = meter.read().shortfall;
    assert.deepEqual({ lostEvents, lostBytes, missedEvents }, { lostEvents: 0, lostBytes: 0, missedEvents: 0 });
    // Of the whole host: another program's sends that were under way when the meter was opened have no known sender.
    if (unattributedBytes > 0)
      context.diagnostic(`${unattributedBytes} reverted bytes of senders not known, on this host`);
  } finally {
    meter.close();
  }
});

test('four processes at once, each billed for its own', { skip: meterSkip }, async () => {
  const meter = createMeter();
  try {
    const names = ['tcp-sendfile', 'tcp-zerocopy', 'udp-1000', 'unix-stream'];
    const runs = names.map((name) => startWorkload(name, '-together'));
    const results = await Promise.all(runs.map(finish));
    const reading = meter.read();
    runs.forEach((run, index) => {
      assertExact(countersOf(reading, run.child.pid), results[index]!, names[index]!);
    });
  } finally {
    meter.close();
  }
});

for (const way of ['sendfile', 'zerocopy']) {
  const title = `${way} between two processes: whoever happens to run the transmit, the sender is billed for sending`;
  test(title, { skip: meterSkip }, async () => {
    const meter = createMeter();
    try {
      const portFile = temporary(`port-${way}`);
      const receiver = startWorkload('receiver', way, portFile);
      await fileThere(portFile);
      const sender = startWorkload(`sender-${way}`, '', portFile);
      const [received, sent] = await Promise.all([finish(receiver), finish(sender)]);
      const reading = meter.read();
      assertExact(countersOf(reading, sender.child.pid), sent, 'sender');
      assertExact(countersOf(reading, receiver.child.pid), received, 'receiver');
      assert.equal(countersOf(reading, receiver.child.pid).reverted, 0);
    } finally {
      meter.close();
    }
  });
}

test('threads that come and go: no reading counts an account twice or not at all', { skip: meterSkip }, async () => {
  const meter = createMeter();
  try {
    const run = startWorkload('threads');
    const ended = finish(run);
    let before = 0;
    let readings = 0;
    while (run.child.exitCode === null) {
      const sent = countersOf(meter.read(), run.child.pid).unixSent ?? 0;
      assert.ok(sent >= before, `${before} bytes were counted, then ${sent}`);
      assert.ok(sent <= 24 * 1_500_000);
      before = sent;
      readings++;
      await new Promise((wake) => setImmediate(wake));
    }
    assert.ok(readings > 20, `${readings} readings`);
    const expected = await ended;
    assertExact(countersOf(meter.read(), run.child.pid), expected, 'threads');
  } finally {
    meter.close();
  }
});

test('a grandchild that outlives its parent is counted', { skip: meterSkip }, async () => {
  const meter = createMeter();
  try {
    const run = startShell('unix-stream');
    const expected = await finish(run);
    const reading = meter.read();
    assertExact(
      addCounters(reading.rows.filter(({ processId }) => processId !== process.pid).map((row) => row.counters)),
      expected,
      'grandchild',
    );
    assert.ok(!reading.rows.some(({ processId }) => processId === run.child.pid));
  } finally {
    meter.close();
  }
});

test('kernels without tcp:tcp_sendmsg_locked: the way comes from the system call, as exact', {
  skip: meterSkip,
}, async (context) => {
  const set = ProgramSet.load(tracepointMaps, tracepointPrograms(withoutWay(Btf.kernel())));
  try {
    set.attach();
    const source = openSource(set);
    for (const name of ['tcp-write-64k', 'tcp-sendfile', 'tcp-splice', 'tcp-zerocopy', 'udp-1000', 'unix-sendfile']) {
      await context.test(name, async () => {
        const run = startWorkload(name, '-older');
        const expected = await finish(run);
        const rows = readAccounts(source, 'tracepoints');
        const own = rows.filter(({ processId }) => processId === run.child.pid);
        const counted = addCounters(own.map((row) => row.counters));
        // The first buffers of a pinned send come back before its end says whose they are.
        if (expected.pinned !== undefined) counted.reverted = Math.max(counted.reverted ?? 0, expected.pinned);
        assertExact(counted, expected, name);
      });
    }
    source.tasks.detach();
  } finally {
    set.close();
  }
});
