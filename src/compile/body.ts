// The instructions of a function, read from its body. Not here: whether they fit together (validate.ts).

import { miscellaneous, nameOf, type Opcode, opcodeOf, Type } from './opcodes.js';
import type { Reader } from './reader.js';
import { refuse } from './refusal.js';

/** One instruction with what follows it. */
export interface Instruction {
  readonly opcode: Opcode;
  /** An index, a depth; of memory: its offset; of a constant of 32 bits: its value. */
  readonly index: number;
  /** Of constants of 64 bits: the value, or the bits of a number. */
  readonly value: bigint;
  /** Of `br_table`: the depths, the one for all others last. */
  readonly labels: readonly number[];
  /** Of blocks: what they give. */
  readonly gives: Type | undefined;
}

/** How much one function may have: what is made of it is kept in memory whole. */
const mostInstructions = 50_000;
const mostLabels = 10_000;

const none: readonly number[] = [];

function blockType(reader: Reader): Type | undefined {
  const byte = reader.byte();
  if (byte === 0x40) return undefined;
  if (byte === Type.i32 || byte === Type.i64 || byte === Type.f64) return byte;
  return refuse('blocks are compiled where they take nothing, and give nothing or a value of i32, i64 or f64');
}

function memoryOffset(reader: Reader, opcode: Opcode): number {
  const align = reader.u32();
  if (align > 3 || 2 ** align > opcode.size)
    refuse(`${opcode.name} is aligned to more than its size, or to another memory`);
  return reader.u32();
}

function zeros(reader: Reader, many: number): number {
  for (let left = many; left > 0; left--) if (reader.byte() !== 0) refuse('there is one memory and one table');
  return 0;
}

function labelsOf(reader: Reader): number[] {
  const count = reader.count(mostLabels, 'labels in a br_table');
  return Array.from({ length: count + 1 }, () => reader.u32());
}

function instruction(reader: Reader, opcode: Opcode): Instruction {
  const of = (index: number, value = 0n, labels = none, gives: Type | undefined = undefined): Instruction => {
    return { opcode, index, value, labels, gives };
  };
  switch (opcode.immediate) {
    case 'none':
      return of(0);
    case 'block':
      return of(0, 0n, none, blockType(reader));
    case 'labels':
      return of(0, 0n, labelsOf(reader));
    case 'memory':
      return of(memoryOffset(reader, opcode));
    case 'index':
      return of(reader.u32());
    case 'i32':
      return of(reader.s32());
    case 'i64':
      return of(0, reader.s64());
    case 'f64':
      return of(0, reader.bits64());
    case 'zero':
      return of(zeros(reader, 1));
    case 'twoZeros':
      return of(zeros(reader, 2));
    case 'indirect': {
      const type = reader.u32();
      zeros(reader, 1);
      return of(type);
    }
  }
}

/** Reads a body to its end. @throws CompileError */
export function readBody(reader: Reader): Instruction[] {
  const list: Instruction[] = [];
  while (!reader.isAtEnd) {
    const byte = reader.byte();
    const number = byte === 0xfc ? miscellaneous + reader.count(0xffff, 'instructions') : byte;
    const opcode = opcodeOf(number) ?? refuse(`${nameOf(number)} is not compiled (at byte ${reader.at - 1})`);
    list.push(instruction(reader, opcode));
    if (list.length > mostInstructions) refuse(`a function has more than ${mostInstructions} instructions`);
  }
  return list;
}
