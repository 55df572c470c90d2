// TurnWork: what somebody has to do in the next turn of a loop, as bits. It is asked for once, however much is added.

import type { Loop } from './loop.js';

/** See the file's head. */
export class TurnWork {
  readonly #loop: Loop;
  readonly #onTurn: () => void;
  #bits = 0;
  #asked = false;

  /** @param work is called with the bits that were added since its last call. */
  constructor(loop: Loop, work: (bits: number) => void) {
    this.#loop = loop;
    this.#onTurn = () => {
      const bits = this.#bits;
      this.#asked = false;
      this.#bits = 0;
      work(bits);
    };
  }

  /** Adds what is to be done. */
  add(bits: number): void {
    this.#bits |= bits;
    if (this.#asked) return;
    this.#asked = true;
    this.#loop.nextTurn(this.#onTurn);
  }
}
