// Workers that die again and again, and ones that cannot be started: the first are given up, the second are tried again.
// They die as in workers.whole.test.ts, which tests a death for itself.

import assert from 'node:assert/strict';
import { readdirSync, readlinkSync, renameSync } from 'node:fs';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { engineDescriptor, engineDescriptors, spoil } from '../../support/engine-descriptors.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, program, runServer, startServer, TestSite } from './servers.js';

/** Engines that are open in this process, whether they accept or not; libuv's are among the ones of epoll. */
function openEngines(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /io_uring|eventpoll/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

const skip = process.platform === 'linux' ? false : 'needs Linux';

test('a worker that dies again and again is given up, and said', { skip, timeout: 240_000 }, async () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  const spoiler = fileURLToPath(new URL('../../support/spoil-engines.js', import.meta.url));
  const server = await runServer(
    [site.root, '--workers', '2'],
    {},
    { command: process.execPath, args: ['--import', spoiler, program] },
  );
  const said = (what: string): number => server.output().stderr.split(what).length - 1;
  // It may be gone when it is told.
  server.child.stdin!.on('error', () => {});
  let over = false;
  void server.ended.then(() => {
    over = true;
  });
  for (let deaths = 1; deaths <= 5; deaths++) {
    // An engine that does not accept yet is not found: what is left of the two dies by the next word.
    await until(
      `death ${deaths}`,
      () => {
        if (said('worker 0 died') >= deaths || over) return true;
        server.child.stdin!.write('.');
        return false;
      },
      20_000,
    );
  }
  while (!over) {
    server.child.stdin!.write('.');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(await server.ended, 1);
  const { stderr } = server.output();
  assert.match(
    stderr,
    /^clearway serve: worker (\d) died: .*(io_uring_enter|epoll_wait).*, for more than 5 times in 10 s: giving up$/m,
  );
  const given = /worker (\d) died: [^\n]*giving up/.exec(stderr)![1]!;
  assert.equal(said(`worker ${given} died`), 6);
  site.remove();
});

forEachEngine(
  'a worker that dies',
  (engine) => {
    const site = new TestSite({ 'a.txt': 'hello' });
    after(() => site.remove());

    test('far apart is always replaced', async (context) => {
      const server = await startServer({ root: site.root, engine });
      const warnings: string[] = [];
      server.removeAllListeners('warning').on('warning', (message) => warnings.push(message));
      let nowMs = Date.now();
      for (let death = 1; death <= 6; death++) {
        nowMs += 2500;
        const fd = await engineDescriptor();
        const clock = context.mock.method(Date, 'now', () => nowMs);
        const said = new Promise((resolve) => {
          server.once('warning', resolve);
        });
        const client = await RawClient.open(server.address);
        spoil(fd);
        // Something to do, so that it looks at its engine at once.
        client.send('x');
        await said;
        clock.mock.restore();
        client.destroy();
        assert.equal((await ask(server.address, 'GET /a.txt')).text, 'hello');
      }
      assert.equal(warnings.length, 6);
      assert.ok(warnings.every((each) => each.endsWith('a new one takes its place')));
      await server.close(0);
    });

    test('while there is no directory is started when there is one again, and said', async () => {
      const moving = new TestSite({ 'a.txt': 'hello' });
      const workers = engine === 'uring' ? 1 : 2;
      const server = await startServer({ root: moving.root, engine, workers });
      const warnings: string[] = [];
      server.removeAllListeners('warning').on('warning', (message) => warnings.push(message));
      renameSync(moving.root, `${moving.root}-away`);
      await until('an engine for each', () => engineDescriptors().length === workers);
      const healthy = openEngines();
      spoil(engineDescriptors()[0]!);
      await until('the word that it cannot', () => warnings.length === 2);
      // Three more attempts, each of which gives back what it took.
      await new Promise((resolve) => setTimeout(resolve, 3200));
      await until('the descriptors of attempts that failed', () => openEngines() <= healthy);
      assert.match(warnings[1]!, /^worker \d cannot be started: .*; it is tried again every 1 s$/);
      renameSync(`${moving.root}-away`, moving.root);
      await until('the word that it can', () => warnings.length === 3);
      assert.match(warnings[2]!, /^worker \d serves again$/);
      for (let index = 0; index < 8; index++) {
        assert.equal((await ask(server.address, 'GET /a.txt')).text, 'hello');
      }
      await server.close(0);
      moving.remove();
    });
  },
  false,
);
