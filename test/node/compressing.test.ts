// Behind middleware that compresses, which takes the place of the response's write and end, removes the length, leaves the
// validators and calls no callback of write (expressjs/compression#46): nothing waits for what does not come, and no part of
// the file is joined to a compressed one.

import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { get } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createGzip, gunzipSync, gzipSync } from 'node:zlib';
import express from 'express';
import Fastify from 'fastify';
import fastifyStatic from '../../src/node/fastify.js';
import { sendFile, serveStatic } from '../../src/node/index.js';
import { file, page, respond, writeGather } from '../../src/pages/index.js';
import { until } from '../support/until.js';
import { makeFiles, numberedBytes, startServer } from './support.js';

const text = Buffer.from('every word of it is in the file\n'.repeat(20_000));
const large = numberedBytes(3 * 1024 * 1024);

/** As compression() does: everything goes through gzip where the client takes it; callbacks are dropped. */
function compressing(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const { write, end, on } = response;
  const wanted = /gzip/.test(String(request.headers['accept-encoding'] ?? ''));
  let gzip: ReturnType<typeof createGzip> | undefined;
  const waiting: (() => void)[] = [];
  const begin = (): void => {
    if (gzip !== undefined || !wanted || response.headersSent || request.method === 'HEAD') return;
    gzip = createGzip();
    response.setHeader('Content-Encoding', 'gzip');
    response.removeHeader('Content-Length');
    gzip.on('data', (chunk: Buffer) => write.call(response, chunk, 'latin1', () => undefined) || gzip!.pause());
    on.call(response, 'drain', () => gzip!.resume());
    for (const listener of waiting) gzip.on('drain', listener);
    gzip.on('end', () => end.call(response, undefined as never, 'latin1'));
  };
  response.write = ((chunk: Buffer) => {
    begin();
    return gzip === undefined ? write.call(response, chunk, 'latin1', () => undefined) : gzip.write(chunk);
  }) as typeof response.write;
  response.end = ((chunk?: Buffer) => {
    if (chunk !== undefined && typeof chunk !== 'function') begin();
    if (gzip === undefined) return end.call(response, chunk, 'latin1');
    gzip.end(chunk);
    return response;
  }) as typeof response.end;
  // Who waits for room waits for the compressor's.
  response.on = ((name: string, listener: () => void) => {
    if (name !== 'drain' || !wanted) return on.call(response, name, listener);
    if (gzip === undefined) waiting.push(listener);
    else gzip.on('drain', listener);
    return response;
  }) as typeof response.on;
  next();
}

interface Answer {
  readonly status: number;
  readonly fields: IncomingMessage['headers'];
  readonly body: Buffer;
}

function ask(port: number, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ port, path, headers, agent: false, timeout: 60_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const isGzip = response.headers['content-encoding'] === 'gzip' && bytes.length > 0;
        resolve({ status: response.statusCode!, fields: response.headers, body: isGzip ? gunzipSync(bytes) : bytes });
      });
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer in 5 s: ${path}`)));
    request.on('error', reject);
  });
}

test('pages and lists end, whole and in parts, and their promises resolve', async (context) => {
  const root = makeFiles(context, { 'text.txt': text });
  const markup = '<p>{{{a}}}</p><i>{{{b}}}</i>';
  const whole = page(markup, { a: () => 'x'.repeat(50_000), b: () => file(join(root, 'text.txt')) });
  const late = () => new Promise<string>((resolve) => setTimeout(resolve, 30, 'y'.repeat(50_000)));
  const later = page(markup, { a: () => 'first', b: late }, { streamAfterMs: 0 });
  const outcomes: string[] = [];
  const application = express().use(compressing);
  application.get(
    '/whole',
    async (request, response) => void outcomes.push((await respond(request, response, whole)).outcome),
  );
  application.get(
    '/later',
    async (request, response) => void outcomes.push((await respond(request, response, later)).outcome),
  );
  application.get(
    '/list',
    async (_request, response) =>
      void outcomes.push((await writeGather(response, ['a', text, file(join(root, 'text.txt'))])).outcome),
  );
  const { port } = await startServer(context, application);
  const expected = {
    '/whole': `<p>${'x'.repeat(50_000)}</p><i>${text}</i>`,
    '/later': `<p>first</p><i>${'y'.repeat(50_000)}</i>`,
    '/list': `a${text}${text}`,
  };
  for (const headers of [{ 'accept-encoding': 'gzip' }, {}]) {
    for (const [path, body] of Object.entries(expected))
      assert.equal((await ask(port, path, headers)).body.toString(), body, path);
  }
  await until('every promise', () => outcomes.length === 6);
  assert.deepEqual(new Set(outcomes), new Set(['sent']));
});

test('files end, and no validator of a compressed one makes a part of the file', async (context) => {
  const root = makeFiles(context, { 'text.txt': text, 'large.bin': large });
  const application = express().use(compressing);
  application.get(
    '/sent/:name',
    (request, response) => void sendFile(request, response, request.params['name']!, { root }),
  );
  application.use(serveStatic(root));
  const { port } = await startServer(context, application);
  const fastify = Fastify();
  await fastify.register(fastifyStatic, { root });
  fastify.addHook('onSend', async (request, reply, payload) => {
    if (!/gzip/.test(String(request.headers['accept-encoding'])) || reply.statusCode !== 200) return payload;
    reply.removeHeader('content-length');
    reply.header('content-encoding', 'gzip');
    return (payload as NodeJS.ReadableStream).pipe(createGzip());
  });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  context.after(() => fastify.close());
  const fastifyPort = (fastify.server.address() as { port: number }).port;
  for (const [at, path] of [
    [port, '/text.txt'],
    [port, '/large.bin'],
    [port, '/sent/text.txt'],
    [fastifyPort, '/text.txt'],
  ] as const) {
    const wanted = path.includes('text') ? text : large;
    const gzip = { 'accept-encoding': 'gzip' };
    const first = await ask(at, path, gzip);
    assert.ok(first.body.equals(wanted), path);
    assert.equal(first.fields['content-encoding'], 'gzip');
    assert.match(first.fields.etag!, /^W\//);
    for (const validator of [first.fields.etag!, first.fields.etag!.slice(2), first.fields['last-modified']!]) {
      const resumed = await ask(at, path, { ...gzip, range: 'bytes=100-', 'if-range': validator });
      assert.equal(resumed.status, 200, `${path} ${validator}`);
      assert.ok(resumed.body.equals(wanted), path);
    }
    const revalidated = await ask(at, path, { ...gzip, 'if-none-match': first.fields.etag! });
    assert.equal(revalidated.status, 304);
    const plain = { range: 'bytes=100-199', 'accept-encoding': 'identity;q=1, *;q=0' };
    const part = await ask(at, path, { ...plain, 'if-range': first.fields['last-modified']! });
    assert.deepEqual([part.status, part.body.equals(wanted.subarray(100, 200))], [206, true], path);
    assert.equal((await ask(at, path, { ...plain, 'if-range': first.fields.etag! })).status, 200, path);
  }
});

test('no part is compressed, whose Content-Range counts bytes of the file', async (context) => {
  const root = makeFiles(context, { 'text.txt': text, 'film.mp4': large, 'data.json': text });
  const application = express().use(compressing);
  application.get(
    '/sent/:name',
    (request, response) => void sendFile(request, response, request.params['name']!, { root }),
  );
  application.use(serveStatic(root));
  const { port } = await startServer(context, application);
  for (const range of ['bytes=100-', 'bytes=-5', 'bytes=0-1,5-9']) {
    for (const path of ['/text.txt', '/data.json', '/sent/text.txt']) {
      const answer = await ask(port, path, { 'accept-encoding': 'gzip, br', range });
      assert.deepEqual([answer.status, answer.fields['content-range']], [200, undefined], path);
      assert.ok(answer.body.equals(text), path);
      for (const taken of ['identity', 'identity;q=1, *;q=0', 'gzip;q=0', '']) {
        const plain = await ask(port, path, { 'accept-encoding': taken, range: 'bytes=100-199' });
        assert.deepEqual([plain.status, plain.body.equals(text.subarray(100, 200))], [206, true], taken);
      }
    }
  }
  // Without anything in between it is a part as ever.
  const bare = await startServer(context, (request, response) =>
    serveStatic(root)(request, response, () => response.end()),
  );
  const part = await ask(bare.port, '/text.txt', { 'accept-encoding': 'gzip', range: 'bytes=100-199' });
  assert.deepEqual([part.status, part.body.equals(text.subarray(100, 200))], [206, true]);
});

/** As @fastify/compress: it decorates replies, and its hook compresses what has no coding, whatever the status is. */
async function fastifyServer(context: TestContext, root: string, compresses: boolean): Promise<number> {
  const fastify = Fastify();
  if (compresses) {
    fastify.decorateReply('compress', null);
    fastify.addHook('onSend', async (request, reply, payload) => {
      const isTaken = /\bgzip\b(?!;q=0)/.test(request.headers['accept-encoding'] ?? '');
      if (!isTaken || reply.hasHeader('content-encoding') || /^video/.test(String(reply.getHeader('content-type'))))
        return payload;
      reply.header('content-encoding', 'gzip').removeHeader('content-length');
      return (payload as NodeJS.ReadableStream).pipe(createGzip());
    });
  }
  await fastify.register(fastifyStatic, { root, preCompressed: true });
  await fastify.listen({ port: 0, host: '127.0.0.1' });
  context.after(() => fastify.close());
  return (fastify.server.address() as { port: number }).port;
}

test('no part is compressed by @fastify/compress; without it, and of what it leaves alone, parts are given', async (context) => {
  const compressed = gzipSync(text);
  const root = makeFiles(context, {
    'text.txt': text,
    'film.mp4': large,
    'coded.txt': text,
    'coded.txt.gz': compressed,
  });
  const range = 'bytes=100-199';
  const both = { 'accept-encoding': 'gzip', range };
  const port = await fastifyServer(context, root, true);
  const whole = await ask(port, '/text.txt', both);
  assert.deepEqual(
    [whole.status, whole.fields['content-range'], whole.fields['content-encoding']],
    [200, undefined, 'gzip'],
  );
  assert.ok(whole.body.equals(text));
  const plain = await fastifyServer(context, root, false);
  for (const [from, path, headers, bytes] of [
    [port, '/text.txt', { range }, text],
    [port, '/film.mp4', both, large],
    [plain, '/text.txt', both, text],
  ] as const) {
    const part = await ask(from, path, headers);
    assert.deepEqual([part.status, part.body.equals(bytes.subarray(100, 200))], [206, true], path);
  }
  // Of what lies beside it in a coding it is a part of the coded bytes, which no hook touches.
  const coded = await new Promise<IncomingMessage>((resolve) =>
    get({ port, path: '/coded.txt', headers: both, agent: false }, resolve),
  );
  assert.deepEqual(Buffer.concat(await coded.toArray()), compressed.subarray(100, 200));
  assert.deepEqual([coded.statusCode, coded.headers['content-encoding']], [206, 'gzip']);
});

/** As middleware does that changes a page as a whole: nothing leaves before the end, and the head is another by then. */
function collecting(_request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const { end } = response;
  const chunks: Buffer[] = [];
  const take = (chunk: unknown): void => {
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
  };
  response.write = ((chunk: unknown) => {
    take(chunk);
    return true;
  }) as typeof response.write;
  response.end = ((chunk?: unknown) => {
    take(chunk);
    const body = Buffer.concat(chunks);
    response.removeHeader('Transfer-Encoding');
    response.setHeader('Content-Length', body.length);
    return end.call(response, body, 'latin1');
  }) as typeof response.end;
  next();
}

test('the head of a page that is streamed waits for who may change it; corks keep nothing back', async (context) => {
  const root = makeFiles(context, { 'text.txt': text });
  const late = () => new Promise<string>((resolve) => setTimeout(resolve, 20, 'y'.repeat(50_000)));
  const shape = { a: () => 'first', b: late, c: () => file(join(root, 'text.txt')) };
  const later = page('<p>{{{a}}}{{{b}}}</p>{{{c}}}', shape, { streamAfterMs: 0 });
  const expected = `<p>first${'y'.repeat(50_000)}</p>${text}`;
  const corked = (_request: IncomingMessage, response: ServerResponse, next: () => void): void => {
    response.cork();
    response.cork();
    next();
  };
  for (const between of [[collecting], [corked], [corked, compressing], [corked, collecting]]) {
    const application = express().use(...between);
    application.get('/page', (request, response) => void respond(request, response, later));
    application.get('/list', (_request, response) => void writeGather(response, [expected]));
    application.get('/sent', (request, response) => void sendFile(request, response, '/text.txt', { root }));
    const { port } = await startServer(context, application);
    for (const headers of [{ 'accept-encoding': 'gzip' }, {}]) {
      const names = between.map(({ name }) => name).join();
      assert.equal((await ask(port, '/page', headers)).body.toString(), expected, names);
      assert.equal((await ask(port, '/list', headers)).body.toString(), expected, names);
      assert.ok((await ask(port, '/sent', headers)).body.equals(text), names);
    }
  }
});

test('two releases of the same size and time have no strong tag in common', async (context) => {
  const root = makeFiles(context, { 'a.txt': 'release 1' });
  const { port } = await startServer(context, (request, response) =>
    serveStatic(root)(request, response, () => response.end()),
  );
  utimesSync(join(root, 'a.txt'), 1, 1);
  const { etag } = (await ask(port, '/a.txt')).fields;
  writeFileSync(join(root, 'a.txt'), 'release 2');
  utimesSync(join(root, 'a.txt'), 1, 1);
  const resumed = await ask(port, '/a.txt', { range: 'bytes=3-', 'if-range': etag! });
  assert.deepEqual([resumed.status, resumed.body.toString()], [200, 'release 2']);
  assert.match(etag!, /^W\//);
});
