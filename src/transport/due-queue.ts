// DueQueue: what waits for a time of its own. Times are rounded up to a grain of some milliseconds, so that all who are due together have
// their turn in one turn of the loop, and it is woken once for them. Not here: the loop that wakes up (loop.ts), who waits (list-pump.ts).

/** Milliseconds between two times at which somebody is told. */
const grainMs = 4;
/** How far ahead times are told apart: who waits for longer is told then, and waits again. */
const places = 512;

/** Somebody who waits. */
export interface Waiter {
  /** A time that was waited for has come, perhaps an earlier one than the last. */
  due(nowMs: number): void;
}

/** See the file's head. One per loop; it grows to what waits at the same time and is used again. */
export class DueQueue {
  readonly #places: Waiter[][] = Array.from({ length: places }, () => []);
  /** The grain, counted from the clock's 0, from which on waiters are told; and the first one for which any waits. */
  #from = 0;
  #next = Number.POSITIVE_INFINITY;
  #told: Waiter[] = [];

  /** When somebody is due; Infinity when nobody waits. */
  get nextMs(): number {
    return this.#next * grainMs;
  }

  /** Tells somebody at a time, or as soon after it as the loop has a turn. */
  wait(waiter: Waiter, dueMs: number, nowMs: number): void {
    const now = Math.floor(nowMs / grainMs);
    this.#from = Math.max(this.#from, Math.min(now, this.#next));
    const wanted = Math.ceil(dueMs / grainMs);
    const grain = Math.max(this.#from, Math.min(wanted, this.#from + places - 1));
    this.#places[grain % places]!.push(waiter);
    if (grain < this.#next) this.#next = grain;
  }

  /** Tells all who are due. Who waits again from within is told in a later call. */
  run(nowMs: number): void {
    const now = Math.floor(nowMs / grainMs);
    while (this.#next <= now) {
      const grain = this.#next;
      const waiters = this.#places[grain % places]!;
      this.#places[grain % places] = this.#told;
      this.#told = waiters;
      this.#from = grain + 1;
      this.#next = this.#nextFrom(grain + 1);
      let index = 0;
      try {
        while (index < waiters.length) waiters[index++]!.due(nowMs);
      } finally {
        // Where one threw, the others are told as soon as may be; none is told twice.
        for (; index < waiters.length; index++) this.wait(waiters[index]!, 0, nowMs);
        waiters.length = 0;
      }
    }
  }

  #nextFrom(grain: number): number {
    for (let each = grain; each < grain + places; each++) if (this.#places[each % places]!.length > 0) return each;
    return Number.POSITIVE_INFINITY;
  }
}
