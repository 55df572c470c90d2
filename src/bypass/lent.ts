// What is lent: received bytes where they lie, in the frame of a packet, as a Buffer; and empty frames to be filled. Each has one owner at a time, and is given back once. Not
// here: who lends (stack-stream.ts, udp-socket.ts).

import { misuse } from './node-errors.js';

/** Bytes in a frame. They are the application's until it gives them back: then they are somebody else's, and no view of them may be used. */
export class LentBytes {
  #bytes: Buffer | undefined;
  readonly #giveBack: () => void;

  /** @param giveBack is called once. Made by the sockets alone */
  constructor(bytes: Buffer, giveBack: () => void) {
    this.#bytes = bytes;
    this.#giveBack = giveBack;
  }

  /** The bytes, where they lie: no copy. @throws Error ERR_INVALID_STATE when they were given back */
  get bytes(): Buffer {
    if (this.#bytes === undefined)
      throw misuse(Error, 'ERR_INVALID_STATE', 'the bytes were given back: another packet may lie there');
    return this.#bytes;
  }

  /** Whether they were given back. */
  get isReleased(): boolean {
    return this.#bytes === undefined;
  }

  /** Gives them back. A second call does nothing. */
  release(): void {
    if (this.take()) this.#giveBack();
  }

  /** They are the application's no more, and whoever calls this has them. Returns whether they were. */
  protected take(): boolean {
    const wasLent = this.#bytes !== undefined;
    this.#bytes = undefined;
    return wasLent;
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
