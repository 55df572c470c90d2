// Peer: Node's own http with createReadStream. Usage: node-http.mjs DIR.
import { createReadStream, stat } from 'node:fs';
import { createServer } from 'node:http';
import { join, normalize } from 'node:path';
import { pipeline } from 'node:stream';
import { announce, directory } from './announce.mjs';

announce(
  createServer((request, response) => {
    const path = join(directory, normalize(new URL(request.url, 'http://localhost').pathname));
    stat(path, (error, found) => {
      if (error || !found.isFile()) {
        response.writeHead(404, { 'Content-Length': 0 }).end();
        return;
      }
      response.writeHead(200, {
        'Content-Type': 'application/octet-stream',
        'Content-Length': found.size,
        'Last-Modified': found.mtime.toUTCString(),
      });
      pipeline(createReadStream(path), response, () => {});
    });
  }),
);
