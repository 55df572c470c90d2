// Where each variable lives: in one register, or in one place of the function's frame, for all of its life. Those that are used most for their length choose first; two may share
// a register where neither is alive while the other is. Not here: when they are alive (liveness.ts).

import type { FunctionIr, Operand, Step, Variable } from './ir.js';
import { findLiveness, type Liveness, positionsOfStep, type Ranges, weightWithin } from './liveness.js';
import { Type } from './opcodes.js';
import {
  ArgumentPlaces,
  bitOf,
  floatRegisters,
  hasBit,
  integerRegisters,
  Register,
  savedRegisters,
} from './registers.js';
import { demandOf } from './uses.js';

/** A register from 0 to 15, or a place in the frame: {@link firstSlot} and how many are before it. */
export type Location = number;
/** Locations from here on are places in the frame. */
export const firstSlot = 16;
/** Of a variable that is never alive. */
const nowhere = -1;

/** See the file's head. */
export interface Allocation {
  readonly locations: readonly Location[];
  /** Whether each argument is read before it is set: of one that is not, the register may belong to another. */
  readonly isTaken: readonly boolean[];
  /** Places of 8 bytes in the frame. */
  readonly slots: number;
  /** Registers that it has to keep for its caller, in the order in which it does so. */
  readonly saved: readonly number[];
  /** All registers that it changes, those that it keeps left out. */
  readonly changed: number;
}

/** Ranges in which a register is taken, in their order, as pairs. */
class Taken {
  readonly #pairs: number[] = [];

  /** The first pair that ends behind a position. */
  #find(position: number): number {
    let [low, high] = [0, this.#pairs.length / 2];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pairs[middle * 2 + 1]! > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  isFree(ranges: Ranges): boolean {
    for (let index = 0; index < ranges.length; index += 2) {
      const from = this.#pairs[this.#find(ranges[index]!) * 2];
      if (from !== undefined && from < ranges[index + 1]!) return false;
    }
    return true;
  }

  /** Takes a range behind all others. */
  add(from: number, to: number): void {
    this.#pairs.push(from, to);
  }

  take(ranges: Ranges): void {
    for (let index = 0; index < ranges.length; index += 2)
      this.#pairs.splice(this.#find(ranges[index]!) * 2, 0, ranges[index]!, ranges[index + 1]!);
  }
}

/** What a variable would like: the register of another one, or a certain one. */
interface Wish {
  readonly other: Variable | undefined;
  readonly register: number;
  readonly weight: number;
}

class Wishes {
  readonly #of: Wish[][];

  constructor(many: number) {
    this.#of = Array.from({ length: many }, () => []);
  }

  same(one: Variable, other: Operand | undefined, weight: number): void {
    if (other?.kind !== 'variable' || other.variable === one) return;
    this.#of[one]!.push({ other: other.variable, register: -1, weight });
    this.#of[other.variable]!.push({ other: one, register: -1, weight });
  }

  register(one: Operand | undefined, register: number, weight: number): void {
    if (one?.kind === 'variable') this.#of[one.variable]!.push({ other: undefined, register, weight });
  }

  of(variable: Variable): readonly Wish[] {
    return this.#of[variable]!;
  }
}

const asOperand = (variable: Variable | undefined): Operand | undefined =>
  variable === undefined ? undefined : { kind: 'variable', variable };

function wishesOfCall(
  wishes: Wishes,
  ir: FunctionIr,
  values: readonly Operand[],
  into: Variable | undefined,
  weight: number,
): void {
  const places = new ArgumentPlaces();
  for (const value of values) {
    const register = places.register(value.kind === 'variable' && ir.types[value.variable] === Type.f64);
    if (register !== undefined) wishes.register(value, register, weight);
  }
  wishes.register(asOperand(into), Register.rax, weight);
}

function wishesOfStep(wishes: Wishes, ir: FunctionIr, step: Step, weight: number): void {
  switch (step.op) {
    case 'move':
      wishes.same(step.into, step.from, weight);
      return;
    case 'arithmetic':
    case 'float':
    case 'shift':
      wishes.same(step.into, step.left, weight);
      if (step.op === 'shift') wishes.register(step.right, Register.rcx, weight);
      return;
    case 'select':
      wishes.same(step.into, step.no, weight);
      return;
    case 'divide':
      wishes.register(step.left, Register.rax, weight);
      wishes.register(asOperand(step.into), step.operation.startsWith('div') ? Register.rax : Register.rdx, weight);
      return;
    case 'call':
    case 'callIndirect':
      wishesOfCall(wishes, ir, step.values, step.into, weight);
      return;
    case 'bulk':
      for (const [index, register] of [
        Register.rdi,
        step.what === 'fill' ? Register.rax : Register.rsi,
        Register.rcx,
      ].entries())
        wishes.register(step.values[index], register, weight);
  }
}

function wishesOf(ir: FunctionIr): Wishes {
  const wishes = new Wishes(ir.types.length);
  const places = new ArgumentPlaces();
  for (let parameter = 0; parameter < ir.parameters; parameter++) {
    const register = places.register(ir.types[parameter] === Type.f64);
    if (register !== undefined) wishes.register(asOperand(parameter), register, 1);
  }
  for (const { steps, ending, depth } of ir.blocks) {
    const weight = weightWithin(depth);
    for (const step of steps) wishesOfStep(wishes, ir, step, weight);
    if (ending.op === 'return') wishes.register(ending.value, Register.rax, weight);
  }
  return wishes;
}

const lengthOf = (ranges: Ranges): number => {
  let length = 0;
  for (let index = 0; index < ranges.length; index += 2) length += ranges[index + 1]! - ranges[index]!;
  return length;
};

/** Takes a register of the caller only where it is used more than keeping it costs. */
const costOfSaving = 3;

class Allocator {
  readonly #ir: FunctionIr;
  readonly #liveness: Liveness;
  readonly #wishes: Wishes;
  readonly #integers = Array.from({ length: 16 }, () => new Taken());
  readonly #floats = Array.from({ length: 16 }, () => new Taken());
  readonly #slots: Taken[] = [];
  readonly #locations: Location[];
  #used = 0;

  constructor(ir: FunctionIr) {
    this.#ir = ir;
    this.#liveness = findLiveness(ir);
    this.#wishes = wishesOf(ir);
    this.#locations = new Array<Location>(ir.types.length).fill(nowhere);
  }

  run(changedBy: (callee: number | undefined) => number): Allocation {
    let changed = this.#takeDemands(changedBy);
    const { ranges, uses } = this.#liveness;
    const order = ranges
      .map((list, variable) => ({ variable, weight: list.length === 0 ? 0 : uses[variable]! / lengthOf(list) }))
      .filter(({ variable }) => ranges[variable]!.length > 0)
      .sort((one, other) => other.weight - one.weight || one.variable - other.variable);
    for (const { variable } of order) this.#place(variable);
    const saved = savedRegisters.filter((register) => hasBit(this.#used, register, false));
    for (const register of integerRegisters)
      if (!saved.includes(register) && hasBit(this.#used, register, false)) changed |= bitOf(register, false);
    for (const register of floatRegisters) if (hasBit(this.#used, register, true)) changed |= bitOf(register, true);
    // What it gives.
    changed |= bitOf(Register.rax, false) | bitOf(0, true);
    const isTaken = ranges.slice(0, this.#ir.parameters).map((list) => list[0] === 0);
    return { locations: this.#locations, isTaken, slots: this.#slots.length, saved, changed };
  }

  /** What steps do to registers by themselves. Returns all of those. */
  #takeDemands(changedBy: (callee: number | undefined) => number): number {
    let changed = 0;
    for (const [number, { steps }] of this.#ir.blocks.entries())
      for (const [index, step] of steps.entries()) {
        const demand = demandOf(step, changedBy);
        if (demand === undefined) continue;
        changed |= demand.registers;
        const at = (this.#liveness.firstStep[number]! + index) * positionsOfStep;
        for (let set = demand.registers; set !== 0; set &= set - 1) {
          const bit = 31 - Math.clz32(set & -set);
          (bit < 16 ? this.#integers[bit]! : this.#floats[bit - 16]!).add(at + 1, at + demand.until);
        }
      }
    return changed;
  }

  #place(variable: Variable): void {
    const isFloat = this.#ir.types[variable] === Type.f64;
    const ranges = this.#liveness.ranges[variable]!;
    const taken = isFloat ? this.#floats : this.#integers;
    const scores = new Array<number>(16).fill(0);
    for (const { other, register, weight } of this.#wishes.of(variable)) {
      const wished = other === undefined ? register : this.#locations[other]!;
      const isSameKind = other === undefined || (this.#ir.types[other] === Type.f64) === isFloat;
      if (wished >= 0 && wished < firstSlot && isSameKind) scores[wished]! += weight;
    }
    let best = -1;
    for (const register of isFloat ? floatRegisters : integerRegisters) {
      if (best >= 0 && scores[register]! <= scores[best]!) continue;
      if (this.#isWorth(register, variable, isFloat) && taken[register]!.isFree(ranges)) best = register;
    }
    if (best < 0) {
      this.#spill(variable, ranges);
      return;
    }
    taken[best]!.take(ranges);
    this.#used |= bitOf(best, isFloat);
    this.#locations[variable] = best;
  }

  /** Whether a register may be taken: one that must be kept for the caller costs something the first time. */
  #isWorth(register: number, variable: Variable, isFloat: boolean): boolean {
    if (isFloat || !savedRegisters.includes(register) || hasBit(this.#used, register, false)) return true;
    return this.#liveness.uses[variable]! >= costOfSaving;
  }

  #spill(variable: Variable, ranges: Ranges): void {
    let slot = this.#slots.findIndex((taken) => taken.isFree(ranges));
    if (slot < 0) slot = this.#slots.push(new Taken()) - 1;
    this.#slots[slot]!.take(ranges);
    this.#locations[variable] = firstSlot + slot;
  }
}

/** Finds a place for every variable. @param changedBy the registers that a call of a function changes; undefined: of one that is not known */
export function allocate(ir: FunctionIr, changedBy: (callee: number | undefined) => number): Allocation {
  return new Allocator(ir).run(changedBy);
}
