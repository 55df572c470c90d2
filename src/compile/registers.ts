// The registers of x86-64 and what they are for: the convention between functions of an image, which is that of C on Linux with two registers taken away. Not here: who gets
// which (allocate.ts).

/** Numbers of registers as instructions have them. */
export const Register = {
  ...{ rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7 },
  ...{ r8: 8, r9: 9, r10: 10, r11: 11, r12: 12, r13: 13, r14: 14, r15: 15 },
} as const;

/** The instance's block and the linear memory, always. The memory's is one that needs no prefix: more instructions name it than any variable. */
export const instanceRegister = Register.r14;
export const memoryRegister = Register.rbx;
/** For what has no register, within one step. */
export const scratch = { first: Register.r11, second: Register.r10, float: 15, secondFloat: 14 } as const;

/** For arguments, in their order; the rest is on the stack. */
export const argumentRegisters: readonly number[] = [
  Register.rdi,
  Register.rsi,
  Register.rdx,
  Register.rcx,
  Register.r8,
  Register.r9,
];
export const floatArguments = 8;

/** Where arguments go, asked for one after another: a register each, and on the stack what finds none. */
export class ArgumentPlaces {
  #integers = 0;
  #floats = 0;
  /** Bytes of the stack that are taken so far. */
  stackBytes = 0;

  /** The register of the next one; undefined: it goes to {@link onStack}. */
  register(isFloat: boolean): number | undefined {
    if (isFloat) return this.#floats < floatArguments ? this.#floats++ : undefined;
    return argumentRegisters[this.#integers++];
  }

  /** How far behind the first one on the stack it is, in bytes. */
  onStack(): number {
    this.stackBytes += 8;
    return this.stackBytes - 8;
  }
}

/** Those that a function must leave as it found them, in the order in which they are taken. */
export const savedRegisters: readonly number[] = [Register.rbp, Register.r12, Register.r13, Register.r15];
/** All that variables may have, those with the shorter instructions first. */
export const integerRegisters: readonly number[] = [
  ...[Register.rax, Register.rcx, Register.rdx, Register.rsi, Register.rdi, Register.r8, Register.r9],
  ...savedRegisters,
];
export const floatRegisters: readonly number[] = Array.from({ length: 14 }, (_, index) => index);

/** Sets of registers: a bit for each, those for floating point from bit 16 on. */
export const bitOf = (register: number, isFloat: boolean): number => 1 << (isFloat ? register + 16 : register);
/** Whether a register is in a set. */
export const hasBit = (set: number, register: number, isFloat: boolean): boolean =>
  (set & bitOf(register, isFloat)) !== 0;

/** What a call of a function that is not known may change. */
export const anyCall: number = [
  ...integerRegisters
    .filter((register) => !savedRegisters.includes(register))
    .map((register) => bitOf(register, false)),
  ...floatRegisters.map((register) => bitOf(register, true)),
].reduce((set, bit) => set | bit, 0);
