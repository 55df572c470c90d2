import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionsWithin, makeRoom, openFilesFor, shareOf } from './connection-limit.js';

test('what is asked for fits below the limit that it needs, and does not below a smaller one', () => {
  for (const workers of [1, 2, 8]) {
    for (const connections of [16, 17, 1000, 14_936, 65_536, 1_000_000]) {
      const needed = openFilesFor(connections, workers);
      assert.ok(connectionsWithin(needed, workers) >= connections, String(connections));
      assert.ok(connectionsWithin(needed - 1, workers) < connections, String(connections));
    }
  }
});

test('connections, kept files, who is turned away and the process itself fit below the limit, however low it is', () => {
  for (const workers of [1, 2, 4, 8]) {
    for (const openFiles of [64, 70, 100, 256, 1024, 4096, 20_000, 1_048_576]) {
      const connections = connectionsWithin(openFiles, workers);
      const share = shareOf(connections, workers, openFiles);
      assert.ok(share.connections >= 1 && share.files >= 5 && share.parting >= 1);
      assert.ok(connections <= Math.max(workers, openFiles * 0.75));
      // Counted of servers that run: 15, 9 for each worker, and 3 of its pipe.
      const taken = 15 + workers * (12 + share.connections + share.files + share.parting);
      if (openFiles >= 60 + 60 * workers) assert.ok(taken <= openFiles, `${openFiles}, ${workers} workers: ${taken}`);
      assert.ok(share.descriptorLimit < openFiles && share.descriptorLimit >= openFiles - 16);
    }
  }
  assert.ok(connectionsWithin(70, 1) >= 30);
});

test('a limit that can be raised is, and nothing is said; one that cannot is said, with what holds', () => {
  const asked: number[] = [];
  const free = makeRoom(50_000, 2, (openFiles) => {
    asked.push(openFiles);
    return openFiles;
  });
  assert.deepEqual(free, { connections: 50_000, warning: undefined });
  assert.deepEqual(asked, [openFilesFor(50_000, 2)]);
  assert.deepEqual(
    makeRoom(50_000, 2, () => 20_000),
    {
      connections: 15_000,
      warning:
        'at most 15000 connections, not 50000: the limit on open files is 20000; ' +
        'raise it with ulimit -n 66667 or LimitNOFILE=66667 in the systemd unit',
    },
  );
});
