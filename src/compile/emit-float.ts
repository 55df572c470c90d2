// Steps on numbers with a fraction (f64) as machine code of SSE2 and SSE4.1. Not here: moving them about (emit-integer.ts).

import { Alu } from './encode.js';
import type { Homes } from './homes.js';
import { Condition, type Operand, type Step } from './ir.js';
import { scratch } from './registers.js';

type Unary = Extract<Step, { op: 'unary' }>;

const double = new DataView(new ArrayBuffer(8));

function doubleBits(value: number): bigint {
  double.setFloat64(0, value);
  return double.getBigUint64(0);
}

const binaryCodes: Readonly<Record<string, number>> = { add: 0x58, mul: 0x59, sub: 0x5c, div: 0x5e };
/** How to round, without a word about what is lost. */
const roundings: Readonly<Record<string, number>> = { nearest: 8, floor: 9, ceil: 10, trunc: 11 };

function variableOf(operand: Operand): number {
  if (operand.kind !== 'variable') throw new TypeError('an f64 is a variable');
  return operand.variable;
}

/** Addition and its like. */
export function emitFloat(homes: Homes, { into, left, right, name }: Extract<Step, { op: 'float' }>): void {
  const target = homes.target(into);
  homes.asm.moveFloat(target, homes.rm(variableOf(left)));
  homes.asm.sse(0xf2, binaryCodes[name]!, target, homes.rm(variableOf(right)));
  homes.written(into);
}

/** Signs, rounding, conversions. */
export function emitFloatUnary(homes: Homes, step: Unary): void {
  const { into, name } = step;
  if (name.startsWith('trunc_sat')) {
    truncate(homes, step);
    return;
  }
  const rounding = roundings[name];
  const source = variableOf(step.from);
  const { asm } = homes;
  const target = homes.target(into);
  if (name === 'neg' || name === 'abs') {
    homes.floatBits(scratch.secondFloat, name === 'neg' ? 1n << 63n : (1n << 63n) - 1n);
    asm.moveFloat(target, homes.read(source, scratch.float));
    asm.sse(0, name === 'neg' ? 0x57 : 0x54, target, scratch.secondFloat);
  } else if (name === 'sqrt') asm.sse(0xf2, 0x51, target, homes.read(source, scratch.float));
  else if (rounding !== undefined) {
    asm.op([0x0f, 0x3a, 0x0b], target, homes.read(source, scratch.float), 4, 0, 0x66);
    asm.byte(rounding);
  } else if (name === 'reinterpret_i64') asm.sse(0x66, 0x6e, target, homes.read(source, scratch.first), 8);
  else if (name === 'reinterpret_f64') asm.sse(0x66, 0x7e, homes.read(source, scratch.float), target, 8);
  else if (name === 'convert_i64_u') convertUnsigned(homes, target, homes.read(source, scratch.first));
  else {
    // An i32 without a sign is an i64 with one.
    const size = name === 'convert_i32_s' ? 4 : 8;
    asm.sse(0, 0x57, target, target);
    asm.sse(0xf2, 0x2a, target, homes.read(source, scratch.first), size);
  }
  homes.written(into);
}

function convertUnsigned(homes: Homes, target: number, source: number): void {
  const { asm } = homes;
  const [isLarge, end] = [asm.label(), asm.label()];
  asm.sse(0, 0x57, target, target);
  asm.test(source, source, 8);
  asm.jump(Condition.sign, isLarge);
  asm.sse(0xf2, 0x2a, target, source, 8);
  asm.jump(-1, end);
  asm.bind(isLarge);
  // Half of it, with the bit that is lost kept for the rounding; then twice that.
  asm.move(scratch.second, source, 8);
  if (source !== scratch.first) asm.move(scratch.first, source, 8);
  asm.shift(5, scratch.first, 1, 8);
  asm.aluNumber(Alu.and, scratch.second, 1, 4);
  asm.alu(Alu.or, scratch.first, scratch.second, 8);
  asm.sse(0xf2, 0x2a, target, scratch.first, 8);
  asm.sse(0xf2, 0x58, target, target);
  asm.bind(end);
}

/** To a whole number, the nearest one there is where it is too large, 0 where it is none. */
function truncate(homes: Homes, { into, from, name }: Unary): void {
  const { asm } = homes;
  const isUnsigned = name.includes('_u');
  const isShort = name.endsWith('_to_i32');
  const bits = BigInt((isShort ? 32 : 64) - (isUnsigned ? 0 : 1));
  const [most, least] = [(1n << bits) - 1n, isUnsigned ? 0n : -(1n << bits)];
  const source = homes.read(variableOf(from), scratch.float);
  const target = homes.target(into);
  const [over, under, none, end] = [asm.label(), asm.label(), asm.label(), asm.label()];
  const compareWith = (value: number): void => {
    homes.floatBits(scratch.secondFloat, doubleBits(value));
    asm.sse(0x66, 0x2e, source, scratch.secondFloat);
  };
  compareWith(isShort ? Number(most) : Number(1n << bits));
  asm.jump(Condition.parity, none);
  asm.jump(Condition.notBelow, over);
  compareWith(Number(least));
  asm.jump(Condition.notAbove, under);
  if (isUnsigned && !isShort) {
    const small = asm.label();
    compareWith(2 ** 63);
    asm.jump(Condition.below, small);
    asm.moveFloat(scratch.float, source);
    asm.sse(0xf2, 0x5c, scratch.float, scratch.secondFloat);
    asm.sse(0xf2, 0x2c, target, scratch.float, 8);
    asm.moveNumber(scratch.second, 1n << 63n, 8);
    asm.alu(Alu.xor, target, scratch.second, 8);
    asm.jump(-1, end);
    asm.bind(small);
  }
  asm.sse(0xf2, 0x2c, target, source, isShort && !isUnsigned ? 4 : 8);
  asm.jump(-1, end);
  asm.bind(over);
  asm.moveNumber(target, most, isShort ? 4 : 8);
  asm.jump(-1, end);
  asm.bind(under);
  asm.moveNumber(target, least, isShort ? 4 : 8);
  asm.jump(-1, end);
  asm.bind(none);
  asm.moveNumber(target, 0n, 4);
  asm.bind(end);
  homes.written(into);
}
