// Waiting in tests until something holds that nobody tells of. Not here: what waits for an event, or for a program's words.

import { setTimeout as sleep } from 'node:timers/promises';
import { patient } from './patience.js';

/** Waits until a condition holds. @throws with `what` when it does not in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 45_000,
): Promise<void> {
  const end = performance.now() + patient(timeoutMs);
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
}

/**
 * Waits until what a program has said so far matches: what reaches us by one way (an answer, an end, its other stream) says nothing of what it wrote
 * on this one. @returns the match @throws with what it said instead
 */
export async function untilSaid(said: () => string, pattern: RegExp): Promise<RegExpExecArray> {
  await until(`${pattern}`, () => pattern.test(said())).catch((error: Error) => {
    throw new Error(`${error.message}, but ${JSON.stringify(said())}`);
  });
  return pattern.exec(said())!;
}
