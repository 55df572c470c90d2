// What a function is between WebAssembly and machine code: blocks of instructions over variables without number, near to what the processor does (two operands,
// one of them in memory; compare and jump in one), but without registers. Not here: how it is made (lift.ts), where variables live (allocate.ts).

import type { Type } from './opcodes.js';

/** A variable, by its number: `FunctionIr.types` says what it holds. An i32 has zeros in its upper half wherever it lives. */
export type Variable = number;

/** A place in memory. */
export interface Place {
  readonly kind: 'place';
  /** Linear memory, at `base` (undefined: 0) and `offset`; or the instance's block at `offset`. */
  readonly space: 'linear' | 'instance';
  readonly base: Variable | undefined;
  readonly offset: number;
  readonly size: number;
}
/** A variable as an operand. */
export interface Register {
  readonly kind: 'variable';
  readonly variable: Variable;
}
/** A number as an operand; of 64-bit instructions, one that fits into 32 bits with its sign, but for `move`. */
export interface Constant {
  readonly kind: 'constant';
  readonly value: bigint;
}
export type Operand = Register | Constant | Place;

/** When a comparison is so: conditions of the processor, by their numbers in its instructions. */
export const Condition = {
  below: 2,
  notBelow: 3,
  equal: 4,
  notEqual: 5,
  notAbove: 6,
  above: 7,
  parity: 10,
  noParity: 11,
  less: 12,
  notLess: 13,
  notGreater: 14,
  greater: 15,
  sign: 8,
} as const;

/** Something with a condition, and the opposite one in its place: the processor numbers them in pairs. */
export function inverse<Of extends { readonly condition: number }>(of: Of): Of {
  return { ...of, condition: of.condition ^ 1 };
}

/** A comparison whose outcome is wanted. `how` `and` compares what both have in common with 0, `float` two numbers. */
export interface Compare {
  readonly how: 'integer' | 'and' | 'float';
  readonly condition: number;
  /** Bytes that are compared. */
  readonly size: number;
  readonly left: Operand;
  readonly right: Operand;
}

export type Arithmetic = 'add' | 'or' | 'and' | 'sub' | 'xor' | 'mul';
export type Shift = 'rol' | 'ror' | 'shl' | 'shr' | 'sar';
export type Division = 'div_s' | 'div_u' | 'rem_s' | 'rem_u';

/** Why a program is stopped. `memory` is what filling and copying check; other accesses find a page that is not there. */
export const Trap = { memory: 1, overflow: 2, division: 3, check: 5, indirectCall: 6 } as const;

/** One instruction. `size` is bytes of what it works on; `into` what it sets. */
export type Step =
  | { readonly op: 'move'; readonly into: Variable; readonly from: Operand; readonly size: number }
  | {
      readonly op: 'load';
      readonly into: Variable;
      readonly from: Place;
      readonly isSigned: boolean;
      readonly size: number;
    }
  | { readonly op: 'store'; readonly to: Place; readonly from: Operand }
  | { readonly op: 'modify'; readonly to: Place; readonly from: Operand; readonly operation: Arithmetic }
  | {
      readonly op: 'arithmetic';
      readonly into: Variable;
      readonly left: Operand;
      readonly right: Operand;
      readonly operation: Arithmetic;
      readonly size: number;
    }
  | {
      readonly op: 'address';
      readonly into: Variable;
      readonly base: Variable | undefined;
      readonly index: Variable | undefined;
      readonly scale: number;
      readonly offset: number;
      readonly size: number;
    }
  | {
      readonly op: 'shift';
      readonly into: Variable;
      readonly left: Operand;
      readonly right: Operand;
      readonly operation: Shift;
      readonly size: number;
    }
  | {
      readonly op: 'divide';
      readonly into: Variable;
      readonly left: Operand;
      readonly right: Operand;
      readonly operation: Division;
      readonly size: number;
    }
  | {
      readonly op: 'unary';
      readonly into: Variable;
      readonly from: Operand;
      readonly name: string;
      readonly size: number;
    }
  | {
      readonly op: 'float';
      readonly into: Variable;
      readonly left: Operand;
      readonly right: Operand;
      readonly name: string;
    }
  | { readonly op: 'set'; readonly into: Variable; readonly compare: Compare }
  | {
      readonly op: 'select';
      readonly into: Variable;
      readonly yes: Operand;
      readonly no: Operand;
      readonly compare: Compare;
      readonly size: number;
    }
  | {
      readonly op: 'call';
      readonly into: Variable | undefined;
      readonly callee: number;
      readonly values: readonly Operand[];
    }
  | {
      readonly op: 'callIndirect';
      readonly into: Variable | undefined;
      readonly entry: Operand;
      readonly type: number;
      readonly values: readonly Operand[];
    }
  | { readonly op: 'bulk'; readonly what: 'fill' | 'copy'; readonly values: readonly Operand[] };

/** How a block ends. Where it goes on is a block's number; `next` and `otherwise` want to stand behind it. */
export type Ending =
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'branch'; readonly compare: Compare; readonly yes: number; readonly no: number }
  | { readonly op: 'switch'; readonly on: Operand; readonly to: readonly number[]; readonly otherwise: number }
  | { readonly op: 'return'; readonly value: Operand | undefined }
  | { readonly op: 'trap'; readonly code: number };

/** Steps that are done one after another, and how they end. */
export interface Block {
  readonly steps: Step[];
  ending: Ending;
  /** Loops around it. */
  readonly depth: number;
}

/** See the file's head. The first variables are the arguments, then the others of WebAssembly, then those that were made. */
export interface FunctionIr {
  readonly types: Type[];
  readonly parameters: number;
  /** How many of them are arguments and variables of WebAssembly. */
  readonly locals: number;
  /** What it returns. */
  readonly gives: Type | undefined;
  /** In the order in which they are to stand; the first is entered. */
  readonly blocks: Block[];
}

/** What a block can lead to. */
export function targetsOf(ending: Ending): readonly number[] {
  if (ending.op === 'jump') return [ending.to];
  if (ending.op === 'branch') return [ending.yes, ending.no];
  return ending.op === 'switch' ? [...ending.to, ending.otherwise] : [];
}

/** An ending that leads elsewhere: each target becomes what `to` says of it. */
export function retarget(ending: Ending, to: (target: number) => number): Ending {
  if (ending.op === 'jump') return { ...ending, to: to(ending.to) };
  if (ending.op === 'branch') return { ...ending, yes: to(ending.yes), no: to(ending.no) };
  if (ending.op === 'switch') return { ...ending, to: ending.to.map(to), otherwise: to(ending.otherwise) };
  return ending;
}
