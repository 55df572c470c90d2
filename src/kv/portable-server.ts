// The store over Node's own sockets, on the main thread: for systems that are no Linux. Requests and replies are copied once each. Not here: the store
// (src/core/kv), how it is served on Linux (kv-service.ts).

import { createServer, type Server, type Socket } from 'node:net';
import { CopyReason, copyBytes, countCopy } from '../memory/copy.js';
import type { Store, StoreRequests } from './store.js';

/** How often keys that expired are looked for. */
const turnMs = 100;
/** Bytes of replies that wait in a socket before its requests wait too. */
const mostWaiting = 1 << 20;

/** Where to listen: as `net.Server.listen` takes it. */
export type ListenAt = { readonly host: string; readonly port: number } | { readonly path: string };

/** See the file's head. */
export class PortableServer {
  readonly #store: Store;
  readonly #asked: (requests: StoreRequests) => void;
  readonly #servers: Server[] = [];
  readonly #byClient = new Map<number, Socket>();
  /** What clients that wait for a key (BLPOP) sent behind that. */
  readonly #ahead = new Map<number, Buffer>();
  readonly #timer: NodeJS.Timeout;

  /** @param asked hears what is done outside of the core, such as SAVE and SHUTDOWN */
  constructor(store: Store, asked: (requests: StoreRequests) => void) {
    this.#store = store;
    this.#asked = asked;
    this.#timer = setInterval(() => this.#turn(), turnMs);
    this.#timer.unref();
  }

  #turn(): void {
    this.#store.turn(performance.now());
    this.#lookAround();
  }

  /** Listens. Resolves to the port that was got. @throws Error of the system */
  async listen(at: ListenAt): Promise<number> {
    const server = createServer({ noDelay: true }, (socket) => this.#admit(socket));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(at, resolve);
    });
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  #admit(socket: Socket): void {
    const client = this.#store.core.clientOpen();
    if (client < 0) {
      socket.end('-ERR max number of clients reached\r\n');
      return;
    }
    this.#byClient.set(client, socket);
    this.#store.namePeer(client, socket.remoteAddress ?? '', socket.remotePort ?? 0);
    socket.on('data', (bytes: Buffer) => this.#received(client, socket, bytes));
    socket.on('drain', () => {
      if (!this.#ahead.has(client)) socket.resume();
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#byClient.delete(client);
      this.#ahead.delete(client);
      this.#store.core.clientClose(client);
    });
  }

  #received(client: number, socket: Socket, bytes: Buffer): void {
    const store = this.#store;
    store.turn(performance.now());
    for (let at = 0; at < bytes.length && !socket.destroyed; ) {
      const length = Math.min(bytes.length - at, store.inputBytes);
      copyBytes(CopyReason.storeRequest, store.bytes, store.input, bytes, at, length);
      at += store.core.clientFeed(client, store.input, length);
      const { isWaiting } = store;
      const requests = store.takeRequests();
      if (requests !== undefined) this.#asked(requests);
      this.#reply(client, socket);
      if (store.isOver(client)) break;
      if (!isWaiting) continue;
      if (at < bytes.length) {
        socket.pause();
        this.#ahead.set(client, bytes.subarray(at));
      }
      break;
    }
    this.#lookAround();
  }

  #reply(client: number, socket: Socket): void {
    const store = this.#store;
    for (let length = store.core.clientOutput(client); length > 0; length = store.core.clientOutput(client)) {
      // Node keeps what it is given until it was sent, and the core's block is used again at once.
      // copy-ok: the socket of Node owns what it sends; counted below
      const reply = Buffer.from(store.bytes.subarray(store.outputAddress, store.outputAddress + length));
      countCopy(CopyReason.storeReply, length);
      socket.write(reply);
      store.core.clientSent(client, length);
    }
    if (store.isOver(client)) socket.end();
    else if (socket.writableLength > mostWaiting) socket.pause();
  }

  #lookAround(): void {
    const { core } = this.#store;
    for (let client = core.nextClientEvent(); client >= 0; client = core.nextClientEvent()) {
      const socket = this.#byClient.get(client);
      if (socket === undefined) continue;
      this.#reply(client, socket);
      const ahead = this.#ahead.get(client);
      if (ahead === undefined) continue;
      this.#ahead.delete(client);
      setImmediate(() => {
        this.#received(client, socket, ahead);
        if (!this.#ahead.has(client)) socket.resume();
      });
    }
  }

  /** Ends it: nobody is accepted any more, and who is there is closed. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const socket of this.#byClient.values()) socket.destroy();
    await Promise.all(closed);
  }
}
