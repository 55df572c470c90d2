// A file as sources open it: never one that can make the player wait for ever, read in bounded pieces, its end known.
// Not here: what is in it.

import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { nameTrouble, plainText } from '../../text/plain-text.js';
import type { ReadPiece } from '../../wire/wav/chunks.js';
import { SourceError } from './source.js';

/** An open regular file. */
export interface OpenedFile {
  readonly path: string;
  readonly fd: number;
  /** Bytes when it was opened. */
  readonly byteLength: number;
  readonly read: ReadPiece;
}

function whatIs(status: Stats): string {
  if (status.isDirectory()) return 'a directory: name the files in it';
  if (status.isFIFO()) return 'a pipe: write it to a file first';
  if (status.isSocket()) return 'a socket: write it to a file first';
  if (status.isCharacterDevice() || status.isBlockDevice()) return 'a device: only files are played';
  return 'not a regular file';
}

/** What went wrong with a file, as a sentence's end. */
function troubleOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'it may not be read by this user; see `ls -l`';
  if (code === 'ELOOP') return 'its symbolic links go round in a circle';
  if (code === 'EMFILE' || code === 'ENFILE') return 'too many files are open; raise `ulimit -n`';
  if (code === 'EIO') return 'the disk could not read it (EIO)';
  if (code === 'ENAMETOOLONG') return 'the name is too long';
  if (code === 'ERR_INVALID_ARG_VALUE') return 'a name holds no NUL';
  return (error as Error).message;
}

/** An error about a file: its name, and a sentence. */
export function sourceError(path: string, words: string): SourceError {
  return new SourceError(`${plainText(path) || "''"}: ${words}`);
}

/**
 * Opens a regular file to be read. What is not one is refused before it is opened, so that no pipe waits for a writer and no device does
 * what devices do when they are opened; what became one in between is refused after it.
 * @throws SourceError in words.
 */
export function openFile(path: string): OpenedFile {
  let fd = -1;
  try {
    const named = statSync(path);
    if (!named.isFile()) throw sourceError(path, `it is ${whatIs(named)}`);
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const status = fstatSync(fd);
    if (!status.isFile()) throw sourceError(path, `it is ${whatIs(status)}`);
    if (status.size === 0) throw sourceError(path, 'it is empty');
    return { path, fd, byteLength: status.size, read: pieceReader(path, fd) };
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    throw error instanceof SourceError ? error : sourceError(path, troubleOf(error) + nameTrouble(path));
  }
}

function pieceReader(path: string, fd: number): ReadPiece {
  return (offset, length) => {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readFully(path, fd, bytes, length, offset));
  };
}

/** Reads until `length` bytes are there or the file ends; gives how many. @throws SourceError when the disk fails. */
export function readFully(path: string, fd: number, target: Uint8Array, length: number, offset: number): number {
  let done = 0;
  try {
    while (done < length) {
      const count = readSync(fd, target, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
  } catch (error) {
    throw sourceError(path, `at byte ${offset + done}: ${troubleOf(error)}`);
  }
  return done;
}
