// When each variable of a function is alive: from where it is set to where it is last read, along every way, as ranges of positions with holes between them. Not here: what
// that is used for (allocate.ts).

import { type FunctionIr, targetsOf, type Variable } from './ir.js';
import { sizeOf } from './opcodes.js';
import { endingReads, readsOf, setBy } from './uses.js';

/** A step has four positions: reads, what it changes on its way, what it sets, and the rest. */
export const positionsOfStep = 4;
const setPosition = 2;

/** Ranges of positions as pairs, from and one behind to, in their order. */
export type Ranges = number[];

/** See the file's head. */
export interface Liveness {
  readonly ranges: readonly Ranges[];
  /** How often each is read and set, loops counting ten times. */
  readonly uses: readonly number[];
  /** The number of each block's first step. The first step of all is 1: before it the arguments are put in their places. */
  readonly firstStep: readonly number[];
}

/** Loops within loops that count; deeper ones do no more. */
const mostDepth = 4;

/** How much something counts within so many loops: ten times as much for each. */
export const weightWithin = (depth: number): number => 10 ** Math.min(depth, mostDepth);

/** Variables that live across blocks, in sets of bits for each block. */
class Sets {
  readonly dense = new Map<Variable, number>();
  readonly variables: Variable[] = [];
  readonly #words: number;
  readonly liveIn: Uint32Array[];
  readonly liveOut: Uint32Array[];
  readonly #sets: Uint32Array[];

  constructor(ir: FunctionIr) {
    const home = new Int32Array(ir.types.length).fill(-1);
    const meet = (variable: Variable, block: number): void => {
      if (home[variable] === -1) home[variable] = block;
      else if (home[variable] !== block) this.#keep(variable);
    };
    for (const [number, block] of ir.blocks.entries()) {
      for (const step of block.steps) {
        readsOf(step, (variable) => meet(variable, number));
        const set = setBy(step);
        if (set !== undefined) meet(set, number);
      }
      endingReads(block.ending, (variable) => meet(variable, number));
    }
    // A variable of WebAssembly may be read before it is set, though one block alone has it: around a loop, or from the start.
    for (let local = 0; local < ir.locals; local++) if (home[local] !== -1) this.#keep(local);
    this.#words = (this.variables.length + 31) >>> 5;
    const fresh = (): Uint32Array[] => ir.blocks.map(() => new Uint32Array(this.#words));
    [this.liveIn, this.liveOut, this.#sets] = [fresh(), fresh(), fresh()];
  }

  #keep(variable: Variable): void {
    if (this.dense.has(variable)) return;
    this.dense.set(variable, this.variables.length);
    this.variables.push(variable);
  }

  solve(ir: FunctionIr): void {
    for (const [number, block] of ir.blocks.entries()) {
      const [reads, sets] = [this.liveIn[number]!, this.#sets[number]!];
      const read = (variable: Variable): void => {
        const at = this.dense.get(variable);
        if (at !== undefined && !has(sets, at)) add(reads, at);
      };
      for (const step of block.steps) {
        readsOf(step, read);
        const at = this.dense.get(setBy(step) ?? -1);
        if (at !== undefined) add(sets, at);
      }
      endingReads(block.ending, read);
    }
    for (let hasChanged = true; hasChanged; ) {
      hasChanged = false;
      for (let number = ir.blocks.length - 1; number >= 0; number--)
        if (this.#flow(number, targetsOf(ir.blocks[number]!.ending))) hasChanged = true;
    }
  }

  #flow(number: number, targets: readonly number[]): boolean {
    const [out, into, sets] = [this.liveOut[number]!, this.liveIn[number]!, this.#sets[number]!];
    let hasChanged = false;
    for (const target of targets) {
      const from = this.liveIn[target]!;
      for (let word = 0; word < this.#words; word++) {
        const more = (from[word]! & ~out[word]!) >>> 0;
        if (more === 0) continue;
        out[word] = out[word]! | more;
        into[word] = into[word]! | (more & ~sets[word]!);
        hasChanged = true;
      }
    }
    return hasChanged;
  }

  /** The variables of a set. */
  *of(set: Uint32Array): Generator<Variable> {
    for (let word = 0; word < this.#words; word++)
      for (let bits = set[word]!; bits !== 0; bits &= bits - 1)
        yield this.variables[word * 32 + 31 - Math.clz32(bits & -bits)]!;
  }
}

const has = (set: Uint32Array, at: number): boolean => ((set[at >>> 5]! >>> (at & 31)) & 1) !== 0;
const add = (set: Uint32Array, at: number): void => {
  set[at >>> 5] = set[at >>> 5]! | (1 << (at & 31));
};

/** Makes ranges backwards: from the end of a function to its start. */
class RangeMaker {
  readonly ranges: Ranges[];
  readonly #open = new Map<Variable, number>();

  constructor(many: number) {
    this.ranges = Array.from({ length: many }, () => []);
  }

  /** It is alive from here on backwards, up to (and without) a position. */
  read(variable: Variable, until: number): void {
    const open = this.#open.get(variable);
    if (open === undefined || open < until) {
      // Later readers are seen first, and only those within one step may come in any order.
      this.#open.set(variable, Math.max(open ?? 0, until));
    }
  }

  /** It is set here. */
  set(variable: Variable, at: number): void {
    this.#close(variable, at, this.#open.get(variable) ?? at + 1);
    this.#open.delete(variable);
  }

  /** All that is alive at the start of a block is so from there. */
  startBlock(at: number): void {
    for (const [variable, until] of this.#open) this.#close(variable, at, until);
    this.#open.clear();
  }

  /** Ranges are noted from the last to the first, their ends first. */
  #close(variable: Variable, from: number, until: number): void {
    const ranges = this.ranges[variable]!;
    if (ranges.length > 0 && ranges[ranges.length - 1]! <= until) ranges[ranges.length - 1] = from;
    else ranges.push(until, from);
  }

  finish(): Ranges[] {
    for (const ranges of this.ranges) ranges.reverse();
    return this.ranges;
  }
}

/** Variables of WebAssembly that are read before they are set are 0: says so in steps. */
function beginWithZeros(ir: FunctionIr, sets: Sets): void {
  for (const variable of sets.of(sets.liveIn[0]!)) {
    if (variable < ir.parameters) continue;
    const size = sizeOf(ir.types[variable]!);
    ir.blocks[0]!.steps.unshift({ op: 'move', into: variable, from: { kind: 'constant', value: 0n }, size });
  }
}

/** Finds out. Adds the steps by which variables begin with 0. */
export function findLiveness(ir: FunctionIr): Liveness {
  const sets = new Sets(ir);
  sets.solve(ir);
  beginWithZeros(ir, sets);
  const firstStep: number[] = [];
  let steps = 1;
  for (const block of ir.blocks) {
    firstStep.push(steps);
    steps += block.steps.length + 1;
  }
  const uses = new Array<number>(ir.types.length).fill(0);
  const maker = new RangeMaker(ir.types.length);
  for (let number = ir.blocks.length - 1; number >= 0; number--) {
    const { steps: list, ending, depth } = ir.blocks[number]!;
    const weight = weightWithin(depth);
    let position = (firstStep[number]! + list.length) * positionsOfStep;
    const read = (variable: Variable, when: number): void => {
      uses[variable]! += weight;
      maker.read(variable, position + when);
    };
    for (const variable of sets.of(sets.liveOut[number]!)) maker.read(variable, position + positionsOfStep);
    endingReads(ending, read);
    for (let index = list.length - 1; index >= 0; index--) {
      position -= positionsOfStep;
      const step = list[index]!;
      const set = setBy(step);
      if (set !== undefined) {
        uses[set]! += weight;
        maker.set(set, position + setPosition);
      }
      readsOf(step, read);
    }
    maker.startBlock(firstStep[number]! * positionsOfStep);
  }
  for (let parameter = 0; parameter < ir.parameters; parameter++) {
    uses[parameter]! += 1;
    const ranges = maker.ranges[parameter]!;
    // From the start, where it is given.
    if (ranges.length > 0 && ranges[ranges.length - 1] === positionsOfStep) ranges[ranges.length - 1] = 0;
  }
  return { ranges: maker.finish(), uses, firstStep };
}
