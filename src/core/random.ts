// Numbers that strangers cannot guess, out of a seed that is given from outside: SipHash of a counter.

import { siphash } from './siphash';

/** 16 bytes of the key, and 8 of the counter. */
const state = memory.data(24, 8);

/** Takes the seed: 16 bytes that nobody else knows. */
export function seedRandom(seed: usize): void {
  store<u64>(state, load<u64>(seed));
  store<u64>(state, load<u64>(seed, 8), 8);
  store<u64>(state, 0, 16);
}

/** The next number. */
export function random64(): u64 {
  store<u64>(state, load<u64>(state, 16) + 1, 16);
  return siphash(state, state + 16, 8);
}
