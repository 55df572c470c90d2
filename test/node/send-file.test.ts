// sendFile on responses of node:http: what leaves, in what order, and what the response says of itself meanwhile.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { openSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dropCached } from '../../src/kernel/file.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { type SendResult, sendFile } from '../../src/node/index.js';
import { nodeRuntime } from '../../src/node/runtime.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { until } from '../support/until.js';
import { makeFiles, numberedBytes, parseResponses, startServer, WireClient } from './support.js';

const large = numberedBytes(12 * 1024 * 1024);
const direct = nodeRuntime().shared !== undefined;
const skip = direct ? false : `no sendfile here: ${nodeRuntime().reason}`;

/** A server of one directory that keeps what became of each request. */
async function serveFiles(context: Parameters<typeof makeFiles>[0], files: Record<string, string | Buffer>) {
  const root = makeFiles(context, files);
  const results: SendResult[] = [];
  const { server, port } = await startServer(context, (request, response) => {
    sendFile(request, response, request.url!, { root }).then(
      (result) => results.push(result),
      (error) => {
        response.statusCode = error.status;
        response.setHeader('Content-Length', 0);
        response.end();
      },
    );
  });
  return { root, server, port, results };
}

test('a large file leaves by sendfile, whole and with its length; the connection goes on', {
  skip,
}, async (context) => {
  const { port, results } = await serveFiles(context, { 'large.bin': large });
  const client = new WireClient(port);
  for (let round = 1; round <= 2; round++) {
    client.request(['/large.bin']);
    await until('the result', () => results.length === round);
    await until('the body', () => parseResponses(client.received())[round - 1]?.body.length === large.length);
  }
  client.socket.destroy();
  const responses = parseResponses(client.received());
  assert.deepEqual(
    responses.map((each) => [each.status, each.body.equals(large)]),
    [
      [200, true],
      [200, true],
    ],
  );
  assert.deepEqual(results[0], { status: 200, way: 'sendfile', outcome: 'sent', bytes: large.length });
});

test('pipelined answers keep their order around a large file', { skip }, async (context) => {
  const { port } = await serveFiles(context, { 'large.bin': large, 'a.txt': 'first', 'b.txt': 'last' });
  const client = new WireClient(port);
  client.request(['/a.txt', '/large.bin', '/b.txt', '/large.bin', '/missing', '/b.txt']);
  await client.receive(2 * large.length + 1500);
  await until('the last answer', () => client.received().subarray(-4).toString() === 'last');
  client.socket.destroy();
  const responses = parseResponses(client.received());
  assert.deepEqual(
    responses.map((each) => each.status),
    [200, 200, 200, 200, 404, 200],
  );
  assert.equal(responses[0]!.body.toString(), 'first');
  assert.ok(responses[1]!.body.equals(large) && responses[3]!.body.equals(large));
  assert.equal(responses[2]!.body.toString(), 'last');
});

test('HEAD, 304, 206, 412 and 416 have the bytes that they should', async (context) => {
  const { port, results } = await serveFiles(context, { 'large.bin': large });
  const { headers: known } = await fetch(`http://127.0.0.1:${port}/large.bin`, { method: 'HEAD' });
  assert.equal(known.get('content-length'), String(large.length));
  const etag = known.get('etag')!;
  assert.match(etag, /^W\//);
  const get = (headers: Record<string, string>) => fetch(`http://127.0.0.1:${port}/large.bin`, { headers });
  assert.equal((await get({ 'if-none-match': etag })).status, 304);
  assert.equal((await get({ 'if-match': '"other"' })).status, 412);
  const outside = await get({ range: `bytes=${large.length}-` });
  assert.deepEqual([outside.status, outside.headers.get('content-range')], [416, `bytes */${large.length}`]);
  const part = await get({ range: 'bytes=1000001-9000000', 'if-range': known.get('last-modified')! });
  assert.equal(part.status, 206);
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(large.subarray(1_000_001, 9_000_001)));
  const stale = await get({ range: 'bytes=0-3', 'if-range': '"other"' });
  assert.equal(stale.status, 200);
  assert.ok(Buffer.from(await stale.arrayBuffer()).equals(large));
  assert.deepEqual(
    results.map((each) => each.way),
    ['none', 'none', 'none', 'none', direct ? 'sendfile' : 'stream', direct ? 'sendfile' : 'stream'],
  );
});

test('several ranges leave as multipart/byteranges, text and extents in turn', async (context) => {
  const { port } = await serveFiles(context, { 'large.bin': large });
  const headers = { range: 'bytes=0-9,3000000-8999999,-7' };
  const response = await fetch(`http://127.0.0.1:${port}/large.bin`, { headers });
  assert.equal(response.status, 206);
  const boundary = /^multipart\/byteranges; boundary=(\w+)$/.exec(response.headers.get('content-type')!)![1]!;
  const body = Buffer.from(await response.arrayBuffer());
  assert.equal(body.length, Number(response.headers.get('content-length')));
  let rest = body.toString('latin1').split(`--${boundary}`);
  assert.equal(rest.at(-1), '--\r\n');
  rest = rest.slice(1, -1).map((part) => part.slice(part.indexOf('\r\n\r\n') + 4, -2));
  const wanted = [large.subarray(0, 10), large.subarray(3_000_000, 9_000_000), large.subarray(-7)];
  assert.deepEqual(
    rest.map((part, index) => wanted[index]!.equals(Buffer.from(part, 'latin1'))),
    [true, true, true],
  );
});

test('the response says of itself what it says of any body', async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const seen: string[] = [];
  const { port } = await startServer(context, async (request, response) => {
    response.strictContentLength = true;
    response.on('finish', () => seen.push('finish'));
    response.on('close', () => seen.push('close'));
    const sent = sendFile(request, response, '/large.bin', { root });
    await until('the head leaves', () => response.headersSent);
    seen.push(`sent ${response.headersSent} ended ${response.writableEnded} finished ${response.writableFinished}`);
    await sent;
    seen.push(`sent ${response.headersSent} ended ${response.writableEnded}`);
  });
  const client = new WireClient(port);
  client.socket.pause();
  client.request(['/large.bin'], 'Connection: close\r\n');
  await until('the head', () => seen.length > 0);
  client.socket.resume();
  await client.closed;
  assert.deepEqual(seen, ['sent true ended false finished false', 'finish', 'close', 'sent true ended true']);
  assert.ok(parseResponses(client.received())[0]!.body.equals(large));
});

test('a file that shrinks ends the connection at once; nothing is sent behind it', async (context) => {
  const huge = Buffer.alloc(40 * 1024 * 1024);
  const { root, port, results } = await serveFiles(context, { 'large.bin': huge, 'b.txt': 'behind' });
  const client = new WireClient(port);
  client.request(['/large.bin', '/b.txt']);
  // Its first bytes say that the length was promised; far more than a socket holds is still to come.
  await once(client.socket, 'data');
  client.socket.pause();
  truncateSync(join(root, 'large.bin'), 5_000_000);
  client.socket.resume();
  await client.closed;
  assert.equal(results[0]?.outcome, 'truncated');
  const received = client.received();
  assert.ok(received.length < huge.length);
  assert.equal(received.indexOf('behind'), -1);
  assert.equal(received.indexOf('HTTP/1.1', 10), -1);
});

test('a cold file is fetched without stopping the loop', { skip }, async (context) => {
  const { root, port } = await serveFiles(context, { 'large.bin': large });
  const fd = openSync(join(root, 'large.bin'), 'r+');
  const { fsyncSync } = await import('node:fs');
  fsyncSync(fd);
  dropCached(fd);
  closeDescriptor(fd);
  const before = nodeRuntime().shared!.counts.coldFetches;
  const response = await fetch(`http://127.0.0.1:${port}/large.bin`);
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(large));
  const fetched = nodeRuntime().shared!.counts.coldFetches - before;
  if (fetched === 0) context.diagnostic('this file system keeps its pages: nothing was cold');
});

test('a small cold file is not read on the loop', { skip }, async (context) => {
  const { root, port, results } = await serveFiles(context, { 'small.txt': 'small' });
  const fd = openSync(join(root, 'small.txt'), 'r+');
  (await import('node:fs')).fsyncSync(fd);
  dropCached(fd);
  closeDescriptor(fd);
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/small.txt`)).text(), 'small');
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/small.txt`)).text(), 'small');
  assert.equal(results[1]!.way, 'inline');
});

test('who changes a file and then asks for it gets the new one', async (context) => {
  const { root, port } = await serveFiles(context, { 'page.txt': 'old', 'deep/er/page.txt': 'old' });
  const { writeFileSync, renameSync, rmSync, mkdirSync } = await import('node:fs');
  for (const name of ['page.txt', 'deep/er/page.txt']) {
    const get = async () => (await fetch(`http://127.0.0.1:${port}/${name}`)).text();
    assert.equal(await get(), 'old');
    writeFileSync(join(root, name), 'in place');
    assert.equal(await get(), 'in place');
    writeFileSync(join(root, `${name}.new`), 'renamed');
    renameSync(join(root, `${name}.new`), join(root, name));
    assert.equal(await get(), 'renamed');
  }
  rmSync(root, { recursive: true });
  assert.equal((await fetch(`http://127.0.0.1:${port}/page.txt`)).status, 404);
  mkdirSync(root);
  writeFileSync(join(root, 'page.txt'), 'another root');
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/page.txt`)).text(), 'another root');
});

test('errors leave the response to the application', async (context) => {
  const { port } = await serveFiles(context, { 'a.txt': 'a', 'dir/b.txt': 'b', '.secret': 'no' });
  const status = async (path: string) => {
    const client = new WireClient(port);
    client.request([path], 'Connection: close\r\n');
    await client.closed;
    return parseResponses(client.received())[0]!.status;
  };
  assert.equal(await status('/missing'), 404);
  assert.equal(await status('/dir'), 404);
  assert.equal(await status('/.secret'), 404);
  assert.equal(await status('/%'), 400);
  assert.equal(await status('/a%00.txt'), 400);
  assert.equal(await status('/../a.txt'), 403);
  assert.equal(await status('/%2e%2e/a.txt'), 403);
  assert.equal(await status(`/${'long/'.repeat(900)}`), 404);
  assert.equal(await status('/a.txt/'), 404);
  assert.equal(await status('/dir/../a.txt'), 200);
});

test('a query behind a path beneath a root is no part of the name', async (context) => {
  const { port } = await serveFiles(context, { 'a.txt': 'first', 'b?.txt': 'second' });
  const client = new WireClient(port);
  client.request(['/a.txt?v=1', '/a.txt?', '/b%3F.txt?v=/../', '/b?.txt']);
  await until('the answers', () => parseResponses(client.received()).length === 4);
  client.socket.destroy();
  assert.deepEqual(
    parseResponses(client.received()).map(({ status, body }) => [status, body.toString()]),
    [
      [200, 'first'],
      [200, 'first'],
      [200, 'second'],
      [404, ''],
    ],
  );
});

test('what is no path and no place in a file is refused before the head: no length is made of it', async (context) => {
  const root = makeFiles(context, { 'a.txt': '0123456789' });
  const codes: unknown[] = [];
  const wrong: readonly (readonly [path: unknown, options: object])[] = [
    ...[undefined, null, 7, {}, ['/a.txt'], Symbol('s')].map((path) => [path, {}] as const),
    ...[-1, Number.NaN, 2.5, '2', {}, 1n, Number.NEGATIVE_INFINITY].flatMap((value) => [
      ['/a.txt', { start: value }] as const,
      ['/a.txt', { end: value }] as const,
    ]),
  ];
  const { port } = await startServer(context, async (request, response) => {
    for (const [path, options] of wrong)
      await sendFile(request, response, path as string, { root, ...options }).catch((error) => codes.push(error.code));
    const right = { root, start: 2, end: Number.POSITIVE_INFINITY };
    await sendFile(request, response, '/a.txt', right);
  });
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(await answer.text(), '23456789');
  assert.deepEqual(codes, [...Array(6).fill('CLEARWAY_ARGUMENT'), ...Array(14).fill('CLEARWAY_OPTION')]);
});

test('no descriptor stays open behind answers of every kind', { skip }, async (context) => {
  const { root, port, results } = await serveFiles(context, { 'large.bin': large, 'a.txt': 'a' });
  const pattern = new RegExp(`^${root}/.`);
  for (let round = 0; round < 30; round++) {
    const client = new WireClient(port);
    client.request(['HEAD /large.bin', '/missing', '/a.txt', '/large.bin']);
    await client.receive(round * 10_000 + 1);
    client.socket.destroy();
  }
  await until('the answers', () => results.length >= 90 - 30);
  await until('the end of all transfers', () => nodeRuntime().shared!.transfers === 0);
  assert.ok(openDescriptors(pattern).length <= 2, `one a file: ${openDescriptors(pattern)}`);
});
