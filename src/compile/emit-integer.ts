// Steps on integers and memory as machine code. Not here: numbers with a fraction (emit-float.ts), comparisons (emit-compare.ts), calls (emit-calls.ts).

import { Alu, type Rm, ShiftCode } from './encode.js';
import type { Homes } from './homes.js';
import { Condition, type Operand, type Step, Trap } from './ir.js';
import { Register, scratch } from './registers.js';

type StepOf<Op extends Step['op']> = Extract<Step, { op: Op }>;

/** Where a function's code goes when something is wrong: a label for each reason. */
export type TrapLabel = (code: number) => number;

const isRegister = (rm: Rm): rm is number => typeof rm === 'number';

/** A value or a constant into a variable. */
export function emitMove(homes: Homes, { into, from, size }: StepOf<'move'>): void {
  const { asm } = homes;
  if (!homes.isUsed(into)) return;
  const rm = homes.rm(into);
  if (homes.isFloat(into)) {
    moveFloat(homes, into, from);
    return;
  }
  if (from.kind === 'constant') {
    if (!isRegister(rm)) {
      if (BigInt.asIntN(32, from.value) === from.value) {
        asm.storeNumber(rm, Number(from.value), homes.sizeOf(into));
        return;
      }
      asm.moveNumber(scratch.first, from.value, size);
      asm.store(rm, scratch.first, homes.sizeOf(into));
      return;
    }
    if (from.value === 0n) {
      asm.alu(Alu.xor, rm, rm, 4);
      return;
    }
    asm.moveNumber(rm, from.value, size);
    return;
  }
  const source = homes.operand(from);
  const isCut = size === 4 && from.kind === 'variable' && homes.sizeOf(from.variable) === 8 && homes.sizeOf(into) === 4;
  const bytes = size === 4 || (from.kind === 'variable' && homes.sizeOf(from.variable) === 4) ? 4 : 8;
  if (isRegister(rm)) {
    if (source !== rm || isCut) asm.move(rm, source, bytes);
    return;
  }
  // An i64 of which only the lower half is wanted has something above it still.
  const isClean = isRegister(source) && !(bytes === 4 && from.kind === 'variable' && homes.sizeOf(from.variable) === 8);
  if (isClean) {
    asm.store(rm, source, homes.sizeOf(into));
    return;
  }
  asm.move(scratch.first, source, bytes);
  asm.store(rm, scratch.first, homes.sizeOf(into));
}

function moveFloat(homes: Homes, into: number, from: Operand): void {
  const { asm } = homes;
  const rm = homes.rm(into);
  if (from.kind === 'constant') {
    homes.floatBits(homes.target(into), from.value);
    homes.written(into);
    return;
  }
  const source = homes.operand(from);
  if (isRegister(rm) || isRegister(source)) {
    asm.moveFloat(rm, source);
    return;
  }
  asm.moveFloat(scratch.float, source);
  asm.moveFloat(rm, scratch.float);
}

/** Memory into a variable. */
export function emitLoad(homes: Homes, { into, from, isSigned, size }: StepOf<'load'>): void {
  const { asm } = homes;
  const source = homes.address(from);
  // Even where nobody wants it, it may be a page that is not there.
  const target = homes.isUsed(into) ? homes.target(into) : homes.isFloat(into) ? scratch.float : scratch.first;
  if (homes.isFloat(into)) asm.moveFloat(target, source);
  else if (from.size === 8) asm.move(target, source, 8);
  else asm.extend(target, source, size, from.size, isSigned && (from.size < 4 || size === 8));
  if (homes.isUsed(into)) homes.written(into);
}

/** A variable or a constant into memory. */
export function emitStore(homes: Homes, { to, from }: StepOf<'store'>): void {
  const { asm } = homes;
  const place = homes.address(to);
  if (from.kind === 'constant') {
    asm.storeNumber(place, Number(from.value), to.size);
    return;
  }
  if (from.kind !== 'variable') throw new TypeError('what is stored is in a register');
  if (homes.isFloat(from.variable)) asm.moveFloat(place, homes.read(from.variable, scratch.float));
  else asm.store(place, homes.read(from.variable, scratch.first), to.size);
}

/** Memory changed by something. */
export function emitModify(homes: Homes, { to, from, operation }: StepOf<'modify'>): void {
  const { asm } = homes;
  if (operation === 'mul') throw new TypeError('memory is not multiplied');
  const place = homes.address(to);
  if (from.kind === 'constant') asm.aluNumber(Alu[operation], place, Number(from.value), to.size);
  else if (from.kind === 'variable')
    asm.aluTo(Alu[operation], place, homes.read(from.variable, scratch.first), to.size);
  else throw new TypeError('what changes memory is in a register');
}

/** Addition and its like. */
export function emitArithmetic(homes: Homes, step: StepOf<'arithmetic'>): void {
  const { into, left, right, operation, size } = step;
  if (operation === 'mul') {
    multiply(homes, step);
    return;
  }
  const { asm } = homes;
  if (inPlace(homes, step)) return;
  const target = homes.target(into);
  const first = left.kind === 'variable' ? homes.rm(left.variable) : undefined;
  const second = right.kind === 'variable' ? homes.rm(right.variable) : undefined;
  if (second !== undefined && second === target && first !== target && first !== undefined)
    asm.alu(Alu[operation], target, first, size);
  else if (
    operation === 'add' &&
    first !== undefined &&
    isRegister(first) &&
    first !== target &&
    right.kind === 'constant'
  )
    asm.address(target, { base: first, index: undefined, scale: 1, offset: Number(right.value) }, size);
  else if (
    operation === 'add' &&
    first !== undefined &&
    isRegister(first) &&
    first !== target &&
    second !== undefined &&
    isRegister(second)
  )
    asm.address(target, { base: first, index: second, scale: 1, offset: 0 }, size);
  else {
    homes.put(target, left, size);
    if (right.kind === 'constant') combine(homes, Alu[operation], target, Number(right.value), size);
    else asm.alu(Alu[operation], target, homes.operand(right), size);
  }
  homes.written(into);
}

/** A number in a register with a constant. */
function combine(homes: Homes, operation: number, target: number, value: number, size: number): void {
  const { asm } = homes;
  // What zero-extends is shorter than a mask.
  if (operation === Alu.and && value === 255) asm.extend(target, target, 4, 1, false);
  else if (operation === Alu.and && value === 65_535) asm.extend(target, target, 4, 2, false);
  else if (operation === Alu.and && size === 8 && value >= 0) asm.aluNumber(operation, target, value, 4);
  else asm.aluNumber(operation, target, value, size);
}

/** What changes a variable in the frame by a constant or a register. */
function inPlace(homes: Homes, { into, left, right, operation, size }: StepOf<'arithmetic'>): boolean {
  const rm = homes.rm(into);
  if (
    operation === 'mul' ||
    isRegister(rm) ||
    left.kind !== 'variable' ||
    left.variable !== into ||
    size !== homes.sizeOf(into)
  )
    return false;
  if (right.kind === 'constant') {
    homes.asm.aluNumber(Alu[operation], rm, Number(right.value), size);
    return true;
  }
  const second = right.kind === 'variable' ? homes.rm(right.variable) : undefined;
  if (second === undefined || !isRegister(second)) return false;
  homes.asm.aluTo(Alu[operation], rm, second, size);
  return true;
}

function multiply(homes: Homes, { into, left, right, size }: StepOf<'arithmetic'>): void {
  const { asm } = homes;
  const target = homes.target(into);
  if (right.kind === 'constant' && left.kind !== 'constant')
    asm.multiplyNumber(target, homes.operand(left), Number(right.value), size);
  else if (right.kind === 'variable' && homes.rm(right.variable) === target && left.kind === 'variable')
    asm.multiply(target, homes.rm(left.variable), size);
  else {
    homes.put(target, left, size);
    if (right.kind === 'constant') asm.multiplyNumber(target, target, Number(right.value), size);
    else asm.multiply(target, homes.operand(right), size);
  }
  homes.written(into);
}

/** A sum of up to three parts. */
export function emitAddress(homes: Homes, { into, base, index, scale, offset, size }: StepOf<'address'>): void {
  const first = base === undefined ? undefined : homes.read(base, scratch.first);
  const second = index === undefined ? undefined : index === base ? first : homes.read(index, scratch.second);
  homes.asm.address(homes.target(into), { base: first, index: second, scale, offset }, size);
  homes.written(into);
}

/** A shift or a rotation. */
export function emitShift(homes: Homes, { into, left, right, operation, size }: StepOf<'shift'>): void {
  const { asm } = homes;
  const target = homes.target(into);
  if (right.kind === 'constant') {
    homes.put(target, left, size);
    if (right.value !== 0n) asm.shift(ShiftCode[operation], target, Number(right.value), size);
  } else {
    homes.put(Register.rcx, right, 4);
    homes.put(target, left, size);
    asm.shiftByCl(ShiftCode[operation], target, size);
  }
  homes.written(into);
}

/** A division, with what WebAssembly says of 0 and of -1. */
export function emitDivide(
  homes: Homes,
  { into, left, right, operation, size }: StepOf<'divide'>,
  trap: TrapLabel,
): void {
  const { asm } = homes;
  if (right.kind !== 'variable') throw new TypeError('what divides is in a register');
  const by = homes.rm(right.variable);
  homes.put(Register.rax, left, size);
  if (isRegister(by)) asm.test(by, by, size);
  else asm.aluNumber(Alu.cmp, by, 0, size);
  asm.jump(Condition.equal, trap(Trap.division));
  const end = asm.label();
  if (operation === 'div_u' || operation === 'rem_u') {
    asm.alu(Alu.xor, Register.rdx, Register.rdx, 4);
    asm.group3(6, by, size);
  } else {
    const usual = asm.label();
    asm.aluNumber(Alu.cmp, by, -1, size);
    asm.jump(Condition.notEqual, usual);
    if (operation === 'div_s') {
      asm.group3(3, Register.rax, size);
      asm.jump(0, trap(Trap.overflow));
    } else asm.alu(Alu.xor, Register.rdx, Register.rdx, 4);
    asm.jump(-1, end);
    asm.bind(usual);
    asm.byte(...(size === 8 ? [0x48] : []), 0x99);
    asm.group3(7, by, size);
  }
  asm.bind(end);
  if (!homes.isUsed(into)) return;
  const result = operation.startsWith('div') ? Register.rax : Register.rdx;
  const rm = homes.rm(into);
  if (!isRegister(rm)) asm.store(rm, result, homes.sizeOf(into));
  else if (rm !== result) asm.move(rm, result, size);
}

/** Bits counted, and signs spread. Returns whether it is one of those. */
export function emitIntegerUnary(homes: Homes, { into, from, name, size }: StepOf<'unary'>): boolean {
  const { asm } = homes;
  if (from.kind === 'constant') throw new TypeError('constants are computed before');
  const bits = size * 8;
  const spread = /^extend(?:_i)?(\d+)_s$/.exec(name)?.[1];
  if (spread === undefined && name !== 'clz' && name !== 'ctz' && name !== 'popcnt') return false;
  const source = homes.operand(from);
  const target = homes.target(into);
  if (spread !== undefined) asm.extend(target, source, size, Number(spread) / 8, true);
  else if (name === 'popcnt') asm.op([0x0f, 0xb8], target, source, size, 0, 0xf3);
  else {
    asm.moveNumber(scratch.second, BigInt(name === 'clz' ? bits * 2 - 1 : bits), 4);
    asm.op([0x0f, name === 'clz' ? 0xbd : 0xbc], target, source, size);
    asm.moveIf(Condition.equal, target, scratch.second, size);
    if (name === 'clz') asm.aluNumber(Alu.xor, target, bits - 1, size);
  }
  homes.written(into);
  return true;
}
