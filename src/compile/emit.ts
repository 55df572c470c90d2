// A function's blocks as machine code: how it begins, its steps one after another, how its blocks end. Not here: the steps themselves (emit-*.ts).

import type { Allocation } from './allocate.js';
import { emitBulk, emitCall, type ProgramFacts, stackBytesOf } from './emit-calls.js';
import { emitSelect, emitSet, jumpIf } from './emit-compare.js';
import { emitFloat, emitFloatUnary } from './emit-float.js';
import {
  emitAddress,
  emitArithmetic,
  emitDivide,
  emitIntegerUnary,
  emitLoad,
  emitModify,
  emitMove,
  emitShift,
  emitStore,
} from './emit-integer.js';
import { Alu, Assembler, type Link } from './encode.js';
import { Homes, onStack } from './homes.js';
import { Condition, type Ending, type FunctionIr, inverse, type Operand, type Step } from './ir.js';
import type { Signature } from './module.js';
import { type Move, moveAll } from './moves.js';
import { sizeOf, Type } from './opcodes.js';
import { ArgumentPlaces, Register, scratch } from './registers.js';

/** Machine code of a function, and where other places are to be put into it. */
export interface FunctionCode {
  readonly bytes: Uint8Array;
  readonly links: readonly Link[];
}

/** What a function is emitted from, beside its blocks. */
export interface EmitInput {
  readonly ir: FunctionIr;
  readonly allocation: Allocation;
  readonly facts: ProgramFacts;
  /** Of any function or type that it calls. */
  signatureOf(step: Extract<Step, { op: 'call' | 'callIndirect' }>): Signature;
}

/** A frame of more than this is felt for, page by page, so that the end of the stack is not jumped over. */
const pageBytes = 4096;

class Emitter {
  readonly #input: EmitInput;
  readonly #asm = new Assembler();
  readonly #homes: Homes;
  readonly #frameBytes: number;
  readonly #labels: number[];
  readonly #traps = new Map<number, number>();
  readonly #leave: number;
  #isLeaveUsed = false;

  constructor(input: EmitInput) {
    this.#input = input;
    const { ir, allocation } = input;
    const isFloat = (variable: number): boolean => ir.types[variable] === Type.f64;
    let below = 0;
    for (const { steps } of ir.blocks)
      for (const step of steps)
        if (step.op === 'call' || step.op === 'callIndirect')
          below = Math.max(below, stackBytesOf(step.values, isFloat));
    this.#homes = new Homes(this.#asm, ir, allocation, below);
    this.#frameBytes = below + allocation.slots * 8;
    this.#labels = ir.blocks.map(() => this.#asm.label());
    this.#leave = this.#asm.label();
  }

  run(): FunctionCode {
    this.#begin();
    const { blocks } = this.#input.ir;
    for (const [number, block] of blocks.entries()) {
      this.#asm.bind(this.#labels[number]!);
      for (const step of block.steps) this.#step(step);
      this.#end(block.ending, number + 1);
    }
    if (this.#isLeaveUsed) {
      this.#asm.bind(this.#leave);
      this.#unwind();
    }
    for (const [code, label] of this.#traps) {
      this.#asm.bind(label);
      this.#asm.jumpTo(this.#input.facts.trap(code));
    }
    return this.#asm.finish();
  }

  readonly #trap = (code: number): number => {
    let label = this.#traps.get(code);
    if (label === undefined) {
      label = this.#asm.label();
      this.#traps.set(code, label);
    }
    return label;
  };

  #begin(): void {
    const asm = this.#asm;
    const { ir, allocation } = this.#input;
    for (const register of allocation.saved) asm.push(register);
    for (let page = pageBytes; page < this.#frameBytes; page += pageBytes) asm.test(onStack(-page), Register.rax, 4);
    if (this.#frameBytes > 0) asm.aluNumber(Alu.sub, Register.rsp, this.#frameBytes, 8);
    const moves: Move[] = [];
    const places = new ArgumentPlaces();
    const above = this.#frameBytes + allocation.saved.length * 8 + 8;
    for (let parameter = 0; parameter < ir.parameters; parameter++) {
      const isFloat = this.#homes.isFloat(parameter);
      const from = places.register(isFloat) ?? onStack(above + places.onStack());
      if (allocation.isTaken[parameter])
        moves.push({ to: this.#homes.rm(parameter), from, size: this.#homes.sizeOf(parameter), isFloat });
    }
    moveAll(asm, moves);
  }

  #unwind(): void {
    const { saved } = this.#input.allocation;
    if (this.#frameBytes > 0) this.#asm.aluNumber(Alu.add, Register.rsp, this.#frameBytes, 8);
    for (let index = saved.length - 1; index >= 0; index--) this.#asm.pop(saved[index]!);
    this.#asm.byte(0xc3);
  }

  #step(step: Step): void {
    const homes = this.#homes;
    switch (step.op) {
      case 'move':
        emitMove(homes, step);
        return;
      case 'load':
        emitLoad(homes, step);
        return;
      case 'store':
        emitStore(homes, step);
        return;
      case 'modify':
        emitModify(homes, step);
        return;
      case 'arithmetic':
        emitArithmetic(homes, step);
        return;
      case 'address':
        emitAddress(homes, step);
        return;
      case 'shift':
        emitShift(homes, step);
        return;
      case 'divide':
        emitDivide(homes, step, this.#trap);
        return;
      case 'unary':
        if (!emitIntegerUnary(homes, step)) emitFloatUnary(homes, step);
        return;
      case 'float':
        emitFloat(homes, step);
        return;
      case 'set':
        emitSet(homes, step);
        return;
      case 'select':
        emitSelect(homes, step);
        return;
      case 'bulk':
        emitBulk(homes, step, this.#input.facts);
        return;
      case 'call':
      case 'callIndirect': {
        const sizes = this.#input.signatureOf(step).takes.map((type) => sizeOf(type));
        emitCall(homes, step, this.#input.facts, this.#trap, sizes);
        return;
      }
    }
  }

  #end(ending: Ending, next: number): void {
    switch (ending.op) {
      case 'jump':
        this.#jump(ending.to, next);
        return;
      case 'branch':
        this.#branch(ending, next);
        return;
      case 'switch':
        this.#switch(ending, next);
        return;
      case 'return':
        this.#return(ending.value, next);
        return;
      case 'trap':
        this.#asm.jump(-1, this.#trap(ending.code));
        return;
    }
  }

  #jump(to: number, next: number): void {
    if (to !== next) this.#asm.jump(-1, this.#labels[to]!);
  }

  #branch({ compare, yes, no }: Extract<Ending, { op: 'branch' }>, next: number): void {
    if (yes === next) {
      jumpIf(this.#homes, inverse(compare), this.#labels[no]!);
      return;
    }
    jumpIf(this.#homes, compare, this.#labels[yes]!);
    this.#jump(no, next);
  }

  #switch({ on, to, otherwise }: Extract<Ending, { op: 'switch' }>, next: number): void {
    if (on.kind !== 'variable') throw new TypeError('what chooses is in a register');
    const asm = this.#asm;
    if (to.length > 0) {
      const index = this.#homes.read(on.variable, scratch.first);
      asm.aluNumber(Alu.cmp, index, to.length, 4);
      asm.jump(Condition.notBelow, this.#labels[otherwise]!);
      asm.addressOf(scratch.second, 'table', asm.table(to.map((block) => this.#labels[block]!)));
      asm.extend(scratch.first, { base: scratch.second, index, scale: 4, offset: 0 }, 8, 4, true);
      asm.alu(Alu.add, scratch.first, scratch.second, 8);
      asm.op([0xff], 4, scratch.first, 4);
      return;
    }
    this.#jump(otherwise, next);
  }

  #return(value: Operand | undefined, next: number): void {
    const asm = this.#asm;
    if (value?.kind === 'variable') {
      const rm = this.#homes.rm(value.variable);
      if (!this.#homes.isFloat(value.variable)) {
        if (rm !== Register.rax) asm.move(Register.rax, rm, this.#homes.sizeOf(value.variable));
      } else asm.moveFloat(0, rm);
    } else if (value?.kind === 'constant') {
      // What is given as an i32 has zeros above it.
      if (value.value === 0n) asm.alu(Alu.xor, Register.rax, Register.rax, 4);
      else asm.moveNumber(Register.rax, value.value, this.#input.ir.gives === Type.i64 ? 8 : 4);
    }
    if (this.#frameBytes === 0 && this.#input.allocation.saved.length <= 2) {
      this.#unwind();
      return;
    }
    this.#isLeaveUsed = true;
    if (next < this.#labels.length) asm.jump(-1, this.#leave);
  }
}

/** Emits a function. */
export function emitFunction(input: EmitInput): FunctionCode {
  return new Emitter(input).run();
}
