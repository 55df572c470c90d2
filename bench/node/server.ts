// The server under test of `npm run bench:node`: one Express 5 application with one static middleware, Clearway's or its own.
// Usage: server.js DIR clearway|express.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { serveStatic } from '../../src/node/index.js';

const [directory = '.', kind = 'clearway'] = process.argv.slice(2);
const middleware = kind === 'clearway' ? serveStatic(directory) : express.static(directory);
const server = createServer(express().use(middleware as express.RequestHandler));
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', 4096, () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
