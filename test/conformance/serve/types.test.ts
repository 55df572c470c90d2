// What a file is said to be: types of names without an extension, files that are compressed by their nature, and types of the
// operator, whole, in part and not modified.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { resolveOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { ask } from './client.js';
import { forEachEngine, ownProcess, runServer, startServer, TestSite } from './servers.js';

const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';

forEachEngine('types', (engine) => {
  const site = new TestSite({
    '.well-known/apple-app-site-association': '{}',
    '.well-known/security.txt': 'Contact: mailto:a@example.org',
    'a.svgz': gzipSync(svg),
    'a.svgz.br': 'not this',
    'b.tgz': gzipSync('tar'),
    'c.frob': 'own',
    d: 'no type',
  });
  let server: Server;
  before(async () => {
    server = await startServer({
      root: site.root,
      engine,
      types: { frob: 'text/x-frob', '*': 'application/x-unknown' },
    });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [path, type] of [
    ['/.well-known/apple-app-site-association', 'application/json'],
    ['/.well-known/security.txt', 'text/plain; charset=utf-8'],
    ['/b.tgz', 'application/gzip'],
    ['/c.frob', 'text/x-frob; charset=utf-8'],
    ['/d', 'application/x-unknown'],
  ] as const) {
    test(`${path} is ${type}`, async () => {
      for (const line of [`GET ${path}`, `GET ${path}`, `HEAD ${path}`]) {
        const { status, fields } = await ask(server.address, line, ['Accept-Encoding: gzip, br']);
        assert.deepEqual([status, fields.get('content-type')], [200, type]);
        assert.equal(fields.get('content-encoding'), undefined);
      }
    });
  }

  test('.svgz says that it is gzip, whatever is accepted, and is not compressed twice', async () => {
    for (const accepted of [
      [],
      ['Accept-Encoding: gzip, br'],
      ['Accept-Encoding: br'],
      ['Accept-Encoding: identity'],
    ]) {
      const { fields, body } = await ask(server.address, 'GET /a.svgz', accepted);
      assert.equal(fields.get('content-type'), 'image/svg+xml; charset=utf-8');
      assert.equal(fields.get('content-encoding'), 'gzip');
      assert.equal(fields.get('vary'), undefined);
      assert.equal(gunzipSync(body).toString(), svg);
    }
    const part = await ask(server.address, 'GET /a.svgz', ['Range: bytes=0-1']);
    assert.deepEqual([part.status, part.fields.get('content-encoding')], [206, 'gzip']);
    assert.deepEqual([...part.body], [0x1f, 0x8b]);
  });
});

test('--type may be repeated and wins over the file of options; what is wrong is one sentence', {
  skip: ownProcess,
}, async () => {
  const site = new TestSite({
    'a.log': 'a',
    'b.x': 'b',
    'conf.json': '{"types": {"log": "text/x-one", "x": "text/x-two"}}',
  });
  const config = ['--config', site.at('conf.json')];
  const running = await runServer([site.root, '--workers', '1', ...config, '--type', 'log=text/x-own', '--type=y=a/b']);
  assert.equal((await ask(running, 'GET /a.log')).fields.get('content-type'), 'text/x-own; charset=utf-8');
  assert.equal((await ask(running, 'GET /b.x')).fields.get('content-type'), 'text/x-two; charset=utf-8');
  running.child.kill('SIGTERM');
  await running.ended;
  await assert.rejects(runServer(['--type', 'log']), /ended with 2: .*--type is "log", and must be EXT=TYPE/);
  await assert.rejects(runServer(['--type', 'log=text']), /ended with 2: .*the type of "log" must be a media type/);
  for (const types of ['log', ['a'], null]) {
    assert.throws(() => resolveOptions({ types } as never, 1000), /^OptionError: types is .* must be an object/);
  }
  site.remove();
});
