import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MacTable } from './mac-table.js';

test('an address is where it was heard last, for five minutes', () => {
  const table = new MacTable();
  const [one, two] = [table.addPort(4), table.addPort(4)];
  assert.equal(table.portOf(1, 0), -1);
  assert.ok(table.hear(1, one, 0));
  assert.equal(table.portOf(1, 300_000), one);
  assert.ok(table.hear(1, two, 300_000));
  assert.equal(table.portOf(1, 600_000), two);
  assert.equal(table.portOf(1, 600_001), -1);
  assert.equal(table.size, 0);
});

test('a port that makes up addresses crowds out none of another, and has room again when its own are old', () => {
  const table = new MacTable();
  const [one, two] = [table.addPort(4), table.addPort(2)];
  assert.ok(table.hear(100, one, 0));
  for (let mac = 0; mac < 1000; mac++) assert.equal(table.hear(mac, two, 1), mac < 2, `${mac}`);
  assert.equal(table.portOf(100, 1), one);
  assert.equal(table.hear(100, two, 2), false, 'nor does it take one over');
  assert.equal(table.portOf(100, 2), one);
  assert.equal(table.size, 3);
  assert.ok(table.hear(0, two, 200_000), 'its own it may repeat');
  assert.equal(table.hear(7, two, 300_002), true);
  assert.deepEqual([table.portOf(0, 300_003), table.portOf(1, 300_003), table.portOf(7, 300_003)], [two, -1, two]);
  table.forget(two);
  assert.equal(table.size, 0, 'the other was old');
  assert.ok(table.hear(1, two, 300_004));
});
