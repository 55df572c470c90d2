// What the kernel keeps for us as long as we hold its descriptor: a map, a program, an attachment. After its end it gives no number that may be
// somebody else's by then. Not here: what each of them does.

import { bpfClose } from '../kernel/bpf.js';
import { wrongState } from '../text/coded.js';

/** See the file's head. */
export class Held {
  readonly #fd: number;
  readonly #what: string;
  #isOpen = true;

  /** @param what it is, for the sentence of a use after its end */
  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.#what = what;
  }

  /** The descriptor. @throws Error (CLEARWAY_STATE) after the end */
  get fd(): number {
    this.checkOpen();
    return this.#fd;
  }

  /** Whether it has not ended. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws Error (CLEARWAY_STATE) after the end: memory that belongs to it has gone too */
  checkOpen(): void {
    if (!this.#isOpen) throw wrongState(`${this.#what} is closed`);
  }

  /** Closes the descriptor. False: it was closed before. */
  protected end(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    bpfClose(this.#fd);
    return true;
  }
}
