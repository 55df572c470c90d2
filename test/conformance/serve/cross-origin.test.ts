// --cors: what a page of another origin may ask, and what its scripts see of the answers, whatever their status; and Vary, which keeps
// answers apart that the request's fields choose between.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Server } from '../../../src/serve/server.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const needed = ['accept-ranges', 'content-encoding', 'content-length', 'content-range', 'date', 'etag'];
const list = (text: string | undefined): string[] =>
  (text ?? '')
    .toLowerCase()
    .split(/[,|]\s*|\s*\|\s*/)
    .map((each) => each.trim());

forEachEngine('other origins', (engine) => {
  const site = new TestSite({
    'a.txt': 'hello',
    'large.bin': patterned(200_000),
    'folder/index.html': 'index',
    'list/b.txt': 'b',
    'page.shtml': 'page',
  });
  let server: Server;
  before(async () => {
    const headers = { 'X-Version': '7', '/a.txt': { 'X-Part': '1' } };
    server = await startServer({ root: site.root, engine, cors: true, listing: true, headers });
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
    ['GET /large.bin', ['Range: bytes=0-99'], 206],
    ['GET /large.bin', ['Range: bytes=0-0,3-3'], 206],
    ['GET /large.bin', ['Range: bytes=200000-'], 416],
    ['GET /a.txt', ['If-None-Match: *'], 304],
    ['GET /a.txt', ['If-Match: "other"'], 412],
    ['GET /folder', [], 301],
    ['GET /list/', [], 200],
    ['GET /page.shtml', [], 200],
    ['GET /missing', [], 404],
    ['POST /a.txt', [], 405],
    ['OPTIONS /', [], 204],
    ['GET /a b', [], 400],
  ] as const) {
    test(`${line} ${fields.join()}: ${status}, readable by any origin`, async () => {
      const response = await ask(server.address, line, ['Origin: https://example.org', ...fields]);
      assert.equal(response.status, status);
      assert.equal(response.fields.get('access-control-allow-origin'), '*');
      const exposed = list(response.fields.get('access-control-expose-headers'));
      for (const name of [...needed, 'x-version', 'x-part']) assert.ok(exposed.includes(name), name);
    });
  }

  test('a preflight is allowed what it asks for, and no more than tokens', async () => {
    const preflight = (wanted: string) =>
      ask(server.address, 'OPTIONS /a.txt', [
        'Origin: https://example.org',
        'Access-Control-Request-Method: GET',
        `Access-Control-Request-Headers: ${wanted}`,
      ]);
    for (const wanted of ['range', 'range,if-none-match', 'Range, If-Range, If-Modified-Since, X-Own']) {
      const { status, fields } = await preflight(wanted);
      assert.equal(status, 204);
      assert.equal(fields.get('access-control-allow-origin'), '*');
      assert.equal(fields.get('access-control-allow-headers'), wanted);
      assert.ok(list(fields.get('access-control-allow-methods')).includes('get'));
      assert.ok(Number(fields.get('access-control-max-age')) > 0);
      assert.ok(list(fields.get('vary')).includes('access-control-request-headers'));
    }
    assert.equal((await preflight('a; b')).fields.get('access-control-allow-headers'), undefined);
    // A site on the inside is not opened to pages on the outside by itself.
    const inner = await ask(server.address, 'OPTIONS /', [
      'Access-Control-Request-Method: GET',
      'Access-Control-Request-Private-Network: true',
    ]);
    assert.equal(inner.fields.get('access-control-allow-private-network'), undefined);
  });

  test('a connection over the cap is told so readably too', async () => {
    const small = await startServer({ root: site.root, engine, cors: true, maxConnections: 1 });
    const first = await RawClient.open(small.address);
    await first.stays('/a.txt');
    const second = await RawClient.open(small.address);
    const refused = await second.response();
    assert.deepEqual([refused.status, refused.fields.get('access-control-allow-origin')], [503, '*']);
    first.destroy();
    second.destroy();
    await small.close(0);
  });
});

forEachEngine('answers that a field of the request chooses', (engine) => {
  const site = new TestSite({
    'index.html': 'the page',
    'index.html.gz': gzipSync('the page'),
    'a.txt': 'hello',
    'list/b.txt': 'b',
    'sub/index.html': 'another',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, spa: true, listing: true });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });
  const vary = async (
    line: string,
    ...fields: string[]
  ): Promise<[status: number, vary: string[], cache: string | undefined]> => {
    const response = await ask(server.address, line, fields);
    return [response.status, list(response.fields.get('vary')), response.fields.get('cache-control')];
  };

  test('with --spa a page and a 404 of one address say that Accept chose, and no cache keeps the 404', async () => {
    for (const coding of ['gzip', 'identity']) {
      for (const round of [1, 2]) {
        const [status, fields] = await vary('GET /some/page', 'Accept: text/html', `Accept-Encoding: ${coding}`);
        assert.equal(status, 200, `${round}`);
        assert.ok(fields.includes('accept') && fields.includes('accept-encoding'), String(fields));
      }
    }
    const [status, fields, cache] = await vary('GET /some/page', 'Accept: application/json');
    assert.equal(status, 404);
    assert.ok(fields.includes('accept'), String(fields));
    assert.match(cache ?? '', /no-cache|no-store/);
    const [again, same] = await vary('GET /some/page', 'Accept: text/html', 'If-None-Match: *');
    assert.equal(again, 304);
    assert.ok(same.includes('accept'), String(same));
  });

  test('a 404 with a page of its own too', async () => {
    site.write('404.html', 'gone');
    const [status, fields, cache] = await vary('GET /nowhere', 'Accept: image/png');
    assert.equal(status, 404);
    assert.ok(fields.includes('accept'));
    assert.match(cache ?? '', /no-cache/);
  });

  test('a listing varies by Accept, and no cache keeps it; a file does not', async () => {
    for (const accept of ['text/html', 'application/json']) {
      const [status, fields, cache] = await vary('GET /list/', `Accept: ${accept}`);
      assert.deepEqual([status, fields.includes('accept'), cache], [200, true, 'no-cache']);
    }
    for (const path of ['/a.txt', '/sub/']) assert.deepEqual((await vary(`GET ${path}`))[1], ['']);
  });
});
