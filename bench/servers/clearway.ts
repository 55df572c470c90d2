// Peer: Clearway itself, started as a user starts it, one worker, one engine forced.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPinned } from '../host/child.js';
import { freePort } from '../host/port.js';
import { announced, type Peer, repositoryRoot } from './peer.js';

const program = process.env.CLEARWAY_BENCH_PROGRAM ?? join(repositoryRoot, 'dist/src/cli/main.js');

/** Clearway on one engine. */
export function clearwayPeer(engine: 'uring' | 'epoll'): Peer {
  const name = `clearway-${engine}`;
  return {
    name,
    absence: () => (existsSync(program) ? undefined : `${program} is not there (run: npm run build)`),
    refusal: () => undefined,
    async start(context) {
      const metrics = `127.0.0.1:${await freePort()}`;
      const options = ['--port', '0', '--workers', '1', '--engine', engine, '--log', 'none', '--metrics', metrics];
      const child = startPinned(context.placing, process.execPath, [
        program,
        'serve',
        context.siteDirectory,
        ...options,
      ]);
      return { ...(await announced(name, child)), metricsUrl: `http://${metrics}/metrics` };
    },
  };
}
