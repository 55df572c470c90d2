// Peer: Clearway itself, started as a user starts it, one worker, one engine forced.

import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBundleFresh } from '../../tools/bundle-freshness.js';
import { startPinned, stopChild } from '../host/child.js';
import { freePort } from '../host/port.js';
import { announced, type Peer, type RunningPeer, repositoryRoot, type StartContext } from './peer.js';

const asked = process.env.CLEARWAY_BENCH_PROGRAM;
const program = asked ?? join(repositoryRoot, 'dist/bundle/main.js');

/**
 * Why a bundle cannot be measured; undefined when it can. The compiler alone leaves it as it was: what would be measured is code of some earlier time.
 * @param compiled the folder that it was made of; left out for a program that was named
 */
export function bundleAbsence(bundle: string, compiled?: string, isFresh = isBundleFresh): string | undefined {
  const name = relative(repositoryRoot, bundle);
  if (!existsSync(bundle)) return `${name} is not there (run: npm run build)`;
  if (compiled === undefined || isFresh(bundle, compiled)) return undefined;
  return `${name} is older than what was compiled (run: npm run build)`;
}

/** The address in a file that stdout goes to. @throws when there is none within 15 s. */
async function announcedInFile(name: string, child: ChildProcess, file: string): Promise<RunningPeer> {
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-600);
  });
  for (let attempt = 0; attempt < 300 && child.exitCode === null; attempt++) {
    const origin = /http:\/\/[\w.[\]:-]+:\d+/.exec(readFileSync(file, 'latin1'))?.[0];
    // Its log is written as it comes: there is nothing that has to be asked for.
    if (origin) {
      return { name, pid: child.pid!, origin, metricsUrl: undefined, flushLog: () => {}, stop: () => stopChild(child) };
    }
    await sleep(50);
  }
  await stopChild(child);
  throw new Error(`${name} did not say where it listens: ${complaint}`);
}

/** Clearway on one engine. @param options more words of its command line */
export function clearwayPeer(engine: 'uring' | 'epoll', ...options: string[]): Peer {
  const name = `clearway-${engine}`;
  const launch = ({ siteDirectory, placing, port = 0, address, accessLogFile }: StartContext, ...more: string[]) => {
    const log = accessLogFile === undefined ? 'none' : 'combined';
    const where = ['--port', String(port), ...(address === undefined ? [] : ['--host', address])];
    const words = [...where, '--workers', '1', '--engine', engine, '--log', log, ...options, ...more];
    return startPinned(placing, process.execPath, [program, 'serve', siteDirectory, ...words], accessLogFile);
  };
  return {
    name,
    absence: () => bundleAbsence(program, asked === undefined ? join(repositoryRoot, 'dist/src') : undefined),
    refusal: () => undefined,
    launch: (context) => launch(context),
    async start(context) {
      const metrics = `127.0.0.1:${await freePort()}`;
      const child = launch(context, '--metrics', metrics);
      const running = await (context.accessLogFile === undefined
        ? announced(name, child)
        : announcedInFile(name, child, context.accessLogFile));
      return { ...running, metricsUrl: `http://${metrics}/metrics` };
    },
  };
}
