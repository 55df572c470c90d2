// Writes BPF programs in TypeScript: named registers, labels, kernel fields by name, helpers with named arguments.
// It produces instructions with open references to maps; loading fills those in (program.ts). It does not check what
// the verifier checks; it only refuses what cannot be encoded or would certainly be a slip of the pen.

import type { Btf } from './btf.js';
import { describeInstruction } from './disassemble.js';
import { type HelperName, type HelperParameter, helperName, helpers } from './helpers.js';
import {
  type AccessSize,
  type AluOperation,
  type AtomicOperation,
  aluCodes,
  atomicCodes,
  atomicFetch,
  Class,
  type Condition,
  callCode,
  encode,
  exitCode,
  type Instruction,
  jumpAlways,
  jumpCodes,
  Mode,
  Pseudo,
  sizeBits,
  sourceIsRegister,
  wideLoadOpcode,
} from './instructions.js';

/** One of the machine's eleven registers, with the name it bears in listings. */
export interface Register {
  readonly number: number;
  readonly name: string;
}

function register(number: number): Register {
  return { number, name: `r${number}` };
}

/** r0 holds results, r1..r5 arguments (lost at a call), r6..r9 survive calls, fp (r10) is the top of 512 bytes of stack. */
export const r0 = register(0);
export const r1 = register(1);
export const r2 = register(2);
export const r3 = register(3);
export const r4 = register(4);
export const r5 = register(5);
export const r6 = register(6);
export const r7 = register(7);
export const r8 = register(8);
export const r9 = register(9);
export const fp: Register = { number: 10, name: 'fp' };
const argumentRegisters = [r1, r2, r3, r4, r5];

/** The same register under a name that says what it holds; listings begin with these names. */
export function named(base: Register, name: string): Register {
  return { number: base.number, name };
}

/** The address of a place on the stack, as an argument of a call: `stack(-8)`. */
export interface StackAddress {
  readonly stack: number;
}
/** @param offset below the frame pointer: -512 to -1. */
export function stack(offset: number): StackAddress {
  return { stack: offset };
}

/** What a call's argument may be: a register, a number (sign-extended to 64 bits), a stack address, a map by name. */
export type Operand = Register | number | StackAddress | { readonly map: string };

/** What the assembler asks of kernel types; {@link Btf} gives it, and so does a recording (type-record.ts). */
export type TypeSource = Pick<
  Btf,
  'field' | 'hasField' | 'enumValue' | 'structSize' | 'struct' | 'functionId' | 'prototype' | 'tracepoint'
>;

/** A reference to a map, to be filled in when the program is loaded. */
export interface MapReference {
  readonly index: number;
  readonly map: string;
}

/** A finished program: instructions with open map references, and the names for its listing. */
export interface Assembly {
  readonly instructions: readonly Instruction[];
  readonly maps: readonly MapReference[];
  /** One line an instruction, with labels and comments: what snapshots hold. */
  listing(): string;
  /** The encoded instructions, map references still zero. */
  bytes(): Uint8Array;
  /** The nearest label at or before an instruction, for explaining a verifier's complaint. */
  labelBefore(index: number): string | undefined;
}

interface Fixup {
  readonly index: number;
  readonly label: string;
  readonly field: 'offset' | 'immediate';
}

/** A slip in a program's source: an unknown label, an offset that does not fit, a clobbered argument. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  readonly code = 'CLEARWAY_BPF_ASSEMBLY';
}

/** Builds one program, instruction by instruction; every method gives the assembler back. */
export class Assembler {
  private readonly instructions: Instruction[] = [];
  private readonly labels = new Map<string, number>();
  private readonly fixups: Fixup[] = [];
  private readonly maps: MapReference[] = [];
  private readonly comments = new Map<number, string>();
  private readonly kernelFunctions = new Map<number, string>();
  private readonly aliases = new Map<number, Set<string>>();
  private pendingComment = '';
  private fresh = 0;

  /** @param types where fields, enum values and kernel functions are looked up; needed only by programs that use them. */
  constructor(private readonly types?: TypeSource) {}

  private emit(opcode: number, destination: number, source: number, offset: number, immediate: number): this {
    if (offset < -32768 || offset > 32767) throw new AssemblyError(`offset ${offset} does not fit 16 bits`);
    if (!Number.isInteger(immediate) || immediate < -(2 ** 31) || immediate >= 2 ** 32) {
      throw new AssemblyError(`immediate ${immediate} does not fit 32 bits; use moveWide`);
    }
    if (this.pendingComment !== '') this.comments.set(this.instructions.length, this.pendingComment);
    this.pendingComment = '';
    this.instructions.push({ opcode, destination, source, offset, immediate: immediate | 0 });
    return this;
  }

  private require(): TypeSource {
    if (this.types === undefined) throw new AssemblyError('this program uses kernel types, and the assembler has none');
    return this.types;
  }

  /** A remark in the listing, beside the next instruction. */
  comment(text: string): this {
    this.pendingComment = text;
    return this;
  }

  // ---- arithmetic -------------------------------------------------------------------------------------------------

  /** `destination = value`, 64 bits; an immediate is sign-extended from 32. */
  move(destination: Register, value: Register | number): this {
    return this.aluCode(aluCodes.mov, Class.alu64, destination, value, 0);
  }

  /** `destination = value`, the low 32 bits, upper half zero. */
  move32(destination: Register, value: Register | number): this {
    return this.aluCode(aluCodes.mov, Class.alu, destination, value, 0);
  }

  /** Sign-extends the low `bits` of a register to 64 without the newer instruction: works on every kernel. */
  signExtend(destination: Register, bits: 8 | 16 | 32): this {
    return this.alu('lsh', destination, 64 - bits).alu('arsh', destination, 64 - bits);
  }

  /** `destination = value` for a full 64-bit immediate (two slots). */
  moveWide(destination: Register, value: bigint): this {
    const bits = BigInt.asUintN(64, value);
    this.emit(wideLoadOpcode, destination.number, 0, 0, Number(bits & 0xffffffffn));
    return this.emit(0, 0, 0, 0, Number(bits >> 32n));
  }

  /** `destination OP= value`, 64 bits, unsigned division. Division by zero gives 0 (RFC 9669, section 4.1). */
  alu(operation: AluOperation, destination: Register, value: Register | number): this {
    return this.aluCode(aluCodes[operation], Class.alu64, destination, value, 0);
  }

  /** As {@link alu} on the low 32 bits; the upper half becomes zero. */
  alu32(operation: AluOperation, destination: Register, value: Register | number): this {
    return this.aluCode(aluCodes[operation], Class.alu, destination, value, 0);
  }

  /** `destination += value`, 64 bits. */
  add(destination: Register, value: Register | number): this {
    return this.alu('add', destination, value);
  }

  /** `destination -= value`, 64 bits. */
  sub(destination: Register, value: Register | number): this {
    return this.alu('sub', destination, value);
  }

  /** `destination &= value`, 64 bits. */
  and(destination: Register, value: Register | number): this {
    return this.alu('and', destination, value);
  }

  /** `destination = -destination`. */
  negate(destination: Register): this {
    return this.emit(Class.alu64 | aluCodes.neg, destination.number, 0, 0, 0);
  }

  /** To or from network byte order, keeping the low `bits` (section 4.2). */
  networkOrder(destination: Register, bits: 16 | 32 | 64): this {
    return this.emit(Class.alu | aluCodes.end | sourceIsRegister, destination.number, 0, 0, bits);
  }

  /** Remembers the names registers are given, for the listing's head. */
  private note(used: Register): void {
    if (used.name === `r${used.number}` || used.number === 10) return;
    const names = this.aliases.get(used.number);
    if (names === undefined) this.aliases.set(used.number, new Set([used.name]));
    else names.add(used.name);
  }

  private aluCode(code: number, kind: number, to: Register, value: Register | number, offset: number): this {
    this.note(to);
    if (typeof value === 'number') return this.emit(kind | code, to.number, 0, offset, value);
    return this.emit(kind | code | sourceIsRegister, to.number, value.number, offset, 0);
  }

  // ---- memory -----------------------------------------------------------------------------------------------------

  /** `destination = *(size *)(base + offset)`, zero-extended. */
  load(size: AccessSize, destination: Register, base: Register, offset = 0): this {
    this.note(destination);
    return this.emit(Class.ldx | Mode.memory | sizeBits[size], destination.number, base.number, offset, 0);
  }

  /** `*(size *)(base + offset) = value`. */
  store(size: AccessSize, base: Register, offset: number, value: Register | number): this {
    if (typeof value === 'number') {
      return this.emit(Class.st | Mode.memory | sizeBits[size], base.number, 0, offset, value);
    }
    return this.emit(Class.stx | Mode.memory | sizeBits[size], base.number, value.number, offset, 0);
  }

  /** `lock *(size *)(base + offset) OP= value`; with `fetch`, `value` receives what was there before. */
  atomic(
    operation: AtomicOperation,
    size: 4 | 8,
    base: Register,
    offset: number,
    value: Register,
    fetch = false,
  ): this {
    const code = atomicCodes[operation] | (fetch ? atomicFetch : 0);
    return this.emit(Class.stx | Mode.atomic | sizeBits[size], base.number, value.number, offset, code);
  }

  /**
   * Adds to a 64-bit counter without a lock: for memory only this CPU or this task writes. `temporary` is clobbered.
   */
  increase(base: Register, offset: number, value: Register | number, temporary: Register): this {
    return this.load(8, temporary, base, offset).add(temporary, value).store(8, base, offset, temporary);
  }

  /**
   * Loads a kernel struct's field by name, whole: bitfields are shifted and masked, signed ones sign-extended.
   * `base` must be a pointer to the struct that the verifier knows as such.
   * @throws MissingTypeError where this kernel has no such field.
   */
  loadField(destination: Register, base: Register, structName: string, path: string): this {
    const field = this.require().field(structName, path);
    if (field.size !== 1 && field.size !== 2 && field.size !== 4 && field.size !== 8) {
      throw new AssemblyError(`${structName}.${path} has ${field.size} bytes and fits no register`);
    }
    this.comment(`${structName}.${path}`).load(field.size, destination, base, field.offset);
    if (field.bitSize !== 0) {
      const unit = 64;
      this.alu('lsh', destination, unit - field.bitShift - field.bitSize);
      return this.alu(field.signed ? 'arsh' : 'rsh', destination, unit - field.bitSize);
    }
    if (field.signed && field.size < 8) return this.signExtend(destination, (field.size * 8) as 8 | 16 | 32);
    return this;
  }

  /** `destination = &base->path`: the address of a field, still a pointer the verifier follows. */
  fieldAddress(destination: Register, base: Register, structName: string, path: string): this {
    const field = this.require().field(structName, path);
    if (destination.number !== base.number) this.move(destination, base);
    return this.comment(`&${structName}.${path}`).add(destination, field.offset);
  }

  /** `destination = enumerator`. @throws AssemblyError where this kernel has no such enumerator. */
  moveEnum(destination: Register, enumerator: string): this {
    const value = this.require().enumValue(enumerator);
    if (value === undefined) throw new AssemblyError(`this kernel has no enumerator ${enumerator}`);
    return this.comment(enumerator).move(destination, value);
  }

  /** Argument `index` of a tracing program (tp_btf, fentry, fexit, iter): 8 bytes of the context in `context`. */
  loadArgument(destination: Register, context: Register, index: number, name = `argument ${index}`): this {
    return this.comment(name).load(8, destination, context, index * 8);
  }

  /** `destination = the map`, for helpers that take one. */
  loadMap(destination: Register, map: string): this {
    this.maps.push({ index: this.instructions.length, map });
    this.emit(wideLoadOpcode, destination.number, Pseudo.mapDescriptor, 0, 0);
    return this.emit(0, 0, 0, 0, 0);
  }

  /** `destination = &value[offset]` of a one-entry array map: a direct pointer, no lookup at run time. */
  loadMapValue(destination: Register, map: string, offset = 0): this {
    this.maps.push({ index: this.instructions.length, map });
    this.emit(wideLoadOpcode, destination.number, Pseudo.mapValue, 0, 0);
    return this.emit(0, 0, 0, 0, offset);
  }

  // ---- control ----------------------------------------------------------------------------------------------------

  /** Names the next instruction. @throws AssemblyError for a name used twice. */
  label(name: string): this {
    if (this.labels.has(name)) throw new AssemblyError(`label "${name}" stands twice`);
    this.labels.set(name, this.instructions.length);
    return this;
  }

  /** A label name not used before, for pieces of code that are emitted more than once. */
  uniqueLabel(stem: string): string {
    this.fresh++;
    return `${stem}_${this.fresh}`;
  }

  /** Jumps to `label` always. */
  jump(label: string): this {
    this.fixups.push({ index: this.instructions.length, label, field: 'offset' });
    return this.emit(Class.jmp | jumpAlways, 0, 0, 0, 0);
  }

  /** Jumps to `label` when the condition holds, comparing 64 bits (an immediate is sign-extended). */
  jumpIf(left: Register, condition: Condition, right: Register | number, label: string): this {
    return this.jumpCode(Class.jmp, left, condition, right, label);
  }

  /** As {@link jumpIf}, comparing the low 32 bits. */
  jumpIf32(left: Register, condition: Condition, right: Register | number, label: string): this {
    return this.jumpCode(Class.jmp32, left, condition, right, label);
  }

  private jumpCode(kind: number, left: Register, condition: Condition, right: Register | number, label: string): this {
    this.fixups.push({ index: this.instructions.length, label, field: 'offset' });
    const opcode = kind | jumpCodes[condition];
    if (typeof right === 'number') return this.emit(opcode, left.number, 0, 0, right);
    return this.emit(opcode | sourceIsRegister, left.number, right.number, 0, 0);
  }

  /** Ends the program; with a value, sets r0 first. */
  exit(value?: number): this {
    if (value !== undefined) this.move(r0, value);
    return this.emit(Class.jmp | exitCode, 0, 0, 0, 0);
  }

  // ---- calls ------------------------------------------------------------------------------------------------------

  /**
   * Calls a helper; arguments are named as in helpers.ts and moved into r1.. in order. The result is in r0, and
   * r1..r5 are lost.
   * @throws AssemblyError where an argument's register was already overwritten by an earlier argument.
   */
  call<N extends HelperName>(name: N, values: Record<HelperParameter<N>, Operand>): this {
    const helper = helpers[name];
    this.placeArguments(
      name,
      helper.parameters.map((parameter) => (values as Record<string, Operand>)[parameter]!),
    );
    return this.emit(Class.jmp | callCode, 0, 0, 0, helper.id);
  }

  /**
   * Calls a kernel function that is open to BPF (a kfunc) with positional arguments.
   * @throws AssemblyError where this kernel does not have it.
   */
  callKernel(name: string, ...values: Operand[]): this {
    const id = this.require().functionId(name);
    if (id === undefined) throw new AssemblyError(`this kernel has no function ${name} for BPF programs to call`);
    this.placeArguments(name, values);
    this.kernelFunctions.set(id, name);
    return this.emit(Class.jmp | callCode, 0, Pseudo.callKernelFunction, 0, id);
  }

  /** Calls a subprogram that starts at a label of this program. */
  callLocal(label: string, ...values: Operand[]): this {
    this.placeArguments(label, values);
    this.fixups.push({ index: this.instructions.length, label, field: 'immediate' });
    return this.emit(Class.jmp | callCode, 0, Pseudo.callLocal, 0, 0);
  }

  /**
   * `destination = (struct NAME *) pointer`, read-only and safe to follow, by the kernel function bpf_rdonly_cast (6.2+).
   * r0..r5 are lost.
   */
  castReadOnly(destination: Register, pointer: Register, structName: string): this {
    const id = this.require().struct(structName);
    if (pointer.number !== 1) this.move(r1, pointer);
    this.comment(`struct ${structName}`).move(r2, id);
    this.callKernel('bpf_rdonly_cast', r1, r2);
    return destination.number === 0 ? this : this.move(destination, r0);
  }

  private placeArguments(name: string, values: readonly Operand[]): void {
    if (values.length > 5) throw new AssemblyError(`${name}: a call takes at most five arguments`);
    values.forEach((value, index) => {
      const target = argumentRegisters[index]!;
      if (typeof value === 'number') this.move(target, value);
      else if ('stack' in value) this.move(target, fp).add(target, value.stack);
      else if ('map' in value) this.loadMap(target, value.map);
      else if (value.number !== target.number) {
        if (value.number >= 1 && value.number <= index) {
          throw new AssemblyError(`${name}: argument ${index + 1} is in r${value.number}, overwritten just before`);
        }
        this.move(target, value);
      }
    });
  }

  // ---- the end ----------------------------------------------------------------------------------------------------

  /** Resolves labels and gives the finished program. @throws AssemblyError for an unknown label or a jump too far. */
  assemble(): Assembly {
    const instructions = this.instructions.map((each) => ({ ...each }));
    for (const { index, label, field } of this.fixups) {
      const target = this.labels.get(label);
      if (target === undefined) throw new AssemblyError(`there is no label "${label}"`);
      const distance = target - index - 1;
      if (field === 'offset' && Math.abs(distance) > 32767) throw new AssemblyError(`"${label}" is too far to jump to`);
      instructions[index]![field] = distance;
    }
    for (const [label, index] of this.labels) {
      if (index >= instructions.length) throw new AssemblyError(`label "${label}" stands after the last instruction`);
    }
    return new FinishedProgram(instructions, [...this.maps], new Map(this.labels), this.comments, {
      kernelFunctions: this.kernelFunctions,
      aliases: this.aliases,
    });
  }
}

class FinishedProgram implements Assembly {
  private readonly labelByIndex = new Map<number, string>();

  constructor(
    readonly instructions: readonly Instruction[],
    readonly maps: readonly MapReference[],
    labels: ReadonlyMap<string, number>,
    private readonly comments: ReadonlyMap<number, string>,
    private readonly names: {
      readonly kernelFunctions: ReadonlyMap<number, string>;
      readonly aliases: ReadonlyMap<number, ReadonlySet<string>>;
    },
  ) {
    for (const [label, index] of labels) if (!this.labelByIndex.has(index)) this.labelByIndex.set(index, label);
  }

  bytes(): Uint8Array {
    return encode(this.instructions);
  }

  labelBefore(index: number): string | undefined {
    for (let at = index; at >= 0; at--) {
      const label = this.labelByIndex.get(at);
      if (label !== undefined) return label;
    }
    return undefined;
  }

  listing(): string {
    const mapByIndex = new Map(this.maps.map(({ index, map }) => [index, map]));
    const names = {
      label: (index: number) => this.labelByIndex.get(index),
      call: (kind: 'helper' | 'kernel', number: number) =>
        kind === 'helper' ? helperName(number) : this.names.kernelFunctions.get(number),
      wide: (index: number) => {
        const map = mapByIndex.get(index);
        if (map === undefined || this.instructions[index]!.source !== Pseudo.mapValue) return map && `map ${map}`;
        return `&${map}[0] + ${this.instructions[index + 1]!.immediate}`;
      },
    };
    const lines = [...this.names.aliases]
      .sort(([left], [right]) => left - right)
      .map(([number, aliases]) => `; r${number} holds ${[...aliases].join(', ')}`);
    for (let index = 0; index < this.instructions.length; index++) {
      const label = this.labelByIndex.get(index);
      if (label !== undefined) lines.push(`${label}:`);
      const text = describeInstruction(this.instructions[index]!, index, this.instructions[index + 1], names);
      const comment = this.comments.get(index);
      lines.push(`  ${String(index).padStart(3)}: ${comment === undefined ? text : `${text.padEnd(40)} ; ${comment}`}`);
      if (this.instructions[index]!.opcode === wideLoadOpcode) index++;
    }
    return `${lines.join('\n')}\n`;
  }
}
