// How many clients fit below the limit on open files: it is raised as far as it may be, and where that is not enough it is said at the start. Beyond the
// limit a client would wait without a word. Not here: connections of `serve` (serve/connection-limit.ts).

import { raiseOpenFiles } from '../../kernel/limits.js';

/** What a process has open beside its clients (25 for a store, 30 with a guest), and room to tell those who are too many. */
const ownFiles = 40;

/** How many of the clients that were asked for there can be; fewer are told of on stderr. */
export function clientsThatFit(command: string, asked: number): number {
  const needed = asked + ownFiles;
  const openFiles = raiseOpenFiles(needed);
  if (openFiles >= needed) return asked;
  const room = Math.max(1, openFiles - ownFiles);
  process.stderr.write(
    `clearway ${command}: at most ${room} clients, not ${asked}: the limit on open files is ${openFiles}; raise it with ulimit -n ${needed} or ` +
      `LimitNOFILE=${needed} in the systemd unit, or say --maxclients ${room}\n`,
  );
  return room;
}
