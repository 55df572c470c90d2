// clearway/node on hosts that refuse openat2 and statx: the same tree and sendfile, not a second implementation.

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { refusingImpossible, runRefusing } from '../support/refuse.js';
import { makeFiles } from './support.js';

const module = new URL('../../src/node/index.js', import.meta.url).href;
const program = `
  import { createServer } from 'node:http';
  import { sendFile } from ${JSON.stringify(module)};
  const [root] = process.argv.slice(1);
  const seen = {};
  const server = createServer((request, response) => {
    sendFile(request, response, request.url, { root }).then(
      ({ status, way, outcome }) => { seen[request.url] = [status, way, outcome].join(' '); },
      (error) => { seen[request.url] = error.status; response.end(); });
  });
  server.listen(0, '127.0.0.1', async () => {
    for (const path of ['/large.bin', '/in.bin', '/out.txt', '/missing']) {
      await (await fetch('http://127.0.0.1:' + server.address().port + path)).arrayBuffer();
    }
    console.log(JSON.stringify(seen));
    server.close();
    server.closeAllConnections();
  });`;

for (const errno of ['ENOSYS', 'EPERM'] as const) {
  test(`openat2, statx and prlimit64 refused by ${errno}`, { skip: refusingImpossible() }, (context) => {
    const root = makeFiles(context, { 'large.bin': Buffer.alloc(3 * 1024 * 1024) });
    const outside = makeFiles(context, { 'secret.txt': 'secret' });
    symlinkSync('large.bin', join(root, 'in.bin'));
    symlinkSync(join(outside, 'secret.txt'), join(root, 'out.txt'));
    const args = ['--input-type=module', '-e', program, root];
    const done = runRefusing(['openat2', 'statx', 'prlimit64'], process.execPath, args, { errno });
    assert.deepEqual(JSON.parse(done.stdout || done.stderr), {
      '/large.bin': '200 sendfile sent',
      '/in.bin': '200 sendfile sent',
      '/out.txt': 404,
      '/missing': 404,
    });
  });
}
