// Peer: Bun. `bun.mjs DIR memory` serves every file of at most 1 MiB from memory as a static route;
// `bun.mjs DIR file` answers each request with Bun.file.
import { readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const directory = resolve(process.argv[2]);
const fromMemory = process.argv[3] === 'memory';
const memoryLimitBytes = 1 << 20;

const routes = {};
for (const name of fromMemory ? readdirSync(directory) : []) {
  const path = join(directory, name);
  if (statSync(path).size > memoryLimitBytes) continue;
  routes[`/${name}`] = new Response(await Bun.file(path).bytes(), {
    headers: { 'Content-Type': 'application/octet-stream', 'Last-Modified': statSync(path).mtime.toUTCString() },
  });
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  idleTimeout: 255,
  routes,
  async fetch(request) {
    if (fromMemory) return new Response(null, { status: 404 });
    const file = Bun.file(join(directory, basename(new URL(request.url).pathname)));
    return (await file.exists()) ? new Response(file) : new Response(null, { status: 404 });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
