// Peer: Bun. `bun.mjs DIR memory PORT` serves every file of at most 1 MiB from memory as a static route, which is its fastest;
// `bun.mjs DIR directory PORT` serves the directory as its directory route does: by sendfile from 1 MiB, with ranges, indexes
// and redirects.
import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const directory = resolve(process.argv[2]);
const memoryLimitBytes = 1 << 20;

async function routesFromMemory() {
  const routes = {};
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const found = statSync(path);
    if (!found.isFile() || found.size > memoryLimitBytes) continue;
    routes[`/${name}`] = new Response(await Bun.file(path).bytes(), {
      headers: { 'Content-Type': 'application/octet-stream', 'Last-Modified': found.mtime.toUTCString() },
    });
  }
  return { ...routes, '/*': new Response(null, { status: 404 }) };
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.argv[4] ?? 0),
  idleTimeout: 255,
  routes: process.argv[3] === 'memory' ? await routesFromMemory() : { '/*': { dir: directory, statCache: true } },
});
console.log(`http://127.0.0.1:${server.port}`);
