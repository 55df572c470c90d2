// The monotonic clock: in milliseconds for everyone, and for loops that allocate nothing read into mapped words and slept on until an absolute time, where addresses are bound once and results are small integers.
// Not here: what the times mean (audio/pump/clock.ts).

import { CLOCK } from './constants.js';
import { bind } from './ffi.js';
import { MAP, mapMemory, PROT } from './memory.js';

const timerAbsolute = 1;
/** Taken once: `process` is a getter of the global object, which compiled code calls each time. */
const { hrtime } = process;
const [beganSeconds] = hrtime();

/**
 * Milliseconds of the monotonic clock since this thread loaded the module, for threads that must start fast: `performance` loads ten
 * modules of Node's first, and allocates a number at each call.
 */
export function monotonicMs(): number {
  const now = hrtime();
  return (now[0] - beganSeconds) * 1000 + now[1] / 1e6;
}

/** The calls, and the words that they read and write: two `struct timespec`. */
export interface ClockCalls {
  /** [0] seconds and [2] nanoseconds that were read; [4] seconds and [6] nanoseconds that are slept until. */
  readonly words: Int32Array;
  /** clock_gettime(2) of CLOCK_MONOTONIC into words 0 and 2. */
  read(): void;
  /** clock_nanosleep(2), absolute, until words 4 and 6. Gives 0, or a positive errno (EINTR: a signal came; call again). */
  sleepUntil(): number;
}

/** Binds clock_gettime(2) of a clock, {@link CLOCK}, to a `struct timespec` at an address. */
export function bindClock(clock: number, address: number): () => void {
  const getTime = bind('int clock_gettime(int clock, int64 time)');
  return () => {
    getTime(clock, address);
  };
}

/** Maps the words and binds the calls. @throws SystemError without memory. */
export function openClock(): ClockCalls {
  const { address, buffer } = mapMemory(64, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  const wanted = address + 16;
  const sleep = bind('int clock_nanosleep(int clock, int flags, int64 wanted, int64 left)');
  return {
    words: new Int32Array(buffer, 0, 8),
    read: bindClock(CLOCK.MONOTONIC, address),
    sleepUntil: () => sleep(CLOCK.MONOTONIC, timerAbsolute, wanted, 0) as number,
  };
}
