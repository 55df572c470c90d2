// Clean URLs: a page without its extension, as site generators link them.

import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { ask, type Response } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

const files = {
  'index.html': 'home',
  'about.html': 'about us',
  'about.html.br': 'about us in br',
  'docs.html': 'the documents',
  'docs/start.html': 'how to start',
  'docs/index.html': 'index of the documents',
  'blog/index.html': 'the blog',
  plain: 'a file',
  'plain.html': 'a page beside it',
  'deep/er/page.html': 'deep',
  'caf\u00e9.html': 'caf\u00e9',
  '.secret.html': 'hidden',
  '404.html': 'lost',
};

forEachEngine('clean URLs', (engine) => {
  const site = new TestSite(files);
  let server: Server;
  let plain: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, cleanUrls: true });
    plain = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    await plain.close(0);
    site.remove();
  });
  const get = (path: string, fields: readonly string[] = []): Promise<Response> =>
    ask(server.address, `GET ${path}`, fields);

  test('a page that is a link which leads nowhere yet is there as soon as its target is', async () => {
    mkdirSync(site.at('built'), { recursive: true });
    symlinkSync('built/later.html', site.at('later.html'));
    for (let time = 0; time < 3; time++) assert.equal((await get('/later')).status, 404);
    writeFileSync(site.at('built/later.html'), 'built');
    assert.equal((await get('/later')).body.toString(), 'built');
  });

  test('a page has its path without the extension, and the one with it', async () => {
    const bodies = {
      '/about': 'about us',
      '/about.html': 'about us',
      '/about?q=1': 'about us',
      '/%61bout': 'about us',
      '/docs': 'the documents',
      '/docs/': 'index of the documents',
      '/docs/start': 'how to start',
      '/plain': 'a file',
      '/plain.html': 'a page beside it',
      '/deep/er/page': 'deep',
      '/': 'home',
      '/index': 'home',
    };
    for (const [path, body] of Object.entries(bodies)) {
      for (let time = 0; time < 2; time++) {
        const quick = await get(path);
        const general = await get(path, ['Accept: */*', 'Accept: */*']);
        assert.equal(quick.text, body, path);
        assert.deepEqual([...general.fields.keys()].sort(), [...quick.fields.keys()].sort());
        assert.equal(general.text, body, path);
        assert.equal(quick.status, 200);
      }
    }
    assert.equal((await get('/caf%C3%A9')).body.toString(), 'caf\u00e9');
    assert.equal((await get('/about')).fields.get('content-type'), 'text/html; charset=utf-8');
  });

  test('what is no page is what it was', async () => {
    const redirected = await get('/blog');
    assert.equal(redirected.status, 301);
    assert.equal(redirected.fields.get('location'), '/blog/');
    for (const path of ['/about/', '/missing', '/.secret', '/deep/er/page/', '/about.html/', '/..', '/about%00']) {
      assert.equal((await get(path)).status, 404, path);
    }
    for (const path of ['/about', '/docs/start']) {
      assert.equal((await ask(plain.address, `GET ${path}`)).status, 404, path);
    }
    assert.equal((await ask(plain.address, 'GET /docs')).status, 301);
  });

  test('codings, ranges, revalidation and HEAD are those of the page', async () => {
    const encoded = await get('/about', ['Accept-Encoding: br']);
    assert.equal(encoded.text, 'about us in br');
    assert.equal(encoded.fields.get('vary'), 'Accept-Encoding');
    const { fields } = await get('/about');
    assert.equal((await get('/about', [`If-None-Match: ${fields.get('etag')}`])).status, 304);
    assert.equal((await get('/about', ['Range: bytes=0-4'])).text, 'about');
    const head = await ask(server.address, 'HEAD /about');
    assert.equal(head.fields.get('content-length'), '8');
    assert.equal((await get('/about.html')).fields.get('etag'), fields.get('etag'));
  });

  test('pages that come, go and change are seen at once', async () => {
    assert.equal((await get('/new')).status, 404);
    site.write('new.html', 'one');
    assert.equal((await get('/new')).text, 'one');
    site.write('new.html', 'two');
    assert.equal((await get('/new')).text, 'two');
    mkdirSync(site.at('new'));
    assert.equal((await get('/new')).text, 'two');
    rmSync(site.at('new.html'));
    assert.equal((await get('/new')).status, 301);
    rmSync(site.at('new'), { recursive: true });
    symlinkSync('about.html', site.at('new.html'));
    assert.equal((await get('/new')).text, 'about us');
    site.write('new', 'the file itself');
    assert.equal((await get('/new')).text, 'the file itself');
  });
});
