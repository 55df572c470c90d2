// send(request, path, options).pipe(response): its events, the methods that applications replace, its options.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FileOptions, type SendStream, send } from '../../src/node/index.js';
import { makeFiles, startServer } from './support.js';

type Prepare = (stream: SendStream, request: IncomingMessage, response: ServerResponse) => void;

async function serve(
  context: Parameters<typeof makeFiles>[0],
  options: FileOptions = {},
  prepare: Prepare = () => undefined,
) {
  const files = { 'nums.txt': '123456789', 'name.html': '<p>tobi</p>', 'pets/index.html': 'pets', 'empty.txt': '' };
  const root = makeFiles(context, files);
  const { port } = await startServer(context, (request, response) => {
    try {
      const stream = send(request, request.url!, { root, ...options });
      prepare(stream, request, response);
      stream.pipe(response);
    } catch (error) {
      response.statusCode = 500;
      response.end(String(error));
    }
  });
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers, redirect: 'manual' });
  return { root, get };
}

test('events tell what is found and what is sent, in order', async (context) => {
  const seen: unknown[] = [];
  const { root, get } = await serve(context, {}, (stream) => {
    stream.on('file', (path, stats) => seen.push(['file', path, stats.size]));
    stream.on('headers', (response, path, stats) => {
      seen.push(['headers', path, stats.isFile()]);
      response.setHeader('ETag', 'W/"everything"');
      response.setHeader('Content-Type', 'text/x-own');
    });
    stream.on('end', () => seen.push('end'));
  });
  const response = await get('/nums.txt');
  assert.equal(await response.text(), '123456789');
  assert.deepEqual(
    [response.headers.get('etag'), response.headers.get('content-type')],
    ['W/"everything"', 'text/x-own'],
  );
  const path = join(root, 'nums.txt');
  assert.deepEqual(seen, [['file', path, 9], ['headers', path, true], 'end']);
});

test('errors go to their listeners; without them a short page answers and nothing set before stays', async (context) => {
  const { get } = await serve(context, {}, (stream, _request, response) => {
    response.setHeader('X-Before', 'set');
    stream.on('error', (error) => {
      response.statusCode = error.status;
      response.end(`${error.statusCode} ${error.code} ${error.headers?.['Content-Range']}`);
    });
  });
  assert.equal(await (await get('/missing')).text(), '404 ENOENT undefined');
  assert.equal(await (await get('/%')).text(), '400 undefined undefined');
  assert.equal(await (await get('/nums.txt', { range: 'bytes=20-' })).text(), '416 undefined bytes */9');
  const silent = await serve(context, {}, (_stream, _request, response) => response.setHeader('X-Before', 'set'));
  const page = await silent.get('/missing');
  assert.deepEqual([page.status, page.headers.get('x-before')], [404, null]);
  assert.equal(page.headers.get('content-security-policy'), "default-src 'none'");
  assert.match(await page.text(), />Not Found</);
});

test('a directory is announced, or redirected to its name with a slash', async (context) => {
  const { root, get } = await serve(context, {}, (stream) => {
    stream.on('directory', (response, path) => response.end(path));
  });
  assert.equal(await (await get('/pets')).text(), join(root, 'pets'));
  const plain = await serve(context);
  const moved = await plain.get('//pets');
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/pets/']);
  assert.equal(await (await plain.get('/pets/')).text(), 'pets');
  const bare = await serve(context, { index: false });
  assert.equal((await bare.get('/pets/')).status, 403);
});

test('whoever listens for the stream gets one, and its error is answered', async (context) => {
  const { get } = await serve(context, {}, (stream, request) => {
    stream.on('stream', (file) => {
      if (request.url === '/name.html') file.once('open', () => file.emit('error', new Error('broken')));
    });
  });
  assert.equal(await (await get('/nums.txt')).text(), '123456789');
  assert.equal((await get('/name.html')).status, 500);
});

test('the method that sends can be replaced, and called with another file', async (context) => {
  const { get } = await serve(context, {}, (stream) => {
    stream.on('file', () => {
      const original = stream.send;
      stream.send = (path) => original.call(stream, path.replace('nums.txt', 'name.html'));
    });
  });
  assert.equal(await (await get('/nums.txt')).text(), '<p>tobi</p>');
});

test('start, end, extensions, several ranges, and the empty file', async (context) => {
  const part = await serve(context, { start: 2, end: 5 });
  assert.equal(await (await part.get('/nums.txt')).text(), '3456');
  const range = await part.get('/nums.txt', { range: 'bytes=-2' });
  assert.deepEqual([range.status, range.headers.get('content-range')], [206, 'bytes 2-3/4']);
  assert.equal(await range.text(), '56');
  const all = await serve(context, { extensions: ['txt', 'html'] });
  assert.equal(await (await all.get('/name')).text(), '<p>tobi</p>');
  assert.equal((await all.get('/nums.txt', { range: 'bytes=0-1,4-5' })).status, 200);
  assert.equal(await (await all.get('/nums.txt', { range: 'bytes=1-2,3-4' })).text(), '2345');
  const suffix = await all.get('/nums.txt', { range: 'bytes=-99' });
  assert.deepEqual([suffix.status, await suffix.text()], [206, '123456789']);
  const empty = await all.get('/empty.txt');
  assert.deepEqual([empty.status, empty.headers.get('content-length'), await empty.text()], [200, '0', '']);
  const multipart = await serve(context, { multipart: true });
  assert.equal((await multipart.get('/nums.txt', { range: 'bytes=0-1,4-5' })).status, 206);
});

test('a head that has left already is an error of the application', async (context) => {
  const { get } = await serve(context, {}, (stream, _request, response) => {
    response.write('before ');
    stream.on('error', (error) => response.end(`${error.status} ${error.message}`));
  });
  assert.equal(await (await get('/nums.txt')).text(), "before 500 Can't set headers after they are sent.");
});

test('types that a name fixes, and the coding that a file has by its nature', async (context) => {
  const { gzipSync } = await import('node:zlib');
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"/>';
  const root = makeFiles(context, {
    '.well-known/apple-app-site-association': '{}',
    '.well-known/security.txt': 'Contact: mailto:a@example.org',
    'a.svgz': gzipSync(svg),
    'b.tgz': gzipSync('tar'),
  });
  const { port } = await startServer(context, (request, response) => {
    if (request.url!.endsWith('?own')) response.setHeader('Content-Encoding', 'x-own');
    send(request, request.url!.split('?')[0]!, { root, dotfiles: 'allow' }).pipe(response);
  });
  const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
  for (const [path, type, coding] of [
    ['/.well-known/apple-app-site-association', 'application/json', null],
    ['/.well-known/security.txt', 'text/plain; charset=utf-8', null],
    ['/a.svgz', 'image/svg+xml; charset=utf-8', 'gzip'],
    ['/b.tgz', 'application/gzip', null],
  ] as const) {
    const { headers } = await get(path);
    assert.deepEqual([headers.get('content-type'), headers.get('content-encoding')], [type, coding], path);
  }
  assert.equal(await (await get('/a.svgz')).text(), svg);
  assert.equal((await get('/a.svgz?own')).headers.get('content-encoding'), 'x-own');
});
