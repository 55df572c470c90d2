// A host without /proc: links, listings and changes work as elsewhere, and the start says what is done without it.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { mountsImpossible, withoutProc } from '../../support/mounts.js';
import { untilSaid } from '../../support/until.js';
import { ask } from './client.js';
import { forEachEngine, program, runServer, TestSite } from './servers.js';

const skip = mountsImpossible(withoutProc('true'));

forEachEngine('without /proc', (engine) => {
  const site = new TestSite({ 'root/real/a.txt': 'inside', 'root/b.txt': 'plain', 'secret.txt': 'secret' });
  after(() => site.remove());
  mkdirSync(site.at('root/folder'));
  symlinkSync(site.at('root'), site.at('elsewhere'));
  symlinkSync(site.at('root/real/a.txt'), site.at('root/absolute.txt'));
  symlinkSync(site.at('root/real'), site.at('root/absolute'));
  symlinkSync(site.at('elsewhere/b.txt'), site.at('root/by-another-name.txt'));
  symlinkSync(site.at('secret.txt'), site.at('root/out.txt'));
  symlinkSync(site.at('rootless'), site.at('root/beside.txt'));
  symlinkSync('/', site.at('root/top'));

  for (const root of ['root', 'elsewhere']) {
    test(`the root named ${root}`, { skip }, async () => {
      const line = withoutProc(process.execPath, [program]);
      const args = [site.at(root), '--engine', engine, '--workers', '1', '--listing', '--metrics', '127.0.0.1:0'];
      const server = await runServer(args, {}, line);
      try {
        const [, metrics] = /metrics are at\n(http:\S+)/.exec(server.ready) ?? [];
        assert.match(await (await fetch(metrics!)).text(), /^process_resident_memory_bytes [1-9]/m);
        const inside = { '/absolute.txt': 'inside', '/absolute/a.txt': 'inside', '/by-another-name.txt': 'plain' };
        for (const [path, text] of Object.entries(inside))
          assert.equal((await ask(server, `GET ${path}`)).text, text, path);
        for (const path of ['/out.txt', '/beside.txt', '/top/etc/passwd', `/top${site.at('root/b.txt')}x`]) {
          assert.equal((await ask(server, `GET ${path}`)).status, 404, path);
        }
        const listing = JSON.parse((await ask(server, 'GET /', ['Accept: application/json'])).text) as {
          entries: { name: string }[];
        };
        assert.deepEqual(
          listing.entries.map(({ name }) => name),
          ['absolute', 'folder', 'real', 'absolute.txt', 'b.txt', 'by-another-name.txt'],
        );
        assert.match((await ask(server, 'GET /absolute/')).text, /a\.txt/);
        // A file of its own: the tests of both names run at the same time, over one folder.
        for (const text of ['first', 'changed']) {
          site.write(`root/real/of-${root}.txt`, text);
          assert.equal((await ask(server, `GET /real/of-${root}.txt`)).text, text);
        }
        await untilSaid(() => server.output().stderr, /^clearway serve: there is no \/proc here: .*$/m);
      } finally {
        server.child.kill('SIGTERM');
        assert.equal(await server.ended, 0);
      }
    });
  }
});
