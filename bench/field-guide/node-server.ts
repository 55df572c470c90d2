// A program: Node's http server as most applications send a file, for the field guide. It prints its address once and nothing
// else: what a program prints into a pipe of its parent is traffic of a unix socket.
// Usage: node-server.js DIR pipe|end|clearway

import { createReadStream, readFile, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { sendFile } from '../../src/node/index.js';

const [directory = '.', kind = 'pipe'] = process.argv.slice(2);

type Answer = (path: string, request: IncomingMessage, response: ServerResponse) => void;

const answers: Readonly<Record<string, Answer>> = {
  pipe: (path, _request, response) => {
    response.writeHead(200, { 'Content-Length': statSync(path).size });
    createReadStream(path).pipe(response);
  },
  end: (path, _request, response) => {
    readFile(path, (error, bytes) => {
      if (error) response.writeHead(404).end();
      else response.end(bytes);
    });
  },
  clearway: (_path, request, response) => void sendFile(request, response, request.url ?? '/', { root: directory }),
};

const answer = answers[kind]!;
const server = createServer((request, response) =>
  answer(join(directory, basename(request.url ?? '')), request, response),
);
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
