// The file of a snapshot: a line that says what it is, the commands that make the store again (src/core/kv/snapshot.ts), and a line with their number of bytes
// and their CRC-32. It is written whole beside the old one and put in its place, so that a crash leaves one or the other.

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { crc32 } from 'node:zlib';
import { platformIsLinux } from '../kernel/ffi.js';
import { tryLockFile } from '../kernel/file.js';
import { coded } from '../text/coded.js';
import { fileTrouble } from '../text/file-trouble.js';
import type { Store } from './store.js';

const firstLine = 'clearway-kv 1\n';
/** `end BYTES CRC\n`, both padded so that it always is as long. */
const lastLine = (bytes: number, crc: number): string =>
  `end ${`${bytes}`.padStart(16, '0')} ${crc.toString(16).padStart(8, '0')}\n`;
const lastLineBytes = lastLine(0, 0).length;

/** The file that a path leads to, whether it is there yet or not: a symbolic link stays, and what it names is written. */
function placeOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // It is not there, or there is no way to it: who opens it says so.
  }
  try {
    return placeOf(resolve(dirname(path), readlinkSync(path)));
  } catch {
    return path;
  }
}

/** Whether a process is there; one of another user's counts. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether somebody writes to it just now: numbers of processes mean nothing between containers that share a folder, and locks do. */
function isBeingWritten(path: string): boolean {
  if (!platformIsLinux) return false;
  const fd = openSync(path, 'r+');
  try {
    return !tryLockFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** Removes what processes left that ended while they wrote this snapshot: half of one, of no use to anybody. */
function removeUnfinished(place: string): void {
  const begin = `${basename(place)}.`;
  try {
    for (const name of readdirSync(dirname(place))) {
      const pid = Number(
        name.startsWith(begin) ? /^([1-9]\d*)-[\da-f]{8}\.tmp$/.exec(name.slice(begin.length))?.[1] : undefined,
      );
      const unfinished = join(dirname(place), name);
      if (pid > 0 && (pid === process.pid || !isRunning(pid)) && !isBeingWritten(unfinished)) rmSync(unfinished);
    }
  } catch {
    // A folder that may not be read, or what is not ours to remove, is no reason not to start.
  }
}

/** A file beside the snapshot, to be written before it takes the place of the last one. @throws Error of the file system */
function openBeside(place: string): { readonly beside: string; readonly fd: number } {
  const beside = `${place}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`;
  return { beside, fd: openSync(beside, 'wx', 0o600) };
}

/** Why no snapshot can be written here: that is found at the start, by trying, and not when everything is to be kept. Undefined: one can. */
export function whyNotWritable(path: string): string | undefined {
  try {
    const { beside, fd } = openBeside(placeOf(path));
    closeSync(fd);
    rmSync(beside);
    return undefined;
  } catch (error) {
    return fileTrouble(error);
  }
}

/** Who may read the last one may read the next. A file of somebody else's stays theirs where that may be said. */
function keepOwner(place: string, fd: number): void {
  const last = statSync(place, { throwIfNoEntry: false });
  if (last === undefined) return;
  fchmodSync(fd, last.mode & 0o777);
  try {
    if (last.uid !== process.geteuid?.()) fchownSync(fd, last.uid, last.gid);
  } catch {
    // Only root may.
  }
}

/** Writes everything at once: the store waits meanwhile. @throws Error of the file system, or of the store */
export function saveSnapshot(store: Store, path: string): void {
  const place = placeOf(path);
  const { beside, fd } = openBeside(place);
  try {
    if (platformIsLinux) tryLockFile(fd);
    keepOwner(place, fd);
    writeFileSync(fd, firstLine);
    writeFileSync(fd, writeCommands(store, fd));
    fsyncSync(fd);
    renameSync(beside, place);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncFolder(dirname(place));
}

/** Writes the commands, from where the store has them. @returns the last line */
function writeCommands(store: Store, fd: number): string {
  const { core } = store;
  const client = core.clientOpen();
  if (core.snapshotBegin(client) === 0) throw coded('CLEARWAY_KV', new Error('no client is free: raise --maxclients'));
  let bytes = 0;
  let crc = 0;
  try {
    for (let more = 1; more !== 0; ) {
      more = core.snapshotMore();
      if (store.isBroken(client)) throw coded('CLEARWAY_KV', new Error('there is no memory left for it'));
      for (let length = core.clientOutput(client); length > 0; length = core.clientOutput(client)) {
        const at = store.outputAddress;
        crc = crc32(store.bytes.subarray(at, at + length), crc);
        for (let done = 0; done < length; ) done += writeSync(fd, store.bytes, at + done, length - done);
        bytes += length;
        core.clientSent(client, length);
      }
    }
  } finally {
    core.snapshotEnd();
    core.clientClose(client);
  }
  return lastLine(bytes, crc);
}

/** A new name is on the disk when its folder is. */
function syncFolder(path: string): void {
  // Windows opens no folders, and needs none; some file systems take no fsync(2) of one, and a folder may be one that is not read.
  if (process.platform === 'win32') return;
  try {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!['EACCES', 'EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function unreadable(path: string, error: unknown): Error {
  const why = `the snapshot ${path} cannot be read: ${fileTrouble(error)}; name another file, or move it away to start empty`;
  return coded('CLEARWAY_KV', new Error(why));
}

/** Reads a snapshot into an empty store. False: there is no file yet. @throws Error for one that is damaged, or does not fit */
export function restoreSnapshot(store: Store, path: string): boolean {
  removeUnfinished(placeOf(path));
  let fd: number;
  try {
    // Of a pipe, too, it is said what it is: to open one would wait for somebody who writes.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw unreadable(path, error);
    return false;
  }
  try {
    const problem = check(store, fd) ?? feed(store, fd);
    if (problem !== undefined) throw coded('CLEARWAY_KV', new Error(`the snapshot ${path} is refused: ${problem}`));
    return true;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadable(path, error);
  } finally {
    closeSync(fd);
  }
}

/** Calls back for the file's bytes between two places, in pieces that lie in the store's memory. */
function eachPiece(store: Store, fd: number, from: number, to: number, take: (length: number) => boolean): boolean {
  for (let at = from; at < to; ) {
    const length = readSync(fd, store.bytes, store.input, Math.min(store.inputBytes, to - at), at);
    if (length === 0 || !take(length)) return false;
    at += length;
  }
  return true;
}

/** What is wrong with a file, before anything of it is believed; undefined: nothing. */
function check(store: Store, fd: number): string | undefined {
  const stat = fstatSync(fd);
  if (!stat.isFile() && !stat.isDirectory()) return 'it is no file';
  const text = (at: number, length: number): string => {
    const read = readSync(fd, store.bytes, store.input, length, at);
    return Buffer.from(store.bytes.buffer, store.input, read).toString('latin1');
  };
  const first = text(0, firstLine.length);
  const end = stat.size - lastLineBytes;
  if (end < firstLine.length) return 'it is too short';
  if (first !== firstLine) return 'it is no snapshot of this version';
  const last = text(end, lastLineBytes);
  let crc = 0;
  eachPiece(store, fd, firstLine.length, end, (length) => {
    crc = crc32(store.bytes.subarray(store.input, store.input + length), crc);
    return true;
  });
  return last === lastLine(end - firstLine.length, crc) ? undefined : 'it is damaged: its checksum is another one';
}

/** Runs the commands. @returns what went wrong */
function feed(store: Store, fd: number): string | undefined {
  const { core } = store;
  const client = core.clientOpen();
  store.trust(client);
  try {
    const end = fstatSync(fd).size - lastLineBytes;
    let problem: string | undefined;
    const isRead = eachPiece(store, fd, firstLine.length, end, (length) => {
      for (let at = 0; at < length && problem === undefined; ) {
        const taken = core.clientFeed(client, store.input + at, length - at);
        problem = errorIn(store, client);
        if (taken === 0 && problem === undefined) problem = 'a command of it is not taken';
        at += taken;
      }
      return problem === undefined;
    });
    if (problem !== undefined && /^OOM|no room for/.test(problem))
      return 'it needs more memory than there is: raise --maxmemory';
    return problem ?? (isRead ? undefined : 'it could not be read to its end');
  } finally {
    core.clientClose(client);
  }
}

/** The first reply that is an error; all replies are taken. A restoring command is answered by +OK or a number, so that a line with a dash is one. */
function errorIn(store: Store, client: number): string | undefined {
  const { core } = store;
  let error: string | undefined;
  for (let length = core.clientOutput(client); length > 0; length = core.clientOutput(client)) {
    const text = Buffer.from(store.bytes.buffer, store.outputAddress, length).toString('latin1');
    error ??= /(?:^|\n)-([^\r\n]*)/.exec(text)?.[1];
    core.clientSent(client, length);
  }
  return error;
}
