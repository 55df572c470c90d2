// What lies between a program's functions and its host: entries by the convention of C, calls of imported functions, traps, and memory that is filled or copied. Not here:
// code that was compiled.

import type { FunctionCode } from './emit.js';
import type { ProgramFacts } from './emit-calls.js';
import { Alu, Assembler } from './encode.js';
import { inInstance } from './homes.js';
import type { InstancePlan } from './instance.js';
import { Condition, Trap } from './ir.js';
import type { Signature } from './module.js';
import { Type } from './opcodes.js';
import { refuse } from './refusal.js';
import {
  ArgumentPlaces,
  argumentRegisters,
  floatArguments,
  instanceRegister,
  memoryRegister,
  Register,
} from './registers.js';

/** What C wants kept. */
const kept = [Register.rbx, Register.rbp, Register.r12, Register.r13, Register.r14, Register.r15];

const isFloat = (type: Type): boolean => type === Type.f64;

/** All arguments of what is between the two sides are in registers. @throws CompileError where they do not fit */
function needsRegisters({ takes }: Signature, what: string): void {
  const places = new ArgumentPlaces();
  if (takes.some((type) => places.register(isFloat(type)) === undefined))
    refuse(`${what} takes more than ${argumentRegisters.length} integers or ${floatArguments} numbers`);
}

function leave(asm: Assembler, plan: InstancePlan): void {
  asm.op([0x8f], 0, inInstance(plan.fields.savedStack), 4);
  for (let index = kept.length - 1; index >= 0; index--) asm.pop(kept[index]!);
  asm.byte(0xc3);
}

/** A function as C calls it: registers are kept, the instance and the memory are where code expects them, and an i32 has zeros above it. */
export function enterCode(callee: number, signature: Signature, plan: InstancePlan): FunctionCode {
  needsRegisters(signature, 'a function that is exported');
  const asm = new Assembler();
  for (const register of kept) asm.push(register);
  asm.addressOf(instanceRegister, 'instance', 0);
  asm.move(memoryRegister, inInstance(plan.fields.memoryAt), 8);
  asm.op([0xff], 6, inInstance(plan.fields.savedStack), 4);
  asm.store(inInstance(plan.fields.savedStack), Register.rsp, 8);
  const places = new ArgumentPlaces();
  for (const type of signature.takes) {
    const register = places.register(isFloat(type))!;
    if (type === Type.i32) asm.move(register, register, 4);
  }
  asm.call(callee);
  leave(asm, plan);
  return asm.finish();
}

/** The end of an entry's call from wherever it was stopped. */
export function abandonCode(plan: InstancePlan): FunctionCode {
  const asm = new Assembler();
  asm.move(Register.rsp, inInstance(plan.fields.savedStack), 8);
  asm.alu(Alu.xor, Register.rax, Register.rax, 4);
  leave(asm, plan);
  return asm.finish();
}

/** A function of the host as code calls it. @param at where its address stands in the instance's block */
export function importCode(signature: Signature, at: number): FunctionCode {
  needsRegisters(signature, 'a function that is imported');
  const asm = new Assembler();
  asm.push(Register.rbp);
  asm.move(Register.rbp, Register.rsp, 8);
  asm.aluNumber(Alu.and, Register.rsp, -16, 8);
  asm.op([0xff], 2, inInstance(at), 4);
  asm.move(Register.rsp, Register.rbp, 8);
  asm.pop(Register.rbp);
  if (signature.gives === Type.i32) asm.move(Register.rax, Register.rax, 4);
  asm.byte(0xc3);
  return asm.finish();
}

/** The way out for a reason. */
export function trapCode(code: number, plan: InstancePlan): FunctionCode {
  const asm = new Assembler();
  asm.moveNumber(Register.rdi, BigInt(code), 4);
  asm.store(inInstance(plan.fields.trapCode), Register.rdi, 4);
  // The host's code may want a stack that is aligned as after a call; nothing returns.
  asm.aluNumber(Alu.and, Register.rsp, -16, 8);
  asm.push(Register.rax);
  asm.op([0xff], 4, inInstance(plan.fields.trapTo), 4);
  return asm.finish();
}

/** Ends the program where so many bytes (rcx) from an address on are not all in linear memory. */
function checkRange(asm: Assembler, register: number, plan: InstancePlan, outside: number): void {
  asm.address(Register.rdx, { base: register, index: Register.rcx, scale: 1, offset: 0 }, 8);
  asm.alu(Alu.cmp, Register.rdx, inInstance(plan.fields.memoryBytes), 8);
  asm.jump(Condition.above, outside);
}

/** Fills memory: from rdi on, with al, rcx bytes. */
export function fillCode(plan: InstancePlan, facts: ProgramFacts): FunctionCode {
  const asm = new Assembler();
  const outside = asm.label();
  checkRange(asm, Register.rdi, plan, outside);
  asm.alu(Alu.add, Register.rdi, memoryRegister, 8);
  asm.byte(0xf3, 0xaa, 0xc3);
  asm.bind(outside);
  asm.jumpTo(facts.trap(Trap.memory));
  return asm.finish();
}

/** Copies memory: to rdi, from rsi, rcx bytes, which may overlap. */
export function copyCode(plan: InstancePlan, facts: ProgramFacts): FunctionCode {
  const asm = new Assembler();
  const [outside, backwards] = [asm.label(), asm.label()];
  checkRange(asm, Register.rdi, plan, outside);
  checkRange(asm, Register.rsi, plan, outside);
  asm.move(Register.rax, Register.rdi, 8);
  asm.alu(Alu.sub, Register.rax, Register.rsi, 8);
  asm.alu(Alu.add, Register.rdi, memoryRegister, 8);
  asm.alu(Alu.add, Register.rsi, memoryRegister, 8);
  asm.alu(Alu.cmp, Register.rax, Register.rcx, 8);
  asm.jump(Condition.below, backwards);
  asm.byte(0xf3, 0xa4, 0xc3);
  asm.bind(backwards);
  asm.address(Register.rdi, { base: Register.rdi, index: Register.rcx, scale: 1, offset: -1 }, 8);
  asm.address(Register.rsi, { base: Register.rsi, index: Register.rcx, scale: 1, offset: -1 }, 8);
  asm.byte(0xfd, 0xf3, 0xa4, 0xfc, 0xc3);
  asm.bind(outside);
  asm.jumpTo(facts.trap(Trap.memory));
  return asm.finish();
}
