// What a request costs serve itself: servers of its own on loopback, one for each way and engine, which stay for the whole calibration, and a
// load that keeps one of them busy at a time. The server's processor time is that of /proc. Used by calibrate.ts for the constants `serve.*`,
// and to check a profile's predictions against the real server.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UringRing } from '../uring/ring.js';

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

/** Nanoseconds all threads of a process have run, and waited for a processor although they could have run. */
function scheduled(pid: number): { ran: number; waited: number } {
  const sum = { ran: 0, waited: 0 };
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [ran, waited] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number);
      sum.ran += ran!;
      sum.waited += waited!;
    } catch {
      // The thread ended while the list was read.
    }
  }
  return sum;
}

const ranNs = (pid: number): number => scheduled(pid).ran;

/** Whether this host lets us have a ring. */
export function hasUring(): boolean {
  try {
    new UringRing(8, 16).close();
    return true;
  } catch {
    return false;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until a process has run for another `ranMs` of processor time, or `mostMs` have passed. */
async function untilRan(pid: number, ranMs: number, mostMs: number): Promise<void> {
  const [target, deadline] = [ranNs(pid) + ranMs * 1e6, Date.now() + mostMs];
  while (Date.now() < deadline && ranNs(pid) < target) await pause(10);
}

interface RunningServer {
  child: ChildProcess;
  port: number;
  /** Requests of the first run compile the server: it is warmed for longer. */
  warm: boolean;
}

/** Servers of the calibration, started when first asked for. */
export class ServeRig {
  readonly #folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
  readonly #servers = new Map<string, Promise<RunningServer>>();
  readonly #answerBytes = new Map<string, number>();

  async #start(engine: string, way: string): Promise<RunningServer> {
    const main = fileURLToPath(new URL('./main.js', import.meta.url));
    const limit = way === 'inline' ? '4M' : '0';
    const options = ['--port', '0', '--workers', '1', '--engine', engine, '--inline-limit', limit];
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
      child.on('exit', () => reject(new Error(`the server of the calibration ended: ${said}`)));
    });
    return { child, port, warm: false };
  }

  async #server(engine: string, way: string): Promise<RunningServer> {
    const key = `${engine} ${way}`;
    const known = this.#servers.get(key) ?? this.#start(engine, way);
    this.#servers.set(key, known);
    return await known;
  }

  /** Bytes of one whole answer, head included; the file is made when it is not there. */
  async #answerLength(port: number, bytes: number): Promise<number> {
    const key = `${port} ${bytes}`;
    const known = this.#answerBytes.get(key);
    if (known !== undefined) return known;
    writeFileSync(join(this.#folder, `${bytes}.bin`), new Uint8Array(bytes));
    const length = await new Promise<number>((resolve, reject) => {
      let total = 0;
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(`GET /${bytes}.bin HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      });
      socket.on('data', (part) => {
        total += part.length;
      });
      // `Connection: close` is in the answer too; the kept answers are shorter by that line.
      socket.on('close', () => resolve(total - 'Connection: close\r\n'.length));
      socket.on('error', reject);
    });
    this.#answerBytes.set(key, length);
    return length;
  }

  /** Measures one point for `forMs` of the server's processor time, four times that by the clock at most. */
  async measure(point: ServedPoint, forMs: number): Promise<ServedCost> {
    const server = await this.#server(point.engine, point.way);
    const pid = server.child.pid!;
    const answerBytes = await this.#answerLength(server.port, point.bytes);
    const program = fileURLToPath(new URL('./calibrate-client.js', import.meta.url));
    const load = [String(server.port), `${point.bytes}.bin`, String(answerBytes), String(point.connections)];
    const client = spawn(process.execPath, [program, ...load], { stdio: ['ignore', 'pipe', 'ignore'] });
    let answers = 0;
    client.stdout.setEncoding('utf8').on('data', (text: string) => {
      answers = Number(text.trim().split('\n').at(-1)) || answers;
    });
    const ended = new Promise((resolve) => client.on('exit', resolve));
    try {
      for (const deadline = Date.now() + 5000; answers === 0 && Date.now() < deadline; ) await pause(5);
      // Warm by the server's own time, not by the clock: on a busy host it may have had little of it.
      await untilRan(pid, server.warm ? 50 : 400, 1500);
      server.warm = true;
      const [server0, client0] = [scheduled(pid), scheduled(client.pid!)];
      const [counted, started] = [answers, process.hrtime.bigint()];
      await untilRan(pid, forMs, forMs * 4);
      const [server1, client1] = [scheduled(pid), scheduled(client.pid!)];
      const done = answers - counted;
      const elapsed = Number(process.hrtime.bigint() - started);
      const used = server1.ran - server0.ran;
      // One may have waited while the other did: never more is taken off than leaves the busier of them a core that is full.
      const waited = server1.waited - server0.waited + (client1.waited - client0.waited);
      const free = Math.max(elapsed - waited, used, client1.ran - client0.ran);
      if (done <= 0) throw new Error('the server of the calibration answered nothing');
      return {
        nsPerRequest: used / done,
        requestsPerSecond: (done * 1e9) / free,
        waitedShare: Math.max(0, 1 - free / elapsed),
      };
    } finally {
      client.kill();
      await ended;
    }
  }

  /** Ends the servers and removes the files. */
  async close(): Promise<void> {
    for (const starting of this.#servers.values()) {
      const server = await starting.catch(() => undefined);
      server?.child.removeAllListeners('exit');
      server?.child.kill('SIGTERM');
    }
    rmSync(this.#folder, { recursive: true });
  }
}
