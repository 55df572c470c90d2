// `clearway kv` as a process of its own, for tests: started on a free port, asked in RESP, and killed when the test file ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { after } from 'node:test';
import { program } from './program.js';
import { until } from './until.js';

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** A store that runs. */
export interface KvProcess {
  readonly pid: number;
  readonly port: number;
  /** What it said so far, on both streams. */
  said(): string;
  /** Ends it by a signal. @returns its status, or the signal that killed it */
  end(signal?: NodeJS.Signals): Promise<number | string>;
  /** Settled with its status, or the signal that killed it. */
  readonly ended: Promise<number | string>;
}

/**
 * Starts one and waits until it can be asked. @param line runs `clearway` in surroundings of its own (mounts.ts).
 * @throws with what it said when it ends before
 */
export async function startKv(
  args: readonly string[] = [],
  line: { readonly command: string; readonly args: readonly string[] } = { command: process.execPath, args: [program] },
): Promise<KvProcess> {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(line.command, [...line.args, 'kv', ...port, ...args]);
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  let over: number | string | undefined;
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => {
      running.delete(child);
      over = code ?? signal!;
      resolve(over);
    }),
  );
  await until('it is ready', () => over !== undefined || output.includes('clearway kv: up to'), 60_000);
  if (over !== undefined) throw new Error(`it ended with ${over}: ${output}`);
  return {
    pid: child.pid!,
    port: Number(/redis:\/\/[^\n]*:(\d+)/.exec(output)?.[1] ?? 0),
    said: () => output,
    ended,
    end: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

/** A connection that is asked in inline commands, and keeps what comes back. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  #text = '';
  #isClosed = false;

  constructor(port: number | string, host = '127.0.0.1') {
    this.socket = typeof port === 'number' ? connect(port, host) : connect(port);
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.#text += text));
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.on('close', () => {
        this.#isClosed = true;
        resolve();
      }),
    );
  }

  /** Sends bytes, and waits for as many bytes of reply as are wanted. @returns what came, which it forgets */
  async ask(bytes: string | Buffer, wanted: string): Promise<string> {
    this.socket.write(bytes);
    await until(
      `${JSON.stringify(wanted.slice(0, 80))}, not ${JSON.stringify(this.#text.slice(0, 200))}`,
      () => this.#text.length >= wanted.length || this.#isClosed,
      30_000,
    ).catch(() => {});
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
