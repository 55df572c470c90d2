// SocketFile: a Unix socket of our own that listens, and its file, which goes with it: never with more permissions than it should have, in the
// place of one that nobody listens at any more, and of no other. Not here: who accepts.

import { chmodSync, closeSync, constants, lstatSync, openSync, unlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import { Errno, errnoWords } from '../kernel/errno.js';
import { awaitInput } from '../kernel/event.js';
import { tryLockFile } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { listenUnix, longestUnixName, probeUnix } from '../kernel/unix-socket.js';
import { coded } from '../text/coded.js';

/** How often it is tried to be alone in a directory, and how long it is waited in between: a second in all. */
const lockTries = 200;
const lockPauseMs = 5;

/** See the file's head. */
export class SocketFile {
  readonly fd: number;
  readonly path: string;
  readonly #inode: bigint | undefined;
  #removed = false;

  /** @throws SystemError, Error where another process listens there or something else lies there */
  constructor(path: string, mode: number) {
    this.path = path;
    const isAbstract = path.startsWith('@');
    const result = isAbstract ? listenUnix(path) : aloneIn(dirname(path), () => listenAt(path, mode));
    if (result === -Errno.EADDRINUSE) throw inUse(path);
    if (result < 0) throw new SystemError(-result, 'bind', `unix:${path}`, hint(-result));
    this.fd = result;
    this.#inode = isAbstract ? undefined : inodeOf(path);
  }

  /** Removes the file, if it is still this socket's. */
  remove(): void {
    if (this.#removed || this.#inode === undefined) return;
    this.#removed = true;
    if (inodeOf(this.path) !== this.#inode) return;
    try {
      unlinkSync(this.path);
    } catch {
      // The directory may not be ours to change any more: whoever comes next finds nobody behind the file, and replaces it.
    }
  }

  /** Closes the socket; its file stays until it is removed. */
  close(): void {
    closeDescriptor(this.fd);
  }
}

/**
 * Does something while no other process of ours does it in the same directory: two that find the file of one that has gone would each remove it, and the
 * second the first one's new one. Who cannot have the lock (the directory may not be read, or somebody holds it for long) goes without.
 */
function aloneIn(folder: string, work: () => number): number {
  let fd = -1;
  try {
    fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    // Of no descriptor there is no news: it is waited for so long.
    for (let tries = 0; tries < lockTries && !tryLockFile(fd); tries++) awaitInput(-1, lockPauseMs);
  } catch {
    // What is wrong with it is said of the socket.
  }
  try {
    return work();
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

/** Listens there, in the place of one that has gone. Returns a descriptor or -errno. */
function listenAt(path: string, mode: number): number {
  const result = listenWithMode(path, mode);
  if (result !== -Errno.EADDRINUSE) return result;
  removeStale(path);
  return listenWithMode(path, mode);
}

/** The file never has more permissions than it should, not even for a moment. */
function listenWithMode(path: string, mode: number): number {
  const result = listenUnix(path, mode);
  // The umask, or the directory's default ACL, may have taken some away.
  if (result >= 0) chmodSync(path, mode);
  return result;
}

/** Removes the file of a server that has gone. @throws Error where somebody listens there, or where it is no socket */
function removeStale(path: string): void {
  if (!lstatSync(path).isSocket()) {
    throw coded(
      'CLEARWAY_LISTEN',
      new Error(`${path} is there and is no socket: remove it, or choose another path for the socket`),
    );
  }
  const result = probeUnix(path);
  if (result === -Errno.ECONNREFUSED) unlinkSync(path);
  else if (result === 0 || result === -Errno.EPROTOTYPE) throw inUse(path);
  else if (result !== -Errno.ENOENT) {
    throw coded(
      'CLEARWAY_LISTEN',
      new Error(
        `whether another process listens at ${path} cannot be told (${errnoWords(-result)}): remove it, or choose another path`,
      ),
    );
  }
}

function inUse(path: string): Error {
  return coded(
    'CLEARWAY_LISTEN',
    new Error(`another process listens at unix:${path}: choose another path, or find it with \`ss -lxp\``),
  );
}

function hint(errno: number): string | undefined {
  if (errno === Errno.ENAMETOOLONG) return `a socket's path has ${longestUnixName} bytes at most: choose a shorter one`;
  if (errno === Errno.ENOENT) return 'its directory is not there: make it first';
  if (errno === Errno.EACCES || errno === Errno.EPERM || errno === Errno.EROFS) {
    return 'its directory cannot be written: choose another one, such as RuntimeDirectory= of a systemd unit';
  }
  return undefined;
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
