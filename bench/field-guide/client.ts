// The field guide's own load generator: connections that ask and wait for the whole answer, one request after the other, and
// count every byte that they send and receive. Its counts are what the meter's are held against.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { ReplyReader } from './replies.js';

/** Where a server listens: a TCP port of 127.0.0.1, or the path of a unix socket. */
export type Address = { readonly port: number } | { readonly path: string };

/** What to do on each connection. */
export interface Load {
  readonly address: Address;
  readonly connections: number;
  /** Requests on each connection. */
  readonly requests: number;
  /** One request. */
  readonly request: Uint8Array;
  /** What is said before the first request, and answered; nothing where it is absent. */
  readonly greeting?: Uint8Array;
  /** What is said at the end; not answered. */
  readonly farewell?: Uint8Array;
  readonly replies: () => ReplyReader;
}

/** Every byte that went over the connections, both ways, and how many of those received were content. */
export interface Moved {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly contentBytes: number;
  readonly requests: number;
}

const stepLimitMs = 20_000;

/** One connection: writes are counted when they are made, and a connection ends only when all is answered. */
class CountingConnection {
  sentBytes = 0;
  receivedBytes = 0;
  private readonly socket: Socket;
  private readonly reader: ReplyReader;
  private wake = () => {};
  private trouble: Error | undefined;

  private constructor(socket: Socket, reader: ReplyReader) {
    this.socket = socket;
    this.reader = reader;
    socket.setNoDelay(true);
    socket.setTimeout(stepLimitMs, () => socket.destroy(new Error(`no answer within ${stepLimitMs} ms`)));
    socket.on('data', (chunk: Buffer) => {
      this.receivedBytes += chunk.length;
      try {
        reader.feed(chunk);
      } catch (error) {
        this.trouble ??= error as Error;
      }
      this.wake();
    });
    socket.on('error', (error) => {
      this.trouble ??= error;
    });
    socket.on('close', () => {
      this.trouble ??= new Error('the server closed the connection');
      this.wake();
    });
  }

  static async open(address: Address, reader: ReplyReader): Promise<CountingConnection> {
    const socket = connect('path' in address ? address : { host: '127.0.0.1', ...address });
    await once(socket, 'connect');
    return new CountingConnection(socket, reader);
  }

  get contentBytes(): number {
    return this.reader.contentBytes;
  }

  /** Sends one request and waits for the end of its answer. */
  async ask(request: Uint8Array): Promise<void> {
    const wanted = this.reader.completed + 1;
    this.say(request);
    while (this.reader.completed < wanted && this.trouble === undefined) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    if (this.trouble !== undefined) throw this.trouble;
  }

  private say(bytes: Uint8Array): void {
    this.sentBytes += bytes.length;
    this.socket.write(bytes);
  }

  /** Says the last word, if any, and waits until the server has closed too: then it has read everything. */
  async close(farewell: Uint8Array | undefined): Promise<void> {
    if (farewell !== undefined) this.say(farewell);
    const closed = once(this.socket, 'close');
    this.socket.end();
    await closed;
  }

  /** Gives up: nothing stays open. */
  destroy(): void {
    this.socket.destroy();
  }
}

/** Performs the load. @throws where a request is not answered, or answered with an error. */
export async function perform(load: Load): Promise<Moved> {
  const open: CountingConnection[] = [];
  const runOne = async () => {
    const connection = await CountingConnection.open(load.address, load.replies());
    open.push(connection);
    if (load.greeting !== undefined) await connection.ask(load.greeting);
    for (let each = 0; each < load.requests; each++) await connection.ask(load.request);
    await connection.close(load.farewell);
  };
  try {
    await Promise.all(Array.from({ length: load.connections }, runOne));
  } finally {
    for (const connection of open) connection.destroy();
  }
  const sum = (of: (connection: CountingConnection) => number) =>
    open.reduce((total, connection) => total + of(connection), 0);
  return {
    sentBytes: sum((connection) => connection.sentBytes),
    receivedBytes: sum((connection) => connection.receivedBytes),
    contentBytes: sum((connection) => connection.contentBytes),
    requests: load.connections * load.requests,
  };
}

/** Asks once on a connection of its own, as a check that a server is there. @throws */
export async function askOnce(load: Omit<Load, 'connections' | 'requests'>): Promise<void> {
  await perform({ ...load, connections: 1, requests: 1 });
}
