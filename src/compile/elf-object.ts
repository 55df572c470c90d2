// A compiled program as an object file (ELF, relocatable, x86-64), which a linker puts together with the code of an image: its entries, its instance and the data that its memory
// begins with are symbols, and what it imports is asked for by name. Not here: whole images.

import type { Program } from './program.js';
import { refuse } from './refusal.js';

/** Names of what is in the object. The host's functions are asked for as `host_` and their name. */
export const objectNames = {
  instance: 'module_instance',
  memoryAt: 'module_memory_at',
  memoryBytes: 'module_memory_bytes',
  pages: 'module_pages',
  data: 'module_data',
  start: 'module_start',
  trapped: 'module_trapped',
  entry: (name: string): string => `module_${name}`,
  imported: (name: string): string => `host_${name}`,
} as const;

/** Types of relocations: an address, and how far it is. */
const Relocation = { address: 1, distance: 2 } as const;
/** Sections by number. */
const Section = {
  text: 1,
  data: 2,
  constants: 3,
  textLinks: 4,
  dataLinks: 5,
  symbols: 6,
  names: 7,
  sectionNames: 8,
  stack: 9,
} as const;

interface Symbol {
  readonly name: string;
  /** 0: not here. */
  readonly section: number;
  readonly at: number;
  readonly isFunction: boolean;
}

/** Texts one behind another, each with a NUL. */
class Texts {
  #text = '\0';

  add(name: string): number {
    const at = this.#text.length;
    this.#text += `${name}\0`;
    return at;
  }

  get bytes(): Uint8Array {
    return new TextEncoder().encode(this.#text);
  }
}

/** A gap of zeros that is shorter than what two pieces cost more than one. */
const shortGap = 4;
const mostOfPiece = 0xffff;

/** What memory begins with, in one piece from the first byte that anything is said of. @throws CompileError where it is longer than its place in an image */
function flatData(data: Program['data']): { readonly from: number; readonly bytes: Uint8Array } {
  const from = data.reduce((least, { address }) => Math.min(least, address), 0xffff_ffff);
  const end = data.reduce((most, { address, bytes }) => Math.max(most, address + bytes.length), 0);
  if (end - from > 16 * 1024 ** 2) refuse('the data of the module lies further apart than 16 MiB');
  const flat = new Uint8Array(Math.max(0, end - from));
  // Later segments are written over earlier ones.
  for (const { address, bytes } of data)
    for (let index = 0; index < bytes.length; index++) flat[address - from + index] = bytes[index]!;
  return { from, bytes: flat };
}

/**
 * What memory begins with, where it is not 0: the address of the first piece (u32); for each piece how far it is behind the one before (u16), its length (u16) and its bytes.
 * A piece without a length and a distance is the end.
 */
export function dataTable({ data }: Pick<Program, 'data'>): Uint8Array {
  const { from, bytes } = flatData(data.filter((segment) => segment.bytes.length > 0));
  const table: number[] = [from & 255, (from >>> 8) & 255, (from >>> 16) & 255, from >>> 24];
  const put = (gap: number, start: number, end: number): void => {
    table.push(gap & 255, gap >>> 8, (end - start) & 255, (end - start) >>> 8);
    for (let index = start; index < end; index++) table.push(bytes[index]!);
  };
  let behind = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    for (; at - behind > mostOfPiece; behind += mostOfPiece) put(mostOfPiece, behind, behind);
    let end = at + 1;
    for (let zeros = 0, next = end; next < bytes.length && zeros <= shortGap && next - at < mostOfPiece; next++) {
      zeros = bytes[next] === 0 ? zeros + 1 : 0;
      if (zeros === 0) end = next + 1;
    }
    put(at - behind, at, end);
    behind = end;
    at = end;
  }
  table.push(0, 0, 0, 0);
  return Uint8Array.from(table);
}

function symbolsOf(program: Program): Symbol[] {
  const { entries, start, instance } = program;
  const inData = (name: string, at: number): Symbol => ({ name, section: Section.data, at, isFunction: false });
  const inText = (name: string, at: number): Symbol => ({ name, section: Section.text, at, isFunction: true });
  const absent = (name: string): Symbol => ({ name, section: 0, at: 0, isFunction: false });
  return [
    ...[inData(objectNames.instance, 0), inData(objectNames.memoryAt, instance.fields.memoryAt)],
    ...[inData(objectNames.memoryBytes, instance.fields.memoryBytes), inData(objectNames.pages, instance.fields.pages)],
    { name: objectNames.data, section: Section.constants, at: 0, isFunction: false },
    ...[...entries].map(([name, { at }]) => inText(objectNames.entry(name), at)),
    ...(start === undefined ? [] : [inText(objectNames.start, start.at)]),
    absent(objectNames.trapped),
    ...instance.imports.map(({ name }) => absent(objectNames.imported(name))),
  ];
}

/** Entries of a table of relocations. */
function links(
  list: readonly { readonly at: number; readonly symbol: number; readonly type: number; readonly addend: number }[],
): Uint8Array {
  const bytes = new Uint8Array(list.length * 24);
  const view = new DataView(bytes.buffer);
  for (const [index, { at, symbol, type, addend }] of list.entries()) {
    view.setBigUint64(index * 24, BigInt(at), true);
    view.setBigUint64(index * 24 + 8, (BigInt(symbol) << 32n) | BigInt(type), true);
    view.setBigInt64(index * 24 + 16, BigInt(addend), true);
  }
  return bytes;
}

function symbolTable(symbols: readonly Symbol[], names: Texts): Uint8Array {
  const bytes = new Uint8Array((symbols.length + 1) * 24);
  const view = new DataView(bytes.buffer);
  for (const [index, { name, section, at, isFunction }] of symbols.entries()) {
    const place = (index + 1) * 24;
    view.setUint32(place, names.add(name), true);
    // Global; a function, an object, or nothing that is known.
    view.setUint8(place + 4, 0x10 | (section === 0 ? 0 : isFunction ? 2 : 1));
    view.setUint16(place + 6, section, true);
    view.setBigUint64(place + 8, BigInt(at), true);
  }
  return bytes;
}

interface Part {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entry: number;
}

function partsOf(program: Program): Part[] {
  const symbols = symbolsOf(program);
  const numberOf = (name: string): number => symbols.findIndex((symbol) => symbol.name === name) + 1;
  const { instance } = program;
  const names = new Texts();
  const table = symbolTable(symbols, names);
  const textLinks = program.instanceLinks.map((at) => ({
    ...{ at, symbol: numberOf(objectNames.instance), type: Relocation.distance, addend: instance.bias - 4 },
  }));
  const imported = instance.imports.map(({ name, at }) => ({ at, name: objectNames.imported(name) }));
  const dataLinks = [...imported, { at: instance.fields.trapTo, name: objectNames.trapped }].map(({ at, name }) => ({
    ...{ at, symbol: numberOf(name), type: Relocation.address, addend: 0 },
  }));
  const part = (name: string, type: number, flags: number, bytes: Uint8Array, align: number): Part => {
    return { name, type, flags, bytes, link: 0, info: 0, align, entry: 0 };
  };
  const none = new Uint8Array(0);
  return [
    part('', 0, 0, none, 0),
    part('.text', 1, 6, program.code, 16),
    part('.data', 1, 3, instance.bytes, 64),
    part('.rodata', 1, 2, dataTable(program), 8),
    { ...part('.rela.text', 4, 0, links(textLinks), 8), link: Section.symbols, info: Section.text, entry: 24 },
    { ...part('.rela.data', 4, 0, links(dataLinks), 8), link: Section.symbols, info: Section.data, entry: 24 },
    // All symbols but the first, which is none, are global.
    { ...part('.symtab', 2, 0, table, 8), link: Section.names, info: 1, entry: 24 },
    part('.strtab', 3, 0, names.bytes, 1),
    part('.shstrtab', 3, 0, none, 1),
    part('.note.GNU-stack', 1, 0, none, 1),
  ];
}

/** The object file of a program. The same program gives the same bytes. */
export function writeObject(program: Program): Uint8Array {
  const names = new Texts();
  const parts = partsOf(program).map((part) => ({ ...part, nameAt: part.name === '' ? 0 : names.add(part.name) }));
  parts[Section.sectionNames] = { ...parts[Section.sectionNames]!, bytes: names.bytes };
  let end = 64;
  const placed = parts.map((part) => {
    const offset = part.type === 0 ? 0 : Math.ceil(end / part.align) * part.align;
    end = Math.max(end, offset + part.bytes.length);
    return { ...part, offset };
  });
  const headersAt = (end + 7) & ~7;
  const file = new Uint8Array(headersAt + placed.length * 64);
  const view = new DataView(file.buffer);
  for (const [index, byte] of [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1].entries()) file[index] = byte;
  for (const [at, value] of [
    [16, 1],
    [18, 62],
    [52, 64],
    [58, 64],
    [60, placed.length],
    [62, Section.sectionNames],
  ] as const)
    view.setUint16(at, value, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(headersAt), true);
  for (const [index, { bytes, offset, nameAt, type, flags, link, info, align, entry }] of placed.entries()) {
    for (let byte = 0; byte < bytes.length; byte++) file[offset + byte] = bytes[byte]!;
    const at = headersAt + index * 64;
    for (const [field, value] of [
      [0, nameAt],
      [4, type],
      [40, link],
      [44, info],
    ] as const)
      view.setUint32(at + field, value, true);
    for (const [field, value] of [
      [8, flags],
      [24, offset],
      [32, bytes.length],
      [48, align],
      [56, entry],
    ] as const)
      view.setBigUint64(at + field, BigInt(value), true);
  }
  return file;
}
