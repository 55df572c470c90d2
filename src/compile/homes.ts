// Variables of a function as operands of machine code: the register or the place in the frame that each has, and what to do where an instruction wants a register and there is
// none. Not here: who has which (allocate.ts), what is done with them (emit-*.ts).

import { type Allocation, firstSlot } from './allocate.js';
import type { Address, Assembler, Rm } from './encode.js';
import type { FunctionIr, Operand, Place, Variable } from './ir.js';
import { sizeOf, Type } from './opcodes.js';
import { instanceRegister, memoryRegister, Register, scratch } from './registers.js';

/** The register for the instance points this far into its block, so that more of it is near. */
export const instanceBias = 128;

/** A place on the stack. */
export const onStack = (offset: number): Address => ({ base: Register.rsp, index: undefined, scale: 1, offset });

/** A place in the instance's block. */
export const inInstance = (offset: number): Address => {
  return { base: instanceRegister, index: undefined, scale: 1, offset: offset - instanceBias };
};

/** See the file's head. */
export class Homes {
  readonly asm: Assembler;
  readonly #types: readonly Type[];
  readonly #locations: readonly number[];
  /** Bytes below the places of variables: arguments of calls. */
  readonly #below: number;

  constructor(asm: Assembler, ir: FunctionIr, allocation: Allocation, below: number) {
    this.asm = asm;
    this.#types = ir.types;
    this.#locations = allocation.locations;
    this.#below = below;
  }

  /** Whether it is a number with a fraction. */
  isFloat(variable: Variable): boolean {
    return this.#types[variable] === Type.f64;
  }

  /** Bytes of it. */
  sizeOf(variable: Variable): number {
    return sizeOf(this.#types[variable]!);
  }

  /** Whether it is alive at all. */
  isUsed(variable: Variable): boolean {
    return this.#locations[variable]! >= 0;
  }

  /** Where it is. */
  rm(variable: Variable): Rm {
    const location = this.#locations[variable]!;
    return location < firstSlot ? location : onStack(this.#below + (location - firstSlot) * 8);
  }

  /** A register that has it: its own, or the given one, into which it is read. */
  read(variable: Variable, spare: number): number {
    const rm = this.rm(variable);
    if (typeof rm === 'number') return rm;
    if (this.isFloat(variable)) this.asm.moveFloat(spare, rm);
    else this.asm.move(spare, rm, this.sizeOf(variable));
    return spare;
  }

  /** The register in which it is to be made; {@link written} follows. */
  target(variable: Variable): number {
    const rm = this.rm(variable);
    if (typeof rm === 'number') return rm;
    return this.isFloat(variable) ? scratch.float : scratch.first;
  }

  /** Puts what was made in {@link target} where it belongs. */
  written(variable: Variable): void {
    const rm = this.rm(variable);
    if (typeof rm === 'number') return;
    if (this.isFloat(variable)) this.asm.moveFloat(rm, scratch.float);
    else this.asm.store(rm, scratch.first, this.sizeOf(variable));
  }

  /** A place in memory, its base in the second spare register where it has none. */
  address(place: Place): Address {
    if (place.space === 'instance') return inInstance(place.offset);
    const index = place.base === undefined ? undefined : this.read(place.base, scratch.second);
    return { base: memoryRegister, index, scale: 1, offset: place.offset };
  }

  /** A variable or a place as an operand that may be either. */
  operand(value: Exclude<Operand, { kind: 'constant' }>): Rm {
    return value.kind === 'variable' ? this.rm(value.variable) : this.address(value);
  }

  /** Puts an operand into a register of its kind. */
  put(register: number, value: Operand, size: number, isFloat = false): void {
    if (value.kind === 'constant') {
      this.asm.moveNumber(register, value.value, size);
      return;
    }
    const rm = this.operand(value);
    if (isFloat) this.asm.moveFloat(register, rm);
    else if (rm !== register) this.asm.move(register, rm, size);
  }

  /** A number into a register for floating point, by its bits. */
  floatBits(register: number, bits: bigint): void {
    if (bits === 0n) {
      this.asm.sse(0, 0x57, register, register);
      return;
    }
    this.asm.moveNumber(scratch.first, bits, 8);
    this.asm.sse(0x66, 0x6e, register, scratch.first, 8);
  }
}
