// The instructions of WebAssembly by their numbers and names, and which of them the compiler takes: those that the core's modules use, and their like. Every
// other one is refused by its name. Not here: how they are read (body.ts), checked (validate.ts) or translated.

/** Types of values. */
export const Type = { i32: 0x7f, i64: 0x7e, f64: 0x7c } as const;
export type Type = (typeof Type)[keyof typeof Type];

/** What follows the number of an instruction in a body. */
export type Immediate =
  | 'none'
  | 'block'
  | 'index'
  | 'labels'
  | 'memory'
  | 'i32'
  | 'i64'
  | 'f64'
  | 'zero'
  | 'twoZeros'
  | 'indirect';

/** What an instruction is, for what handles many alike. `control` and the rest are handled one by one, by name. */
export type Family = 'control' | 'compare' | 'test' | 'binary' | 'unary' | 'load' | 'store' | 'other';

/** One instruction that is taken. */
export interface Opcode {
  readonly name: string;
  readonly immediate: Immediate;
  readonly family: Family;
  /** What it takes and gives, of those that are no matter of context. */
  readonly takes: readonly Type[];
  readonly gives: Type | undefined;
  /** The name's part behind the type: `add`, `load8_u`. */
  readonly operation: string;
  /** Of loads and stores: bytes of memory, and whether the sign is spread. */
  readonly size: number;
  readonly isSigned: boolean;
}

/** All instructions of one byte, in the order of their numbers; `-` is none. */
const names = `unreachable nop block loop if else try catch throw rethrow throw_ref end br br_if br_table return
call call_indirect return_call return_call_indirect call_ref return_call_ref - - delegate catch_all drop select select_t - - try_table
local.get local.set local.tee global.get global.set table.get table.set - i32.load i64.load f32.load f64.load i32.load8_s i32.load8_u i32.load16_s i32.load16_u
i64.load8_s i64.load8_u i64.load16_s i64.load16_u i64.load32_s i64.load32_u i32.store i64.store f32.store f64.store i32.store8 i32.store16 i64.store8 i64.store16 i64.store32 memory.size
memory.grow i32.const i64.const f32.const f64.const i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u f32.eq f32.ne f32.lt f32.gt f32.le
f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s
i32.rem_u i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s
i64.div_u i64.rem_s i64.rem_u i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr f32.abs f32.neg f32.ceil f32.floor f32.trunc
f32.nearest f32.sqrt f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt
f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s
i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64 f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32 i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32
f64.reinterpret_i64 i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s`
  .trim()
  .split(/\s+/);
/** Those behind the byte 0xfc. */
const prefixed =
  `i32.trunc_sat_f32_s i32.trunc_sat_f32_u i32.trunc_sat_f64_s i32.trunc_sat_f64_u i64.trunc_sat_f32_s i64.trunc_sat_f32_u i64.trunc_sat_f64_s i64.trunc_sat_f64_u
memory.init data.drop memory.copy memory.fill table.init elem.drop table.copy table.grow table.size table.fill`
    .trim()
    .split(/\s+/);

/** The number of an instruction behind 0xfc, as it is used here. */
export const miscellaneous = 0xfc00;

/** Taken as they are; of the others, see {@link describe}. */
const immediates: Readonly<Record<string, Immediate>> = {
  ...{ unreachable: 'none', nop: 'none', block: 'block', loop: 'block', if: 'block', else: 'none', end: 'none' },
  ...{ br: 'index', br_if: 'index', br_table: 'labels', return: 'none', call: 'index', call_indirect: 'indirect' },
  ...{ drop: 'none', select: 'none', 'local.get': 'index', 'local.set': 'index', 'local.tee': 'index' },
  ...{ 'global.get': 'index', 'global.set': 'index', 'memory.size': 'zero' },
  ...{ 'i32.const': 'i32', 'i64.const': 'i64', 'f64.const': 'f64', 'memory.copy': 'twoZeros', 'memory.fill': 'zero' },
};
const constants: Readonly<Record<string, Type>> = {
  'i32.const': Type.i32,
  'i64.const': Type.i64,
  'f64.const': Type.f64,
};
const integerBinary = /^(?:add|sub|mul|div_[su]|rem_[su]|and|or|xor|shl|shr_[su]|rotl|rotr)$/;
const floatBinary = /^(?:add|sub|mul|div)$/;
const compares = /^(?:eq|ne|[lg][te](?:_[su])?)$/;
const integerUnary = /^(?:clz|ctz|popcnt|extend(?:8|16|32)_s)$/;
const floatUnary = /^(?:abs|neg|ceil|floor|trunc|nearest|sqrt)$/;
const conversions = /^(?:wrap_i64|extend_i32_[su]|convert_i(?:32|64)_[su]|reinterpret_(?:i64|f64)|trunc_sat_f64_[su])$/;

const typeNamed = (name: string | undefined): Type | undefined =>
  name === 'i32' || name === 'i64' || name === 'f64' ? Type[name] : undefined;

/** Bytes of a type's values. */
export const sizeOf = (type: Type): number => (type === Type.i32 ? 4 : 8);

function describe(name: string): Opcode | undefined {
  const plain = { name, takes: [], gives: constants[name], operation: name, size: 0, isSigned: false };
  const immediate = immediates[name];
  if (immediate !== undefined) return { ...plain, immediate, family: name in constants ? 'other' : 'control' };
  const [kind, operation = ''] = name.split('.');
  const type = typeNamed(kind);
  if (type === undefined) return undefined;
  const of = (family: Family, takes: readonly Type[], gives: Type | undefined): Opcode => {
    return { ...plain, immediate: 'none', family, takes, gives, operation };
  };
  const memory = /^(load|store)(\d*)(_s|_u)?$/.exec(operation);
  if (memory !== null) {
    const size = memory[2] === '' ? sizeOf(type) : Number(memory[2]) / 8;
    const shape = { immediate: 'memory', size, isSigned: memory[3] === '_s' } as const;
    if (memory[1] === 'load') return { ...of('load', [Type.i32], type), ...shape };
    return { ...of('store', [Type.i32, type], undefined), ...shape };
  }
  if (operation === 'eqz') return of('test', [type], Type.i32);
  if (compares.test(operation)) return of('compare', [type, type], Type.i32);
  if ((type === Type.f64 ? floatBinary : integerBinary).test(operation)) return of('binary', [type, type], type);
  if ((type === Type.f64 ? floatUnary : integerUnary).test(operation)) return of('unary', [type], type);
  const from = typeNamed(/_(i32|i64|f64)(?:_[su])?$/.exec(operation)?.[1]);
  return conversions.test(operation) && from !== undefined ? of('unary', [from], type) : undefined;
}

const taken = new Map<number, Opcode>();
for (const [list, first] of [
  [names, 0],
  [prefixed, miscellaneous],
] as const)
  for (const [index, name] of list.entries()) {
    const opcode = describe(name);
    if (opcode !== undefined) taken.set(first + index, opcode);
  }

/** The instruction of a number; undefined: the compiler does not take it. */
export function opcodeOf(number: number): Opcode | undefined {
  return taken.get(number);
}

/** What an instruction is called, whether it is taken or not. */
export function nameOf(number: number): string {
  const name = number >= miscellaneous ? prefixed[number - miscellaneous] : names[number];
  if (name !== undefined && name !== '-') return name;
  if (number === 0xfd) return 'an instruction for vectors (0xfd)';
  if (number === 0xfe) return 'an atomic instruction (0xfe)';
  return `0x${number.toString(16)}`;
}
