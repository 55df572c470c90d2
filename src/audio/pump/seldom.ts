// When what happens seldom happens in a rehearsal. Not here: what that is (loop.ts, ../sinks).

/** A prime, so that it meets, in the course of time, each of what comes in turns of powers of two. */
const every = 61;

/** Counts calls, and says with one of 61 that it is time. */
export class Seldom {
  #turn = 0;

  /** Whether it is time. Allocates nothing. */
  isNow(): boolean {
    this.#turn = this.#turn < every ? this.#turn + 1 : 1;
    return this.#turn === every;
  }
}
