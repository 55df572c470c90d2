// What a folder and a missing page are answered with: index, redirect, listing for people and programs, the page of a
// single-page application, 404.html.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const hostile = [
  '<img src=x onerror=alert(1)>',
  '"quoted".txt',
  "it's & more.txt",
  'a b%20c#d?e.txt',
  '\\back',
  'line\nbreak',
  'ünïcødé ☃.txt',
  'javascript:alert(1)',
  'x..;',
  '&lt;',
];

forEachEngine('pages', (engine) => {
  const site = new TestSite({
    'index.html': 'root',
    'folder/index.html': 'folder',
    'folder/deep/a.txt': 'a',
    'second/index.htm': 'second',
    'both/index.html': 'first wins',
    'both/index.htm': 'second',
    'odd/index.html/a.txt': 'an index that is a folder',
    'emp ty/a.txt': 'a',
    'file.txt': 'file',
  });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine, index: 'index.html,index.htm' });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('the index of a folder, by the order of the names', async () => {
    for (const [path, text] of [
      ['/', 'root'],
      ['/folder/', 'folder'],
      ['/second/', 'second'],
      ['/both/', 'first wins'],
    ] as const) {
      for (let time = 0; time < 2; time++) {
        const response = await ask(server.address, `GET ${path}`);
        assert.equal(response.status, 200);
        assert.equal(response.text, text);
        assert.equal(response.fields.get('content-type'), 'text/html; charset=utf-8');
      }
    }
  });

  test('a folder without its slash is a redirect that keeps the query and never leaves the host', async () => {
    for (const [target, location] of [
      ['/folder', '/folder/'],
      ['/folder?a=1&b=/..', '/folder/?a=1&b=/..'],
      ['/folder?', '/folder/?'],
      ['/folder/deep', '/folder/deep/'],
      ['/emp%20ty', '/emp%20ty/'],
      ['/%66older', '/folder/'],
      ['http://other/folder', '/folder/'],
    ] as const) {
      const response = await ask(server.address, `GET ${target}`);
      assert.equal(response.status, 301, target);
      assert.equal(response.fields.get('location'), location);
    }
    for (const target of ['//folder', '//other.example/folder', '/\\other.example', '/%2f%2fother']) {
      const response = await ask(server.address, `GET ${target}`);
      assert.equal(response.status, 404, target);
    }
  });

  test('without a listing a folder without an index is not there, nor is a file with a slash', async () => {
    for (const path of ['/folder/deep/', '/odd/', '/file.txt/', '/folder/index.html/', '/missing/']) {
      assert.equal((await ask(server.address, `GET ${path}`)).status, 404, path);
    }
  });

  test('a 404 says so in plain text', async () => {
    const response = await ask(server.address, 'GET /<b>');
    assert.equal(response.status, 400);
    const missing = await ask(server.address, 'GET /%3Cb%3E');
    assert.equal(missing.status, 404);
    assert.equal(missing.fields.get('content-type'), 'text/plain; charset=utf-8');
    assert.ok(!missing.text.includes('<'), 'nothing of the request is in the page');
  });
});

forEachEngine('listing', (engine) => {
  const site = new TestSite({
    'folder/b.txt': 'bb',
    'folder/a.txt': 'a',
    'folder/sub/c.txt': 'c',
    'folder/.secret': 's',
  });
  let server: Server;
  before(async () => {
    for (const name of hostile) site.write(`hostile/${name}`, name);
    for (let index = 0; index < 500; index++) site.write(`many/file ${index} ${'x'.repeat(100)}.txt`, '');
    server = await startServer({ root: site.root, engine, listing: true });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('people get a page, folders first, without what begins with a dot', async () => {
    const { status, fields, text } = await ask(server.address, 'GET /folder/', ['Accept: text/html,*/*;q=0.8']);
    assert.equal(status, 200);
    assert.equal(fields.get('content-type'), 'text/html; charset=utf-8');
    assert.match(fields.get('vary') ?? '', /Accept/);
    const order = ['../', 'sub/', 'a.txt', 'b.txt'].map((name) => text.indexOf(`>${name}<`));
    assert.ok(
      order.every((at, index) => at > (order[index - 1] ?? 0)),
      `${order}`,
    );
    assert.ok(!text.includes('secret'));
    assert.match(text, /<h1>Index of <a href="\.\.\/" aria-label="top">\/<\/a>folder\/<\/h1>/);
    assert.match(text, /<p>1 folder, 2 files<\/p>/);
    assert.equal((await ask(server.address, 'GET /folder')).status, 301);
  });

  test('programs get JSON, with the same entries', async () => {
    const { fields, body } = await ask(server.address, 'GET /folder/', ['Accept: application/json']);
    assert.match(fields.get('content-type')!, /^application\/json/);
    const listing = JSON.parse(body.toString()) as { path: string; entries: Array<Record<string, unknown>> };
    assert.deepEqual(
      listing.entries.map(({ name, type, size }) => [name, type, size]),
      [
        ['sub', 'directory', 0],
        ['a.txt', 'file', 1],
        ['b.txt', 'file', 2],
      ],
    );
    assert.ok(listing.entries.every(({ modified }) => !Number.isNaN(Date.parse(String(modified)))));
  });

  const characters: Readonly<Record<string, string>> = {
    '&amp;': '&',
    '&lt;': '<',
    '&gt;': '>',
    '&quot;': '"',
    '&#39;': "'",
  };

  test('hostile names are text in the page, and their links lead to them', async () => {
    const { body } = await ask(server.address, 'GET /hostile/');
    const text = body.toString();
    assert.ok(!text.includes('<img'));
    assert.ok(!/href="(?!\.\/|\.\.\/|data:,")/.test(text), 'a link that is not relative');
    const links = [...text.matchAll(/href="([^"]*)"/g)]
      .map((match) => match[1]!)
      .filter((link) => link.startsWith('./'));
    assert.equal(links.length, hostile.length);
    const found = new Set<string>();
    for (const link of links) {
      const unescaped = link.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => characters[entity]!);
      const url = new URL(unescaped, 'http://test/hostile/');
      assert.equal(url.host, 'test');
      const response = await ask(server.address, `GET ${url.pathname}`);
      assert.equal(response.status, 200, url.pathname);
      found.add(response.body.toString());
    }
    assert.deepEqual(found, new Set(hostile));
    const json = await ask(server.address, 'GET /hostile/', ['Accept: application/json']);
    const entries = (JSON.parse(json.body.toString()) as { entries: Array<{ name: string }> }).entries;
    assert.deepEqual(new Set(entries.map(({ name }) => name)), new Set(hostile));
  });

  test('who asks for a huge listing again and again is answered, and a change is seen all the same', async () => {
    for (let index = 0; index < 3000; index++) site.write(`huge/${index}.txt`, '');
    const flood = await RawClient.open(server.address);
    flood.send('HEAD /huge/ HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(300));
    for (let index = 0; index < 300; index++) await flood.response({ head: true });
    flood.destroy();
    site.write('huge/new.txt', '');
    // Ten times as long as the listing took at most, seconds on a busy machine.
    const isListed = async (): Promise<boolean> => (await ask(server.address, 'GET /huge/')).text.includes('new.txt');
    await until('the new file', isListed, 60_000);
  });

  test('a long listing arrives whole, and HEAD says its length', async () => {
    const get = await ask(server.address, 'GET /many/');
    assert.equal(get.text.match(/<tr>/g)?.length, 500 + 2);
    const head = await ask(server.address, 'HEAD /many/');
    assert.equal(head.fields.get('content-length'), String(get.body.length));
    const client = await RawClient.open(server.address);
    client.send('GET /many/ HTTP/1.1\r\nHost: test\r\n\r\n'.repeat(5));
    for (let index = 0; index < 5; index++) assert.ok((await client.response()).body.equals(get.body));
    client.destroy();
  });
});

forEachEngine('fallback pages', (engine) => {
  const site = new TestSite({
    'index.html': 'app',
    'index.html.gz': gzipSync('app'),
    'a.js': 'js',
    'folder/a.txt': 'a',
  });
  const withPage = new TestSite({ '404.html': '<p>lost', 'large/404.html': patterned(200_000), 'a.txt': 'a' });
  let spa: Server;
  let custom: Server;
  before(async () => {
    spa = await startServer({ root: site.root, engine, spa: true });
    custom = await startServer({ root: withPage.root, engine });
  });
  after(async () => {
    await spa.close(0);
    await custom.close(0);
    site.remove();
    withPage.remove();
  });
  const browser = ['Accept: text/html,application/xhtml+xml,*/*;q=0.8'];

  test('an unknown page is the application, what is no page stays missing', async () => {
    for (const path of ['/', '/users/17', '/deep/er/page/', '/folder/']) {
      const response = await ask(spa.address, `GET ${path}`, browser);
      assert.equal(response.status, 200, path);
      assert.equal(response.text, 'app');
    }
    for (const path of ['/missing.js', '/img/none.png', '/.env', '/.git/config']) {
      assert.equal((await ask(spa.address, `GET ${path}`, browser)).status, 404, path);
    }
    assert.equal((await ask(spa.address, 'GET /users/17', ['Accept: application/json'])).status, 404);
    assert.equal((await ask(spa.address, 'POST /users/17', browser)).status, 405);
  });

  test('the application is negotiated and revalidated as any page', async () => {
    const coded = await ask(spa.address, 'GET /users/17', [...browser, 'Accept-Encoding: gzip']);
    assert.equal(coded.fields.get('content-encoding'), 'gzip');
    const etag = coded.fields.get('etag');
    const again = await ask(spa.address, 'GET /users/18', [
      ...browser,
      'Accept-Encoding: gzip',
      `If-None-Match: ${etag}`,
    ]);
    assert.equal(again.status, 304);
  });

  test('404.html is the page of a 404, with its status, type and no validators; a change is seen at once', async () => {
    for (const line of ['GET /missing', 'HEAD /missing', 'GET /a.txt/', 'GET /..', 'GET /%00']) {
      const response = await ask(custom.address, line);
      assert.equal(response.status, 404, line);
      assert.equal(response.fields.get('content-type'), 'text/html; charset=utf-8', line);
      assert.equal(response.fields.get('content-length'), '7');
      assert.ok(!response.fields.has('etag'));
      assert.ok(!response.fields.has('last-modified'));
      if (line.startsWith('GET')) assert.equal(response.text, '<p>lost');
    }
    assert.equal((await ask(custom.address, 'GET /missing', ['Range: bytes=0-1'])).status, 404);
    assert.equal((await ask(custom.address, 'GET /missing', ['If-None-Match: *'])).status, 404);
    assert.equal((await ask(custom.address, 'GET /404.html')).status, 200);
    withPage.write('404.html', 'changed');
    assert.equal((await ask(custom.address, 'GET /gone')).text, 'changed');
    withPage.write('404.html', '<p>lost');
    assert.equal((await ask(custom.address, 'GET /gone')).text, '<p>lost');
  });
});
