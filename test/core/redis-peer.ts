// A real redis-server on loopback, for tests that hold the store to its replies.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/host/port.js';

/** Why a test against Redis cannot run; false: it can. */
export function missingRedis(): string | false {
  try {
    const version = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return /v=7\./.test(version) ? false : `redis-server is not version 7: ${version.trim()}`;
  } catch {
    return 'redis-server is not installed';
  }
}

/** One connection to a server. */
export class RedisConnection {
  readonly socket: Socket;
  #received = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
    });
    socket.on('error', () => {});
  }

  /** Sends commands and takes what they are answered: as many bytes as are expected, or what came within a second. */
  async exchange(input: Buffer, expectedBytes: number): Promise<Buffer> {
    this.socket.write(input);
    const late = AbortSignal.timeout(1000);
    while (this.#received.length < expectedBytes && !late.aborted) {
      await once(this.socket, 'data', { signal: late }).catch(() => undefined);
    }
    return this.take();
  }

  /** Takes what came so far. */
  take(): Buffer {
    const answer = this.#received;
    this.#received = Buffer.alloc(0);
    return answer;
  }

  /** Sends commands, and takes what they are answered up to the reply to an ECHO of the mark, which is sent behind them. */
  async exchangeUntil(input: Buffer, mark: string): Promise<Buffer> {
    const end = Buffer.from(`$${mark.length}\r\n${mark}\r\n`);
    this.socket.write(input);
    this.socket.write(`*2\r\n$4\r\nECHO\r\n$${mark.length}\r\n${mark}\r\n`);
    while (!this.#received.subarray(-end.length).equals(end)) await once(this.socket, 'data');
    return this.take().subarray(0, -end.length);
  }
}

function open(port: number): Promise<RedisConnection | undefined> {
  const socket = connect(port, '127.0.0.1');
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(new RedisConnection(socket)));
    socket.once('error', () => resolve(undefined));
  });
}

/** A server, and one connection to it. */
export class RedisPeer {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #first: RedisConnection;
  readonly #others: RedisConnection[] = [];

  private constructor(process: ChildProcess, folder: string, port: number, first: RedisConnection) {
    this.#process = process;
    this.#folder = folder;
    this.port = port;
    this.#first = first;
  }

  /** Starts one. */
  static async start(): Promise<RedisPeer> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'redis-peer-'));
    // How slow a command was says only how busy this host is: nothing is noted of it.
    const quiet = ['--save', '', '--slowlog-log-slower-than', '-1', '--daemonize', 'no'];
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...quiet];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      const first = await open(port);
      if (first !== undefined) return new RedisPeer(child, folder, port, first);
      if (tries === 200) throw new Error('redis-server does not answer');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** One more connection, which ends with the server. */
  async another(): Promise<RedisConnection> {
    const connection = await open(this.port);
    if (connection === undefined) throw new Error('redis-server takes no more connections');
    this.#others.push(connection);
    return connection;
  }

  /** As {@link RedisConnection.exchange}, on the first connection. */
  exchange(input: Buffer, expectedBytes: number): Promise<Buffer> {
    return this.#first.exchange(input, expectedBytes);
  }

  /** As {@link RedisConnection.exchangeUntil}, on the first connection. */
  exchangeUntil(input: Buffer, mark: string): Promise<Buffer> {
    return this.#first.exchangeUntil(input, mark);
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    for (const { socket } of [this.#first, ...this.#others]) socket.destroy();
    this.#process.kill();
    await once(this.#process, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
