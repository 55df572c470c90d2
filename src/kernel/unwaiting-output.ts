// Output that waits for no reader: a pipe that nobody reads, a terminal that is stopped and a peer that stands still say so instead of holding the thread up. O_NONBLOCK belongs to
// what is opened, which other processes may share (the shell that started this one): so it is never set there. Not here: what waits meanwhile (text-output.ts, serve/access-log.ts).

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { MSG } from './constants.js';
import { Errno } from './errno.js';
import { takesOutput } from './event.js';
import { viewMemory } from './ffi.js';
import { writeBytes, writeNow } from './file.js';
import { send } from './socket.js';

/** How a descriptor is written without waiting. */
type WriteMethod = 'write' | 'send' | 'write-now';

/** A descriptor to write to, as it can be sent to other threads. */
export interface UnwaitingOutput {
  readonly fd: number;
  readonly method: WriteMethod;
  /** A regular file: its writes end, and the kernel appends what one call writes in one piece, unless the disk is full. */
  readonly isFile: boolean;
  /** A pipe takes up to PIPE_BUF bytes in one piece, or none of them: so lines stay whole beside other processes too. */
  readonly isPipe: boolean;
  /** Opened here, to be closed when nobody writes any more. */
  readonly isOwn: boolean;
}

/** PIPE_BUF (pipe(7)): a pipe that has room at all has room for as much. */
export const pipeBytes = 4096;
/**
 * A terminal that has room at all has room for as much by one write of its driver (Linux, drivers/tty/tty_buffer.c: it is taken 256 bytes at a time). What its line
 * discipline changes (a line's end becomes two bytes) is a write of its own, for which there may be no room any more.
 */
const terminalBytes = 128;

/** Bytes of a piece that a terminal takes by one write of its driver. */
function terminalPiece(address: number, length: number): number {
  const bytes = new Uint8Array(viewMemory(address, Math.min(length, terminalBytes)), 0);
  const changed = bytes.findIndex((byte) => byte < 32);
  return changed < 0 ? bytes.length : Math.max(1, changed);
}

/**
 * Makes a descriptor ready. A pipe or a terminal is opened once more; a socket is asked at each write; a file's writes end.
 * @param descriptor an open one of this process, such as 1; it keeps its flags and stays the caller's.
 */
export function openUnwaiting(descriptor: number): UnwaitingOutput {
  const status = fstatSync(descriptor);
  const isPipe = status.isFIFO();
  const output = { fd: descriptor, isFile: status.isFile(), isPipe, isOwn: false };
  if (status.isSocket()) return { ...output, method: 'send' };
  if (!isPipe && !status.isCharacterDevice()) return { ...output, method: 'write' };
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const fd = openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    return { ...output, fd, method: 'write', isOwn: true };
  } catch {
    // ENXIO: nobody reads the pipe yet. EACCES: another user's (su, privileges that were given up) can be written, not opened. No /proc.
    return { ...output, method: 'write-now' };
  }
}

/** Writes bytes from an address on. Returns how many, or -errno: -EAGAIN where the reader has to read first. */
export function writeUnwaiting({ fd, method, isPipe }: UnwaitingOutput, address: number, length: number): number {
  if (method === 'send') return send(fd, address, length, MSG.DONTWAIT);
  if (method === 'write') return writeBytes(fd, address, length);
  const result = writeNow(fd, address, length);
  if (result !== -Errno.EOPNOTSUPP) return result;
  if (!takesOutput(fd)) return -Errno.EAGAIN;
  return writeBytes(fd, address, isPipe ? Math.min(length, pipeBytes) : terminalPiece(address, length));
}

/** Closes what was opened here. */
export function closeUnwaiting({ fd, isOwn }: UnwaitingOutput): void {
  // As Node opened it: at the end of a thread it closes what is left of that, by its number.
  if (isOwn) closeSync(fd);
}
