// The access log's way out: lines to a descriptor, without ever waiting for whoever reads it. A reader that stalls or goes,
// or a disk that is full, must not take the server with it. Not here: records and their format (access-log.ts).

import { constants as fileConstants, fstatSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { MSG } from '../kernel/constants.js';
import { send } from '../kernel/socket.js';
import { CopyReason, encodeText } from '../memory/copy.js';
import { Region } from '../memory/region.js';

/** Where the lines of the access log go. */
export interface LogWriter {
  /** True when the next lines can be taken; while false they stay in the workers' rings, which drop and count. */
  ready(): boolean;
  /** Takes whole lines; only when {@link ready}. */
  write(lines: string): void;
}

/** See the file's head. */
export class LogSink implements LogWriter {
  /** Told in words, once until a write succeeds again, why lines are lost. */
  failed: (message: string) => void = () => {};
  readonly #descriptor: number;
  #fd = -1;
  #socket = false;
  #region: Region | undefined;
  #from = 0;
  #to = 0;
  #broken = false;
  #said = false;

  /** @param descriptor an open one of this process, such as 1; it keeps its flags and stays the caller's. */
  constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  ready(): boolean {
    while (this.#from < this.#to) {
      const result = this.#writeSome();
      if (result === -constants.errno.EAGAIN) return false;
      if (result === -constants.errno.EINTR) continue;
      if (result < 0) {
        this.#lose(-result);
        return true;
      }
      this.#said = false;
      this.#from += result;
    }
    return true;
  }

  write(lines: string): void {
    // A line that was cut short ends here: the next one must not seem a part of it.
    const text = this.#broken ? `\n${lines}` : lines;
    const most = text.length * 3;
    if (this.#region === undefined || this.#region.bytes.length < most) {
      this.#region?.unmap();
      this.#region = new Region(most);
    }
    this.#from = 0;
    this.#to = encodeText(CopyReason.accessLog, this.#region.bytes, 0, text);
    this.#broken = false;
    this.ready();
  }

  /** What did not leave is lost; serving goes on, and the next lines are tried again. */
  #lose(errno: number): void {
    this.#broken = this.#from > 0 && this.#from < this.#to;
    this.#from = this.#to = 0;
    if (this.#said) return;
    this.#said = true;
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    this.failed(`the access log cannot be written (${code}): lines are lost until it can, requests are served`);
  }

  /** One write that does not wait. Returns bytes or -errno. */
  #writeSome(): number {
    try {
      if (this.#fd < 0) this.#open();
      const region = this.#region!;
      const length = this.#to - this.#from;
      if (this.#socket) return send(this.#fd, region.address + this.#from, length, MSG.DONTWAIT);
      return writeSync(this.#fd, region.bytes, this.#from, length);
    } catch (error) {
      return (error as NodeJS.ErrnoException).errno ?? -constants.errno.EIO;
    }
  }

  /**
   * A pipe or a terminal is opened once more to be written without waiting: the flag belongs to what is opened, which
   * other processes may share. A socket is asked at each send; a file's writes end.
   */
  #open(): void {
    const status = fstatSync(this.#descriptor);
    this.#socket = status.isSocket();
    this.#fd = this.#descriptor;
    if (!status.isFIFO() && !status.isCharacterDevice()) return;
    const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = fileConstants;
    this.#fd = -1;
    try {
      this.#fd = openSync(`/proc/self/fd/${this.#descriptor}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    } catch (error) {
      // Another user's pipe (a process that gave its privileges up) can be written, not opened.
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error;
      this.#fd = this.#descriptor;
    }
  }
}
