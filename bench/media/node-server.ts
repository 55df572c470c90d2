// The way a Node application would do it: each file through a stream, and no pace. Usage: node node-server.js FOLDER PORT ADDRESS

import { createReadStream, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream';

const [folder = '.', port = '0', address = '127.0.0.1'] = process.argv.slice(2);

const server = createServer((request, response) => {
  const file = join(folder, normalize(new URL(request.url ?? '/', 'http://localhost').pathname));
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': size });
  // A viewer that leaves ends the stream: nobody else has to know.
  pipeline(createReadStream(file), response, () => {});
});
server.keepAliveTimeout = 600_000;
server.listen(Number(port), address, 4096, () => {
  const bound = server.address() as { port: number };
  console.log(`http://${address}:${bound.port}`);
});
