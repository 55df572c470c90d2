// Peer: nginx as a careful administrator would set it up for static files: one worker, sendfile, tcp_nopush, an open-file
// cache, no access log. It runs in the foreground with a prefix of its own and touches nothing of an installed nginx.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, startPinned, stopChild } from '../host/child.js';
import { freePort } from '../host/port.js';
import { get } from '../load/http-client.js';
import type { Peer } from './peer.js';

function configuration(prefix: string, siteDirectory: string, port: number, more: string): string {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(prefix, name)};`)
    .join('\n');
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${join(prefix, 'nginx.pid')};
error_log stderr error;
events { worker_connections 18000; }
http {
${scratch}
  types { }
  default_type application/octet-stream;
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  open_file_cache max=1000 inactive=600s;
  server { listen 127.0.0.1:${port} backlog=4096; root ${siteDirectory}; ${more} }
}
`;
}

/** nginx with one worker. @param more directives of its server block. */
export const nginxWith = (name: string, more: string): Peer => ({
  name,
  absence: () => (onPath('nginx') ? undefined : 'nginx is not on PATH (Debian: apt-get install nginx)'),
  refusal: () => undefined,
  async start(context) {
    const prefix = join(context.scratchDirectory, name.replace(/\W+/g, '-'));
    mkdirSync(prefix, { recursive: true });
    const port = await freePort();
    const file = join(prefix, 'nginx.conf');
    writeFileSync(file, configuration(prefix, context.siteDirectory, port, more));
    const child = startPinned(context.placing, 'nginx', ['-e', 'stderr', '-p', prefix, '-c', file]);
    let complaint = '';
    child.stdout?.resume();
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-600);
    });
    child.on('error', (error) => {
      complaint += error.message;
    });
    const origin = `http://127.0.0.1:${port}`;
    for (let attempt = 0; attempt < 100; attempt++) {
      if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${complaint}`);
      const answered = await get(`${origin}/`, 1000).catch(() => undefined);
      if (answered) return { name, pid: child.pid!, origin, metricsUrl: undefined, stop: () => stopChild(child) };
      await sleep(50);
    }
    await stopChild(child);
    throw new Error(`nginx did not answer on ${origin}: ${complaint}`);
  },
});

/** nginx for files. */
export const nginxPeer: Peer = nginxWith('nginx', '');
