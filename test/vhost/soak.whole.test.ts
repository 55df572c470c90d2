// A short part of the soak of `npm run bench:virtio`: nobody waits for what is done, in any kind of ring. The limit is that of a machine that does other
// things too: what is lost is never found, however long it is waited for.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { soak, soakKinds } from '../../bench/virtio/soak.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { backEndAbsence, backEnds, TestDisk } from '../support/back-ends.js';

for (const backEnd of backEnds) {
  describe(`no kick and no interrupt is lost, ${backEnd}`, { skip: backEndAbsence(backEnd), timeout: 240_000 }, () => {
    for (const { name, bits } of soakKinds) {
      test(name, async (context) => {
        const disk = new TestDisk(backEnd, 1024 * 1024);
        await disk.start();
        try {
          const found = await soak(disk.socket, { bits, seconds: 0.6, limitMs: 20_000, random: randomSource(5) });
          if (found === undefined) context.skip('it offers no packed queues');
          else assert.ok(found.requests > 100, `${found.requests} requests`);
        } finally {
          await disk.kill();
        }
      });
    }
  });
}
