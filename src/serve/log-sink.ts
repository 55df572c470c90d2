// The access log's way out of one worker: whole lines to a descriptor that all workers share, without waiting for whoever
// reads it, and with no line of one worker inside a line of another. Not here: lines and what waits (access-log.ts).

import { constants, fstatSync, openSync } from 'node:fs';
import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { writeBytes, writeNow } from '../kernel/file.js';
import { scratch } from '../kernel/memory.js';
import { send } from '../kernel/socket.js';

/** How a descriptor is written without waiting. */
type WriteMethod = 'write' | 'send' | 'write-now';

/** A descriptor to log to, as every worker is told. */
export interface LogTarget {
  readonly fd: number;
  readonly method: WriteMethod;
  /** A regular file: the kernel appends what one call writes in one piece, unless the disk is full. */
  readonly isFile: boolean;
  /** A pipe takes up to PIPE_BUF bytes in one piece, or none of them: so lines stay whole beside other processes too. */
  readonly isPipe: boolean;
  /** Opened here, to be closed when no worker writes any more. */
  readonly isOwn: boolean;
  /** Shared by the workers: whose line was cut ({@link LogSink}). */
  readonly turn: Int32Array;
}

const pipeBytes = 4096;
const lineFeed = 0x0a;
const free = 0;
const cut = -1;

/**
 * Makes a descriptor ready for the workers. A pipe or a terminal is opened once more to be written without waiting: the flag
 * belongs to what is opened, which other processes may share. A socket is asked at each send; a file's writes end.
 * @param descriptor an open one of this process, such as 1; it keeps its flags and stays the caller's.
 */
export function openLogTarget(descriptor: number): LogTarget {
  const status = fstatSync(descriptor);
  const turnMemory = new SharedArrayBuffer(4);
  const turn = new Int32Array(turnMemory, 0, 1);
  const isPipe = status.isFIFO();
  const target = { fd: descriptor, isFile: status.isFile(), isPipe, isOwn: false, turn };
  if (status.isSocket()) return { ...target, method: 'send' };
  if (!isPipe && !status.isCharacterDevice()) return { ...target, method: 'write' };
  const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    const fd = openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    return { ...target, fd, method: 'write', isOwn: true };
  } catch (error) {
    // ENXIO: nobody reads the pipe yet. EACCES: another user's (this process gave its privileges up) can be written, not opened.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'ENXIO') throw error;
    return { ...target, method: 'write-now' };
  }
}

/**
 * One worker's use of the target. What can end in the middle of a line (a pipe for a long one, a terminal, a socket, a full
 * disk) keeps the turn until the line's rest is written: `turn` holds that worker's number, 0 for nobody, -1 where a
 * worker died with its line cut.
 */
export class LogSink {
  readonly target: LogTarget;
  readonly #owner: number;

  /** @param index the worker's, from 0 on. */
  constructor(target: LogTarget, index: number) {
    this.target = target;
    this.#owner = index + 1;
  }

  /** Whether this worker may write now; while another one's line is cut, or being written, it may not. */
  take(): boolean {
    const { turn, isFile } = this.target;
    const owner = Atomics.load(turn, 0);
    if (owner === this.#owner || (owner === free && isFile)) return true;
    if (owner !== free && owner !== cut) return false;
    if (Atomics.compareExchange(turn, 0, owner, this.#owner) !== owner) return false;
    if (owner === free || this.#endLine()) return true;
    Atomics.store(turn, 0, cut);
    return false;
  }

  /** After {@link take}: gives the turn to others, unless what was written last is cut. */
  give(isCut: boolean): void {
    const { turn } = this.target;
    if (isCut) Atomics.store(turn, 0, this.#owner);
    else Atomics.compareExchange(turn, 0, this.#owner, free);
  }

  /**
   * Writes of the bytes from `from` to `to`, which are lines, as many as go in one call. Returns how many bytes, or -errno:
   * -EAGAIN where the reader has to read first.
   */
  write(bytes: Uint8Array, address: number, from: number, to: number): number {
    const length = this.target.isPipe ? wholeLines(bytes, from, to) : to - from;
    return this.#write(address + from, length);
  }

  #write(address: number, length: number): number {
    const { fd, method } = this.target;
    if (method === 'send') return send(fd, address, length, MSG.DONTWAIT);
    if (method === 'write') return writeBytes(fd, address, length);
    const result = writeNow(fd, address, length);
    return result === -Errno.EOPNOTSUPP ? writeBytes(fd, address, length) : result;
  }

  #endLine(): boolean {
    const place = scratch(1);
    place.bytes[place.offset] = lineFeed;
    return this.#write(place.address, 1) === 1;
  }
}

/** A worker ended: the line that it cut, if it did, is ended before the next. @param index the worker's. */
export function releaseTurn(target: LogTarget, index: number): void {
  Atomics.compareExchange(target.turn, 0, index + 1, cut);
}

/** Bytes of the lines that fit into PIPE_BUF; of the first one where it is longer. */
function wholeLines(bytes: Uint8Array, from: number, to: number): number {
  if (to - from <= pipeBytes) return to - from;
  const last = bytes.lastIndexOf(lineFeed, from + pipeBytes - 1);
  return (last >= from ? last : bytes.indexOf(lineFeed, from + pipeBytes)) + 1 - from;
}
