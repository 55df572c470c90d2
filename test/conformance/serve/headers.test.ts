// Fields that the operator adds: on every response once, whatever its status and the way of its body.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { headersProblem } from '../../../src/serve/response-headers.js';
import type { Server } from '../../../src/serve/server.js';
import { ask } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

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
  ] as const) {
    assert.match(headersProblem(headers, false) ?? '', sentence);
  }
  assert.match(headersProblem({ 'Access-Control-Allow-Origin': 'a' }, true) ?? '', /cors sets it/);
  assert.equal(headersProblem({ 'Access-Control-Allow-Origin': 'a' }, false), undefined);
});

test('no name and no value that is taken ends its line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
      if (headersProblem({ [name]: value }, false) === undefined)
        assert.match(`${name}: ${value}`, /^[\x21-\x39\x3b-\x7e]+: [\x20-\x7e]+$/);
    }),
  );
});
