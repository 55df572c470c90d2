// Comparisons, and what is made of their outcome: a jump, a number, a choice. Not here: other steps.

import { Alu, type Rm } from './encode.js';
import type { Homes } from './homes.js';
import { type Compare, Condition, type Operand, type Step } from './ir.js';
import { scratch } from './registers.js';

const isFloatEquality = ({ how, condition }: Compare): boolean =>
  how === 'float' && (condition === Condition.equal || condition === Condition.notEqual);

/** Sets the flags by a comparison. */
function compare(homes: Homes, { how, size, left, right }: Compare): void {
  const { asm } = homes;
  if (how === 'float') {
    const first = homes.read(variableOf(left), scratch.float);
    asm.sse(0x66, 0x2e, first, homes.rm(variableOf(right)));
    return;
  }
  const first = rmOf(homes, left);
  if (right.kind === 'constant') {
    compareNumber(homes, how, first, Number(right.value), size);
    return;
  }
  const second = rmOf(homes, right);
  if (typeof second === 'number') {
    if (how === 'and') asm.test(first, second, size);
    else if (typeof first === 'number') asm.alu(Alu.cmp, first, second, size);
    else asm.aluTo(Alu.cmp, first, second, size);
    return;
  }
  if (typeof first === 'number') {
    if (how === 'and') asm.test(second, first, size);
    else asm.alu(Alu.cmp, first, second, size);
    return;
  }
  // Both are in memory. The first may have its base in the second spare register.
  asm.move(scratch.first, first, size);
  if (how === 'and') asm.test(second, scratch.first, size);
  else asm.alu(Alu.cmp, scratch.first, second, size);
}

function compareNumber(homes: Homes, how: 'integer' | 'and', rm: Rm, value: number, size: number): void {
  const { asm } = homes;
  if (how === 'and') {
    asm.testNumber(rm, value, typeof rm === 'number' && value >= 0 && value <= 255 ? 1 : size);
    return;
  }
  if (value === 0 && typeof rm === 'number') asm.test(rm, rm, size);
  else asm.aluNumber(Alu.cmp, rm, value, size);
}

function variableOf(operand: Operand): number {
  if (operand.kind !== 'variable') throw new TypeError('numbers are compared in registers');
  return operand.variable;
}

function rmOf(homes: Homes, operand: Operand): Rm {
  if (operand.kind === 'constant') throw new TypeError('a constant is compared on the right');
  return homes.operand(operand);
}

/** Jumps to a label where a comparison is so, and goes on where it is not. */
export function jumpIf(homes: Homes, of: Compare, label: number): void {
  const { asm } = homes;
  compare(homes, of);
  if (!isFloatEquality(of)) {
    asm.jump(of.condition, label);
    return;
  }
  if (of.condition === Condition.notEqual) {
    asm.jump(Condition.parity, label);
    asm.jump(Condition.notEqual, label);
    return;
  }
  const past = asm.label();
  asm.jump(Condition.parity, past);
  asm.jump(Condition.equal, label);
  asm.bind(past);
}

/** Whether a comparison looks at a register, or spares it for what has none. */
function looksAt(homes: Homes, { left, right }: Compare, register: number): boolean {
  if (register === scratch.first) return true;
  return [left, right].some((operand) => {
    if (operand.kind === 'constant') return false;
    const { kind } = operand;
    const variable = kind === 'variable' ? operand.variable : operand.base;
    return variable !== undefined && homes.rm(variable) === register;
  });
}

/** A comparison as 0 or 1. */
export function emitSet(homes: Homes, { into, compare: of }: Extract<Step, { op: 'set' }>): void {
  const { asm } = homes;
  const target = homes.target(into);
  // Zeros above the outcome come first where that is possible: one byte less, and one step less behind the comparison.
  if (of.how !== 'float' && !looksAt(homes, of, target)) {
    asm.alu(Alu.xor, target, target, 4);
    compare(homes, of);
    asm.set(of.condition, target);
    homes.written(into);
    return;
  }
  compare(homes, of);
  if (!isFloatEquality(of)) {
    asm.set(of.condition, target);
    asm.extend(target, target, 4, 1, false);
  } else {
    const isEqual = of.condition === Condition.equal;
    asm.set(isEqual ? Condition.noParity : Condition.parity, target);
    asm.extend(target, target, 4, 1, false);
    asm.moveNumber(scratch.second, isEqual ? 0n : 1n, 4);
    asm.moveIf(Condition.notEqual, target, scratch.second, 4);
  }
  homes.written(into);
}

/** One of two values. */
export function emitSelect(homes: Homes, step: Extract<Step, { op: 'select' }>): void {
  const { asm } = homes;
  const { into, yes, no, size, compare: of } = step;
  if (homes.isFloat(into) || isFloatEquality(of)) {
    selectByJump(homes, step);
    return;
  }
  compare(homes, of);
  const target = homes.target(into);
  homes.put(target, no, size);
  asm.moveIf(of.condition, target, rmOf(homes, yes), size);
  homes.written(into);
}

function selectByJump(homes: Homes, { into, yes, no, size, compare: of }: Extract<Step, { op: 'select' }>): void {
  const { asm } = homes;
  const isFloat = homes.isFloat(into);
  const target = homes.target(into);
  const [isYes, end] = [asm.label(), asm.label()];
  jumpIf(homes, of, isYes);
  homes.put(target, no, size, isFloat);
  asm.jump(-1, end);
  asm.bind(isYes);
  homes.put(target, yes, size, isFloat);
  asm.bind(end);
  homes.written(into);
}
