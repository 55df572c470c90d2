// The Prometheus endpoint, served by Node's own HTTP server on the main thread: far from the workers' hot path. The text
// it gives is its caller's (metrics-text.ts, or the meter's).

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Why the endpoint cannot listen, with the mend; the code stays the system's. */
function explained(error: NodeJS.ErrnoException, address: { readonly host: string; readonly port: number }): Error {
  const mend =
    error.code === 'EADDRINUSE'
      ? 'the address is already in use (EADDRINUSE); choose another port, 0 takes any free one'
      : error.message;
  const where = address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
  return Object.assign(new Error(`the metrics cannot be served at ${where}: ${mend}`), { code: error.code });
}

/** GET /metrics on an address of its own. */
export class MetricsEndpoint {
  readonly #server: Server;
  readonly #host: string;

  constructor(server: Server, host: string) {
    this.#server = server;
    this.#host = host;
  }

  /** Where it listens. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${port}/metrics`;
  }

  /** Opens the endpoint; `read` makes the text of each answer. @throws Error when the port is taken, with the mend. */
  static async open(
    address: { readonly host: string; readonly port: number },
    read: () => string,
  ): Promise<MetricsEndpoint> {
    const server = createServer((request, response) => {
      if (request.url?.split('?')[0] !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
        response.writeHead(404, { 'Content-Type': 'text/plain' }).end('the metrics are at /metrics\n');
        return;
      }
      const text = read();
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(explained(error, address)));
      server.listen(address.port, address.host, resolve);
    });
    return new MetricsEndpoint(server, address.host);
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
