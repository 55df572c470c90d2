// Shared by the peers that run in Node: which directory to serve, and the line that says they are ready.
import { resolve } from 'node:path';

/** The directory to serve: the first argument. */
export const directory = resolve(process.argv[2] ?? '.');

/** Listens on a free loopback port and prints its address on one line. */
export function announce(server) {
  server.keepAliveTimeout = 600_000; // idle connections stay, as with the other peers
  server.listen(0, '127.0.0.1', 4096, () => console.log(`http://127.0.0.1:${server.address().port}`));
}
