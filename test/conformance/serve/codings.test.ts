// Content codings and the fields that describe content: precompressed siblings by weight (RFC 9110 section 12.5.3), each with its
// own entity tag, Vary on all; charset, Cache-Control, names that carry a hash.

import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask, RawClient, type Response } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const page = '<!doctype html>plain';
const large = patterned(400_000);

/** Against a page with .br, .zst and .gz beside it. */
const negotiated: ReadonlyArray<readonly [acceptEncoding: string | undefined, coding: string | undefined]> = [
  [undefined, undefined],
  ['', undefined],
  ['identity', undefined],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['br', 'br'],
  ['zstd', 'zstd'],
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip, deflate, zstd', 'zstd'],
  ['*', 'br'],
  ['deflate', undefined],
  ['gzip;q=1.0, br;q=0.5', 'gzip'],
  ['gzip;q=0.5, br;q=0.5', 'br'],
  ['gzip ; q=0.9 , br ; q=0.1', 'gzip'],
  ['br;q=0, gzip', 'gzip'],
  ['br;q=0, zstd;q=0, gzip;q=0', undefined],
  ['br;q=0, *', 'zstd'],
  ['*;q=0', undefined],
  ['identity;q=1, gzip;q=0.5', undefined],
  ['identity;q=0.1, gzip;q=0.5', 'gzip'],
  ['gzip;q=0.001', 'gzip'],
  ['br;q=2, gzip', 'gzip'],
  ['brotli', undefined],
];

function decoded(response: Response): string {
  switch (response.fields.get('content-encoding')) {
    case 'gzip':
      return gunzipSync(response.body).toString();
    case 'br':
      return brotliDecompressSync(response.body).toString();
    default:
      return response.text;
  }
}

forEachEngine('codings', (engine) => {
  const site = new TestSite({
    'page.html': page,
    'page.html.br': brotliCompressSync('brotli'),
    'page.html.gz': gzipSync('gzip'),
    'page.html.zst': 'zstd',
    'large.bin': large,
    'large.bin.gz': gzipSync(large),
    'plain.html': page,
    'folder/index.html': page,
    'folder/index.html.gz': gzipSync('gzip'),
    'archive.tar.gz': gzipSync('tar'),
    'hidden/page.js': 'js',
    'hidden/page.js.gz/file': 'a folder is no sibling',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  for (const [acceptEncoding, coding] of negotiated) {
    test(`Accept-Encoding ${JSON.stringify(acceptEncoding)}: ${coding ?? 'identity'}`, async () => {
      const fields = acceptEncoding === undefined ? [] : [`Accept-Encoding: ${acceptEncoding}`];
      for (let time = 0; time < 2; time++) {
        const response = await ask(server.address, 'GET /page.html', fields);
        assert.equal(response.status, 200);
        assert.equal(response.fields.get('content-encoding'), coding);
        assert.equal(response.fields.get('content-type'), 'text/html; charset=utf-8');
        assert.equal(response.fields.get('vary'), 'Accept-Encoding');
        const expected: Record<string, string> = { br: 'brotli', gzip: 'gzip', zstd: 'zstd' };
        assert.equal(decoded(response), coding === undefined ? page : expected[coding]);
      }
    });
  }

  test('several Accept-Encoding lines are one list, and do not speak for a client that sent the first alone', async () => {
    const both = await ask(server.address, 'GET /page.html', ['Accept-Encoding: gzip', 'Accept-Encoding: br']);
    assert.equal(both.fields.get('content-encoding'), 'br');
    const one = await ask(server.address, 'GET /page.html', ['Accept-Encoding: gzip']);
    assert.equal(one.fields.get('content-encoding'), 'gzip');
  });

  test('each coding has its own strong entity tag, and answers its own preconditions', async () => {
    const tags = new Map<string, string>();
    for (const coding of ['identity', 'gzip', 'br', 'zstd']) {
      const { fields } = await ask(server.address, 'GET /page.html', [`Accept-Encoding: ${coding}`]);
      tags.set(coding, fields.get('etag')!);
    }
    assert.equal(new Set(tags.values()).size, 4);
    for (const [coding, etag] of tags) {
      for (const [other, otherTag] of tags) {
        const response = await ask(server.address, 'GET /page.html', [
          `Accept-Encoding: ${coding}`,
          `If-None-Match: ${otherTag}`,
        ]);
        assert.equal(response.status, coding === other ? 304 : 200);
        assert.equal(response.fields.get('etag'), etag);
        assert.equal(response.fields.get('vary'), 'Accept-Encoding');
      }
    }
  });

  test('a range is one of the chosen coding', async () => {
    const whole = await ask(server.address, 'GET /large.bin', ['Accept-Encoding: gzip']);
    assert.ok(gunzipSync(whole.body).equals(large));
    const part = await ask(server.address, 'GET /large.bin', ['Accept-Encoding: gzip', 'Range: bytes=10-99']);
    assert.equal(part.status, 206);
    assert.equal(part.fields.get('content-encoding'), 'gzip');
    assert.equal(part.fields.get('content-range'), `bytes 10-99/${whole.body.length}`);
    assert.ok(part.body.equals(whole.body.subarray(10, 100)));
    const etag = part.fields.get('etag');
    const plain = await ask(server.address, 'GET /large.bin', ['Range: bytes=10-99', `If-Range: ${etag}`]);
    assert.equal(plain.status, 200, 'the tag of another coding');
  });

  test('an index has siblings too; what has none does not vary', async () => {
    const index = await ask(server.address, 'GET /folder/', ['Accept-Encoding: gzip']);
    assert.equal(index.fields.get('content-encoding'), 'gzip');
    assert.equal(index.fields.get('content-type'), 'text/html; charset=utf-8');
    assert.ok(!(await ask(server.address, 'GET /plain.html', ['Accept-Encoding: gzip'])).fields.has('vary'));
    const script = await ask(server.address, 'GET /hidden/page.js', ['Accept-Encoding: gzip']);
    assert.equal(script.text, 'js');
  });

  test('a file that is compressed by itself is not encoded', async () => {
    const { fields, body } = await ask(server.address, 'GET /archive.tar.gz', ['Accept-Encoding: gzip']);
    assert.ok(!fields.has('content-encoding'));
    assert.match(fields.get('content-type')!, /^application\/(gzip|x-gzip|x-compressed-tar)$/);
    assert.equal(gunzipSync(body).toString(), 'tar');
  });

  test('a sibling that comes, changes or goes is seen at once', async () => {
    site.write('s.css', 'plain');
    const gzip = ['Accept-Encoding: gzip'];
    const client = await RawClient.open(server.address);
    const get = async (): Promise<string> => {
      client.send(`GET /s.css HTTP/1.1\r\nHost: test\r\n${gzip}\r\n\r\n`);
      return decoded(await client.response());
    };
    for (let round = 0; round < 5; round++) {
      assert.equal(await get(), 'plain');
      site.write('s.css.gz', gzipSync(`first ${round}`));
      assert.equal(await get(), `first ${round}`);
      site.write('s.css.gz', gzipSync(`second, longer ${round}`));
      assert.equal(await get(), `second, longer ${round}`);
      rmSync(site.at('s.css.gz'));
    }
    client.destroy();
  });

  test('a sibling that is a symbolic link follows what it leads to', async () => {
    site.write('linked.css', 'plain');
    site.write('store/one.gz', gzipSync('one'));
    symlinkSync('store/one.gz', site.at('linked.css.gz'));
    const get = async (): Promise<string> =>
      decoded(await ask(server.address, 'GET /linked.css', ['Accept-Encoding: gzip']));
    assert.equal(await get(), 'one');
    assert.equal(await get(), 'one');
    rmSync(site.at('store/one.gz'));
    site.write('store/one.gz', gzipSync('another one'));
    await until('the new content', async () => (await get()) === 'another one');
  });
});

const types: ReadonlyArray<readonly [name: string, type: string]> = [
  ['a.html', 'text/html; charset=utf-8'],
  ['a.HTM', 'text/html; charset=utf-8'],
  ['a.css', 'text/css; charset=utf-8'],
  ['a.js', 'text/javascript; charset=utf-8'],
  ['a.mjs', 'text/javascript; charset=utf-8'],
  ['a.json', 'application/json; charset=utf-8'],
  ['a.svg', 'image/svg+xml; charset=utf-8'],
  ['a.txt', 'text/plain; charset=utf-8'],
  ['a.md', 'text/markdown; charset=utf-8'],
  ['a.png', 'image/png'],
  ['a.webp', 'image/webp'],
  ['a.avif', 'image/avif'],
  ['a.wasm', 'application/wasm'],
  ['a.woff2', 'font/woff2'],
  ['a.mp4', 'video/mp4'],
  ['a.pdf', 'application/pdf'],
  ['a.xml', 'text/xml'],
  ['a.unknown', 'application/octet-stream'],
  ['noextension', 'application/octet-stream'],
];

forEachEngine('content fields', (engine) => {
  const hashed = ['app.3f9a2b1c.js', 'index-BX7s9a2K.css', 'chunk.0a1b2c3d4e5f6071.js'];
  const plain = ['app.js', 'jquery-3.7.1.min.js', 'photo-20240131.jpg', 'bootstrap.bundle.js'];
  const site = new TestSite();
  let server: Server;
  let told: Server;
  before(async () => {
    for (const name of [...types.map(([type]) => type), ...hashed, ...plain]) site.write(name, 'x');
    server = await startServer({ root: site.root, engine });
    told = await startServer({ root: site.root, engine, cacheControl: 'public, max-age=60' });
  });
  after(async () => {
    await server.close(0);
    await told.close(0);
    site.remove();
  });

  test('Content-Type by the name, charset where it is text', async () => {
    for (const [name, type] of types) {
      const { fields } = await ask(server.address, `GET /${name}`);
      assert.equal(fields.get('content-type'), type, name);
      assert.equal(fields.get('x-content-type-options'), 'nosniff');
    }
  });

  test('names that carry a hash are immutable, others are asked for again', async () => {
    for (const name of hashed) {
      assert.equal(
        (await ask(server.address, `GET /${name}`)).fields.get('cache-control'),
        'public, max-age=31536000, immutable',
      );
    }
    for (const name of plain) {
      assert.equal((await ask(server.address, `GET /${name}`)).fields.get('cache-control'), 'no-cache', name);
    }
  });

  test('a Cache-Control that was asked for is the one of every file, and of no error', async () => {
    for (const name of [...hashed, ...plain]) {
      assert.equal((await ask(told.address, `GET /${name}`)).fields.get('cache-control'), 'public, max-age=60');
    }
    assert.doesNotMatch((await ask(told.address, 'GET /missing')).head, /max-age/);
  });
});
