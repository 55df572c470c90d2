// A real redis-server on loopback, for tests that hold the store to its replies.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why a test against Redis cannot run; false: it can. */
export function missingRedis(): string | false {
  try {
    const version = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return /v=7\./.test(version) ? false : `redis-server is not version 7: ${version.trim()}`;
  } catch {
    return 'redis-server is not installed';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A server, and one connection to it. */
export class RedisPeer {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(process: ChildProcess, folder: string, socket: Socket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
    });
    socket.on('error', () => {});
  }

  /** Starts one. */
  static async start(): Promise<RedisPeer> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'redis-peer-'));
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder, '--daemonize', 'no'];
    const child = spawn('redis-server', args, { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      const socket = connect(port, '127.0.0.1');
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (isOpen) return new RedisPeer(child, folder, socket);
      if (tries === 200) throw new Error('redis-server does not answer');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Sends commands and takes what they are answered: as many bytes as are expected, or what came within a second. */
  async exchange(input: Buffer, expectedBytes: number): Promise<Buffer> {
    this.#socket.write(input);
    const late = AbortSignal.timeout(1000);
    while (this.#received.length < expectedBytes && !late.aborted) {
      await once(this.#socket, 'data', { signal: late }).catch(() => undefined);
    }
    const answer = this.#received;
    this.#received = Buffer.alloc(0);
    return answer;
  }

  /** Sends commands, and takes what they are answered up to the reply to an ECHO of the mark, which is sent behind them. */
  async exchangeUntil(input: Buffer, mark: string): Promise<Buffer> {
    const end = Buffer.from(`$${mark.length}\r\n${mark}\r\n`);
    this.#socket.write(input);
    this.#socket.write(`*2\r\n$4\r\nECHO\r\n$${mark.length}\r\n${mark}\r\n`);
    while (!this.#received.subarray(-end.length).equals(end)) await once(this.#socket, 'data');
    const answer = this.#received.subarray(0, -end.length);
    this.#received = Buffer.alloc(0);
    return answer;
  }

  /** Ends the server. */
  async stop(): Promise<void> {
    this.#socket.destroy();
    this.#process.kill();
    await once(this.#process, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
