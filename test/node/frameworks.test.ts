// The doors into Express 4 style middleware, Express 5, Fastify and Hono: a large file leaves by sendfile through each, a
// small one from memory, and what each framework promises around it holds.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { createGzip } from 'node:zlib';
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import Fastify, { type FastifyInstance } from 'fastify';
import { Hono } from 'hono';
import fastifyStatic from '../../src/node/fastify.js';
import { serveStatic as honoStatic } from '../../src/node/hono.js';
import { type ServeStaticOptions, serveStatic } from '../../src/node/index.js';
import { nodeRuntime } from '../../src/node/runtime.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { until } from '../support/until.js';
import { makeFiles, numberedBytes, WireClient } from './support.js';

type Context = Parameters<typeof makeFiles>[0];

const large = numberedBytes(6 * 1024 * 1024);
const files = {
  'large.bin': large,
  'a.txt': 'a small file',
  'docs/index.html': '<h1>docs</h1>',
  'docs/page.html': '<h1>page</h1>',
  '.hidden': 'secret',
  'grüße & co.txt': 'umlauts',
  '100%.txt': 'percent',
};

async function listen(context: Context, server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** True while the process holds a transfer: that is what sendfile shows of itself. */
async function sentByReference(request: () => Promise<Response>): Promise<boolean> {
  const { shared } = nodeRuntime();
  if (shared === undefined) return false;
  const response = await request();
  const during = shared.transfers > 0;
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(large));
  return during;
}

async function express5(context: Context, options?: ServeStaticOptions, mount = '/') {
  const root = makeFiles(context, files);
  const app = express();
  app.use(mount, serveStatic(root, options));
  app.use((_request, response) => {
    response.status(404).send('the next one');
  });
  app.use(((error, _request, response, _next) => {
    response.status(error.status).json({ name: error.name, code: error.code });
  }) as express.ErrorRequestHandler);
  return { root, url: await listen(context, createServer(app)) };
}

test('Express 5: files, index, redirect, fall through', async (context) => {
  const { url } = await express5(context, {}, '/static');
  assert.equal(await (await fetch(`${url}/static/a.txt`)).text(), 'a small file');
  assert.equal(await (await fetch(`${url}/static/docs/`)).text(), '<h1>docs</h1>');
  assert.equal(await (await fetch(`${url}/static/gr%C3%BC%C3%9Fe%20%26%20co.txt`)).text(), 'umlauts');
  assert.equal(await (await fetch(`${url}/static/100%25.txt`)).text(), 'percent');
  const moved = await fetch(`${url}/static/docs?q=1`, { redirect: 'manual' });
  assert.deepEqual([moved.status, moved.headers.get('location')], [301, '/static/docs/?q=1']);
  const mount = await fetch(`${url}/static`, { redirect: 'manual' });
  assert.deepEqual([mount.status, mount.headers.get('location')], [301, '/static/']);
  for (const path of ['missing', '.hidden', 'docs/..%2f..%2fa.txt', '%', 'a.txt/']) {
    const response = await fetch(`${url}/static/${path}`);
    assert.deepEqual([response.status, await response.text()], [404, 'the next one'], path);
  }
  const posted = await fetch(`${url}/static/a.txt`, { method: 'POST' });
  assert.equal(posted.status, 404);
  assert.equal(await sentByReference(() => fetch(`${url}/static/large.bin`)), nodeRuntime().shared !== undefined);
});

test('Express 5: errors go to the application when nothing may fall through', async (context) => {
  const { url } = await express5(context, { fallthrough: false, dotfiles: 'deny' });
  const answer = async (path: string, headers = {}) => {
    const response = await fetch(url + path, { headers });
    return [response.status, await response.json()];
  };
  assert.deepEqual(await answer('/missing'), [404, { name: 'Error', code: 'ENOENT' }]);
  assert.deepEqual(await answer('/%'), [400, { name: 'BadRequestError' }]);
  assert.deepEqual(await answer('/.hidden'), [403, { name: 'ForbiddenError' }]);
  assert.deepEqual(await answer('/a.txt', { 'if-match': '"x"' }), [412, { name: 'PreconditionFailedError' }]);
  assert.deepEqual(await answer('/a.txt', { range: 'bytes=99-' }), [416, { name: 'RangeNotSatisfiableError' }]);
  const put = await fetch(`${url}/a.txt`, { method: 'PUT' });
  assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD']);
});

test('serveStatic: fields that the application set stay, and its options are heard', async (context) => {
  const root = makeFiles(context, files);
  const app = express();
  app.disable('etag');
  app.use((_request, response, next) => {
    response.setHeader('Content-Type', 'text/x-own');
    response.setHeader('ETag', 'W/"own"');
    next();
  });
  const paths: string[] = [];
  const setHeaders: ServeStaticOptions['setHeaders'] = (response, path, stats) => {
    paths.push(`${path} ${stats.size} ${stats.isFile()}`);
    response.setHeader('X-Modified', stats.mtime.toUTCString());
  };
  app.use(serveStatic(root, { maxAge: '2 days', immutable: true, extensions: ['txt', 'html'], setHeaders }));
  const url = await listen(context, createServer(app));
  const response = await fetch(`${url}/a`);
  assert.equal(response.headers.get('content-type'), 'text/x-own');
  assert.equal(response.headers.get('etag'), 'W/"own"');
  assert.equal(response.headers.get('cache-control'), 'public, max-age=172800, immutable');
  assert.equal(response.headers.get('x-modified'), response.headers.get('last-modified'));
  assert.deepEqual(paths, [`${join(root, 'a.txt')} 12 true`]);
  // An application's weak tag serves If-None-Match (RFC 9110 section 13.1.2), but neither If-Match nor If-Range.
  const status = async (headers: Record<string, string>) => (await fetch(`${url}/a.txt`, { headers })).status;
  assert.equal(await status({ 'if-none-match': '"own"' }), 304);
  assert.equal(await status({ 'if-match': 'W/"own"' }), 412);
  assert.equal(await status({ range: 'bytes=0-1', 'if-range': 'W/"own"' }), 200);
});

test('links that lead out of the root are not there, unless they are to be followed', async (context) => {
  const root = makeFiles(context, { 'inside/a.txt': 'inside' });
  const outside = makeFiles(context, { 'b.txt': 'outside' });
  symlinkSync(join(outside, 'b.txt'), join(root, 'out.txt'));
  symlinkSync('inside', join(root, 'in'));
  symlinkSync(join(root, 'inside'), join(root, 'absolute'));
  for (const links of ['beneath', 'follow'] as const) {
    const app = express();
    app.use(serveStatic(root, { links }));
    const url = await listen(context, createServer(app));
    assert.equal(await (await fetch(`${url}/in/a.txt`)).text(), 'inside');
    assert.equal(await (await fetch(`${url}/absolute/a.txt`)).text(), 'inside');
    const out = await fetch(`${url}/out.txt`);
    assert.equal(out.status, links === 'follow' ? 200 : 404);
    await out.arrayBuffer();
  }
});

async function fastifyServer(context: Context, register: (app: FastifyInstance) => void): Promise<string> {
  const app = Fastify();
  register(app);
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  context.after(() => void app.close());
  return url;
}

test('Fastify: files, decorators, hooks that read the body', async (context) => {
  const root = makeFiles(context, files);
  const url = await fastifyServer(context, (app) => {
    app.register(fastifyStatic, { root, prefix: '/static/', maxAge: '1h' });
    app.get('/named', (_request, reply) => reply.sendFile('a.txt'));
    app.get('/download', (_request, reply) => reply.download('a.txt', 'grüße.txt'));
    app.get('/status', (_request, reply) => reply.code(503).sendFile('a.txt'));
    app.register(async (inner) => {
      inner.addHook('onSend', async (_request, reply, payload) => {
        reply.removeHeader('content-length');
        reply.header('content-encoding', 'gzip');
        return (payload as NodeJS.ReadableStream).pipe(createGzip());
      });
      inner.get('/packed', (_request, reply) => reply.sendFile('large.bin'));
    });
  });
  assert.equal(await (await fetch(`${url}/static/a.txt`)).text(), 'a small file');
  assert.equal(await sentByReference(() => fetch(`${url}/static/large.bin`)), nodeRuntime().shared !== undefined);
  const named = await fetch(`${url}/named`);
  assert.equal(named.headers.get('cache-control'), 'public, max-age=3600');
  assert.equal(await named.text(), 'a small file');
  const download = await fetch(`${url}/download`);
  const disposition = `attachment; filename="gr??e.txt"; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt`;
  assert.equal(download.headers.get('content-disposition'), disposition);
  assert.equal((await fetch(`${url}/status`)).status, 503);
  const packed = await fetch(`${url}/packed`);
  assert.ok(Buffer.from(await packed.arrayBuffer()).equals(large));
  const part = await fetch(`${url}/static/large.bin`, { headers: { range: 'bytes=5-1000004' } });
  assert.equal(part.status, 206);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(large.subarray(5, 1_000_005)));
  const head = await fetch(`${url}/static/large.bin`, { method: 'HEAD' });
  assert.equal(head.headers.get('content-length'), String(large.length));
  assert.equal((await fetch(`${url}/static/..%2f..%2fetc/passwd`)).status, 404);
  assert.equal((await fetch(`${url}/static/missing`)).status, 404);
});

test("Fastify: a hook that sends something else in a file's place leaves no file open", async (context) => {
  const root = makeFiles(context, files);
  const url = await fastifyServer(context, (app) => {
    app.register(fastifyStatic, { root });
    app.addHook('onSend', async (_request, reply) => {
      reply.removeHeader('content-length');
      return 'something else';
    });
  });
  const open = (): string[] => openDescriptors(/large\.bin \(deleted\)$/).filter((link) => link.startsWith(root));
  for (let round = 0; round < 3; round++) {
    assert.equal(await (await fetch(`${url}/large.bin`)).text(), 'something else');
    // Another file of the same name: who holds the one before does so for no request of later.
    writeFileSync(join(root, 'fresh'), large);
    renameSync(join(root, 'fresh'), join(root, 'large.bin'));
  }
  assert.equal(await (await fetch(`${url}/large.bin`)).text(), 'something else');
  await until('the files that were replaced are closed', () => open().length === 0);
});

test('Fastify: codings beside a file have their own tag, and the answer varies', async (context) => {
  const root = makeFiles(context, { 'a.txt': 'plain', 'a.txt.br': 'brotli', 'only.css.gz': 'gzipped' });
  const url = await fastifyServer(context, (app) => {
    app.register(fastifyStatic, { root, preCompressed: true });
  });
  const get = (path: string, accepted: string) => fetch(url + path, { headers: { 'accept-encoding': accepted } });
  const plain = await get('/a.txt', 'identity');
  const coded = await get('/a.txt', 'gzip, br;q=0.5');
  assert.deepEqual([plain.headers.get('vary'), coded.headers.get('vary')], ['accept-encoding', 'accept-encoding']);
  assert.equal(coded.headers.get('content-encoding'), 'br');
  assert.equal(coded.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.notEqual(coded.headers.get('etag'), plain.headers.get('etag'));
  const only = await get('/only.css', 'gzip');
  assert.deepEqual(
    [only.status, only.headers.get('content-encoding'), only.headers.get('content-type')],
    [200, 'gzip', 'text/css; charset=utf-8'],
  );
  assert.equal((await get('/a.txt', 'br;q=0')).headers.get('content-encoding'), null);
});

test('Fastify: a route for each file, with what is left out; listings', async (context) => {
  const root = makeFiles(context, { ...files, 'docs/page.html.map': 'map' });
  symlinkSync('.', join(root, 'docs', 'round'));
  const routes: string[] = [];
  const url = await fastifyServer(context, (app) => {
    app.addHook('onRoute', (route) => {
      routes.push(route.url);
    });
    app.register(fastifyStatic, { root, wildcard: false, globIgnore: ['**/*.map'], decorateReply: false });
    app.register(fastifyStatic, { root, prefix: '/list/', list: true, index: false });
  });
  assert.equal(await (await fetch(`${url}/docs/page.html`)).text(), '<h1>page</h1>');
  assert.equal(await (await fetch(`${url}/docs/`)).text(), '<h1>docs</h1>');
  assert.equal(await (await fetch(`${url}/100%25.txt`)).text(), 'percent');
  assert.equal((await fetch(`${url}/docs/page.html.map`)).status, 404);
  assert.ok(!routes.some((route) => route.includes('.map') || route.includes('round/round')));
  const listing = await (await fetch(`${url}/list/docs/`)).json();
  assert.deepEqual(listing, { dirs: ['round'], files: ['index.html', 'page.html', 'page.html.map'] });
});

test("Hono on node-server: the file goes into Node's response", async (context) => {
  const root = makeFiles(context, files);
  const app = new Hono();
  app.use('*', async (honoContext, next) => {
    honoContext.header('X-Before', 'set');
    await next();
  });
  app.use('/static/*', honoStatic({ root, rewriteRequestPath: (path) => path.replace('/static', '') }) as never);
  app.all('*', (honoContext) => honoContext.text('the next one', 404));
  const url = await listen(context, createServer(getRequestListener(app.fetch)));
  const small = await fetch(`${url}/static/a.txt`);
  assert.deepEqual([small.status, small.headers.get('x-before')], [200, 'set']);
  assert.equal(await small.text(), 'a small file');
  assert.equal(await (await fetch(`${url}/static/docs`)).text(), '<h1>docs</h1>');
  assert.equal(await sentByReference(() => fetch(`${url}/static/large.bin`)), nodeRuntime().shared !== undefined);
  const part = await fetch(`${url}/static/a.txt`, { headers: { range: 'bytes=2-6' } });
  assert.deepEqual([part.status, await part.text()], [206, 'small']);
  assert.equal((await fetch(`${url}/static/a.txt`, { headers: { range: 'bytes=99-' } })).status, 416);
  assert.deepEqual([(await fetch(`${url}/static/no`)).status, (await fetch(`${url}/other`)).status], [404, 404]);
});

test('Hono: no spelling of an address goes past a guard that the router matched', async (context) => {
  const root = makeFiles(context, { 'private/secret.txt': 'the secret', 'a.txt': 'open' });
  const app = new Hono();
  app.use('/private/*', async (honoContext) => honoContext.text('guarded', 403));
  app.use('/*', honoStatic({ root }) as never);
  const server = createServer(getRequestListener(app.fetch));
  await listen(context, server);
  const { port } = server.address() as AddressInfo;
  for (const target of [
    '/private/secret.txt',
    '//x/private/secret.txt',
    '/\\x/private/secret.txt',
    '/a/%2e%2e/private/secret.txt',
    '/a/../private/secret.txt',
    '//',
    '/a.txt',
  ]) {
    const client = new WireClient(port);
    client.request([target], 'Connection: close\r\n');
    await client.closed;
    const text = client.received().toString('latin1');
    assert.ok(!text.includes('the secret'), target);
    assert.match(text, /^HTTP\/1\.1 (200|400|403|404) /, target);
    assert.equal(text.endsWith('open'), target === '/a.txt', target);
  }
});

test("a link to another directory in the root's place is seen by the next request", async (context) => {
  const base = makeFiles(context, { 'one/a.txt': 'release one', 'two/a.txt': 'release two' });
  const root = join(base, 'current');
  symlinkSync('one', root);
  const app = express();
  app.use(serveStatic(root));
  const url = await listen(context, createServer(app));
  assert.equal(await (await fetch(`${url}/a.txt`)).text(), 'release one');
  const { renameSync } = await import('node:fs');
  const fresh = `${root}.${randomUUID()}`;
  symlinkSync('two', fresh);
  renameSync(fresh, root);
  assert.equal(await (await fetch(`${url}/a.txt`)).text(), 'release two');
});

test('more roots than are kept open: the old ones are let go', {
  skip: nodeRuntime().reason ?? false,
}, async (context) => {
  const base = makeFiles(context, {});
  for (let index = 0; index < 40; index++) {
    mkdirSync(join(base, `r${index}`));
    writeFileSync(join(base, `r${index}`, 'a.txt'), `root ${index}`);
  }
  const servers = Array.from({ length: 40 }, (_, index) => serveStatic(join(base, `r${index}`)));
  const url = await listen(
    context,
    createServer((request, response) => {
      const index = Number(/^\/(\d+)\//.exec(request.url!)![1]);
      request.url = '/a.txt';
      servers[index]!(request, response, () => response.end());
    }),
  );
  for (let round = 0; round < 2; round++) {
    for (let index = 0; index < 40; index++) {
      assert.equal(await (await fetch(`${url}/${index}/`)).text(), `root ${index}`);
    }
  }
  await until(
    'the old ones are closed',
    () => openDescriptors(/^/).filter((link) => link.startsWith(base)).length <= 64,
  );
  await until('few watchers are left', () => openDescriptors(/^anon_inode:inotify$/).length <= 34);
});
