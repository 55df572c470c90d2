import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleReading } from '../meter/sample.test.js';
import { meterSkip } from '../meter/support.test.js';
import { WhyTeller, whySentence } from './why-teller.js';

test('a sentence says what, what would stop it and what that saves', () => {
  const reason = { rule: 'r', says: 'It was copied', remedy: 'do not', evidence: [], certainty: 'counted' } as const;
  assert.equal(whySentence({ ...reason, savesBytes: 2048 }), 'It was copied. Saves 2.0 KiB (counted): do not');
  assert.equal(whySentence({ ...reason, savesBytes: 0 }), 'It was copied. Saves time, no copy: do not');
});

test('reverted zero-copy is told, and told again only after five seconds', { skip: meterSkip }, () => {
  const teller = new WhyTeller('/proc/self/ns/net', undefined);
  const reading = sampleReading();
  const counters = {
    ...reading.counters,
    pinned: 50_000_000,
    reverted: 50_000_000,
    payloadSent: 56_000_000,
    reverts: 1000,
  };
  const reverting = { ...reading, counters, rows: [{ ...reading.rows[0]!, counters }] };
  const told = teller.tell(0, reverting);
  assert.ok(
    told.some((sentence) => /47\.7 MiB/.test(sentence)),
    told.join('\n'),
  );
  assert.equal(teller.tell(4000, reading), told);
  assert.notEqual(teller.tell(5000, reading), told);
});
