// Work in steps as something that is read: it needs nothing, and gives others their turns between its steps.

import type { FilmReading } from '../film.js';

/** Runs steps to their end. */
export function* inTurns<Result>(steps: Generator<undefined, Result, undefined>): FilmReading<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    yield undefined;
  }
}
