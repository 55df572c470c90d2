// The Prometheus endpoint, served by Node's own HTTP server on the main thread: far from the workers' hot path. The text
// it gives is its caller's (metrics-text.ts, or the meter's).

import { createServer, type Server } from 'node:http';
import { hostAndPort } from './addresses.js';
import { listenOnAll, type NodeListening } from './node-listen.js';

/** Why the endpoint cannot listen, with the fix; the code stays the system's. */
function explained(error: NodeJS.ErrnoException, address: { readonly host: string; readonly port: number }): Error {
  const fix =
    error.code === 'EADDRINUSE'
      ? 'the address is already in use (EADDRINUSE); choose another port, 0 takes any free one'
      : error.message;
  return Object.assign(
    new Error(`the metrics cannot be served at ${hostAndPort(address.host, address.port)}: ${fix}`),
    { code: error.code },
  );
}

/** GET /metrics on an address of its own. */
export class MetricsEndpoint {
  readonly #server: Server;
  readonly #listening: NodeListening;

  constructor(server: Server, listening: NodeListening) {
    this.#server = server;
    this.#listening = listening;
  }

  /** Where it listens: a link for each address. */
  get urls(): readonly string[] {
    const { hosts, port } = this.#listening;
    return hosts.map((host) => `http://${hostAndPort(host, port)}/metrics`);
  }

  /** Opens the endpoint; `read` makes the text of each answer. @throws Error when the port is taken, with the fix. */
  static async open(
    address: { readonly host: string; readonly port: number },
    read: () => string | Promise<string>,
  ): Promise<MetricsEndpoint> {
    const server = createServer(async (request, response) => {
      if (request.url?.split('?')[0] !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
        response.writeHead(404, { 'Content-Type': 'text/plain' }).end('the metrics are at /metrics\n');
        return;
      }
      let text: string;
      try {
        text = await read();
      } catch (error) {
        response.writeHead(503, { 'Content-Type': 'text/plain' }).end(`${(error as Error).message}\n`);
        return;
      }
      response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(text);
    });
    try {
      return new MetricsEndpoint(server, await listenOnAll(server, address));
    } catch (error) {
      throw explained(error as NodeJS.ErrnoException, address);
    }
  }

  /** Closes it. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await this.#listening.close();
  }
}
