// Runs of the simulation (tcp-simulation.ts), a seed each.

import { test } from 'node:test';
import { isLong, repeated } from '../support/long.js';
import { simulate } from './tcp-simulation.js';

test('two stacks over a bad wire: no byte is lost, no connection dies, no frame leaks', () => {
  for (let seed = 1; seed <= (isLong ? 500 : repeated(150)); seed++) {
    try {
      simulate(seed);
    } catch (cause) {
      throw new Error(`seed ${seed}`, { cause });
    }
  }
});
