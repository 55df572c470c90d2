// Two paths lead to an answer: a quick one on bytes for what is common, a general one for everything. What the quick path
// answers is compared with what the general path answers to the same request with a second Accept line, which changes
// nothing and which the quick path leaves alone.

import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { ServeOptions } from '../../../src/serve/options.js';
import type { Server } from '../../../src/serve/server.js';
import { ask, RawClient, type Response } from './client.js';
import { engineRefused, forEachEngine, patterned, startServer, TestSite } from './servers.js';

const mebibyte = 1024 * 1024;
const accept = 'Accept: text/html, */*;q=0.5';
/** Says the same in two lines. */
const acceptTwice = ['Accept: text/html', 'Accept: */*;q=0.5'];

const files: Readonly<Record<string, string | Uint8Array>> = {
  'small.txt': '0123456789',
  'empty.txt': '',
  'large.bin': patterned(mebibyte),
  'edge.bin': patterned(32 * 1024),
  'app.4f9a8b7c6d.js': 'hashed',
  'app.js': 'the file itself',
  'app.js.gz': 'in gzip, we say',
  'app.js.br': 'in br, we say',
  'large.css': patterned(mebibyte / 2),
  'large.css.zst': patterned(mebibyte / 4),
  'picture.svgz': 'compressed by nature',
  'record.log': 'a line',
  'folder/index.html': '<p>index</p>',
  'folder/with space/index.html': '<p>index</p>',
  'empty/x/y.txt': 'deep',
  '.hidden': 'hidden',
  '.well-known/security.txt': 'Contact: x',
  'page.html': '<p>page</p>',
};

const paths = [
  ...Object.keys(files).map((path) => `/${encodeURI(path)}`),
  ...[
    '/',
    '/folder',
    '/folder/',
    '/folder/with%20space',
    '/folder/with%20space/',
    '/empty',
    '/empty/',
    '/missing',
    '/missing/',
  ],
  ...['/small.txt/', '/%73mall.txt', '/folder//index.html', '/folder/./index.html', '/missing.js', '/a/b/c/d'],
];

const fieldSets: ReadonlyArray<readonly string[]> = [
  [],
  ['Accept-Encoding: gzip, deflate, br, zstd'],
  ['Accept-Encoding: gzip'],
  ['Accept-Encoding: identity;q=0'],
  ['Range: bytes=0-0'],
  ['Range: bytes=3-'],
  ['Range: bytes=-4'],
  ['Range: bytes=2-70000'],
  ['Range: bytes=999999999-'],
  ['Range: bytes=0-1,4-5'],
  ['Accept-Encoding: br', 'Range: bytes=1-3'],
  ['If-None-Match: "0000000000000000"'],
  ['If-None-Match: *'],
  ['If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT'],
  ['If-Modified-Since: Fri, 01 Jan 2038 00:00:00 GMT'],
  ['If-Match: "0000000000000000"'],
  ['Connection: close'],
  ['Connection: close', 'Range: bytes=0-4'],
  ['Connection: close', 'Accept-Encoding: gzip'],
];

const configurations: ReadonlyArray<readonly [name: string, options: ServeOptions, files?: typeof files]> = [
  ['defaults', {}],
  [
    'cors, headers, types',
    {
      cors: true,
      headers: {
        'X-All': 'yes',
        '/*.txt': { 'Cache-Control': 'max-age=9', 'X-Text': 'a' },
        '/folder/': { 'X-Folder': 'b', 'X-All': null },
      },
      types: { log: 'text/x-log' },
    },
  ],
  ['spa', { spa: true, dotfiles: 'deny' }, { 'index.html': '<p>app</p>', 'index.html.gz': 'the app in gzip' }],
  [
    'a page for what is missing',
    { cacheControl: '', dotfiles: 'allow' },
    { '404.html': '<p>lost</p>', '404.html.br': 'lost in br' },
  ],
  ['nothing in frames', { inlineLimit: 0, cacheControl: 'max-age=5' }],
  ['a listing', { listing: true }],
];

/** Bodies from frames, of files read and of files sent. */
const ofEachEngine = new Set(['defaults', 'nothing in frames']);

/** A response without what differs by time; of parts without what is drawn by lot. */
function comparable({ status, statusLine, fields, body }: Response): unknown {
  const rest = new Map([...fields].filter(([name]) => name !== 'date'));
  const boundary = /boundary=(\S+)/.exec(rest.get('content-type') ?? '')?.[1];
  const without = (from: string): string => (boundary === undefined ? from : from.replaceAll(boundary, 'BOUNDARY'));
  return {
    status,
    statusLine,
    fields: new Map([...rest].sort().map(([name, value]) => [name, without(value)])),
    body: boundary === undefined ? body : without(body.toString('latin1')),
  };
}

forEachEngine('the quick path answers as the general one', (engine) => {
  // What is answered does not depend on the engine, only how the bytes leave: the second one takes a form of each.
  const isOnlyOne = engineRefused('uring') !== false;
  const taken = configurations.filter(([name]) => engine === 'uring' || isOnlyOne || ofEachEngine.has(name));
  for (const [name, options, more] of taken) {
    test(name, async () => {
      const site = new TestSite({ ...files, ...more });
      const server = await startServer({ root: site.root, engine, ...options });
      try {
        utimesSync(site.at('small.txt'), 784_111_777, 784_111_777);
        for (const path of paths) await comparePath(server, path);
      } finally {
        await server.close(0);
        site.remove();
      }
    });
  }
});

async function comparePath(server: Server, path: string): Promise<void> {
  const own = (await ask(server.address, `GET ${path}`, [accept])).fields;
  const tag = own.get('etag');
  const date = own.get('last-modified');
  const ofFile =
    tag === undefined
      ? []
      : [
          [`If-None-Match: ${tag}`],
          [`If-None-Match: W/${tag}`],
          [`If-None-Match: "a", ${tag}`],
          ['Range: bytes=1-2', `If-Range: ${tag}`],
          ['Range: bytes=1-2', `If-Range: W/${tag}`],
          ['Range: bytes=1-2', `If-Range: ${date}`],
          [`If-Modified-Since: ${date}`],
          [`If-Modified-Since: ${date}`, `If-None-Match: "0"`],
          [`If-None-Match: ${tag}`, 'Connection: close'],
        ];
  const client = await RawClient.open(server.address);
  const both = async (method: string, target: string, fields: readonly string[]): Promise<void> => {
    const request = (accepts: readonly string[]): string =>
      [`${method} ${target} HTTP/1.1`, 'Host: test', ...accepts, ...fields, '', ''].join('\r\n');
    const isLast = fields.includes('Connection: close');
    const answers: unknown[] = [];
    const texts = [request([accept]), request(acceptTwice)];
    // Both by one call, where the first leaves the connection open: the next is looked at when the first was answered.
    if (!isLast) client.send(texts.join(''));
    for (const text of texts) {
      const one = isLast ? (await RawClient.open(server.address)).send(text) : client;
      answers.push(comparable(await one.response({ head: method === 'HEAD' })));
      if (isLast) await one.closes();
    }
    assert.deepEqual(answers[0], answers[1], `${method} ${target} ${fields.join('; ')}`);
  };
  for (const fields of [...fieldSets, ...ofFile]) await both('GET', path, fields);
  for (const fields of [...fieldSets.slice(0, 5), ...ofFile.slice(0, 1)]) await both('HEAD', path, fields);
  for (const fields of fieldSets.slice(0, 2)) await both('GET', `${path}?q=1&r=%2F/a`, fields);
  client.destroy();
}

forEachEngine('a file that nobody asked for yet', (engine) => {
  const site = new TestSite({ 'one.txt': 'the same', 'two.txt': 'the same' });
  let server: Server;
  before(async () => {
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    site.remove();
  });

  test('a small one has the tag of its content when it is revalidated first', async () => {
    const tag = (await ask(server.address, 'GET /one.txt')).fields.get('etag')!;
    assert.equal((await ask(server.address, 'GET /two.txt', [`If-None-Match: ${tag}`])).status, 304);
    // Known anew after each change, with the same content.
    for (const fields of [[`If-None-Match: ${tag}`], ['Range: bytes=0-1', `If-Range: ${tag}`]]) {
      site.write('two.txt', 'the same');
      assert.equal((await ask(server.address, 'GET /two.txt', fields)).status, fields.length === 1 ? 304 : 206);
    }
  });
});
