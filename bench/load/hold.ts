// A program: opens N connections to one URL and holds them. `idle` ones have had one answer and keep quiet; `stalled` ones have
// asked and never read. It prints one line of JSON when all are open, holds until its stdin ends, and prints how many are left.
// Usage: node hold.js idle|stalled URL COUNT

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { ended, type Placing, startPinned, waitForOutput } from '../host/child.js';
import { ResponseReader } from './response-reader.js';

/** How the connections are held. */
export type HoldMode = 'idle' | 'stalled';

const openingAtOnce = 100;
const sourceAddresses = 8; // 127.0.0.2 and on: one address has some 28,000 ports, fewer while old ones linger
const openLimitMs = 60_000;

class Holder {
  readonly #mode: HoldMode;
  readonly #url: URL;
  readonly #sockets = new Set<Socket>();
  #toOpen: number;
  #opening = 0;
  #failed = 0;
  #reported = false;

  constructor(mode: HoldMode, url: URL, count: number) {
    this.#mode = mode;
    this.#url = url;
    this.#toOpen = count;
    setTimeout(() => this.#report(), openLimitMs).unref();
    this.#openMore();
  }

  #openMore(): void {
    while (this.#opening < openingAtOnce && this.#toOpen > 0) {
      this.#toOpen--;
      this.#opening++;
      this.#open(this.#toOpen);
    }
    if (this.#opening === 0 && this.#toOpen === 0) this.#report();
  }

  #open(index: number): void {
    const socket = new Socket();
    const reader = new ResponseReader();
    let settled = false;
    const settle = (open: boolean): void => {
      if (settled) return;
      settled = true;
      this.#opening--;
      if (!open) this.#failed++;
      setImmediate(() => this.#openMore());
    };
    if (this.#mode === 'stalled') socket.pause();
    else {
      socket.on('data', (chunk) => {
        reader.feed(chunk);
        if (reader.completed > 0) settle(reader.status === 200);
      });
    }
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      settle(false);
    });
    this.#sockets.add(socket);
    const localAddress = `127.0.0.${2 + (index % sourceAddresses)}`;
    socket.connect({ host: this.#url.hostname, port: Number(this.#url.port), localAddress }, () => {
      const request = `GET ${this.#url.pathname} HTTP/1.1\r\nHost: ${this.#url.host}\r\n\r\n`;
      socket.write(request, () => {
        if (this.#mode === 'stalled') settle(true);
      });
    });
  }

  #report(): void {
    if (this.#reported) return;
    this.#reported = true;
    console.log(`@${JSON.stringify({ open: this.#sockets.size, failed: this.#failed + this.#toOpen })}@`);
  }

  /** Prints how many connections are still open and ends this program. */
  release(): void {
    console.log(`%${this.#sockets.size}%`);
    process.exit(0);
  }
}

/** Connections held by a child process. */
export interface Held {
  readonly open: number;
  readonly failed: number;
  readonly child: ChildProcess;
}

/** Why `count` connections cannot be held here; undefined when they can. */
export function holdAbsence(count: number): string | undefined {
  const match = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
  const limit = Number(match?.[1] ?? Number.POSITIVE_INFINITY);
  return limit >= count + 200
    ? undefined
    : `${count} connections need more than the ${limit} open files allowed (ulimit -n)`;
}

/** Opens `count` connections from a child process. @throws when they are not all settled within 70 s. */
export async function hold(mode: HoldMode, url: string, count: number, placing: Placing): Promise<Held> {
  const program = fileURLToPath(import.meta.url);
  const child = startPinned(placing, process.execPath, [program, mode, url, String(count)]);
  const [, json] = await waitForOutput(child, /@(\{.*\})@/, openLimitMs + 10_000);
  return { ...(JSON.parse(json!) as { open: number; failed: number }), child };
}

/** Lets the connections go. @returns how many the server had kept open until now. */
export async function release(held: Held): Promise<number> {
  const end = ended(held.child, 10_000);
  held.child.stdin?.end();
  return Number(/%(\d+)%/.exec((await end).stdout)?.[1] ?? 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , mode = 'idle', url = '', count = '1'] = process.argv;
  const holder = new Holder(mode as HoldMode, new URL(url), Number(count));
  process.stdin.resume().on('end', () => holder.release());
}
