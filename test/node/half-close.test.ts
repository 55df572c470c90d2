// A client that ends its sending side right behind its request, or while its answer is on the way, and reads on: the whole
// body arrives, past Node and by stream, in Express too; then the connection ends.

import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import { type SendResult, sendFile, serveStatic } from '../../src/node/index.js';
import { file, writeGather } from '../../src/pages/index.js';
import { makeFiles, numberedBytes, parseResponses, startServer } from './support.js';

const large = numberedBytes(8 * 1024 * 1024);
const small = numberedBytes(100_000);
const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`;

/** Sends requests, ends the sending side after `waitMs` of not reading, then reads to the end. */
async function halfClosed(port: number, requests: string, waitMs: number): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    socket.on('end', resolve);
    socket.on('error', reject);
  });
  socket.pause();
  socket.write(requests);
  if (waitMs > 0) await sleep(waitMs);
  socket.end();
  await sleep(50);
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.resume();
  await ended;
  socket.destroy();
  return Buffer.concat(chunks);
}

const listeners: Record<string, (root: string, results: SendResult[]) => RequestListener> = {
  sendFile: (root, results) => (request, response) => {
    void sendFile(request, response, request.url!, { root }).then((result) => results.push(result));
  },
  'sendFile by stream': (root, results) => (request, response) => {
    void sendFile(request, response, request.url!, { root, sendfile: false }).then((result) => results.push(result));
  },
  'serveStatic in Express': (root) => express().use(serveStatic(root)),
  writeGather: (root) => (request, response) => {
    void writeGather(response, [
      file(`${root}${request.url}`, { length: 1_000_000 }),
      file(`${root}${request.url}`, { offset: 1_000_000 }),
    ]);
  },
};

for (const [name, listener] of Object.entries(listeners)) {
  for (const waitMs of [0, 50]) {
    test(`${name}, half-closed after ${waitMs} ms`, async (context) => {
      const root = makeFiles(context, { 'large.bin': large });
      const results: SendResult[] = [];
      const { port } = await startServer(context, listener(root, results));
      for (const fields of ['', 'Connection: close\r\n']) {
        const [answer, ...more] = parseResponses(await halfClosed(port, get('/large.bin', fields), waitMs));
        assert.equal(answer!.status, 200);
        assert.ok(answer!.body.equals(large), `${answer!.body.length} of ${large.length} bytes`);
        assert.equal(more.length, 0);
      }
      for (const { outcome } of results) assert.equal(outcome, 'sent');
    });
  }
}

test('answers that were asked for ahead, the last one closing, or not', async (context) => {
  const root = makeFiles(context, { 'large.bin': large, 'small.bin': small });
  const { port } = await startServer(context, listeners['serveStatic in Express']!(root, []));
  for (const last of ['', 'Connection: close\r\n']) {
    const requests = get('/large.bin') + get('/small.bin') + get('/large.bin', last);
    const answers = parseResponses(await halfClosed(port, requests, 0));
    assert.deepEqual(
      answers.map(({ body }) => body.length),
      [large.length, small.length, large.length],
    );
  }
});

test('an answer that closes the connection is not kept from it by those behind it', async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const listener = listeners['sendFile']!(root, []);
  const { port } = await startServer(context, (request, response) => {
    response.setHeader('Connection', 'close');
    listener(request, response);
  });
  const answers = parseResponses(await halfClosed(port, get('/large.bin') + get('/large.bin'), 0));
  assert.equal(answers.length, 1);
  assert.ok(answers[0]!.body.equals(large));
});
