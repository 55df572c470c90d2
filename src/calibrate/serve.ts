// What a request costs serve itself: servers of its own on loopback, one for each way and engine, which stay for the whole calibration, and a
// load (client.ts) that keeps one of them busy at a time. The server's processor time is that of /proc. Used by calibrate.ts for the constants `serve.*`,
// and to check a profile's predictions against the real server.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { coded } from '../text/coded.js';
import { UringRing } from '../uring/ring.js';
import type { Load, Look } from './client.js';

export interface ServedCost {
  /** Processor nanoseconds of the server a request. */
  nsPerRequest: number;
  /** Without the time in which server or load waited for a processor that others used: what the two reach on cores of their own. */
  requestsPerSecond: number;
  /** Share of the time by the clock that was such waiting. */
  waitedShare: number;
}

/** One measured point of serve. */
export interface ServedPoint {
  engine: 'uring' | 'epoll';
  /** `inline`: the file from memory; else by sendfile. */
  way: 'inline' | 'sendfile';
  bytes: number;
  connections: number;
}

/** Whether this host lets us have a ring. */
export function hasUring(): boolean {
  try {
    new UringRing(8, 16).close();
    return true;
  } catch {
    return false;
  }
}

/** A server of the calibration. */
export interface RunningServer {
  readonly child: ChildProcess;
  readonly port: number;
  /** Whether it has been asked often enough to be compiled. */
  isWarm: boolean;
}

/** Load before a measurement: the processor's caches, and the first turns. */
const settleMs = 20;
/** The account is up to a tick behind at both ends: what is divided by must be several of them. */
const leastRanNs = 12e6;
/** Load before the first measurement on a server: its code is compiled. */
export const compileMs = 500;

/**
 * Load before the first measurement of a point. Its connections stay for later rounds, and at first their socket buffers grow: a large file
 * by sendfile takes some hundreds of answers a connection until as much is sent at once as ever will be.
 */
const growMs = ({ bytes, connections }: ServedPoint): number => Math.min(1000, 100 + (bytes * connections) / 32_768);

/** What the server did between two looks; undefined when it had too little time for the kernel's account to be exact. */
function costBetween(start: Look, end: Look): ServedCost | undefined {
  const [answers, elapsed] = [end.answers - start.answers, end.elapsedNs - start.elapsedNs];
  const used = end.server.ran - start.server.ran;
  if (answers <= 0 || used < leastRanNs) return undefined;
  const waited = end.server.waited - start.server.waited + (end.reader.waited - start.reader.waited);
  // Both may have waited at once: never more is taken off than leaves the server a core that is full.
  const free = Math.max(elapsed - waited, Math.min(used, elapsed));
  return {
    nsPerRequest: used / answers,
    requestsPerSecond: (answers * 1e9) / free,
    waitedShare: Math.max(0, 1 - free / elapsed),
  };
}

/** The name of the file of so many bytes, which is made when it is not there. */
export function fileOf(folder: string, bytes: number): string {
  const name = `${bytes}.bin`;
  const path = join(folder, name);
  if (!existsSync(path)) writeFileSync(path, new Uint8Array(bytes));
  return name;
}

/** Starts the process of the load. */
export function forkLoad(): ChildProcess {
  return fork(fileURLToPath(new URL('./client.js', import.meta.url)), { stdio: 'ignore', execArgv: [] });
}

/** Has the load do a run, and waits until it is done. @throws Error where it ends instead */
export function runLoad(client: ChildProcess, load: Load): Promise<Look[]> {
  return new Promise((resolve, reject) => {
    const ended = (): void =>
      reject(
        coded('CLEARWAY_CALIBRATE', new Error('the load of the calibration ended: the server closed a connection')),
      );
    client.once('exit', ended);
    client.once('message', (looks) => {
      client.off('exit', ended);
      resolve(looks as Look[]);
    });
    client.send(load);
  });
}

/**
 * What the server does in `forMs` by the clock, by `look`, which has the load look at moments since it began. On a crowded host the server may get
 * little of that time: then it is given more. @throws Error where it answers nothing
 */
export async function costOf(look: (lookMs: number[]) => Promise<Look[]>, forMs: number): Promise<ServedCost> {
  for (let longer = 1; longer <= 64; longer *= 4) {
    const [start, end] = (await look([settleMs, settleMs + forMs * longer])) as [Look, Look];
    const cost = costBetween(start, end);
    if (cost) return cost;
  }
  throw coded('CLEARWAY_CALIBRATE', new Error('the server of the calibration answered nothing'));
}

/** Ends servers, those too that are still starting. */
export async function endServers(servers: Iterable<Promise<RunningServer>>): Promise<void> {
  for (const starting of servers) (await starting.catch(() => undefined))?.child.kill('SIGTERM');
}

/** Servers of the calibration, started when first asked for. */
export class ServeRig {
  readonly #folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
  readonly #servers = new Map<string, Promise<RunningServer>>();
  /** Points whose connections are there. */
  readonly #grown = new Set<string>();
  #client: ChildProcess | undefined;

  async #start(engine: string, way: string): Promise<RunningServer> {
    const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
    const limit = way === 'inline' ? '1M' : '0';
    const options = [
      '--port',
      '0',
      '--idle-timeout',
      '10m',
      '--workers',
      '1',
      '--engine',
      engine,
      '--inline-limit',
      limit,
    ];
    const child = spawn(process.execPath, [main, 'serve', this.#folder, ...options], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const port = await new Promise<number>((resolve, reject) => {
      let said = '';
      const listen = (part: unknown): void => {
        said += String(part);
        const match = /:(\d+)/.exec(said);
        if (match) resolve(Number(match[1]));
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.on('close', () =>
        reject(coded('CLEARWAY_CALIBRATE', new Error(`the server of the calibration ended: ${said}`))),
      );
    });
    return { child, port, isWarm: false };
  }

  async #server(engine: string, way: string): Promise<RunningServer> {
    const key = `${engine} ${way}`;
    const known = this.#servers.get(key) ?? this.#start(engine, way);
    this.#servers.set(key, known);
    return await known;
  }

  /** Looks at the server under the load of one point, on connections of its own, at moments since the load began. */
  async look(point: ServedPoint, lookMs: number[]): Promise<Look[]> {
    const { bytes, connections } = point;
    const { child, port } = await this.#server(point.engine, point.way);
    this.#client ??= forkLoad();
    return await runLoad(this.#client, {
      ...{ host: '127.0.0.1', port, path: fileOf(this.#folder, bytes), connections, pid: child.pid!, lookMs },
    });
  }

  /** Measures one point for `forMs` by the clock, once its connections are warm. */
  async measure(point: ServedPoint, forMs: number): Promise<ServedCost> {
    const server = await this.#server(point.engine, point.way);
    const key = JSON.stringify(point);
    if (!server.isWarm) await this.look(point, [compileMs]);
    server.isWarm = true;
    if (!this.#grown.has(key)) await this.look(point, [growMs(point)]);
    this.#grown.add(key);
    return await costOf((lookMs) => this.look(point, lookMs), forMs);
  }

  /** Ends the load and the servers and removes the files. */
  async close(): Promise<void> {
    this.#client?.kill();
    await endServers(this.#servers.values());
    rmSync(this.#folder, { recursive: true });
  }
}
