// The file of a snapshot: a line that says what it is, the commands that make the store again (src/core/kv/snapshot.ts), and a line with their number of bytes
// and their CRC-32. It is written whole beside the old one and put in its place, so that a crash leaves one or the other.

import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { coded } from '../text/coded.js';
import { fileTrouble } from '../text/file-trouble.js';
import type { Store } from './store.js';

const firstLine = 'clearway-kv 1\n';
/** `end BYTES CRC\n`, both padded so that it always is as long. */
const lastLine = (bytes: number, crc: number): string =>
  `end ${`${bytes}`.padStart(16, '0')} ${crc.toString(16).padStart(8, '0')}\n`;
const lastLineBytes = lastLine(0, 0).length;

/** Writes the snapshot, where there is to be one, and tells the store what came of it; what went wrong is said. */
export function writeSnapshot(store: Store, path: string | undefined, say: (sentence: string) => void): void {
  let isSaved = path !== undefined;
  try {
    if (path !== undefined) saveSnapshot(store, path);
  } catch (error) {
    isSaved = false;
    say(`the snapshot was not written: ${fileTrouble(error)}`);
  }
  store.noteSaved(isSaved);
}

/** Where a snapshot is written before it takes the place of the last one. */
const unfinishedPath = (path: string, pid: number): string => `${path}.${pid}.tmp`;

/** Whether a process is there; one of another user's counts. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes what processes left that ended while they wrote this snapshot: half of one, of no use to anybody. */
function removeUnfinished(path: string): void {
  const begin = `${basename(path)}.`;
  let names: string[] = [];
  try {
    names = readdirSync(dirname(path));
  } catch {
    // A folder that may not be read is no reason not to start.
  }
  for (const name of names) {
    const pid = Number(name.startsWith(begin) ? /^([1-9]\d*)\.tmp$/.exec(name.slice(begin.length))?.[1] : undefined);
    if (pid > 0 && (pid === process.pid || !isRunning(pid))) rmSync(join(dirname(path), name), { force: true });
  }
}

/** Writes everything at once: the store waits meanwhile. Returns bytes. @throws Error of the file system */
function saveSnapshot(store: Store, path: string): void {
  const beside = unfinishedPath(path, process.pid);
  const fd = openSync(beside, 'w', 0o600);
  try {
    writeSync(fd, firstLine);
    writeSync(fd, writeCommands(store, fd));
    fsyncSync(fd);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  syncFolder(dirname(path));
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
  // Windows opens no folders, and needs none.
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A place where no snapshot can be written is found at the start, and not when everything is to be kept. @throws Error */
function expectWritable(path: string): void {
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw coded('CLEARWAY_KV', new Error(`the snapshot ${path} could not be written: ${fileTrouble(error)}`));
  }
}

function unreadable(path: string, error: unknown): Error {
  const why = `the snapshot ${path} cannot be read: ${fileTrouble(error)}; name another file, or move it away to start empty`;
  return coded('CLEARWAY_KV', new Error(why));
}

/** Reads a snapshot into an empty store. False: there is no file yet. @throws Error for one that is damaged, does not fit, or could not be written */
export function restoreSnapshot(store: Store, path: string): boolean {
  removeUnfinished(path);
  expectWritable(path);
  let fd: number;
  try {
    fd = openSync(path, 'r');
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
  const { size } = fstatSync(fd);
  const end = size - lastLineBytes;
  if (end < firstLine.length) return 'it is too short';
  const text = (at: number, length: number): string => {
    const read = readSync(fd, store.bytes, store.input, length, at);
    return Buffer.from(store.bytes.buffer, store.input, read).toString('latin1');
  };
  if (text(0, firstLine.length) !== firstLine) return 'it is no snapshot of this version';
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
