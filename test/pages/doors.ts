// What the tests of pages share: one page behind every door (Clearway's server on each engine, Node's http past Node and
// through its streams), a client that reads at its own pace, and naive concatenation to compare with.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { createPageServer, type Page, type PageReport, respond } from '../../src/pages/index.js';
import { openEngine } from '../../src/transport/open-engine.js';

/** The doors that every test goes through. */
export const doors = ['uring', 'epoll', 'node', 'node-stream'] as const;

/** One of {@link doors}. */
export type Door = (typeof doors)[number];

/** Why a door cannot be tried here; false where it can. */
export function doorClosed(door: Door): string | false {
  if (door === 'node' || door === 'node-stream') return false;
  if (!platformIsLinux) return 'needs Linux';
  try {
    openEngine(door).close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

/** A page behind a door. The page can be exchanged between requests. */
export interface OpenDoor {
  page: Page;
  readonly port: number;
  readonly reports: PageReport[];
  readonly errors: Error[];
  close(): Promise<void>;
}

/** Opens a door. */
export async function openDoor(door: Door, page: Page): Promise<OpenDoor> {
  const reports: PageReport[] = [];
  const errors: Error[] = [];
  if (door === 'uring' || door === 'epoll') {
    const server = createPageServer({
      routes: () => open.page,
      port: 0,
      engine: door,
      onPage: (report) => reports.push(report),
      onError: (error) => errors.push(error),
    });
    const open: OpenDoor = {
      page,
      port: Number(new URL(server.url).port),
      reports,
      errors,
      close: () => server.close(0),
    };
    return open;
  }
  const server = createServer((request, response) => {
    if (door === 'node-stream') wrapWrite(response);
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    reports.push(await respond(request, response, open.page));
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const open: OpenDoor = {
    page,
    port: (server.address() as AddressInfo).port,
    reports,
    errors,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return open;
}

/** A middleware that wants to see the bytes: then they may not pass Node by. */
function wrapWrite(response: ServerResponse): void {
  const { write } = response;
  response.write = function wrapped(this: ServerResponse, ...args: Parameters<typeof write>) {
    return write.apply(this, args);
  } as typeof write;
}

/** What a raw client got. */
export interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
  /** Whether the framing said that this was all. */
  readonly complete: boolean;
}

/** Asks once and reads to the end of the connection, with pauses; leaves after `leaveAfter` bytes. */
export async function ask(
  port: number,
  options: {
    readonly pauses?: readonly number[];
    readonly leaveAfter?: number;
    readonly version?: '1.0' | '1.1';
    readonly onData?: () => void;
    readonly target?: string;
  } = {},
): Promise<Answer> {
  const { pauses = [], leaveAfter = Number.POSITIVE_INFINITY, version = '1.1', target = '/' } = options;
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  // An answer that never ends fails its test, and does not keep all the others waiting.
  socket.setTimeout(20_000, () => socket.destroy());
  const chunks: Buffer[] = [];
  let got = 0;
  socket.write(`GET ${target} HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
  try {
    for await (const chunk of socket) {
      options.onData?.();
      chunks.push(chunk as Buffer);
      got += (chunk as Buffer).length;
      if (got >= leaveAfter) break;
      const pause = pauses[chunks.length % pauses.length] ?? 0;
      if (pause > 0) await sleep(pause);
    }
  } catch {
    // A reset: what came until then is looked at.
  }
  socket.destroy();
  return parse(Buffer.concat(chunks));
}

function parse(bytes: Buffer): Answer {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.toString('latin1', 0, Math.max(0, end));
  const body = end < 0 ? Buffer.alloc(0) : bytes.subarray(end + 4);
  const status = Number(head.split(' ')[1] ?? 0);
  const length = /^content-length: (\d+)/im.exec(head);
  if (length !== null) return { status, head, body, complete: body.length === Number(length[1]) };
  if (!/^transfer-encoding: chunked/im.test(head)) return { status, head, body, complete: end >= 0 };
  return { status, head, ...dechunk(body) };
}

function dechunk(bytes: Buffer): { body: Buffer; complete: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, line), 16);
    const body = Buffer.concat(parts);
    if (Number.isNaN(size)) return { body, complete: false };
    if (size === 0) return { body, complete: bytes.toString('latin1', line, line + 4) === '\r\n\r\n' };
    if (bytes.length < line + 2 + size + 2) return { body, complete: false };
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    if (bytes.toString('latin1', line + 2 + size, line + 4 + size) !== '\r\n') return { body, complete: false };
    at = line + 2 + size + 2;
  }
}
