// SendPipe: a pipe through which pieces of files reach a socket by reference, many by one call. It is filled and emptied within one
// step of a sender, so that one is enough for a thread. Not here: which pieces (transport/list-pump.ts).

import { Errno } from '../kernel/errno.js';
import { closeDescriptor } from '../kernel/socket.js';
import { createPipe, type Pipe, spliceFile, splicePipe } from '../kernel/splice.js';
import { SystemError } from '../kernel/system-error.js';

/** A page is a slot of a pipe whether it is whole or not; this many bytes are 256 slots of 4 KiB, as much as everybody may have. */
const wantedBytes = 1024 * 1024;

/** See the file's head. The pipe is made when it is first filled. */
export class SendPipe {
  #pipe: Pipe | undefined;
  #held = 0;

  /** As {@link Engine.fillPipe}. */
  fill(file: number, offset: number, length: number): number {
    const pipe = this.#open();
    if (pipe === undefined) return -Errno.EMFILE;
    const result = spliceFile(file, offset, length, pipe.writeEnd);
    if (result > 0) this.#held += result;
    return result;
  }

  /** As {@link Engine.sendPipe}. */
  send(fd: number, more: boolean): number {
    const pipe = this.#pipe;
    if (pipe === undefined || this.#held === 0) return 0;
    const result = splicePipe(pipe.readEnd, fd, this.#held, more);
    if (result > 0) this.#held -= result;
    if (this.#held > 0) this.#empty(pipe);
    return result;
  }

  /** What the socket did not take are references: taking them again costs less than a pipe for each socket that waits. */
  #empty(pipe: Pipe): void {
    if (pipe.sink >= 0 && splicePipe(pipe.readEnd, pipe.sink, this.#held, false) === this.#held) this.#held = 0;
    else this.close();
  }

  #open(): Pipe | undefined {
    if (this.#pipe !== undefined) return this.#pipe;
    try {
      this.#pipe = createPipe(wantedBytes);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
    return this.#pipe;
  }

  /** Lets go of the pipe and of what is in it. */
  close(): void {
    if (this.#pipe === undefined) return;
    closeDescriptor(this.#pipe.readEnd);
    closeDescriptor(this.#pipe.writeEnd);
    if (this.#pipe.sink >= 0) closeDescriptor(this.#pipe.sink);
    this.#pipe = undefined;
    this.#held = 0;
  }
}
