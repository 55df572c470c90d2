// Instructions as people read them, in the verifier's own notation: for snapshots, logs and reports.

import {
  aluCodes,
  atomicCodes,
  atomicFetch,
  Class,
  callCode,
  exitCode,
  type Instruction,
  jumpAlways,
  jumpCodes,
  Mode,
  Pseudo,
  sourceIsRegister,
  wideLoadOpcode,
} from './instructions.js';

const aluSigns: Readonly<Record<string, string>> = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
};
const nameByAlu = new Map<number, string>(Object.entries(aluCodes).map(([name, code]) => [code, name]));
const signByJump = new Map<number, string>(Object.entries(jumpCodes).map(([sign, code]) => [code, sign]));
const nameByAtomic = new Map<number, string>(Object.entries(atomicCodes).map(([name, code]) => [code, name]));
const bytesBySizeBits = new Map([
  [0x10, 1],
  [0x08, 2],
  [0x00, 4],
  [0x18, 8],
]);

/** Names for what an instruction only numbers: call targets, jump targets, maps. */
export interface Names {
  /** The name of a jump or local call target, by instruction index. */
  label?(index: number): string | undefined;
  /** The name of a helper (`kind` 'helper') by its number, or of a kernel function by its BTF id. */
  call?(kind: 'helper' | 'kernel', number: number): string | undefined;
  /** What a 64-bit immediate load at this index brings: a map's name. */
  wide?(index: number): string | undefined;
}

/** One instruction in the verifier's notation. `next` is the second slot of a 64-bit load. */
export function describeInstruction(each: Instruction, index: number, next?: Instruction, names: Names = {}): string {
  switch (each.opcode & 0x07) {
    case Class.alu:
    case Class.alu64:
      return describeAlu(each);
    case Class.jmp:
    case Class.jmp32:
      return describeJump(each, index, names);
    case Class.ld:
      return describeWide(each, index, next, names);
    default:
      return describeMemory(each);
  }
}

function register(number: number, narrow = false): string {
  return `${narrow ? 'w' : 'r'}${number}`;
}

function describeAlu(each: Instruction): string {
  const narrow = (each.opcode & 0x07) === Class.alu;
  const operation = nameByAlu.get(each.opcode & 0xf0) ?? '?';
  const destination = register(each.destination, narrow);
  if (operation === 'neg') return `${destination} = -${destination}`;
  if (operation === 'end') {
    const swap = narrow ? (each.opcode & sourceIsRegister ? 'be' : 'le') : 'bswap';
    return `r${each.destination} = ${swap}${each.immediate} r${each.destination}`;
  }
  const signed = (operation === 'div' || operation === 'mod') && each.offset === 1 ? 's' : '';
  const operand = each.opcode & sourceIsRegister ? register(each.source, narrow) : `${each.immediate}`;
  const extend = operation === 'mov' && each.offset !== 0 ? `(s${each.offset})` : '';
  return `${destination} ${signed}${aluSigns[operation]} ${extend}${operand}`;
}

function describeJump(each: Instruction, index: number, names: Names): string {
  const narrow = (each.opcode & 0x07) === Class.jmp32;
  const code = each.opcode & 0xf0;
  const target = (distance: number) => names.label?.(index + 1 + distance) ?? `pc${signedNumber(distance)}`;
  if (code === exitCode) return 'exit';
  if (code === callCode) {
    if (each.source === Pseudo.callLocal) return `call ${target(each.immediate)}`;
    const kind = each.source === Pseudo.callKernelFunction ? 'kernel' : 'helper';
    return `call ${names.call?.(kind, each.immediate) ?? `${kind === 'kernel' ? 'kernel#' : '#'}${each.immediate}`}`;
  }
  if (code === jumpAlways) return `goto ${target(narrow ? each.immediate : each.offset)}`;
  const operand = each.opcode & sourceIsRegister ? register(each.source, narrow) : `${each.immediate}`;
  return `if ${register(each.destination, narrow)} ${signByJump.get(code) ?? '?'} ${operand} goto ${target(each.offset)}`;
}

function describeWide(each: Instruction, index: number, next: Instruction | undefined, names: Names): string {
  if (each.opcode !== wideLoadOpcode) return `legacy load ${each.opcode.toString(16)}`;
  const name = names.wide?.(index);
  if (name !== undefined) return `r${each.destination} = ${name} ll`;
  const value = (BigInt((next?.immediate ?? 0) >>> 0) << 32n) | BigInt(each.immediate >>> 0);
  return `r${each.destination} = 0x${value.toString(16)} ll`;
}

function describeMemory(each: Instruction): string {
  const bits = (bytesBySizeBits.get(each.opcode & 0x18) ?? 0) * 8;
  const place = (base: number, sign: 'u' | 's') => `*(${sign}${bits} *)(r${base} ${signedNumber(each.offset)})`;
  const mode = each.opcode & 0xe0;
  switch (each.opcode & 0x07) {
    case Class.ldx:
      return `r${each.destination} = ${place(each.source, mode === Mode.signedMemory ? 's' : 'u')}`;
    case Class.st:
      return `${place(each.destination, 'u')} = ${each.immediate}`;
    default:
      if (mode !== Mode.atomic) return `${place(each.destination, 'u')} = r${each.source}`;
      return describeAtomic(each, place(each.destination, 'u'));
  }
}

function describeAtomic(each: Instruction, place: string): string {
  const exact = nameByAtomic.get(each.immediate);
  if (exact !== undefined) return `lock ${exact} ${place}, r${each.source}`;
  const name = nameByAtomic.get(each.immediate & ~atomicFetch) ?? '?';
  return `r${each.source} = lock fetch_${name} ${place}, r${each.source}`;
}

function signedNumber(value: number): string {
  return value < 0 ? `-${-value}` : `+${value}`;
}

/** A whole program, one line an instruction: index, text. The second slot of a 64-bit load has no line. */
export function disassemble(instructions: readonly Instruction[], names: Names = {}): string[] {
  const lines: string[] = [];
  for (let index = 0; index < instructions.length; index++) {
    const each = instructions[index]!;
    lines.push(`${index}: ${describeInstruction(each, index, instructions[index + 1], names)}`);
    if (each.opcode === wideLoadOpcode) index++;
  }
  return lines;
}
