// What one request costs serve itself: a server of its own on loopback, a client that keeps it busy, the server's processor time by /proc.
// Used by calibrate.ts for `serve.request`, and to check a profile's predictions against the real server.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ServedCost {
  /** Processor nanoseconds of the server a request. */
  nsPerRequest: number;
  requestsPerSecond: number;
}

/** Nanoseconds all threads of a process have run. */
function ranNs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended while the list was read.
    }
  }
  return sum;
}

interface Load {
  /** Answers so far, as last heard. */
  answers: number;
  process: ChildProcess;
}

/** Starts the client process; `connections` requests are under way at once. */
function startLoad(port: number, answerBytes: number, connections: number): Load {
  const program = fileURLToPath(new URL('./calibrate-client.js', import.meta.url));
  const child = spawn(process.execPath, [program, String(port), String(answerBytes), String(connections)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const load: Load = { answers: 0, process: child };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const last = text.trim().split('\n').at(-1);
    load.answers = Number(last) || load.answers;
  });
  return load;
}

/** Bytes of one whole answer, head included. */
async function answerLength(port: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    let total = 0;
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /payload.bin HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
    });
    socket.on('data', (part) => {
      total += part.length;
    });
    // `Connection: close` is in the answer too; the kept answers are shorter by that line.
    socket.on('close', () => resolve(total - 'Connection: close\r\n'.length));
    socket.on('error', reject);
  });
}

/** Waits until a process has run for another `ranMs` of processor time, or `mostMs` have passed. */
async function untilRan(pid: number, ranMs: number, mostMs: number): Promise<void> {
  const [target, deadline] = [ranNs(pid) + ranMs * 1e6, Date.now() + mostMs];
  while (Date.now() < deadline && ranNs(pid) < target) await new Promise((resolve) => setTimeout(resolve, 25));
}

/** Runs a server of one file of `fileBytes` and measures it for half of `forMs` of its processor time, `2 forMs` by the clock at most. `inline`: from memory, else by sendfile. */
export async function measureServe(fileBytes: number, inline: boolean, forMs: number): Promise<ServedCost> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
  writeFileSync(join(folder, 'payload.bin'), new Uint8Array(fileBytes));
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  const limit = inline ? String(Math.max(fileBytes, 1024)) : '0';
  const server = spawn(
    process.execPath,
    [main, 'serve', folder, '--port', '0', '--workers', '1', '--inline-limit', limit],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  try {
    const port = await new Promise<number>((resolve, reject) => {
      let said = '';
      const listen = (part: unknown): void => {
        said += String(part);
        const match = /:(\d+)/.exec(said);
        if (match) resolve(Number(match[1]));
      };
      server.stdout.on('data', listen);
      server.stderr.on('data', listen);
      server.on('exit', () => reject(new Error(`the server of the calibration ended: ${said}`)));
    });
    const answerBytes = await answerLength(port);
    const load = startLoad(port, answerBytes, fileBytes > 200_000 ? 16 : 64);
    try {
      // Warm by the server's own time, not by the clock: on a busy host it may have had little of it, and be uncompiled still.
      await untilRan(server.pid!, 300, forMs * 2);
      const [before, counted, started] = [ranNs(server.pid!), load.answers, process.hrtime.bigint()];
      await untilRan(server.pid!, Math.min(400, forMs / 2), forMs * 2);
      const used = ranNs(server.pid!) - before;
      const done = load.answers - counted;
      const seconds = Number(process.hrtime.bigint() - started) / 1e9;
      if (done <= 0) throw new Error('the server of the calibration answered nothing');
      return { nsPerRequest: used / done, requestsPerSecond: done / seconds };
    } finally {
      load.process.kill();
    }
  } finally {
    server.removeAllListeners('exit');
    server.kill('SIGTERM');
    rmSync(folder, { recursive: true });
  }
}
