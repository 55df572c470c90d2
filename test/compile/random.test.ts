// Random programs give the same in V8 and as our machine code.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeated } from '../support/long.js';
import { Both } from './both.js';
import { Dice, value } from './dice.js';
import { nativeRefused } from './native.js';
import { randomProgram } from './random-programs.js';

/** How many programs, and the first seed: CLEARWAY_PROGRAMS=COUNT,SEED for more of them. */
const [count, first] = (process.env.CLEARWAY_PROGRAMS ?? `${repeated(120)},1`).split(',').map(Number) as [
  number,
  number,
];

test(`${count} random programs give what V8 gives`, { skip: nativeRefused() }, () => {
  let calls = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { bytes, functions } = randomProgram(seed);
    let both: Both | undefined;
    try {
      both = new Both(bytes);
      const dice = new Dice(seed ^ 0x5555);
      for (let round = 0; round < 6; round++) {
        const { name, takes } = dice.one(functions);
        both.call(name, ...takes.map((type) => value(dice, type)));
        calls++;
      }
      both.checkState('afterwards');
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
    } finally {
      both?.close();
    }
  }
  assert.ok(calls > count);
});
