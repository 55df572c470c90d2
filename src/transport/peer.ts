// What is asked of whoever is at the other end of a connection. Not here: the connection itself (connection.ts).

import type { Engine } from '../engine/engine.js';

/** A connection, as far as its peer goes. */
export interface PeeredConnection {
  readonly fd: number;
  readonly owner: { readonly loop: { readonly engine: Engine } };
}

/** The address at the other end; empty where it has none (a Unix socket), undefined where it is gone. */
export function peerHost({ fd, owner }: PeeredConnection): string | undefined {
  try {
    return owner.loop.engine.peerAddress(fd).host;
  } catch {
    return undefined;
  }
}
