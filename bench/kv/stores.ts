// The stores that are compared: `clearway kv` on both engines, and Redis, each a process of its own on a port of loopback. Not here: the load (load.ts).

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { onPath, type Placing, startPinned, stopChild, waitForOutput } from '../host/child.js';
import { freePort } from '../host/port.js';
import { repositoryRoot } from '../servers/peer.js';

/** Who is measured. */
export interface StoreSubject {
  readonly name: string;
  command(port: number, folder: string): readonly string[];
  /** What it says when it can be asked. */
  readonly ready: RegExp;
}

/** One that runs. */
export interface RunningStore {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Starts what asks it, where it is reached. */
  load(placing: Placing, command: string, args: readonly string[]): ChildProcess;
  stop(): Promise<void>;
}

/** The name of the one that others are compared with. */
export const referenceName = 'redis';

/** Why there is no Redis to compare with; undefined: it and its load are here. */
export function redisAbsence(): string | undefined {
  return onPath('redis-server') && onPath('redis-benchmark')
    ? undefined
    : 'there is no Redis to compare with: apt-get install redis-server redis-tools';
}

function clearway(engine: 'epoll' | 'uring'): StoreSubject {
  const program = join(repositoryRoot, 'dist/bundle/main.js');
  return {
    name: `clearway ${engine}`,
    ready: /clearway kv:/,
    command: (port) => [process.execPath, program, 'kv', '--port', `${port}`, '--engine', engine],
  };
}

/** All of them. */
export function storesOf(): readonly StoreSubject[] {
  const redis: StoreSubject = {
    name: referenceName,
    ready: /Ready to accept connections/,
    command: (port, folder) => [
      ...['redis-server', '--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder],
      ...['--save', '', '--appendonly', 'no', '--daemonize', 'no'],
    ],
  };
  return [clearway('epoll'), clearway('uring'), redis];
}

/** Starts one. @throws with what it said when it does not come to listen */
export async function startStore(subject: StoreSubject, folder: string, placing: Placing): Promise<RunningStore> {
  const port = await freePort();
  const [command = '', ...args] = subject.command(port, folder);
  const child = startPinned(placing, command, args);
  await waitForOutput(child, subject.ready, 10_000);
  return {
    name: subject.name,
    host: '127.0.0.1',
    port,
    pid: child.pid!,
    load: startPinned,
    stop: () => stopChild(child),
  };
}
