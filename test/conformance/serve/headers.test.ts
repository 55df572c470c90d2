// Fields that the operator adds: on every response once, whatever its status and the way of its body.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { headersProblem } from '../../../src/serve/response-headers.js';
import type { Server } from '../../../src/serve/server.js';
import { ask } from './client.js';
import { forEachEngine, ownProcess, patterned, runServer, startServer, TestSite } from './servers.js';

const policy = `default-src 'self'; report-uri ${'x'.repeat(1500)}`;

forEachEngine('added fields', (engine) => {
  const site = new TestSite({
    'a.txt': 'hello',
    'large.bin': patterned(200_000),
    'folder/index.html': 'index',
    'list/b.txt': 'b',
    'page.shtml': '<!--#include virtual="a.txt" -->',
  });
  let server: Server;
  before(async () => {
    const headers = {
      'X-Frame-Options': 'DENY',
      'Content-Security-Policy': policy,
      'x-content-type-options': 'nosniff',
    };
    server = await startServer({ root: site.root, engine, listing: true, headers });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [line, fields, status] of [
    ['GET /a.txt', [], 200],
    ['GET /a.txt', [], 200],
    ['HEAD /a.txt', [], 200],
    ['GET /large.bin', [], 200],
    ['GET /a.txt', ['Range: bytes=1-2'], 206],
    ['GET /a.txt', ['Range: bytes=0-0,3-3'], 206],
    ['GET /folder', [], 301],
    ['GET /list/', [], 200],
    ['GET /page.shtml', [], 200],
    ['GET /a.txt', ['If-None-Match: *'], 304],
    ['GET /missing', [], 404],
    ['POST /a.txt', [], 405],
    ['GET /a.txt', ['If-Match: "other"'], 412],
    ['GET /a.txt', ['Range: bytes=9-'], 416],
    ['OPTIONS /', [], 204],
  ] as const) {
    test(`${line} ${fields.join()}: ${status}`, async () => {
      const response = await ask(server.address, line, fields);
      assert.equal(response.status, status);
      for (const [name, value] of [
        ['x-frame-options', 'DENY'],
        ['content-security-policy', policy],
        ['x-content-type-options', 'nosniff'],
      ] as const) {
        const found = response.head.split('\r\n').filter((each) => each.toLowerCase().startsWith(`${name}: `));
        assert.deepEqual(
          found.map((each) => each.slice(name.length + 2)),
          [value],
        );
      }
    });
  }
});

forEachEngine('fields by path', (engine) => {
  const rules = {
    'X-Frame-Options': 'DENY',
    'X-Common': 'common',
    '/assets/*': { 'Cache-Control': 'public, max-age=60', 'X-Assets': 'yes', 'x-common': 'other' },
    '/assets/*.css': { 'Cache-Control': 'max-age=7', 'X-Frame-Options': null },
    '/': { 'X-Root': 'yes' },
    '/docs/': { 'X-Docs': 'directory' },
    '/about': { 'X-About': 'yes' },
    '/page.shtml': { 'Cache-Control': 'max-age=9' },
    '/none.txt': { 'Cache-Control': null },
    '/l\u00e4nge.txt': { 'X-Name': 'as the file is called' },
  };
  const site = new TestSite({
    'index.html': 'root',
    'docs/index.html': 'docs',
    'about.html': 'about',
    'assets/a.js': 'script',
    'assets/app.3f9a2b1c.js': 'hashed',
    'assets/app.3f9a2b1c.js.gz': gzipSync('hashed'),
    'assets/b.css': 'style',
    'c.3f9a2b1c.js': 'hashed',
    'c.3f9a2b1c.js.gz': gzipSync('hashed'),
    'page.shtml': 'page',
    'none.txt': 'none',
    'l\u00e4nge.txt': 'name',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, headers: rules });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });
  const names = ['cache-control', 'x-frame-options', 'x-common', 'x-assets', 'x-root', 'x-docs', 'x-about', 'x-name'];
  const immutable = 'public, max-age=31536000, immutable';

  for (const [path, expected] of [
    ['/', { 'cache-control': 'no-cache', 'x-frame-options': 'DENY', 'x-common': 'common', 'x-root': 'yes' }],
    ['/index.html', { 'cache-control': 'no-cache', 'x-frame-options': 'DENY', 'x-common': 'common', 'x-root': 'yes' }],
    ['/docs/', { 'cache-control': 'no-cache', 'x-frame-options': 'DENY', 'x-common': 'common', 'x-docs': 'directory' }],
    ['/about.html', { 'cache-control': 'no-cache', 'x-frame-options': 'DENY', 'x-common': 'common', 'x-about': 'yes' }],
    [
      '/assets/a.js',
      { 'cache-control': 'public, max-age=60', 'x-frame-options': 'DENY', 'x-common': 'other', 'x-assets': 'yes' },
    ],
    [
      '/assets/app.3f9a2b1c.js',
      { 'cache-control': 'public, max-age=60', 'x-frame-options': 'DENY', 'x-common': 'other', 'x-assets': 'yes' },
    ],
    ['/assets/b.css', { 'cache-control': 'max-age=7', 'x-common': 'other', 'x-assets': 'yes' }],
    ['/c.3f9a2b1c.js', { 'cache-control': immutable, 'x-frame-options': 'DENY', 'x-common': 'common' }],
    ['/page.shtml', { 'cache-control': 'max-age=9', 'x-frame-options': 'DENY', 'x-common': 'common' }],
    ['/none.txt', { 'x-frame-options': 'DENY', 'x-common': 'common' }],
    [
      '/l%C3%A4nge.txt',
      {
        'cache-control': 'no-cache',
        'x-frame-options': 'DENY',
        'x-common': 'common',
        'x-name': 'as the file is called',
      },
    ],
  ] as const) {
    test(path, async () => {
      const document = path === '/page.shtml';
      for (const [fields, status] of [
        [[], 200],
        [[], 200],
        [['Accept-Encoding: gzip'], 200],
        [['Range: bytes=0-0'], document ? 200 : 206],
        [['If-None-Match: *'], document ? 200 : 304],
      ] as const) {
        const response = await ask(server.address, `GET ${path}`, fields);
        assert.equal(response.status, status);
        const found = names.map((name) => [name, response.fields.get(name)] as const);
        assert.deepEqual(Object.fromEntries(found.filter(([, value]) => value !== undefined)), expected, fields.join());
      }
    });
  }

  test('a failed precondition has the fields of the path, but not how long caches may keep the file', async () => {
    const { fields } = await ask(server.address, 'GET /assets/a.js', ['If-Match: "other"']);
    assert.deepEqual([fields.get('x-assets'), fields.get('cache-control')], ['yes', undefined]);
  });
});

test('--header by path, beside those of the file of options', { skip: ownProcess }, async () => {
  const site = new TestSite({
    'a/b.js': 'b',
    'conf.json': JSON.stringify({ headers: { 'X-Every': '1', '/a/*': { 'X-File': '2', 'X-Gone': '3' } } }),
  });
  const added = ['--header', '/a/* Cache-Control: max-age=5', '--header', '/a/* X-Every:', '--header', 'X-More: a:b'];
  const running = await runServer([site.root, '--workers', '1', '--config', site.at('conf.json'), ...added]);
  const { fields } = await ask(running, 'GET /a/b.js');
  const found = ['x-every', 'x-file', 'x-gone', 'x-more', 'cache-control'].map((name) => fields.get(name));
  assert.deepEqual(found, [undefined, '2', '3', 'a:b', 'max-age=5']);
  running.child.kill('SIGTERM');
  await running.ended;
  await assert.rejects(
    runServer(['--header', '/a X-A']),
    /ended with 2: .*must be 'NAME: VALUE' or '\/PATH NAME: VALUE'/,
  );
  site.remove();
});

test('a field that the server sets, or that could end a head, is refused with the reason', () => {
  for (const [headers, sentence] of [
    [{ 'Content-Length': '3' }, /"Content-Length" cannot be set here: the server sets it itself/],
    [{ 'cache-control': 'no-store' }, /that of files is set by cacheControl/],
    [{ 'X-A': 'b\r\nSet-Cookie: c' }, /must be printable ASCII/],
    [{ 'X-A': '' }, /must be printable ASCII/],
    [{ 'X A': 'b' }, /"X A" is no name of a header field/],
    [{ 'X-A': 3 }, /must be printable ASCII/],
    [{ 'X-A': 'b', 'x-a': 'c' }, /"x-a" is given twice/],
    [{ 'X-A': 'b'.repeat(2048) }, /headers take 2055 bytes, and at most 2048/],
    [['X-A: b'], /must be an object/],
    [{ '/a': 'b' }, /headers of "\/a" must be an object of names and values/],
    [{ '/a': { Date: 'b' } }, /headers of "\/a": the header field "Date" cannot be set here: the server sets it/],
    [{ '/a': { 'X-A': 3 } }, /headers of "\/a": the value of the header field "X-A" must be printable/],
    [{ '/a\nb': {} }, /is no path of headers/],
    [{ [`/${'a'.repeat(1024)}`]: {} }, /is no path of headers/],
    [{ 'X-A': null }, /must be printable ASCII/],
    [
      Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`/${index}`, {}])),
      /headers has 1001 paths, and at most/,
    ],
    [
      Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`/${index}`, { 'X-A': 'b'.repeat(1900) }])),
      /headers by path take \d+ bytes, and at most 65536/,
    ],
  ] as const) {
    assert.match(headersProblem(headers, false) ?? '', sentence);
  }
  assert.match(headersProblem({ 'Access-Control-Allow-Origin': 'a' }, true) ?? '', /cors sets it/);
  assert.equal(headersProblem({ 'Access-Control-Allow-Origin': 'a' }, false), undefined);
});

test('no name and no value that is taken ends its line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      if (!name.startsWith('/') && headersProblem({ [name]: value }, false) === undefined)
        assert.match(`${name}: ${value}`, /^[\x21-\x39\x3b-\x7e]+: [\x20-\x7e]+$/);
    }),
  );
});
