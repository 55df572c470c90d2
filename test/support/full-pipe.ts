// A pipe that is full, for programs whose words nobody takes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { readNow } from './read-now.js';

/** What {@link fullPipe} makes. */
export interface FullPipe {
  /** To be written with waiting. */
  readonly fd: number;
  /** Takes all that is in it. */
  read(): string;
  close(): void;
}

/** A pipe with a name, full, that nobody reads. */
export function fullPipe(path: string): FullPipe {
  execFileSync('mkfifo', [path]);
  const both = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const bytes = new Uint8Array(4096);
  assert.throws(() => {
    for (;;) writeSync(both, bytes);
  }, /EAGAIN/);
  const fd = openSync(path, constants.O_WRONLY);
  return {
    fd,
    read: () => readNow(both),
    close: () => {
      closeSync(fd);
      closeSync(both);
    },
  };
}
