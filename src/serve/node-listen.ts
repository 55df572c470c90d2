// A server of node:http on every address that a host name leads to, on one port: for the metrics and the dashboard, which Node
// serves. Not here: the files' own sockets (listening.ts).

import type { Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { addressesOf } from './addresses.js';

/** Where a server of Node's listens. */
export interface NodeListening {
  /** Addresses, at least one. */
  readonly hosts: readonly string[];
  readonly port: number;
  /** Accepts no more; what is open stays. */
  close(): Promise<void>;
}

const portTries = 20;

/** Listens. @throws Error EADDRINUSE and its kin, of the first address that fails; where a name is resolved, of all that are not this host's */
export async function listenOnAll(
  server: Server,
  where: { readonly host: string; readonly port: number },
): Promise<NodeListening> {
  const hosts = await addressesOf(where.host);
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnEach(server, hosts, where);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || where.port !== 0 || attempt === portTries) throw error;
    }
  }
}

async function listenOnEach(
  server: Server,
  wanted: readonly string[],
  where: { readonly host: string; readonly port: number },
): Promise<NodeListening> {
  const doors: TcpServer[] = [];
  const hosts: string[] = [];
  let { port } = where;
  let leftOut: unknown;
  const close = async (): Promise<void> => {
    await Promise.all(doors.map((door) => new Promise((resolve) => door.close(resolve))));
  };
  for (const host of wanted) {
    // The server itself on the first: that makes it watch over times and connections, the others' too.
    const door =
      doors.length === 0 ? server : createTcpServer({ noDelay: true }, (socket) => server.emit('connection', socket));
    try {
      await new Promise<void>((resolve, reject) => {
        door.once('error', reject);
        door.listen({ host, port, ipv6Only: wanted.includes('0.0.0.0') }, () => {
          door.off('error', reject);
          resolve();
        });
      });
      port = (door.address() as AddressInfo).port;
      doors.push(door);
      hosts.push(host);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A name may lead to more than this host has.
      if (host !== where.host && (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT')) leftOut ??= error;
      else {
        await close();
        throw error;
      }
    }
  }
  if (doors.length === 0) throw leftOut;
  return { hosts, port, close };
}
