// A module read from its bytes: types, imports, globals, exports, data, and where the bodies of its functions are. What is not of the subset is refused by
// its name, and nothing is read beyond the bytes. Not here: bodies (body.ts), and whether they are right (validate.ts).

import { Type } from './opcodes.js';
import { Reader } from './reader.js';
import { refuse } from './refusal.js';

/** What a function takes and gives. */
export interface Signature {
  readonly takes: readonly Type[];
  readonly gives: Type | undefined;
}

/** A function of the host. */
export interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: number;
}

/** A variable of the module. `value` is its first one, as bits of its type. */
export interface Global {
  readonly type: Type;
  readonly isMutable: boolean;
  readonly value: bigint;
}

/** What the module gives by name. */
export interface Export {
  readonly name: string;
  readonly kind: 'function' | 'table' | 'memory' | 'global';
  readonly index: number;
}

/** Bytes that memory begins with. */
export interface DataSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

/** A function's variables, its arguments first, and its body. */
export interface Body {
  readonly locals: readonly Type[];
  readonly code: Reader;
}

/** See the file's head. Functions are numbered with the imported ones first. */
export interface Module {
  readonly types: Signature[];
  readonly imports: ImportedFunction[];
  /** The type of each function of its own. */
  readonly functions: number[];
  /** Entries of the table of functions. */
  tableEntries: number;
  /** Pages of 64 KiB that the memory has at least; undefined: there is none. */
  memoryPages: number | undefined;
  readonly globals: Global[];
  readonly exports: Export[];
  start: number | undefined;
  /** Of the table: which function is where. */
  readonly elements: { readonly at: number; readonly functions: readonly number[] }[];
  readonly data: DataSegment[];
  readonly bodies: Body[];
}

/** Most of each, so that a module that was made to do so cannot take all of the memory there is. */
const Most = {
  moduleBytes: 16 * 1024 ** 2,
  types: 10_000,
  functions: 20_000,
  globals: 20_000,
  exports: 10_000,
  segments: 100_000,
  tableEntries: 65_536,
  parameters: 100,
  locals: 2000,
  pages: 65_536,
} as const;

const typeNames: Readonly<Record<number, string>> = { 125: 'f32', 123: 'v128', 112: 'funcref', 111: 'externref' };

function valueType(reader: Reader): Type {
  const byte = reader.byte();
  if (byte === Type.i32 || byte === Type.i64 || byte === Type.f64) return byte;
  return refuse(`values of the type ${typeNames[byte] ?? byte} are not compiled`);
}

function signature(reader: Reader): Signature {
  if (reader.byte() !== 0x60) refuse('a type of the module is none of a function');
  const takes = Array.from({ length: reader.count(Most.parameters, 'parameters in a type') }, () => valueType(reader));
  const gives = reader.count(1, 'results in a type') === 1 ? valueType(reader) : undefined;
  return { takes, gives };
}

/** How much of something there is at least; the flags for shared and for 64 bits are refused. */
function limits(reader: Reader, most: number, what: string): number {
  const flags = reader.byte();
  if (flags > 1) refuse(`a shared or 64-bit ${what} is not compiled`);
  const least = reader.count(most, `units of ${what}`);
  if (flags === 1) reader.u32();
  return least;
}

function memory(module: Module, reader: Reader): void {
  if (module.memoryPages !== undefined) refuse('a module with several memories is not compiled');
  module.memoryPages = limits(reader, Most.pages, 'memory');
}

function readImports(module: Module, reader: Reader): void {
  for (let left = reader.count(Most.functions, 'imports'); left > 0; left--) {
    const [from, name] = [reader.text(), reader.text()];
    const kind = reader.byte();
    if (kind === 0) module.imports.push({ module: from, name, type: typeIndex(module, reader) });
    else if (kind === 2) memory(module, reader);
    else refuse(`the import ${from}.${name} is neither a function nor the memory`);
  }
}

function typeIndex(module: Module, reader: Reader): number {
  const index = reader.u32();
  return index < module.types.length ? index : refuse(`there is no type ${index}`);
}

function functionIndex(module: Module, index: number): number {
  return index < module.imports.length + module.functions.length ? index : refuse(`there is no function ${index}`);
}

/** A constant as the first value of something: one instruction and an end. */
function constant(reader: Reader, type: Type): bigint {
  const opcode = reader.byte();
  const expected = type === Type.i32 ? 0x41 : type === Type.i64 ? 0x42 : 0x44;
  if (opcode !== expected) refuse(`a first value is no constant of its type, at byte ${reader.at - 1}`);
  let value = 0n;
  if (opcode === 0x41) value = BigInt(reader.s32());
  else value = opcode === 0x42 ? reader.s64() : reader.bits64();
  if (reader.byte() !== 0x0b) refuse(`a first value is more than a constant, at byte ${reader.at - 1}`);
  return value;
}

function readGlobals(module: Module, reader: Reader): void {
  for (let left = reader.count(Most.globals, 'globals'); left > 0; left--) {
    const type = valueType(reader);
    const mutability = reader.byte();
    if (mutability > 1) refuse(`a global is neither constant nor variable: ${mutability}`);
    module.globals.push({ type, isMutable: mutability === 1, value: constant(reader, type) });
  }
}

function readExports(module: Module, reader: Reader): void {
  const kinds = ['function', 'table', 'memory', 'global'] as const;
  const known = new Set<string>();
  for (let left = reader.count(Most.exports, 'exports'); left > 0; left--) {
    const name = reader.text();
    const kind = kinds[reader.byte()] ?? refuse(`the export ${name} is of no kind that is compiled`);
    const index = reader.u32();
    if (known.has(name)) refuse(`two exports are called ${name}`);
    known.add(name);
    if (kind === 'function') functionIndex(module, index);
    if (kind === 'global' && index >= module.globals.length) refuse(`there is no global ${index}`);
    module.exports.push({ name, kind, index });
  }
}

function readTable(module: Module, reader: Reader): void {
  const count = reader.count(1, 'tables');
  if (count === 0) return;
  if (reader.byte() !== 0x70) refuse('a table of anything but functions is not compiled');
  module.tableEntries = limits(reader, Most.tableEntries, 'entries of a table');
}

function readElements(module: Module, reader: Reader): void {
  for (let left = reader.count(Most.segments, 'element segments'); left > 0; left--) {
    if (reader.u32() !== 0) refuse('element segments are compiled only where they fill the table at the start');
    const at = Number(constant(reader, Type.i32)) >>> 0;
    const functions = Array.from({ length: reader.count(Most.tableEntries, 'entries in a segment') }, () =>
      functionIndex(module, reader.u32()),
    );
    if (at + functions.length > module.tableEntries) refuse('an element segment lies outside of the table');
    module.elements.push({ at, functions });
  }
}

function readData(module: Module, reader: Reader): void {
  for (let left = reader.count(Most.segments, 'data segments'); left > 0; left--) {
    if (reader.u32() !== 0) refuse('data segments are compiled only where they fill the memory at the start');
    if (module.memoryPages === undefined) refuse('a data segment is for a memory that is not there');
    const address = Number(constant(reader, Type.i32)) >>> 0;
    const part = reader.part(reader.u32());
    module.data.push({ address, bytes: part.bytes.subarray(part.at, part.end) });
  }
}

function readBodies(module: Module, reader: Reader): void {
  if (reader.u32() !== module.functions.length) refuse('there are not as many bodies as functions');
  for (const type of module.functions) {
    const code = reader.part(reader.u32());
    const locals = [...module.types[type]!.takes];
    for (let groups = code.count(Most.locals, 'groups of variables'); groups > 0; groups--) {
      const count = code.count(Most.locals - locals.length, 'more variables in a function');
      const kind = valueType(code);
      for (let index = 0; index < count; index++) locals.push(kind);
    }
    module.bodies.push({ locals, code });
  }
}

function readFunctions(module: Module, reader: Reader): void {
  for (let left = reader.count(Most.functions, 'functions'); left > 0; left--)
    module.functions.push(typeIndex(module, reader));
}

type Section = (module: Module, reader: Reader) => void;

/** The sections by their numbers, in the order in which they stand (12, how many data segments there are, before the code). */
const sections: readonly (readonly [number, Section])[] = [
  [
    1,
    (module, reader) => {
      for (let left = reader.count(Most.types, 'types'); left > 0; left--) module.types.push(signature(reader));
    },
  ],
  [2, readImports],
  [3, readFunctions],
  [4, readTable],
  [
    5,
    (module, reader) => {
      for (let left = reader.count(1, 'memories'); left > 0; left--) memory(module, reader);
    },
  ],
  [6, readGlobals],
  [7, readExports],
  [
    8,
    (module, reader) => {
      module.start = functionIndex(module, reader.u32());
    },
  ],
  [9, readElements],
  [12, (_, reader) => reader.u32()],
  [10, readBodies],
  [11, readData],
];

function checkWhole(module: Module): void {
  if (module.bodies.length !== module.functions.length) refuse('there are not as many bodies as functions');
  if (module.start === undefined) return;
  const { takes, gives } = signatureOf(module, module.start);
  if (takes.length > 0 || gives !== undefined) refuse('the function that starts the module takes or gives something');
}

/** What a function takes and gives, by its number. */
export function signatureOf(module: Module, index: number): Signature {
  const imported = module.imports[index];
  return module.types[imported?.type ?? module.functions[index - module.imports.length]!]!;
}

/** Reads a module. The bytes stay the caller's, and are referred to. @throws CompileError */
export function readModule(bytes: Uint8Array): Module {
  if (bytes.length > Most.moduleBytes)
    refuse(`the module has ${bytes.length} bytes, and ${Most.moduleBytes} are the most`);
  const reader = new Reader(bytes);
  if (reader.bits64() !== 0x1_6d73_6100n) refuse('it is no WebAssembly module of version 1');
  const module: Module = {
    ...{ types: [], imports: [], functions: [], globals: [], exports: [], elements: [], data: [], bodies: [] },
    ...{ tableEntries: 0, memoryPages: undefined, start: undefined },
  };
  let last = -1;
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const part = reader.part(reader.u32());
    // Names, and what else is for others.
    if (id === 0) continue;
    const order = sections.findIndex(([number]) => number === id);
    if (order < 0) refuse(`a section of the kind ${id} is not compiled`);
    if (order <= last) refuse(`the section of the kind ${id} is not in its place`);
    last = order;
    sections[order]![1](module, part);
    if (!part.isAtEnd) refuse(`the section of the kind ${id} is longer than what is in it`);
  }
  checkWhole(module);
  return module;
}
