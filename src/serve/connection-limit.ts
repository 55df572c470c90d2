// How the files that a process may have open are shared out: to connections, to files of the site that stay open, to connections that
// are turned away and read why, and to the process itself. Where more connections are asked for, room for them is made.

import { openFilesLimit, raiseOpenFiles } from '../kernel/limits.js';

/** Connections get this share at most, the site's files that one. */
const connectionShare = 0.75;
const fileShare = 0.2;
/** Of what a process and each of its workers have open themselves: counted from 1 to 4 workers 15 and 9, a pipe for each, and what is open for a moment. */
const ownFiles = 20;
const workerFiles = 12;
/** A file and its siblings in each coding are open at once, and one more. */
const leastFiles = 5;
/** Most files that a worker keeps open, and most connections on their way out. */
const mostFiles = 4096;
const mostParting = 64;
/** Descriptors that no connection gets while fewer than this are left, in all of the process. */
const mostSpare = 16;

/** What each worker has of the open files. */
export interface WorkerShare {
  readonly connections: number;
  /** Files of the site that stay open. */
  readonly files: number;
  /** Connections that were turned away and may still read why. */
  readonly parting: number;
  /** A connection whose descriptor has this number, or a higher one, is turned away: there are files to open. */
  readonly descriptorLimit: number;
}

/** Connections of all workers that fit below a limit on open files. */
export function connectionsWithin(openFiles: number, workers: number): number {
  const free = freeOf(openFiles, workers);
  const rest = free - workers * (filesWithin(free, workers) + partingWithin(free, workers));
  return Math.max(workers, Math.min(Math.floor(openFiles * connectionShare), rest));
}

function freeOf(openFiles: number, workers: number): number {
  return Math.max(0, openFiles - ownFiles - workers * workerFiles);
}

function filesWithin(free: number, workers: number): number {
  return Math.max(leastFiles, Math.min(mostFiles, Math.floor((free * fileShare) / workers)));
}

function partingWithin(free: number, workers: number): number {
  return Math.max(1, Math.min(mostParting, Math.floor((free * (1 - connectionShare - fileShare)) / workers)));
}

/** The limit on open files that so many connections need. */
export function openFilesFor(connections: number, workers: number): number {
  let openFiles = Math.ceil(connections / connectionShare);
  while (connectionsWithin(openFiles, workers) < connections) openFiles++;
  return openFiles;
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
export function makeRoom(
  connections: number,
  workers: number,
  raise: (openFiles: number) => number = raiseOpenFiles,
): ConnectionRoom {
  const needed = openFilesFor(connections, workers);
  const openFiles = raise(needed);
  const room = connectionsWithin(openFiles, workers);
  if (room >= connections) return { connections, warning: undefined };
  const fix = `raise it with ulimit -n ${needed} or LimitNOFILE=${needed} in the systemd unit`;
  const warning = `at most ${room} connections, not ${connections}: the limit on open files is ${openFiles}; ${fix}`;
  return { connections: room, warning };
}

/**
 * One worker's share.
 * @param connections of all workers. @param openFiles the limit on open files; a test gives its own.
 */
export function shareOf(connections: number, workers: number, openFiles: number = openFilesLimit()): WorkerShare {
  const free = freeOf(openFiles, workers);
  return {
    connections: Math.max(1, Math.ceil(connections / workers)),
    files: filesWithin(free, workers),
    parting: partingWithin(free, workers),
    descriptorLimit: descriptorLimitOf(openFiles),
  };
}

/** The least number of a descriptor that says that few are left. @param openFiles the limit on open files */
export function descriptorLimitOf(openFiles: number): number {
  return openFiles - Math.min(mostSpare, Math.ceil(openFiles / 16));
}
