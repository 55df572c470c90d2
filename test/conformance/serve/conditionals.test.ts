// Preconditions (RFC 9110 section 13) in their order of precedence, against a small file (answered from a frame) and a large
// one (sendfile); what a 304 and a 412 carry.

import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { ask } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
const earlier = 'Sun, 06 Nov 1994 08:49:36 GMT';
const later = 'Sun, 06 Nov 1994 08:49:38 GMT';
const future = 'Sun, 06 Nov 2094 08:49:37 GMT';

/** `%` stands for the file's entity tag. */
const cases: ReadonlyArray<readonly [fields: readonly string[], status: number]> = [
  [['If-None-Match: %'], 304],
  [['If-None-Match: W/%'], 304],
  [['If-None-Match: *'], 304],
  [['If-None-Match: "other", %, "more"'], 304],
  [['If-None-Match: "other"', 'If-None-Match: %'], 304],
  [['If-None-Match: "other"'], 200],
  [['If-None-Match: other'], 200],
  [['If-None-Match:'], 200],
  [[`If-Modified-Since: ${modified}`], 304],
  [[`If-Modified-Since: ${later}`], 304],
  [[`If-Modified-Since: ${future}`], 304],
  [[`If-Modified-Since: ${earlier}`], 200],
  [['If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT'], 304],
  [['If-Modified-Since: Sun Nov  6 08:49:37 1994'], 304],
  [['If-Modified-Since: yesterday'], 200],
  [['If-Modified-Since: 784111777'], 200],
  [['If-Match: %'], 200],
  [['If-Match: *'], 200],
  [['If-Match: "other", %'], 200],
  [['If-Match: W/%'], 412],
  [['If-Match: "other"'], 412],
  [['If-Match: other'], 412],
  [[`If-Unmodified-Since: ${modified}`], 200],
  [[`If-Unmodified-Since: ${later}`], 200],
  [[`If-Unmodified-Since: ${earlier}`], 412],
  [['If-Unmodified-Since: nonsense'], 200],
  // Precedence, RFC 9110 section 13.2.2.
  [['If-None-Match: %', `If-Modified-Since: ${earlier}`], 304],
  [['If-None-Match: "other"', `If-Modified-Since: ${later}`], 200],
  [['If-Match: %', `If-Unmodified-Since: ${earlier}`], 200],
  [['If-Match: "other"', `If-Unmodified-Since: ${later}`], 412],
  [['If-Match: "other"', 'If-None-Match: %'], 412],
  [['If-Match: %', 'If-None-Match: %'], 304],
  [[`If-Unmodified-Since: ${earlier}`, 'If-None-Match: %'], 412],
  [[`If-Unmodified-Since: ${modified}`, `If-Modified-Since: ${modified}`], 304],
  [['If-None-Match: %', 'Range: bytes=0-0'], 304],
  [['If-Match: "other"', 'Range: bytes=0-0'], 412],
  [['If-Match: %', 'Range: bytes=0-0'], 206],
  [['If-None-Match: "other"', 'Range: bytes=0-0'], 206],
  [['If-Match: "other"', 'Range: bytes=999999999-'], 412],
];

forEachEngine('conditionals', (engine) => {
  const site = new TestSite({ 'small.txt': 'hello', 'large.bin': patterned(200_000) });
  let server: Server;
  before(async () => {
    for (const name of ['small.txt', 'large.bin']) utimesSync(site.at(name), 784_111_777, 784_111_777);
    server = await startServer({ root: site.root, engine, cacheControl: 'public, max-age=60' });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const path of ['/small.txt', '/large.bin']) {
    for (const [fields, status] of cases) {
      test(`${path} with ${fields.join(' and ')}: ${status}`, async () => {
        const plain = await ask(server.address, `GET ${path}`);
        const etag = plain.fields.get('etag')!;
        const wanted = fields.map((field) => field.replaceAll('%', etag));
        for (const method of status === 206 ? ['GET'] : ['GET', 'HEAD']) {
          const response = await ask(server.address, `${method} ${path}`, wanted);
          assert.equal(response.status, status, method);
          if (status === 200 && method === 'GET') assert.ok(response.body.equals(plain.body));
          if (status === 200 || status === 304) assert.equal(response.fields.get('etag'), etag);
        }
      });
    }
  }

  test('the entity tag is strong, Last-Modified is the time of the file', async () => {
    for (const path of ['/small.txt', '/large.bin']) {
      const { fields } = await ask(server.address, `GET ${path}`);
      assert.match(fields.get('etag')!, /^"[^"]+"$/);
      assert.equal(fields.get('last-modified'), modified);
    }
  });

  test('a file from the future was last modified now, and not later than the answer (RFC 9110 section 8.8.2.1)', async () => {
    site.write('ahead.txt', 'hello');
    utimesSync(site.at('ahead.txt'), 4_102_444_800, 4_102_444_800);
    const { fields } = await ask(server.address, 'GET /ahead.txt');
    assert.ok(Date.parse(fields.get('last-modified')!) <= Date.parse(fields.get('date')!));
  });

  test('what is said of a file from the future holds a while later, whichever path answers', async () => {
    for (const [name, content] of [
      ['soon.txt', 'hello'],
      ['soon.bin', patterned(200_000)],
    ] as const) {
      // As a second begins: the server's date is some tenths of a second old.
      await new Promise((resolve) => setTimeout(resolve, 1008 - (Date.now() % 1000)));
      site.write(name, content);
      utimesSync(site.at(name), 4_102_444_800, 4_102_444_800);
      const said = (await ask(server.address, `GET /${name}`)).fields.get('last-modified')!;
      await new Promise((resolve) => setTimeout(resolve, 1100));
      // By the general path, which alone takes a field in two lines.
      const again = await ask(server.address, `GET /${name}`, ['Accept: text/html', 'Accept: */*']);
      assert.equal(again.fields.get('last-modified'), said);
      for (const [field, status] of [
        [`If-Unmodified-Since: ${said}`, 200],
        [`If-Modified-Since: ${said}`, 304],
      ] as const) {
        assert.equal((await ask(server.address, `GET /${name}`, [field])).status, status, field);
      }
    }
  });

  test('a 304 carries what a 200 would, of Cache-Control, Date, ETag, Last-Modified, Vary, and no content fields', async () => {
    const { fields: full } = await ask(server.address, 'GET /small.txt');
    const { status, fields } = await ask(server.address, 'GET /small.txt', [`If-None-Match: ${full.get('etag')}`]);
    assert.equal(status, 304);
    for (const name of ['cache-control', 'etag', 'last-modified', 'vary'])
      assert.equal(fields.get(name), full.get(name));
    assert.ok(fields.has('date'));
    for (const name of ['content-type', 'content-length', 'content-encoding', 'transfer-encoding']) {
      assert.ok(!fields.has(name), name);
    }
  });

  test('what says that a precondition failed may not be kept as the file', async () => {
    const failed = await ask(server.address, 'GET /small.txt', ['If-Match: "other"']);
    assert.equal(failed.status, 412);
    assert.doesNotMatch(failed.fields.get('cache-control') ?? '', /max-age|public/);
  });

  test('preconditions do not count where there is nothing', async () => {
    for (const field of ['If-Match: "other"', 'If-None-Match: *', 'If-Match: *', `If-Unmodified-Since: ${earlier}`]) {
      assert.equal((await ask(server.address, 'GET /missing', [field])).status, 404, field);
    }
  });

  test('no other method is answered with 304', async () => {
    assert.equal((await ask(server.address, 'POST /small.txt', ['If-None-Match: *'])).status, 405);
  });
});
