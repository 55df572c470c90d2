// The pump's clock: CLOCK_MONOTONIC, read and slept on without an allocation. Times are doubles in one Float64Array, nanoseconds since a second in which the clock was made:
// exact for a hundred days. A double as a result or in a field would be allocated anew each time; an element of the array is not.
// Not here: who wakes up when.

import { type ClockCalls, openClock } from '../../kernel/clock.js';

/** What stands where in {@link PumpClock.times}. */
export const Time = {
  /** When the clock was last read. */
  now: 0,
  /** When the next sleep ends. */
  deadline: 1,
} as const;

/** Times begin so far above 0 that none of them is a small integer: V8 knows them as doubles from the first pass on. */
const headStartSeconds = 100;

/** See the file's head. */
export class PumpClock {
  /** Nanoseconds; see {@link Time}. */
  readonly times = new Float64Array(2);
  /** The second that times are counted from, of CLOCK_MONOTONIC; it may be before that clock began. In an element, which is a double. */
  readonly #base = new Float64Array(1);
  readonly #calls: ClockCalls;
  /** Two times: what was read, and what is slept until. Seconds in words 0 and 4, nanoseconds in 2 and 6. */
  readonly #words: Int32Array;

  constructor() {
    this.#calls = openClock();
    this.#words = this.#calls.words;
    this.#calls.read();
    this.#base[0] = this.#words[0]! - headStartSeconds;
    this.read();
  }

  /** The second that times are counted from. */
  get baseSeconds(): number {
    return this.#base[0]!;
  }

  /** Reads the clock into `times[Time.now]`. */
  read(): void {
    this.#calls.read();
    this.times[Time.now] = (this.#words[0]! - this.#base[0]!) * 1e9 + this.#words[2]!;
  }

  /** Sleeps until `times[Time.deadline]`; a signal does not end it sooner. Gives 0. The clock is not read. */
  sleep(): number {
    const deadline = this.times[Time.deadline]!;
    const seconds = Math.floor(deadline / 1e9);
    this.#words[4] = this.#base[0]! + seconds;
    this.#words[6] = deadline - seconds * 1e9;
    let attempts = 0;
    let result: number;
    let isLast: boolean;
    // All of it runs with the first attempt, so that it is compiled for a second one too.
    do {
      result = this.#calls.sleepUntil();
      attempts++;
      isLast = attempts === 1000;
    } while (result !== 0 && !isLast);
    return 0;
  }
}
