// Reading TAP of the guests' tests into results and the table of errors.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorTable, isExact, readTap, summaryLine } from './results.js';

const tap = `TAP version 13
# Subtest: each workload
    # Subtest: tcp-write
    ok 1 - tcp-write
      ---
      duration_ms: 1.5
      ...
    # error 0; pinned 0
    # Subtest: vsock
    ok 2 - vsock # SKIP no vsock here
      ---
      duration_ms: 1.5
      ...
    # Subtest: udp
    not ok 3 - udp
      ---
      error: '# error 77 in a trace'
      ...
    # error 12; of 12
    1..3
not ok 1 - each workload
  ---
  duration_ms: 2
  ...
# Subtest: alone
ok 2 - alone
# error 3
1..2
# tests 5
`;

test('results with their paths, outcomes and errors', () => {
  assert.deepEqual(
    readTap(tap).map(({ path, outcome, errorBytes, reason }) => [path.join('/'), outcome, errorBytes, reason]),
    [
      ['each workload/tcp-write', 'passed', 0, ''],
      ['each workload/vsock', 'skipped', undefined, 'no vsock here'],
      ['each workload/udp', 'failed', 12, ''],
      ['each workload', 'failed', undefined, ''],
      ['alone', 'passed', 3, ''],
    ],
  );
});

test('the table has a line for each workload and a column for each kernel', () => {
  const table = errorTable(
    new Map([
      ['6.1', readTap(tap)],
      ['6.12', readTap('# Subtest: alone\nok 1 - alone\n# error 0\n')],
    ]),
  );
  assert.equal(
    table,
    [
      '| bytes of error | 6.1 | 6.12 |',
      '| --- | --- | --- |',
      '| tcp-write | 0 |  |',
      '| vsock | not run: no vsock here |  |',
      '| udp | **failed** |  |',
      '| alone | 3 | 0 |',
    ].join('\n'),
  );
});

test('a kernel in a line, and whether it was exact', () => {
  assert.equal(
    summaryLine(readTap(tap), ['meter-sockets']),
    '2 passed, 2 failed (meter-sockets), 1 not run, 15 bytes of error in 3 workloads',
  );
  assert.equal(isExact(readTap(tap)), false);
  assert.equal(isExact(readTap('ok 1 - a\n# error 0\nok 2 - b\n')), true);
  assert.equal(summaryLine([], []), '0 passed, 0 failed, 0 not run, 0 bytes of error in 0 workloads');
});
