// Modules of WebAssembly written byte by byte, for tests of the compiler. Not here: what is in them.

/** Bytes of types. */
export const T = { i32: 0x7f, i64: 0x7e, f64: 0x7c, none: 0x40 } as const;
export type ValueType = 0x7f | 0x7e | 0x7c;

/** An unsigned number (LEB128). */
export function u32(value: number): number[] {
  const bytes: number[] = [];
  for (let left = value >>> 0; ; left >>>= 7) {
    if (left < 128) return [...bytes, left];
    bytes.push((left & 127) | 128);
  }
}

/** A signed number of up to 64 bits (LEB128). */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  for (let left = value; ; left >>= 7n) {
    const byte = Number(left & 127n);
    if (left >> 7n === (byte & 64 ? -1n : 0n)) return [...bytes, byte];
    bytes.push(byte | 128);
  }
}

const text = (value: string): number[] => [...u32(value.length), ...Buffer.from(value, 'latin1')];
const list = (items: readonly (readonly number[])[]): number[] => [...u32(items.length), ...items.flat()];

/** The three ways to write a constant. */
export const i32 = (value: number): number[] => [0x41, ...signed(BigInt(value | 0))];
export const i64 = (value: bigint): number[] => [0x42, ...signed(BigInt.asIntN(64, value))];
export const f64 = (value: number): number[] => [0x44, ...new Uint8Array(new Float64Array([value]).buffer)];

/** A constant of any type. */
export const constant = (type: ValueType, value: number | bigint): number[] =>
  type === T.i32 ? i32(Number(value)) : type === T.i64 ? i64(BigInt(value)) : f64(Number(value));

/** A function: its body without the end. */
export interface WrittenFunction {
  readonly takes: readonly ValueType[];
  readonly gives: ValueType | undefined;
  readonly locals: readonly ValueType[];
  readonly body: readonly number[];
  /** Under which name it is given. */
  readonly name?: string;
}

/** A module: a memory of the host (`env.memory`), and what is said. Functions of the host come first in numbers. */
export interface WrittenModule {
  readonly pages?: number;
  readonly host?: readonly {
    readonly name: string;
    readonly takes: readonly ValueType[];
    readonly gives: ValueType | undefined;
  }[];
  readonly globals?: readonly {
    readonly type: ValueType;
    readonly value: number | bigint;
    readonly name?: string;
    readonly isConstant?: boolean;
  }[];
  readonly functions: readonly WrittenFunction[];
  /** Numbers of functions in the table. */
  readonly table?: readonly number[];
  readonly tableEntries?: number;
  readonly data?: readonly { readonly at: number; readonly bytes: readonly number[] }[];
  readonly start?: number;
}

const section = (id: number, bytes: readonly number[]): number[] => [id, ...u32(bytes.length), ...bytes];

/** A module's bytes. */
export function writeModule(module: WrittenModule): Uint8Array {
  const host = module.host ?? [];
  const types = [...host, ...module.functions].map(({ takes, gives }) => [
    0x60,
    ...list(takes.map((type) => [type])),
    ...list(gives === undefined ? [] : [[gives]]),
  ]);
  const pages = module.pages ?? 1;
  const imports = [
    [...text('env'), ...text('memory'), 2, 1, ...u32(pages), ...u32(pages)],
    ...host.map(({ name }, index) => [...text('host'), ...text(name), 0, ...u32(index)]),
  ];
  const globals = module.globals ?? [];
  const exports = [
    ...module.functions.flatMap(({ name }, index) =>
      name === undefined ? [] : [[...text(name), 0, ...u32(host.length + index)]],
    ),
    ...globals.flatMap(({ name }, index) => (name === undefined ? [] : [[...text(name), 3, ...u32(index)]])),
  ];
  const bodies = module.functions.map(({ locals, body }) => {
    const code = [...list(locals.map((type) => [1, type])), ...body, 0x0b];
    return [...u32(code.length), ...code];
  });
  const table = module.table ?? [];
  const entries = module.tableEntries ?? table.length;
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(2, list(imports)),
    ...section(3, list(module.functions.map((_, index) => u32(host.length + index)))),
    ...(entries > 0 ? section(4, [1, 0x70, 0, ...u32(entries)]) : []),
    ...section(
      6,
      list(globals.map(({ type, value, isConstant }) => [type, isConstant ? 0 : 1, ...constant(type, value), 0x0b])),
    ),
    ...section(7, list(exports)),
    ...(module.start === undefined ? [] : section(8, u32(module.start))),
    ...(table.length > 0 ? section(9, [1, 0, ...i32(0), 0x0b, ...list(table.map((index) => u32(index)))]) : []),
    ...section(10, list(bodies)),
    ...section(
      11,
      list((module.data ?? []).map(({ at, bytes }) => [0, ...i32(at), 0x0b, ...u32(bytes.length), ...bytes])),
    ),
  ]);
}
