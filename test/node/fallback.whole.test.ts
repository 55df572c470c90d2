// Where there is no plain socket to send on: TLS, HTTP/2, worker threads, and `sendfile: false`. The same answers by stream or
// from memory, the same faults noticed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, truncateSync } from 'node:fs';
import { connect as connect2, createSecureServer } from 'node:http2';
import { createServer as createTlsServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type SendResult, sendFile } from '../../src/node/index.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { until } from '../support/until.js';
import { makeFiles, numberedBytes, startServer, WireClient } from './support.js';

const large = numberedBytes(6 * 1024 * 1024);

/** A key and a certificate of this test's own; undefined without openssl. */
function makeCertificate(context: Parameters<typeof makeFiles>[0]): { key: Buffer; cert: Buffer } | undefined {
  const directory = makeFiles(context, {});
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
  const made = spawnSync('openssl', [...words, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return made.status === 0 ? { key: readFileSync(key), cert: readFileSync(cert) } : undefined;
}

const withoutOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not on PATH';

test('over TLS a body goes as a stream, a small one from memory', { skip: withoutOpenssl }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large, 'a.txt': 'small' });
  const results: SendResult[] = [];
  const server = createTlsServer(makeCertificate(context)!, async (request, response) => {
    results.push(await sendFile(request, response, request.url!, { root }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const read = (path: string) =>
    new Promise<Buffer>((resolve) => {
      get({ port, path, rejectUnauthorized: false, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => resolve(Buffer.concat(chunks)));
      });
    });
  assert.ok((await read('/large.bin')).equals(large));
  await read('/a.txt');
  assert.equal((await read('/a.txt')).toString(), 'small');
  assert.equal(results[0]!.way, 'stream');
  assert.equal(results[0]!.outcome, 'sent');
});

test('over HTTP/2 too', { skip: withoutOpenssl }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large, 'a.txt': 'small' });
  const results: SendResult[] = [];
  const server = createSecureServer(makeCertificate(context)!, async (request, response) => {
    results.push(await sendFile(request as never, response as never, request.url, { root }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect2(`https://127.0.0.1:${(server.address() as AddressInfo).port}`, { rejectUnauthorized: false });
  context.after(() => {
    client.close();
    server.close();
  });
  const read = (path: string, fields = {}) =>
    new Promise<[number, Buffer]>((resolve, reject) => {
      const stream = client.request({ ':path': path, ...fields });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers) => {
        status = Number(headers[':status']);
      });
      stream.on('data', (chunk) => chunks.push(chunk));
      stream.on('end', () => resolve([status, Buffer.concat(chunks)]));
      stream.on('error', reject);
    });
  const [status, body] = await read('/large.bin');
  assert.deepEqual([status, body.equals(large)], [200, true]);
  const [partial, part] = await read('/large.bin', { range: 'bytes=7-4000007' });
  assert.deepEqual([partial, part.equals(large.subarray(7, 4_000_008))], [206, true]);
  await until('both results', () => results.length === 2);
  assert.deepEqual(
    results.map((each) => [each.way, each.outcome]),
    [
      ['stream', 'sent'],
      ['stream', 'sent'],
    ],
  );
});

test('by stream, a shrinking file ends the connection and a lost client ends the reading', async (context) => {
  const root = makeFiles(context, { 'large.bin': numberedBytes(16 * 1024 * 1024) });
  const results: SendResult[] = [];
  const { port } = await startServer(context, async (request, response) => {
    results.push(await sendFile(request, response, '/large.bin', { root, sendfile: false }));
  });
  const lost = new WireClient(port);
  lost.socket.pause();
  lost.request(['/large.bin']);
  const held = (): number => openDescriptors(new RegExp(`^${root}/`)).length;
  await until('the file to be opened', () => held() > 0);
  lost.socket.destroy();
  await until('the lost client', () => results.length === 1 && held() === 0);
  const client = new WireClient(port);
  client.socket.pause();
  client.request(['/large.bin', '/large.bin']);
  await until('the file to be opened again', () => held() > 0);
  await sleep(50);
  truncateSync(join(root, 'large.bin'), 9_000_000);
  client.socket.resume();
  await client.closed;
  assert.deepEqual(
    results.slice(0, 2).map((each) => each.outcome),
    ['aborted', 'truncated'],
  );
  assert.equal(client.received().indexOf('HTTP/1.1', 10), -1);
  await until('one descriptor at most', () => held() <= 1);
});

test('in a worker thread everything goes by the portable tree, with the same answers', async (context) => {
  const root = makeFiles(context, {
    'large.bin': large,
    'a.txt': 'small',
    'docs/index.html': 'index',
    '.hidden': 'no',
  });
  const outside = makeFiles(context, { 'b.txt': 'outside' });
  symlinkSync(join(outside, 'b.txt'), join(root, 'out.txt'));
  symlinkSync('a.txt', join(root, 'in.txt'));
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { createServer } = require('node:http');
    import(workerData.module).then(({ serveStatic, sendFile }) => {
      const serve = serveStatic(workerData.root, { extensions: ['txt'] });
      const server = createServer((request, response) => {
        if (request.url === '/send') {
          sendFile(request, response, '/large.bin', { root: workerData.root }).then((sent) => parentPort.postMessage(sent));
          return;
        }
        serve(request, response, () => { response.statusCode = 404; response.end('next'); });
      });
      server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
    });`;
  const module = new URL('../../src/node/index.js', import.meta.url).href;
  const worker = new Worker(program, { eval: true, workerData: { root, module } });
  context.after(() => void worker.terminate());
  const messages: unknown[] = [];
  worker.on('message', (message) => messages.push(message));
  await until('the server', () => messages.length === 1);
  const url = `http://127.0.0.1:${messages[0]}`;
  const sent = await fetch(`${url}/send`);
  assert.ok(Buffer.from(await sent.arrayBuffer()).equals(large));
  await until('the result', () => messages.length === 2);
  assert.deepEqual(messages[1], { status: 200, way: 'stream', outcome: 'sent', bytes: large.length });
  const direct = await startServer(context, (request, response) => {
    void sendFile(request, response, request.url!, { root }).catch(() => response.end());
  });
  const etags = await Promise.all(
    [url, `http://127.0.0.1:${direct.port}`].map(async (each) => (await fetch(`${each}/a.txt`)).headers.get('etag')),
  );
  assert.equal(etags[0], etags[1], 'a file has one tag, whichever tree serves it');
  const text = async (path: string) => (await fetch(url + path)).text();
  assert.equal(await text('/a'), 'small');
  assert.equal(await text('/docs'), 'index');
  assert.equal(await text('/in.txt'), 'small');
  for (const path of ['/out.txt', '/.hidden', '/missing', '/%', '/a.txt/', '/..%2f..%2fetc%2fpasswd']) {
    assert.equal(await text(path), 'next', path);
  }
  const part = await fetch(`${url}/large.bin`, { headers: { range: 'bytes=-9' } });
  assert.ok(Buffer.from(await part.arrayBuffer()).equals(large.subarray(-9)));
  assert.equal((await fetch(`${url}/a.txt`, { headers: { 'if-none-match': etags[0]! } })).status, 304);
});
