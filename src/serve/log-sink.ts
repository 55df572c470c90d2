// The access log's way out of one worker: whole lines to a descriptor that all workers share, without waiting for whoever
// reads it, and with no line of one worker inside a line of another. Not here: lines and what waits (access-log.ts).

import { scratch } from '../kernel/memory.js';
import { openUnwaiting, pipeBytes, type UnwaitingOutput, writeUnwaiting } from '../kernel/unwaiting-output.js';

/** A descriptor to log to, as every worker is told. */
export interface LogTarget extends UnwaitingOutput {
  /** Shared by the workers: whose line was cut ({@link LogSink}). */
  readonly turn: Int32Array;
}

const lineFeed = 0x0a;
const free = 0;
const cut = -1;

/**
 * Makes a descriptor ready for the workers, to be written without waiting.
 * @param descriptor an open one of this process, such as 1; it keeps its flags and stays the caller's.
 */
export function openLogTarget(descriptor: number): LogTarget {
  return { ...openUnwaiting(descriptor), turn: new Int32Array(new SharedArrayBuffer(4), 0, 1) };
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
    return writeUnwaiting(this.target, address + from, length);
  }

  #endLine(): boolean {
    const place = scratch(1);
    place.bytes[place.offset] = lineFeed;
    return writeUnwaiting(this.target, place.address, 1) === 1;
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
