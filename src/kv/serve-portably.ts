// The whole of `clearway kv` where there is no Linux: the store on the main thread, over Node's sockets. Not here: the connections (portable-server.ts).

import { lookup } from 'node:dns/promises';
import type { StoreOptions } from './kv-options.js';
import type { KvOffered } from './kv-service.js';
import { PortableServer } from './portable-server.js';
import { restoreSnapshot, writeSnapshot } from './snapshot-file.js';
import { Store } from './store.js';

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
  const { snapshot } = options;
  const isRestored = snapshot !== undefined && restoreSnapshot(store, snapshot);
  let end: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const say = (sentence: string): void => void process.stderr.write(`clearway kv: ${sentence}\n`);
  let isSavedAtEnd = true;
  const server = new PortableServer(store, ({ save, shutdown, isSaved }) => {
    if (save) writeSnapshot(store, snapshot, say);
    if (!shutdown) return;
    isSavedAtEnd = isSaved;
    end();
  });
  process.stdout.write(announce({ restoredKeys: isRestored ? store.keys : undefined }, await listenAll(server, start)));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  await ended;
  await server.close();
  if (isSavedAtEnd) writeSnapshot(store, snapshot, say);
  return 0;
}
