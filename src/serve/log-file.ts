// The access log's file, on the main thread: opened to be appended to, and opened again under the same descriptor when
// whoever rotates logs has renamed it. The workers write; they need not know. Not here: how they write (log-sink.ts).

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { replaceDescriptor } from '../kernel/file.js';
import { check } from '../kernel/system-error.js';
import { coded } from '../text/coded.js';

/** For the server's user and its group, as nobody else should read who asked for what. The umask may take more away. */
const fileMode = 0o640;

/** A path to log to. */
export class LogFile {
  readonly path: string;
  readonly fd: number;

  /** Opens it; a file that is not there is made. @throws Error one sentence, with the cause and how to fix it. */
  constructor(path: string) {
    this.path = path;
    this.fd = open(path);
  }

  /**
   * Opens the path again: what is written from now on goes into what is there now. Lines that workers have collected and not
   * written (a quarter of a second's) go there too. A pipe or a device stays as it is. @throws Error one sentence.
   */
  reopen(): void {
    const fd = open(this.path);
    try {
      if (!fstatSync(fd).isFile() || !fstatSync(this.fd).isFile()) return;
      check(replaceDescriptor(fd, this.fd), 'dup3');
    } finally {
      closeSync(fd);
    }
  }

  /** Closes it, when no worker writes any more. */
  close(): void {
    closeSync(this.fd);
  }
}

function open(path: string): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    // Without O_NONBLOCK a pipe that nobody reads would be waited for.
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, fileMode);
  } catch (error) {
    const { code = 'unknown', message } = error as NodeJS.ErrnoException;
    throw coded(
      'CLEARWAY_LOG_FILE',
      new Error(`the log file ${path} cannot be opened (${code}): ${cures[code] ?? message}`, { cause: error }),
    );
  }
}

const cures: Readonly<Record<string, string>> = {
  EACCES: 'let the user that the server runs as write it and its directory',
  EISDIR: 'it is a directory; name a file in it',
  ENOENT: 'make its directory first',
  ENOTDIR: 'a part of the path is not a directory',
  ENXIO: 'it is a pipe that nobody reads, or a socket; start its reader first',
  EROFS: 'its file system is read-only; name a file on another one',
};
