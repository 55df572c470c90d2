// Calls, and memory that is filled or copied, as machine code. Not here: how a function begins and ends (emit.ts).

import type { TrapLabel } from './emit-integer.js';
import { Alu } from './encode.js';
import { type Homes, onStack } from './homes.js';
import { Condition, type Operand, type Step, Trap } from './ir.js';
import { type Move, moveAll } from './moves.js';
import { ArgumentPlaces, Register, scratch } from './registers.js';

/** What code knows of the rest of the program. */
export interface ProgramFacts {
  /** Numbers by which functions of the program itself are called. */
  readonly fill: number;
  readonly copy: number;
  trap(code: number): number;
  /** Entries of the table of functions, and what its entries say of their type. */
  readonly tableEntries: number;
  typeMark(type: number): number;
}

type Call = Extract<Step, { op: 'call' | 'callIndirect' }>;

/** Bytes of the stack that the values of a call need. */
export function stackBytesOf(values: readonly Operand[], isFloat: (variable: number) => boolean): number {
  const places = new ArgumentPlaces();
  for (const value of values)
    if (places.register(value.kind === 'variable' && isFloat(value.variable)) === undefined) places.onStack();
  return places.stackBytes;
}

function movesOf(homes: Homes, values: readonly Operand[]): Move[] {
  const places = new ArgumentPlaces();
  return values.map((value): Move => {
    const isFloat = value.kind === 'variable' && homes.isFloat(value.variable);
    const to = places.register(isFloat) ?? onStack(places.onStack());
    if (value.kind === 'constant') return { to, from: { constant: value.value }, size: 8, isFloat: false };
    if (value.kind === 'place') throw new TypeError('arguments are in registers');
    return { to, from: homes.rm(value.variable), size: homes.sizeOf(value.variable), isFloat };
  });
}

/** A function called, by its number or through the table. @param sizes bytes of each value */
export function emitCall(
  homes: Homes,
  step: Call,
  facts: ProgramFacts,
  trap: TrapLabel,
  sizes: readonly number[],
): void {
  const { asm } = homes;
  if (step.op === 'callIndirect') {
    if (step.entry.kind !== 'variable') throw new TypeError('an entry is in a register');
    asm.move(scratch.second, homes.rm(step.entry.variable), 4);
  }
  // A constant i32 is one of 32 bits without a sign in its register.
  const moves = movesOf(homes, step.values).map((move, index) => {
    const isConstant = typeof move.from === 'object' && 'constant' in move.from;
    return isConstant ? { ...move, size: sizes[index]! } : move;
  });
  moveAll(asm, moves);
  if (step.op === 'call') asm.call(step.callee);
  else callThroughTable(homes, step.type, facts, trap);
  if (step.into === undefined) return;
  const rm = homes.rm(step.into);
  const size = homes.sizeOf(step.into);
  if (homes.isFloat(step.into)) asm.moveFloat(rm, 0);
  else if (typeof rm !== 'number') asm.store(rm, Register.rax, size);
  else if (rm !== Register.rax) asm.move(rm, Register.rax, size);
}

function callThroughTable(homes: Homes, type: number, facts: ProgramFacts, trap: TrapLabel): void {
  const { asm } = homes;
  asm.aluNumber(Alu.cmp, scratch.second, facts.tableEntries, 4);
  asm.jump(Condition.notBelow, trap(Trap.indirectCall));
  asm.addressOf(scratch.first, 'functionTable', 0);
  const entry = { base: scratch.first, index: scratch.second, scale: 8, offset: 0 };
  asm.aluNumber(Alu.cmp, { ...entry, offset: 4 }, facts.typeMark(type), 4);
  asm.jump(Condition.notEqual, trap(Trap.indirectCall));
  asm.extend(scratch.second, entry, 8, 4, true);
  asm.alu(Alu.add, scratch.second, scratch.first, 8);
  asm.op([0xff], 2, scratch.second, 4);
}

/** Memory filled or copied. */
export function emitBulk(homes: Homes, { what, values }: Extract<Step, { op: 'bulk' }>, facts: ProgramFacts): void {
  const registers = [Register.rdi, what === 'fill' ? Register.rax : Register.rsi, Register.rcx];
  const moves = values.map((value, index): Move => {
    const to = registers[index]!;
    if (value.kind === 'constant') return { to, from: { constant: value.value }, size: 4, isFloat: false };
    if (value.kind === 'place') throw new TypeError('arguments are in registers');
    return { to, from: homes.rm(value.variable), size: 4, isFloat: false };
  });
  moveAll(homes.asm, moves);
  homes.asm.call(what === 'fill' ? facts.fill : facts.copy);
}
