// The server under test of `npm run bench:node`: one Express 5 application with one middleware. Clearway's, Express's own, or the
// floor of both: every file up to 1 MiB in memory before the first request, the same fields, one call of `response.end`.
// Usage: server.js DIR clearway|express|memory.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { serveStatic } from '../../src/node/index.js';

const [directory = '.', kind = 'clearway'] = process.argv.slice(2);

function fromMemory(): express.RequestHandler {
  const small = readdirSync(directory).filter((name) => statSync(join(directory, name)).size <= 1 << 20);
  const files = new Map(small.map((name) => [`/${name}`, readFileSync(join(directory, name))]));
  return (request, response, next) => {
    const bytes = files.get(request.url);
    if (bytes === undefined) {
      next();
      return;
    }
    response.setHeader('Accept-Ranges', 'bytes');
    response.setHeader('Cache-Control', 'public, max-age=0');
    response.setHeader('Last-Modified', 'Mon, 23 Nov 2026 12:00:00 GMT');
    response.setHeader('ETag', '"dn2xuqp6ojre-1kw"');
    response.setHeader('Content-Type', 'application/octet-stream');
    response.setHeader('Content-Length', bytes.length);
    response.end(bytes);
  };
}

function makeMiddleware(): express.RequestHandler {
  if (kind === 'clearway') return serveStatic(directory) as express.RequestHandler;
  return kind === 'memory' ? fromMemory() : express.static(directory);
}

const server = createServer(express().use(makeMiddleware()));
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 4096, () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
