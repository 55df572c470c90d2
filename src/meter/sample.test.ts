// A made-up reading for tests of what is done with readings. It holds no test of its own.

import { summarise } from './accounts/accounts.js';
import type { Reading } from './meter.js';

/** A reading of one process, made up. */
export function sampleReading(command = 'nginx', scale = 1): Reading {
  const counters = {
    tcpSent: 1000 * scale,
    spliced: 5000 * scale,
    tcpReceived: 300 * scale,
    reverted: 50 * scale,
    payloadSent: 6000 * scale,
    payloadReceived: 300 * scale,
    sendCalls: 7 * scale,
  };
  const row = { processId: 42, startNs: 9, command, networkNamespace: 1, cgroupId: '1', counters };
  return {
    tier: 'tracepoints',
    unseen: ['files and pipes'],
    untested: [],
    elapsedMs: 1000 * scale,
    rows: [row],
    counters,
    summary: summarise(counters),
    shortfall: { lostEvents: 0, lostBytes: 0, unattributedBytes: 0, unattributedEvents: 0, missedEvents: 0 },
  };
}
