// The first answer after nobody has asked for a while: a client of one connection asks once a second, and takes the time until the answer is there. Client and store sleep in
// between, so that the waking of both, and the kernel's TCP twice, is in it. Not here: the stores (main.ts).

import { once } from 'node:events';
import { connect } from 'node:net';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Microseconds of each of so many first answers, for each port; the ports are asked in turn. */
export async function measureWakes(ports: readonly number[], times: number, idleMs = 1000): Promise<number[][]> {
  const sockets = ports.map((port) => connect({ port, host: '127.0.0.1', noDelay: true }));
  const found = ports.map(() => [] as number[]);
  // The first time is not counted: then the connection is new, and code of the client as well.
  for (let round = 0; round <= times; round++) {
    for (const [index, socket] of sockets.entries()) {
      await pause(idleMs / ports.length);
      const answered = once(socket, 'data');
      const sinceMs = performance.now();
      socket.write('GET absent\r\n');
      await answered;
      if (round > 0) found[index]!.push((performance.now() - sinceMs) * 1000);
    }
  }
  for (const socket of sockets) socket.destroy();
  return found;
}
