// The tracepoint tier under workloads that a doubter would run: exact to the byte, or named in the report as not seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scepticWorkloads } from '../../test/support/sceptic-workloads.js';
import { SystemError } from '../kernel/system-error.js';
import { type Counters, subtractCounters } from './accounts.js';
import { createMeter } from './meter.js';
import { assertExact, countersOf, meterSkip } from './support.test.js';

/** Workloads that show nothing because no byte of payload moves. */
const movesNothing = /^(eventfd|sends that fail)/;

test('each workload of a doubter: exact, or named as not seen', { skip: meterSkip }, async (context) => {
  const meter = createMeter({ tier: 'tracepoints' });
  try {
    const own = () => countersOf(meter.read(), process.pid);
    const notSeen = meter.read().unseen.join('\n');
    for (const [name, { run, optional, unseen }] of Object.entries(scepticWorkloads)) {
      await context.test(name, (each) => {
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
