// The BPF instruction set as numbers and bytes, after RFC 9669. How programs are written is assembler.ts.

import { wrongArgument } from '../text/coded.js';

/** Instruction classes: the low three bits of an opcode (RFC 9669, section 3.1). */
export const Class = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

/** Access sizes of loads and stores, by bytes (section 5). */
export const sizeBits: Readonly<Record<AccessSize, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
export type AccessSize = 1 | 2 | 4 | 8;

/** Modes of loads and stores (section 5). */
export const Mode = { immediate: 0x00, memory: 0x60, signedMemory: 0x80, atomic: 0xc0 } as const;

/** Set where the second operand is a register, clear where it is the immediate. */
export const sourceIsRegister = 0x08;

/** Arithmetic and logic (section 4.1). Signed division and remainder are `div` and `mod` with offset 1. */
export const aluCodes = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;
export type AluOperation = Exclude<keyof typeof aluCodes, 'neg' | 'end' | 'mov'>;

/** Conditions of jumps (section 4.3); `s` marks the signed ones, `&` is "any of these bits set". */
export const jumpCodes = {
  '==': 0x10,
  '>': 0x20,
  '>=': 0x30,
  '&': 0x40,
  '!=': 0x50,
  's>': 0x60,
  's>=': 0x70,
  '<': 0xa0,
  '<=': 0xb0,
  's<': 0xc0,
  's<=': 0xd0,
} as const;
export type Condition = keyof typeof jumpCodes;
export const jumpAlways = 0x00;
export const callCode = 0x80;
export const exitCode = 0x90;

/** Atomic operations, carried in the immediate (section 5.3). */
export const atomicCodes = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  exchange: 0xe1,
  compareExchange: 0xf1,
} as const;
export type AtomicOperation = keyof typeof atomicCodes;
export const atomicFetch = 0x01;

/** What the source field of a call or a 64-bit immediate load selects (section 4.3.1, 5.4, and Linux's bpf.h). */
export const Pseudo = { mapDescriptor: 1, mapValue: 2, callLocal: 1, callKernelFunction: 2 } as const;

/** One 8-byte instruction. A 64-bit immediate load is two: the second carries the high half in `immediate`. */
export interface Instruction {
  opcode: number;
  destination: number;
  source: number;
  offset: number;
  immediate: number;
}

/** The 64-bit immediate load's opcode: the only instruction of two slots. */
export const wideLoadOpcode = Class.ld | Mode.immediate | 0x18;

/** Bytes of one instruction slot. */
const instructionBytes = 8;

/** Encodes instructions as a little-endian machine reads them (section 3). */
export function encode(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * instructionBytes);
  const view = new DataView(bytes.buffer);
  instructions.forEach((each, index) => {
    const at = index * instructionBytes;
    view.setUint8(at, each.opcode);
    view.setUint8(at + 1, each.destination | (each.source << 4));
    view.setInt16(at + 2, each.offset, true);
    view.setInt32(at + 4, each.immediate | 0, true);
  });
  return bytes;
}

/** The inverse of {@link encode}. @throws RangeError where the length is not a whole number of instructions. */
export function decode(bytes: Uint8Array): Instruction[] {
  if (bytes.byteLength % instructionBytes !== 0) throw wrongArgument('BPF instructions are 8 bytes each');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.byteLength / instructionBytes }, (_, index) => {
    const at = index * instructionBytes;
    const registers = view.getUint8(at + 1);
    return {
      opcode: view.getUint8(at),
      destination: registers & 0x0f,
      source: registers >>> 4,
      offset: view.getInt16(at + 2, true),
      immediate: view.getInt32(at + 4, true),
    };
  });
}
