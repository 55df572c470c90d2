// The whole of `clearway kv` where there is no Linux: the store on the main thread, over Node's sockets. Not here: the connections (portable-server.ts).

import { lookup } from 'node:dns/promises';
import type { StoreOptions } from './kv-options.js';
import type { KvOffered } from './kv-service.js';
import { PortableServer } from './portable-server.js';
import { Store } from './store.js';
import { StoreKeeper } from './store-keeper.js';

/** Where to listen, and what with. */
export interface PortableStart {
  readonly hosts: readonly string[];
  readonly port: number;
  /** The path of a Unix socket, or of a named pipe on Windows. */
  readonly socket: string | undefined;
  readonly store: StoreOptions;
}

/** Listens everywhere. @returns where, as clients are told */
async function listenAll(server: PortableServer, { hosts, port, socket }: PortableStart): Promise<string[]> {
  const places: string[] = [];
  let chosen = port;
  for (const host of hosts) {
    const { address, family } = await lookup(host.replace(/^\[|\]$/g, ''));
    chosen = await server.listen({ host: address, port: chosen });
    places.push(`redis://${family === 6 ? `[${address}]` : address}:${chosen}`);
  }
  if (socket !== undefined) {
    await server.listen({ path: socket });
    places.push(`unix:${socket}`);
  }
  return places;
}

/** Serves until a signal or a client ends it. Returns the exit status. @throws Error where it cannot listen */
export async function servePortably(
  start: PortableStart,
  announce: (offered: KvOffered, places: readonly string[]) => string,
): Promise<number> {
  const { store: options } = start;
  const store = new Store(options);
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const say = (sentence: string): void => void process.stderr.write(`clearway kv: ${sentence}\n`);
  const keeper = new StoreKeeper(store, options, say, end);
  const server = new PortableServer(store, (requests) => keeper.answer(requests));
  process.stdout.write(announce({ restoredKeys: keeper.restoredKeys }, await listenAll(server, start)));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  await ended;
  await server.close();
  keeper.saveAtEnd();
  return 0;
}
