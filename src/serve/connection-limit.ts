// How many connections a limit on open files leaves room for, and making that room where more are asked for.

import { raiseOpenFiles } from '../kernel/limits.js';

/** The share of the open files that connections may take, and what the process has open beside them and the site's files. */
const share = 0.75;
const ownFiles = 64;
const least = 16;

/** Connections that fit below a limit on open files. */
export function connectionsWithin(openFiles: number): number {
  return Math.max(least, Math.floor(openFiles * share) - ownFiles);
}

/** The limit on open files that so many connections need. */
export function openFilesFor(connections: number): number {
  return Math.ceil((connections + ownFiles) / share);
}

/** How many connections may be open, and, where that is fewer than were asked for, a sentence that says so. */
export interface ConnectionRoom {
  readonly connections: number;
  readonly warning: string | undefined;
}

/**
 * Raises this process's limit on open files as far as so many connections need and it may be.
 * @param raise raises the limit on open files to at least a number and returns what holds then; a test gives its own.
 */
export function makeRoom(connections: number, raise: (openFiles: number) => number = raiseOpenFiles): ConnectionRoom {
  const needed = openFilesFor(connections);
  const openFiles = raise(needed);
  const room = connectionsWithin(openFiles);
  if (room >= connections) return { connections, warning: undefined };
  const fix = `raise it with ulimit -n ${needed} or LimitNOFILE=${needed} in the systemd unit`;
  const warning = `at most ${room} connections, not ${connections}: the limit on open files is ${openFiles}; ${fix}`;
  return { connections: room, warning };
}
