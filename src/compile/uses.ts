// Which variables a step reads and sets, and when within it: what is read only before anything is written may share its register with what is set. Also which registers
// the processor demands. Not here: where variables live.

import type { Compare, Ending, Operand, Step, Variable } from './ir.js';
import { argumentRegisters, bitOf, floatArguments, Register } from './registers.js';

/** When a variable is read: before anything is changed; before the result is set, but in no register that the step itself needs; or after that. */
export const When = { early: 1, middle: 2, late: 3 } as const;
export type When = (typeof When)[keyof typeof When];

export type Reader = (variable: Variable, when: When) => void;

function operand(value: Operand, when: When, read: Reader): void {
  if (value.kind === 'variable') read(value.variable, when);
  else if (value.kind === 'place' && value.base !== undefined) read(value.base, when);
}

function compared(compare: Compare, read: Reader): void {
  operand(compare.left, When.early, read);
  operand(compare.right, When.early, read);
}

/** These look at what they are made from more than once. */
const lateUnary = /^(?:convert_i64_u|trunc_sat|popcnt|c[lt]z)/;

type Arithmetic = Extract<Step, { op: 'arithmetic' }>;

function arithmetic({ left, right, operation }: Arithmetic, read: Reader): void {
  operand(left, When.early, read);
  const isFree = right.kind === 'variable' && left.kind === 'variable' && operation !== 'sub';
  operand(right, isFree || right.kind === 'constant' ? When.early : When.late, read);
}

/** Tells what a step reads. */
export function readsOf(step: Step, read: Reader): void {
  switch (step.op) {
    case 'move':
    case 'load':
      operand(step.from, When.early, read);
      return;
    case 'unary':
      operand(step.from, lateUnary.test(step.name) ? When.late : When.early, read);
      return;
    case 'store':
    case 'modify':
      operand(step.to, When.early, read);
      operand(step.from, When.early, read);
      return;
    case 'arithmetic':
      arithmetic(step, read);
      return;
    case 'float':
      operand(step.left, When.early, read);
      operand(step.right, When.late, read);
      return;
    case 'address':
      if (step.base !== undefined) read(step.base, When.early);
      if (step.index !== undefined) read(step.index, When.early);
      return;
    case 'shift':
      operand(step.left, step.right.kind === 'constant' ? When.early : When.middle, read);
      operand(step.right, When.early, read);
      return;
    case 'divide':
      operand(step.left, When.early, read);
      operand(step.right, When.middle, read);
      return;
    case 'set':
      compared(step.compare, read);
      return;
    case 'select':
      compared(step.compare, read);
      operand(step.no, When.early, read);
      operand(step.yes, When.late, read);
      return;
    case 'callIndirect':
      operand(step.entry, When.early, read);
      for (const value of step.values) operand(value, When.early, read);
      return;
    case 'call':
    case 'bulk':
      for (const value of step.values) operand(value, When.early, read);
  }
}

/** Tells what the end of a block reads. */
export function endingReads(ending: Ending, read: Reader): void {
  if (ending.op === 'branch') compared(ending.compare, read);
  else if (ending.op === 'switch') operand(ending.on, When.early, read);
  else if (ending.op === 'return' && ending.value !== undefined) operand(ending.value, When.early, read);
}

/** What a step sets. */
export function setBy(step: Step): Variable | undefined {
  return 'into' in step ? step.into : undefined;
}

/** What a step does to registers beside its operands. `until` is up to when. */
export interface Demand {
  readonly registers: number;
  readonly until: When;
}

const count = bitOf(Register.rcx, false);
const dividend = bitOf(Register.rax, false) | bitOf(Register.rdx, false);
const bulk = [Register.rax, Register.rcx, Register.rdx, Register.rdi, Register.rsi]
  .map((each) => bitOf(each, false))
  .reduce((set, bit) => set | bit, 0);

/** Registers in which so many arguments may go. */
function argumentSet(many: number): number {
  let set = 0;
  for (let index = 0; index < Math.min(many, argumentRegisters.length); index++)
    set |= bitOf(argumentRegisters[index]!, false);
  for (let index = 0; index < Math.min(many, floatArguments); index++) set |= bitOf(index, true);
  return set;
}

/** See {@link Demand}. @param changedBy which registers a call of a function changes; undefined stands for one that is not known */
export function demandOf(step: Step, changedBy: (callee: number | undefined) => number): Demand | undefined {
  if (step.op === 'shift' && step.right.kind !== 'constant') return { registers: count, until: When.late };
  if (step.op === 'divide') return { registers: dividend, until: When.middle };
  if (step.op === 'bulk') return { registers: bulk, until: When.middle };
  if (step.op !== 'call' && step.op !== 'callIndirect') return undefined;
  const changed = changedBy(step.op === 'call' ? step.callee : undefined);
  const given = argumentSet(step.values.length) | bitOf(Register.rax, false) | bitOf(0, true);
  return { registers: changed | given, until: When.middle };
}
