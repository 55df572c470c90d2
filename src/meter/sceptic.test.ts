// The tracepoint tier under workloads that a doubter would run: exact to the byte, or named in the report as not seen.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { scepticWorkloads } from '../../test/support/sceptic-workloads.js';
import { tcpPair } from '../../test/support/socket-workloads.js';
import { Errno } from '../kernel/errno.js';
import { closeDescriptor, receive, setNonBlocking } from '../kernel/socket.js';
import { check, SystemError } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import { type Counters, subtractCounters } from './accounts/accounts.js';
import { createMeter } from './meter.js';
import { assertExact, countersOf, finish, meterSkip, temporary, workloadProgram } from './support.test.js';

/** Workloads that show nothing because no byte of payload moves. */
const movesNothing = /^(eventfd|sends that fail)/;

test('each workload of a doubter: exact, or named as not seen', { skip: meterSkip }, async (context) => {
  const meter = createMeter({ tier: 'tracepoints' });
  try {
    const own = () => countersOf(meter.read(), process.pid);
    const notSeen = meter.read().unseen.join('\n');
    for (const [name, { run, optional, unseen }] of Object.entries(scepticWorkloads)) {
      await context.test(name, { skip: name.includes('uring') && engineAbsence('uring') }, (each) => {
        const before = own();
        let expected: Counters;
        try {
          expected = run();
        } catch (error) {
          if (optional !== true || !(error instanceof SystemError)) throw error;
          each.skip(error.message);
          return;
        }
        assertExact(subtractCounters(own(), before), expected, name);
        if (unseen !== undefined) assert.match(notSeen, unseen);
        else if (Object.keys(expected).length === 0) assert.match(name, movesNothing);
      });
    }
    const { lostEvents, lostBytes, missedEvents } = meter.read().shortfall;
    assert.deepEqual({ lostEvents, lostBytes, missedEvents }, { lostEvents: 0, lostBytes: 0, missedEvents: 0 });
  } finally {
    meter.close();
  }
});

test('a connection made by one process and used by another: each is billed for what it did', {
  skip: meterSkip,
}, async () => {
  const meter = createMeter({ tier: 'tracepoints' });
  const region = new Region(1 << 17);
  const [sender, receiver] = tcpPair();
  try {
    setNonBlocking(sender, false);
    const result = temporary('inherited.json');
    const args = [workloadProgram, 'inherited', result];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', sender] });
    const ended = finish({ child, result });
    closeDescriptor(sender);
    const before = countersOf(meter.read(), process.pid);
    let received = 0;
    for (let given = -Errno.EAGAIN; given !== 0; ) {
      given = receive(receiver, region.address, 1 << 17);
      if (given > 0) received += given;
      else if (given === -Errno.EAGAIN) await new Promise((wake) => setTimeout(wake, 1));
      else check(given, 'receive');
    }
    const sent = await ended;
    const reading = meter.read();
    assertExact(countersOf(reading, child.pid), sent, 'who used it');
    const own = subtractCounters(countersOf(reading, process.pid), before);
    assert.equal(own.tcpReceived, received);
    assert.equal(received, sent.payloadSent);
    assert.deepEqual([own.tcpSent, own.pinned, own.reverted], [0, 0, 0]);
  } finally {
    closeDescriptor(receiver);
    region.unmap();
    meter.close();
  }
});
