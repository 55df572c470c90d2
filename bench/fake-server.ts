// For the harness's own tests: a small server that takes Clearway's command line and has its metrics, on Node's http. It can be
// told to be wrong, so that a test sees the harness notice. It is no part of any comparison.
// BENCH_FAKE=leak keeps a descriptor open for every request cut off; BENCH_FAKE=wrong sends other bytes than the file's.

import { createReadStream, openSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream';
import { parseArgs } from 'node:util';
import { copyReasonNames } from '../src/memory/copy.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { metrics: { type: 'string' }, workers: { type: 'string' }, engine: { type: 'string' } },
});
const directory = positionals[1]!;
const fault = process.env.BENCH_FAKE;
let bodyBytes = 0;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = join(directory, basename(request.url!));
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found?.isFile()) {
    response.writeHead(404, { 'Content-Length': 0 }).end();
    return;
  }
  const lastModified = found.mtime.toUTCString();
  if (request.headers['if-modified-since'] === lastModified) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, { 'Content-Length': found.size, 'Last-Modified': lastModified });
  response.on('close', () => {
    if (fault === 'leak' && !response.writableFinished) openSync(path, 'r');
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  bodyBytes += found.size;
  if (found.size > 1 << 20) {
    const stream = createReadStream(path);
    // A response that waits behind another one never hears of its connection's end: Node would leave the file open.
    request.socket.once('close', () => stream.destroy());
    pipeline(stream, response, () => {});
    return;
  }
  const body = readFileSync(path);
  if (fault === 'wrong') body[body.length - 1]! ^= 1;
  response.end(body);
}

function metrics(_request: IncomingMessage, response: ServerResponse): void {
  const copies = copyReasonNames.map((reason) => {
    return `clearway_copied_bytes_total{reason="${reason}"} ${reason === 'application' ? bodyBytes : 0}`;
  });
  const frames = ['frames', 'receive_frames', 'head_frames'].map((name) => `clearway_${name} 1`);
  response.end(`${[...copies, ...frames].join('\n')}\n`);
}

const metricsPort = Number(String(values.metrics).split(':')[1]);
createServer(metrics).listen(metricsPort, '127.0.0.1', () => {
  const server = createServer(answer);
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1', 4096, () => {
    console.log(`serving ${directory} at http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
});
