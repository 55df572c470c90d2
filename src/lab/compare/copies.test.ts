import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bypassFamilies, bypassFigureNames } from '../../bypass/figures.js';
import { accountOf, copiedBetween } from './copies.js';

const copied = (bytes: number): string => `clearway_copied_bytes_total{reason="encode"} ${bytes}\n`;

test('how many queues the kernel copies packets of is a gauge of its own, and the account reads it', () => {
  const last = bypassFigureNames.length - 1;
  const text = bypassFamilies((index) => (index === last ? 3 : 7));
  assert.equal(bypassFigureNames[last], 'copyModeQueues');
  assert.match(text, /^# TYPE clearway_bypass_copy_mode_queues gauge\nclearway_bypass_copy_mode_queues 3$/m);
  const counters = text.split('\n').filter((line) => line.startsWith('clearway_bypass_total{'));
  assert.equal(counters.length, last);
  for (const line of counters) assert.match(line, / 7$/);
  assert.deepEqual(accountOf(copied(10) + text), { copied: 10, copyingQueues: 3 });
  assert.deepEqual(accountOf(copied(10)), { copied: 10, copyingQueues: 0 });
  assert.throws(() => accountOf(text), /no account of its copies/);
});

test('what AF_XDP copies is derived where a queue is in copy mode alone', () => {
  const [before, after] = [accountOf(copied(10)), accountOf(copied(15))];
  assert.deepEqual(copiedBetween(before, after, 2, 100), { metered: 2, own: 5, derived: 0 });
  assert.deepEqual(copiedBetween(before, { ...after, copyingQueues: 1 }, 2, 100), { metered: 2, own: 5, derived: 100 });
});
