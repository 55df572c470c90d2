// The time as the core knows it: given from outside at each turn, so that the same input at the same times gives the same memory.

/** Microseconds since the core began. */
export let nowUs: u64 = 0;
let lastGiven: u32 = 0;
let isRunning: bool = false;

/** Takes the time of a turn: microseconds of any monotonic clock, which wrap (it must be told at least once an hour). */
export function setClock(us: u32): void {
  if (isRunning) nowUs += <u64>(us - lastGiven);
  isRunning = true;
  lastGiven = us;
}
