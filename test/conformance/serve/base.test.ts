// --base: the site beneath a path; what is outside of it is not there, and redirects lead into it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { resolveOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { ask } from './client.js';
import { forEachEngine, ownProcess, runServer, startServer, TestSite } from './servers.js';

forEachEngine('a base path', (engine) => {
  const site = new TestSite({
    'index.html': 'top',
    'a.txt': 'hello',
    'folder/index.html': 'index',
    'docs/b.txt': 'inner',
    'ü/index.html': 'umlaut',
    'page.shtml': '<!--#include virtual="/a.txt" -->',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, base: '/docs/', spa: false });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [target, status, text] of [
    ['/docs/a.txt', 200, 'hello'],
    ['/docs/a.txt?q', 200, 'hello'],
    ['http://host/docs/a.txt', 200, 'hello'],
    ['/docs/', 200, 'top'],
    ['/docs/docs/b.txt', 200, 'inner'],
    ['/docs/page.shtml', 200, 'hello'],
    ['/docs', 301, '/docs/'],
    ['/docs?a=b', 301, '/docs/?a=b'],
    ['/docs/folder', 301, '/docs/folder/'],
    ['/docs/folder?x=1', 301, '/docs/folder/?x=1'],
    ['/docs/%C3%BC', 301, '/docs/%C3%BC/'],
    ['/', 404, '404 Not Found\n'],
    ['/a.txt', 404, '404 Not Found\n'],
    ['/docsa.txt', 404, '404 Not Found\n'],
    ['/doc', 404, '404 Not Found\n'],
    ['/Docs/a.txt', 404, '404 Not Found\n'],
    ['/%64ocs/a.txt', 404, '404 Not Found\n'],
    ['/x/../docs/a.txt', 404, '404 Not Found\n'],
    ['/docs/../a.txt', 404, '404 Not Found\n'],
    ['//docs/a.txt', 404, '404 Not Found\n'],
  ] as const) {
    test(`${target}: ${status}`, async () => {
      for (let round = 0; round < 2; round++) {
        const response = await ask(server.address, `GET ${target}`);
        assert.deepEqual(
          [response.status, status === 301 ? response.fields.get('location') : response.text],
          [status, text],
        );
      }
    });
  }

  test('a target that is no path', async () => {
    assert.equal((await ask(server.address, 'OPTIONS *')).status, 204);
  });
});

test('--base is in the printed address; what is none is refused', { skip: ownProcess }, async () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  const running = await runServer([site.root, '--workers', '1', '--base', '/docs/v1']);
  assert.match(running.urls[0]!, /^http:\/\/127\.0\.0\.1:\d+\/docs\/v1\/$/);
  assert.equal(await (await fetch(`${running.urls[0]}a.txt`)).text(), 'hello');
  running.child.kill('SIGTERM');
  await running.ended;
  site.remove();
  for (const base of ['docs', '', '/a//b', '/a/../b', '/..', '/a b', '/%61', '/a?b', `/${'a'.repeat(256)}`, 7]) {
    assert.throws(
      () => resolveOptions({ base } as never, 1000),
      /^OptionError: base is .*, and must be a path such as \/docs/,
    );
  }
  assert.equal(resolveOptions({ base: '/' }, 1000).base, '');
});
