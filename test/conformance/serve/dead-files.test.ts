// Files that are there and cannot be read: their file system's server died. That is the server's trouble, never "not there".

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { mountsImpossible, withDeadFileSystem } from '../../support/mounts.js';
import { untilSaid } from '../../support/until.js';
import { ask } from './client.js';
import { forEachEngine, program, runServer, TestSite } from './servers.js';

forEachEngine('a file system whose server died', (engine) => {
  const site = new TestSite({ 'alive.txt': 'alive' });
  mkdirSync(site.at('dead'));
  const skip = mountsImpossible(withDeadFileSystem(site.at('dead'), 'true'));
  after(() => site.remove());

  test('500 for what is beneath it, said once a second, counted; the rest is served', { skip }, async () => {
    const line = withDeadFileSystem(site.at('dead'), process.execPath, [program]);
    const args = [site.root, '--engine', engine, '--workers', '1', '--listing', '--metrics', '127.0.0.1:0'];
    const server = await runServer(args, {}, line);
    const begun = performance.now();
    try {
      for (let round = 0; round < 3; round++) {
        for (const path of ['/dead/file.txt', '/dead', '/dead/', '/dead/deeper/']) {
          const answer = await ask(server, `GET ${path}`);
          assert.equal(answer.status, 500, path);
          assert.equal(answer.fields.get('cache-control'), undefined);
        }
      }
      assert.equal((await ask(server, 'GET /alive.txt')).text, 'alive');
      assert.equal((await ask(server, 'GET /missing')).status, 404);
      assert.equal((await ask(server, 'GET /')).status, 200);
      const tookSeconds = (performance.now() - begun) / 1000;
      const said = server.output().stderr.match(/ENOTCONN/g) ?? [];
      assert.ok(said.length <= 2 + tookSeconds, server.output().stderr);
      await untilSaid(
        () => server.output().stderr,
        /cannot open "dead\/file\.txt": transport endpoint is not connected \(ENOTCONN\)/,
      );
      const [, metrics] = /metrics are at\n(http:\S+)/.exec(server.ready) ?? [];
      const text = await (await fetch(metrics!)).text();
      assert.ok(Number(/^clearway_file_errors_total (\d+)$/m.exec(text)?.[1]) >= 12, text);
    } finally {
      server.child.kill('SIGTERM');
      await server.ended;
    }
  });
});
