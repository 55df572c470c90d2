// Server-side includes beside nginx: one directory of documents, served by both, and the bodies compared byte for byte.
// Where they differ on purpose the difference is listed (ssi-documents.ts), with its reason, and held to what is said there.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { freePort } from '../../../bench/host/port.js';
import type { Server } from '../../../src/serve/server.js';
import { until } from '../../support/until.js';
import { startServer, TestSite } from './servers.js';
import { differentFromNginx, sameAsNginx, ssiParts } from './ssi-documents.js';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);

/** Status and body as text of one character a byte; not by fetch, which would rewrite some of these targets. */
function get(origin: string, target: string): Promise<{ status: number; body: string }> {
  const headers = { Host: 'example.test:81', 'X-One': '<1>', 'User-Agent': 'check/1' };
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const request = httpGet({ hostname, port, path: target, headers, agent: false }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode!, body }));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

function documents(): Record<string, string> {
  const all = { ...ssiParts } as Record<string, string>;
  for (const [name, [document]] of Object.entries(sameAsNginx)) all[`${name}.shtml`] = document;
  for (const [name, { document }] of Object.entries(differentFromNginx)) all[`${name}.shtml`] = document;
  return all;
}

describe('what differs from nginx on purpose', () => {
  let site: TestSite;
  let server: Server;
  before(async () => {
    site = new TestSite(documents());
    server = await startServer({ root: site.root });
  });
  after(async () => {
    await server.close();
    site.remove();
  });

  for (const [name, { query = '', ours, why }] of Object.entries(differentFromNginx)) {
    test(`${name}: ${why}`, async () => {
      const { status, body } = await get(server.url, `/${name}.shtml${query}`);
      assert.equal(status, 200);
      assert.equal(Buffer.from(body, 'latin1').toString('utf8'), ours);
    });
  }
});

describe('what is the same as in nginx', { skip: nginx === undefined ? 'nginx is not installed' : false }, () => {
  let site: TestSite;
  let server: Server;
  let child: ChildProcess;
  let origin: string;
  let directory: string;
  before(async () => {
    site = new TestSite(documents());
    server = await startServer({ root: site.root });
    directory = mkdtempSync(join(tmpdir(), 'clearway-nginx-'));
    const port = await freePort();
    writeFileSync(join(directory, 'nginx.conf'), configuration(site.root, port, directory));
    child = spawn(nginx!, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', join(directory, 'error.log')]);
    origin = `http://127.0.0.1:${port}`;
    await until('nginx listens', () =>
      get(origin, '/part.html').then(
        () => true,
        () => false,
      ),
    );
  });
  after(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await ended;
    await server.close();
    site.remove();
    rmSync(directory, { recursive: true });
  });

  for (const [name, [, query = '']] of Object.entries(sameAsNginx)) {
    test(name + query, async () => {
      const target = `/${name}.shtml${query}`;
      const sooner = await get(origin, target);
      const ours = await get(server.url, target);
      // A page may show the time: ours was made between these two, and one of them shows the same.
      const later = await get(origin, target);
      assert.deepEqual(ours, ours.body === later.body ? later : sooner);
    });
  }
});

/** One process of nginx with everything of its own. */
function configuration(root: string, port: number, directory: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`)
    .join(' ');
  return `daemon off; worker_processes 1; pid ${join(directory, 'pid')}; ${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 64; }
http { ${paths} access_log off; types { text/html html shtml; }
  server { listen 127.0.0.1:${port}; root ${root}; ssi on; } }`;
}
