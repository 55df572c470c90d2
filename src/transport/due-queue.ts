// DueQueue: what waits for a time of its own. Times are rounded up to whole milliseconds, as the loop waits: all who are due in the same one have
// their turn in one turn of the loop, and it is woken once for them. Not here: the loop that wakes up (loop.ts), who waits (list-pump.ts).

/** How many milliseconds ahead times are told apart, more than a share waits: who waits for longer is told then, and waits again. */
const places = 1024;

/** Somebody who waits. */
export interface Waiter {
  /** A time that was waited for has come, perhaps an earlier one than the last. */
  due(nowMs: number): void;
}

/** See the file's head. One per loop; it grows to what waits at the same time and is used again. */
export class DueQueue {
  readonly #places: Waiter[][] = Array.from({ length: places }, () => []);
  /** The millisecond of the clock from which on waiters are told; and the first one for which any waits. */
  #from = 0;
  #next = Number.POSITIVE_INFINITY;
  #told: Waiter[] = [];

  /** When somebody is due; Infinity when nobody waits. */
  get nextMs(): number {
    return this.#next;
  }

  /** Tells somebody at a time, or as soon after it as the loop has a turn. */
  wait(waiter: Waiter, dueMs: number, nowMs: number): void {
    this.#from = Math.max(this.#from, Math.min(Math.floor(nowMs), this.#next));
    const at = Math.max(this.#from, Math.min(Math.ceil(dueMs), this.#from + places - 1));
    this.#places[at % places]!.push(waiter);
    if (at < this.#next) this.#next = at;
  }

  /** Tells all who are due. Who waits again from within is told in a later call. */
  run(nowMs: number): void {
    while (this.#next <= nowMs) {
      const at = this.#next;
      const waiters = this.#places[at % places]!;
      this.#places[at % places] = this.#told;
      this.#told = waiters;
      this.#from = at + 1;
      this.#next = this.#nextFrom(at + 1);
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

  #nextFrom(ms: number): number {
    for (let each = ms; each < ms + places; each++) if (this.#places[each % places]!.length > 0) return each;
    return Number.POSITIVE_INFINITY;
  }
}
