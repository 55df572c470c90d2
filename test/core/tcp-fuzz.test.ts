// Runs of segments that nearly fit (tcp-fuzz.ts): nothing traps or leaks, memory is bounded, service goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from './tcp-fuzz.js';

test('60,000 segments that nearly fit, on connections in all states', () => {
  for (const seed of [1, 2]) {
    const { figures, mostHeld } = fuzz(30_000, seed);
    // Of 1,024: those for sending, for received data, and some of the stack's own.
    assert.ok(mostHeld < 900, `${mostHeld} frames`);
    // Every way was gone.
    for (const name of [
      'tcpOpened',
      'tcpResetsReceived',
      'tcpResetsSent',
      'tcpOutside',
      'tcpAcksRefused',
      'tcpChallenges',
      'tcpRetransmitted',
      'tcpCookiesSent',
      'tcpMalformed',
      'transportPartial',
    ]) {
      assert.ok((figures[name] ?? 0) > 20, `${name}: ${figures[name]}`);
    }
  }
});
