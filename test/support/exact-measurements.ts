// Measurements of made-up hosts, whose costs are known exactly. Not here: the costs, which are each test's own.

import type { Measured } from '../../src/calibrate/solve.js';

/** A figure that is known to within 5 %. */
export const exactly = (ns: number): Measured => ({ typical: ns, low: ns * 0.95, high: ns * 1.05, rounds: 5 });

/** Sends at two sizes: what a fit cannot do without. */
export function exactSends(): [name: string, measured: Measured][] {
  return ['gather', 'sendfile'].flatMap((name) =>
    [4096, 1_048_576].map((bytes): [string, Measured] => [`${name}.${bytes}`, exactly(1500 + 0.15 * bytes)]),
  );
}
