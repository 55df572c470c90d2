// Node's own HTTP parser as an oracle: raw bytes go to a node:http server over loopback, and out comes whether it took the head.
// Not here: what it ought to say (node-oracle.test.ts).

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Sent for a head that the server's parser took, whatever the request is. */
const TAKEN = 'HTTP/1.1 299 Taken\r\nConnection: close\r\nContent-Length: 0\r\n\r\n';

/** A node:http server in its strict mode that says of every head whether it took it. */
export class NodeParser {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts the server on a free port of the loopback interface. */
  static async start(): Promise<NodeParser> {
    const server = createServer({ insecureHTTPParser: false, requireHostHeader: true, keepAlive: false });
    // The parser tells of a head before it has judged its framing, so the answer waits until it has returned.
    const taken = new WeakSet<Duplex>();
    const take = (request: { socket: Duplex }) => {
      taken.add(request.socket);
      setImmediate(() => request.socket.writable && request.socket.end(TAKEN));
    };
    server.on('request', take).on('checkContinue', take).on('checkExpectation', take);
    server.on('connect', (_request, socket) => socket.end(TAKEN));
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // What is wrong behind a head that was taken is the body's or the next request's affair, but for the framing.
      if (taken.has(socket) && error.code !== 'HPE_INVALID_TRANSFER_ENCODING') socket.end(TAKEN);
      else socket.end(`HTTP/1.1 400 ${error.code}\r\n\r\n`);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NodeParser(server);
  }

  /**
   * Sends bytes, then the end of the stream.
   *
   * @returns `taken`, or what the parser had against the head
   */
  async read(bytes: Uint8Array): Promise<string> {
    const { port } = this.#server.address() as AddressInfo;
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let text = '';
    socket.setEncoding('latin1').on('data', (piece) => {
      text += piece;
    });
    socket.on('error', () => undefined);
    socket.end(bytes);
    await once(socket, 'close');
    if (text.startsWith('HTTP/1.1 299')) return 'taken';
    return text.slice(0, Math.max(0, text.indexOf('\r\n'))) || 'closed';
  }

  /** Closes the server and every connection to it. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
