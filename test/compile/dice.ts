// Numbers out of a seed, and values at the edges of their types. For tests of the compiler.

import { T, type ValueType } from './module-writer.js';

/** Numbers out of a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below `most`. */
  below(most: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % most;
  }

  one<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}

const integerEdges = [
  0n,
  1n,
  -1n,
  2n,
  7n,
  8n,
  31n,
  32n,
  63n,
  127n,
  128n,
  255n,
  256n,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  -0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  2n ** 63n,
  2n ** 63n - 1n,
];
const floatEdges = [
  0,
  -0,
  1,
  -1.5,
  0.5,
  2.5,
  1e300,
  -1e-300,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  2 ** 64,
  -(2 ** 31),
  -(2 ** 63),
  Number.POSITIVE_INFINITY,
  Number.NaN,
  123456.789,
];

/** An argument or a constant of a type: often one at an edge. */
export function value(dice: Dice, type: ValueType): number | bigint {
  if (type === T.f64) return dice.one(floatEdges);
  const wide =
    dice.below(3) > 0 ? dice.one(integerEdges) : (BigInt(dice.below(2 ** 32)) << 32n) | BigInt(dice.below(2 ** 32));
  return type === T.i32 ? Number(BigInt.asIntN(32, wide)) : BigInt.asIntN(64, wide);
}
