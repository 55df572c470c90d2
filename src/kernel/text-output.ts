// TextOutput: texts to a descriptor whose reader is not waited for: each is taken now, or not at all; of one that was begun the rest comes before anything else, so that no line stands
// within another. Not here: how a descriptor is written without waiting (unwaiting-output.ts), what becomes of a text that was not taken.

import { Errno } from './errno.js';
import { MAP, type Mapping, mapMemory, PROT, unmapMemory } from './memory.js';
import { closeUnwaiting, openUnwaiting, pipeBytes, type UnwaitingOutput, writeUnwaiting } from './unwaiting-output.js';

/** See the file's head. */
export class TextOutput {
  readonly #output: UnwaitingOutput;
  readonly #memory: Mapping;
  readonly #encoder = new TextEncoder();
  /** What was begun and is not taken yet. */
  #from = 0;
  #to = 0;
  #isClosed = false;

  /** @param descriptor stays the caller's, with its flags. @throws SystemError; Error where it is closed */
  constructor(descriptor: number) {
    this.#output = openUnwaiting(descriptor);
    try {
      this.#memory = mapMemory(pipeBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    } catch (error) {
      closeUnwaiting(this.#output);
      throw error;
    }
  }

  /** Says a text of at most {@link pipeBytes}, which a pipe takes in one piece; what is longer is cut. Returns 0: it is taken; or -errno: nothing of it is (-EAGAIN: its reader has to read first). */
  put(text: string): number {
    const before = this.#isClosed ? -Errno.EBADF : this.flush();
    if (before < 0) return before;
    this.#from = 0;
    this.#to = this.#encoder.encodeInto(text, new Uint8Array(this.#memory.buffer)).written;
    const result = this.flush();
    if (this.#from > 0) return 0;
    this.#to = 0;
    return result;
  }

  /** Goes on with a text that was begun: to be called now and then. Returns 0: it is taken to its end; or -errno. Where there is no hope for its rest, that is forgotten. */
  flush(): number {
    while (this.#from < this.#to) {
      const result = writeUnwaiting(this.#output, this.#memory.address + this.#from, this.#to - this.#from);
      if (result > 0) this.#from += result;
      else if (result === 0 || result === -Errno.EAGAIN) return -Errno.EAGAIN;
      else if (result !== -Errno.EINTR) {
        this.#to = this.#from;
        return result;
      }
    }
    return 0;
  }

  /** Lets go of it: what was begun is not gone on with, and nothing is taken any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#from = this.#to = 0;
    closeUnwaiting(this.#output);
    unmapMemory(this.#memory);
  }
}
