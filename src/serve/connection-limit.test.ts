import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin, makeRoom, openFilesFor } from './connection-limit.js';

test('what is asked for fits below the limit that it needs, and one more does not', () => {
  for (const connections of [16, 17, 1000, 14_936, 65_536, 1_000_000]) {
    assert.ok(connectionsWithin(openFilesFor(connections)) >= connections, String(connections));
    assert.ok(
      connectionsWithin(openFilesFor(connections) - 2) < connections || connections === 16,
      String(connections),
    );
  }
});

test('a limit that can be raised is, and nothing is said; one that cannot is said, with what holds', () => {
  const asked: number[] = [];
  const free = makeRoom(50_000, (openFiles) => {
    asked.push(openFiles);
    return openFiles;
  });
  assert.deepEqual(free, { connections: 50_000, warning: undefined });
  assert.deepEqual(asked, [openFilesFor(50_000)]);
  assert.deepEqual(
    makeRoom(50_000, () => 20_000),
    {
      connections: 14_936,
      warning:
        'at most 14936 connections, not 50000: the limit on open files is 20000; ' +
        'raise it with ulimit -n 66752 or LimitNOFILE=66752 in the systemd unit',
    },
  );
});
