// A program: reads URLs over N connections for S seconds and throws the bytes away; prints one line of JSON.
// It is for large bodies, where wrk's reads of 8 KiB would be the thing measured. Started by startDownload below.
// Usage: node download.js JSON, a DownloadPlan.

import type { ChildProcess } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ended, type Placing, startPinned } from '../host/child.js';
import type { LoadResult } from './load-result.js';
import { ResponseReader } from './response-reader.js';

/** What to read. */
export interface DownloadPlan {
  /** Connection number n reads URL number n modulo their count; all are of one server. */
  readonly urls: readonly string[];
  readonly connections: number;
  readonly seconds: number;
  /** Ask again when a body has ended; without it a connection then closes, and the run ends when all have. */
  readonly repeat: boolean;
}

const readBytes = 256 * 1024;

class Download {
  readonly #plan: DownloadPlan;
  readonly #shared = new Uint8Array(readBytes); // every connection reads into it: nobody looks at the bytes
  readonly #sockets = new Set<Socket>();
  readonly #troubles = new Set<string>();
  readonly #startNs = process.hrtime.bigint();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #completed = 0;
  #finished = false;

  constructor(plan: DownloadPlan) {
    this.#plan = plan;
    for (let index = 0; index < plan.connections; index++) this.#open(new URL(plan.urls[index % plan.urls.length]!));
    this.#timer = setTimeout(() => this.#finish(), plan.seconds * 1000);
  }

  #open(url: URL): void {
    const request = `GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    const reader = new ResponseReader();
    const take = (length: number): boolean => {
      const completedBefore = reader.completed;
      this.#bytes += length;
      try {
        reader.feed(this.#shared.subarray(0, length));
      } catch (error) {
        this.#troubles.add((error as Error).message);
        socket.destroy();
        return true;
      }
      if (reader.status !== 200 && reader.status !== 0) this.#troubles.add(`status ${reader.status}`);
      if (reader.completed === completedBefore) return true;
      this.#completed++;
      if (this.#plan.repeat) socket.write(request);
      else this.#close(socket);
      return true;
    };
    const onread = { buffer: this.#shared, callback: take };
    const socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread });
    socket.on('connect', () => socket.write(request));
    socket.on('error', (error) => this.#troubles.add(error.message));
    socket.on('close', () => {
      if (this.#sockets.has(socket) && !this.#finished) this.#troubles.add('a connection closed early');
    });
    this.#sockets.add(socket);
  }

  #close(socket: Socket): void {
    this.#sockets.delete(socket);
    socket.destroy();
    if (this.#sockets.size === 0) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    clearTimeout(this.#timer);
    const durationSeconds = Number(process.hrtime.bigint() - this.#startNs) / 1e9;
    if (this.#bytes === 0) this.#troubles.add('nothing arrived');
    const trouble = this.#troubles.size === 0 ? undefined : [...this.#troubles].join(', ');
    console.log(JSON.stringify({ durationSeconds, requests: this.#completed, bytes: this.#bytes, trouble }));
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Starts this file as a program of its own, where `placing` says. Give the child to downloadResult. */
export function startDownload(plan: DownloadPlan, placing: Placing): ChildProcess {
  return startPinned(placing, process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(plan)]);
}

/** What a started download found. @throws when it fails, or is not done `limitSeconds` from now. */
export async function downloadResult(child: ChildProcess, limitSeconds: number): Promise<LoadResult> {
  const end = await ended(child, limitSeconds * 1000);
  if (end.status !== 0) throw new Error(`the downloader ended with ${end.status}: ${end.stderr}`);
  const result = JSON.parse(end.stdout) as LoadResult;
  return { ...result, p50Us: undefined, p99Us: undefined };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  new Download(JSON.parse(process.argv[2]!) as DownloadPlan);
}
