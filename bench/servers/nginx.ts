// Peer: nginx as a careful administrator would set it up for static files: one worker, sendfile, tcp_nopush, an open-file cache
// that is large enough for the whole site and remembers what is missing, no access log or a buffered one. It runs in the
// foreground with a prefix of its own and touches nothing of an installed nginx.

import type { ChildProcess } from 'node:child_process';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, startPinned, stopChild } from '../host/child.js';
import { freePort } from '../host/port.js';
import { get } from '../load/http-client.js';
import type { Peer, StartContext } from './peer.js';

const wantedFiles = 200_000;
const workerConnections = 18_000;
/** Descriptors that are not for cached files: what a row has of connections, and nginx's own. */
const otherDescriptors = 2000;
/** capabilities(7): CAP_SYS_RESOURCE raises hard limits. */
const capSysResource = 24n;

/** Descriptors that a worker may have: with the right to raise it what the kernel allows, else the hard limit. */
function descriptorLimit(): number {
  const status = readFileSync('/proc/self/status', 'latin1');
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const limits = readFileSync('/proc/self/limits', 'latin1');
  const hard = Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1024);
  const mayRaise = ((capabilities >> capSysResource) & 1n) === 1n;
  const most = mayRaise ? Number(readFileSync('/proc/sys/fs/nr_open', 'latin1')) : hard;
  return Math.min(wantedFiles + workerConnections + otherDescriptors, most);
}

/** As many files as the descriptors allow: a cache that runs out of them answers with errors. */
const cachedFiles = (descriptors: number): number =>
  Math.min(wantedFiles, Math.max(descriptors - otherDescriptors, Math.floor(descriptors / 2)));

function configuration(prefix: string, context: LaunchContext, more: string): string {
  const { siteDirectory, port, address = '127.0.0.1', accessLogFile } = context;
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(prefix, name)};`)
    .join('\n');
  const descriptors = descriptorLimit();
  return `daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile ${descriptors};
pid ${join(prefix, 'nginx.pid')};
error_log stderr error;
events { worker_connections ${Math.min(workerConnections, Math.floor(descriptors * 0.9))}; }
http {
${scratch}
  types { }
  default_type application/octet-stream;
  access_log ${accessLogFile === undefined ? 'off' : `${accessLogFile} combined buffer=64k`};
  log_not_found off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  open_file_cache max=${cachedFiles(descriptors)} inactive=60s;
  open_file_cache_valid 30s;
  open_file_cache_errors on;
  server { listen ${address}:${port} backlog=4096; root ${siteDirectory}; ${more} }
}
`;
}

type LaunchContext = StartContext & { readonly port: number };

function nginxVersion(): string | undefined {
  if (!onPath('nginx')) return undefined;
  return spawnSync('nginx', ['-v'], { encoding: 'utf8' })
    .stderr.trim()
    .replace(/^.*nginx\//, 'nginx ');
}

/** nginx with one worker. @param more directives of its server block. */
export const nginxWith = (name: string, more: string): Peer => {
  const launch = (context: LaunchContext): ChildProcess => {
    const prefix = join(context.scratchDirectory, name.replace(/\W+/g, '-'));
    mkdirSync(prefix, { recursive: true });
    const file = join(prefix, 'nginx.conf');
    writeFileSync(file, configuration(prefix, context, /tcp_nopush/.test(more) ? more : `tcp_nopush on; ${more}`));
    const child = startPinned(context.placing, 'nginx', ['-e', 'stderr', '-p', prefix, '-c', file]);
    child.stdout?.resume();
    return child;
  };
  return {
    name,
    absence: () => (onPath('nginx') ? undefined : 'nginx is not on PATH (Debian: apt-get install nginx)'),
    refusal: () => undefined,
    launch,
    version: nginxVersion,
    async start(context) {
      const port = context.port ?? (await freePort());
      const child = launch({ ...context, port });
      let complaint = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        complaint = (complaint + text).slice(-600);
      });
      child.on('error', (error) => {
        complaint += error.message;
      });
      const origin = `http://${context.address ?? '127.0.0.1'}:${port}`;
      // SIGUSR1 opens the logs anew, and writes what is buffered before.
      const flushLog = context.accessLogFile === undefined ? undefined : () => void child.kill('SIGUSR1');
      const stop = () => stopChild(child);
      for (let attempt = 0; attempt < 100; attempt++) {
        if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${complaint}`);
        const answered = await get(`${origin}/`, 1000).catch(() => undefined);
        if (answered) return { name, pid: child.pid!, origin, metricsUrl: undefined, flushLog, stop };
        await sleep(50);
      }
      await stopChild(child);
      throw new Error(`nginx did not answer on ${origin}: ${complaint}`);
    },
  };
};

/** nginx for files, and the same without tcp_nopush: with it the last part of a response may wait 40 ms. */
export const nginxPeers: readonly Peer[] = [nginxWith('nginx', ''), nginxWith('nginx-nopush-off', 'tcp_nopush off;')];
