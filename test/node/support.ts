// What the tests of the doors into Node share: a directory of files, servers on a free port, clients that read what
// comes over the wire byte for byte. Not here: any expectation.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes in which every place tells where it is. */
export function numberedBytes(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(at, at);
  return bytes;
}

/** A directory of files, gone after the test. */
export function makeFiles(context: { after(done: () => void): void }, files: Record<string, string | Buffer>): string {
  const root = mkdtempSync(join(tmpdir(), 'clearway-node-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}

/** A server on a free port of this host, closed after the test with all that is connected. */
export async function startServer(
  context: { after(done: () => void): void },
  listener: RequestListener,
): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  // On a busy machine a client may ask again on a connection only after the five seconds for which Node keeps one.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** A client that keeps everything it reads. */
export class WireClient {
  readonly socket: Socket;
  readonly #chunks: Buffer[] = [];
  receivedBytes = 0;
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (chunk) => {
      this.#chunks.push(chunk);
      this.receivedBytes += chunk.length;
    });
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  /** Sends request heads, one for each target, on one connection and in one write. */
  request(targets: readonly string[], fields = ''): void {
    const heads = targets.map((target) => {
      const [method, path] = target.includes(' ') ? target.split(' ') : ['GET', target];
      return `${method} ${path} HTTP/1.1\r\nHost: test\r\n${fields}\r\n`;
    });
    this.socket.write(heads.join(''));
  }

  /** All bytes so far. */
  received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** Waits until so many bytes came, or the connection closed. */
  async receive(bytes: number): Promise<void> {
    while (this.receivedBytes < bytes && !this.socket.closed) await sleep(2);
  }
}

/** One response cut out of a stream of bytes. */
export interface WireResponse {
  readonly status: number;
  readonly fields: Map<string, string>;
  readonly body: Buffer;
}

/** Reads responses that have a Content-Length, one after another. `heads` says which of them have no body. */
export function parseResponses(bytes: Buffer, isBodiless: (index: number) => boolean = () => false): WireResponse[] {
  const responses: WireResponse[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) throw new Error(`no head at ${at}: ${bytes.toString('latin1', at, at + 60)}`);
    const [line, ...rest] = bytes.toString('latin1', at, end).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) /.exec(line!);
    if (match === null) throw new Error(`no status line at ${at}: ${line}`);
    const fields = new Map(
      rest.map((each) => [each.split(': ')[0]!.toLowerCase(), each.slice(each.indexOf(': ') + 2)]),
    );
    const length = isBodiless(responses.length) ? 0 : Number(fields.get('content-length') ?? 0);
    responses.push({ status: Number(match[1]), fields, body: bytes.subarray(end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return responses;
}
