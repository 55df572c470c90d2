// An image (docs/vm.md) put together: doors and ways in of traps (image-code.ts), the machine's side (src/core/around/machine.ts) and a module, both compiled, with their instances and what
// their memories begin with, at their places (image-layout.ts), as one ELF file. Not here: how a module becomes code (program.ts).

import { dataTable } from './data-table.js';
import { type Segment, SegmentType, writeElf } from './elf-image.js';
import type { FunctionCode } from './emit.js';
import * as doors from './image-code.js';
import { bootBlockBytes, Place, pageAlign, Right } from './image-layout.js';
import { wordBytes } from './image-words.js';
import type { Program } from './program.js';
import { refuse } from './refusal.js';

/** Bytes that grow, from an address on. */
class Part {
  readonly from: number;
  bytes = new Uint8Array(4096);
  length = 0;

  constructor(from: number) {
    this.from = from;
  }

  get end(): number {
    return this.from + this.length;
  }

  get view(): DataView {
    return new DataView(this.bytes.buffer);
  }

  /** Adds bytes, with `fill` before them up to where they are aligned. Returns their address. */
  add(more: Uint8Array, align: number, fill = 0): number {
    const at = Math.ceil(this.end / align) * align;
    const start = at - this.from;
    while (start + more.length > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      for (let index = 0; index < this.length; index++) larger[index] = this.bytes[index]!;
      this.bytes = larger;
    }
    this.bytes.fill(fill, this.length, start);
    for (let index = 0; index < more.length; index++) this.bytes[start + index] = more[index]!;
    this.length = start + more.length;
    return at;
  }

  /** Writes a number of 32 or 64 bits at an address. */
  long(at: number, value: number): void {
    this.view.setUint32(at - this.from, value, true);
  }

  wide(at: number, value: number): void {
    this.view.setBigUint64(at - this.from, BigInt(value), true);
  }
}

/** The constants: what is told, words, operands of the doors, the notes, what the module's memory begins with. */
class Constants {
  readonly part = new Part(Place.constants);
  readonly places: Omit<doors.DoorPlaces, 'text'>;
  readonly noteAt: number;
  readonly moduleData: number;

  constructor(module: Program) {
    const { part } = this;
    part.add(new Uint8Array(Place.words - Place.constants), 1);
    part.add(wordBytes(), 1);
    const firstTable = part.add(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0x9b, 0xaf, 0), 8);
    const operand = (bytes: number, of: number): number => {
      const at = part.add(new Uint8Array(10), 8);
      part.view.setUint16(at - part.from, bytes - 1, true);
      part.wide(at + 2, of);
      return at;
    };
    const [firstGdt, gdt, idt] = [operand(16, firstTable), operand(64, Place.gdt), operand(512, Place.idt)];
    this.places = { firstGdt, gdt, idt, noTraps: operand(1, 0) };
    this.noteAt = part.add(new Uint8Array(noteBytes), 4);
    this.moduleData = part.add(dataTable(module), 8);
  }

  /** Writes both notes: ours, and that of PVH. */
  note(addresses: readonly number[], startPvh: number): void {
    const { part } = this;
    const text = (at: number, word: string): void => {
      for (let index = 0; index < word.length; index++) part.bytes[at - part.from + index] = word.charCodeAt(index);
    };
    let at = this.noteAt;
    const begin = (name: string, bytes: number, type: number): void => {
      for (const [index, value] of [name.length + 1, bytes, type].entries()) part.long(at + index * 4, value);
      text(at + 12, name);
      at += 12 + ((name.length + 4) & ~3);
    };
    begin('Clearway', 72, 1);
    part.long(at, 1);
    for (const [index, address] of addresses.entries()) part.wide(at + 8 + index * 8, address);
    at += 72;
    // XEN_ELFNOTE_PHYS32_ENTRY.
    begin('Xen', 8, 18);
    part.wide(at, startPvh);
  }
}
const noteBytes = 12 + 12 + 72 + 12 + 4 + 8;

/** The text: every piece, and where it is. */
class Text {
  readonly part: Part;
  readonly #links: { readonly at: number; readonly target: number }[] = [];

  constructor(from: number) {
    this.part = new Part(from);
  }

  /** What lies between is never run: int3. */
  add({ bytes, links }: FunctionCode): number {
    const at = this.part.add(bytes, 16, 0xcc);
    for (const link of links) this.#links.push({ at: at + link.at, target: link.target });
    return at;
  }

  addProgram(program: Program): number {
    return this.part.add(program.code, 16, 0xcc);
  }

  /** Puts in how far what is called is. */
  finish(places: Readonly<Record<keyof typeof doors.Target, number>>): void {
    const targets: number[] = [];
    for (const [name, target] of Object.entries(doors.Target))
      targets[target] = places[name as keyof typeof doors.Target];
    for (const { at, target } of this.#links) this.part.long(at, targets[target]! - at - 4);
  }
}

/** An instance in the data: what it imports, where it goes when it is stopped, and its code's way to it. Returns its address. */
function addInstance(
  data: Part,
  text: Part,
  { instance, instanceLinks }: Program,
  codeAt: number,
  stopped: number,
  resolve: (name: string) => number,
): number {
  const at = data.add(instance.bytes, 64);
  for (const { module, name, at: field } of instance.imports) data.wide(at + field, resolve(`${module}.${name}`));
  data.wide(at + instance.fields.trapTo, stopped);
  for (const link of instanceLinks) text.long(codeAt + link, at + instance.bias - (codeAt + link) - 4);
  return at;
}

/** Bits of a page that the program may use, and that may be written. */
const Page = { user: 4, write: 2 } as const;
const none = new Uint8Array(0);

/** Something of an image in memory. */
interface Area {
  readonly rights: number;
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly length: number;
}

const areaOf = (part: Part, rights: number): Area => {
  return { rights, from: part.from, bytes: part.bytes.subarray(0, part.length), length: part.length };
};

/** Tells the machine's side what it cannot know: the parts as page tables have them, and where things of the module are. */
function tell(constants: Part, areas: readonly Area[], places: readonly number[]): void {
  for (const [index, { from, length, rights }] of areas.entries()) {
    const user = (rights & Right.processor) === 0 ? Page.user : 0;
    const bits = user | ((rights & Right.write) === 0 ? 0 : Page.write);
    const words = [from, from + length, bits, (rights & Right.execute) === 0 ? 1 : 0];
    for (const [word, value] of words.entries()) constants.long(Place.constants + index * 16 + word * 4, value);
  }
  for (const [index, place] of places.entries()) constants.long(Place.told + index * 4, place);
}

/** What the machine's side calls of a module, by the names that it has for them (src/core/machine/module.ts). */
const moduleEntries = { bootBlock: 'moduleBootBlock', begin: 'moduleBegin', turn: 'moduleTurn', rest: 'moduleRest' };

/** Where what is called by name is. Names of imports are those of their file and their own. */
function namesOf(text: Text, machine: Program, module: Program) {
  const names = new Map<string, number>();
  for (const [name, code] of doors.importCodes()) names.set(name, text.add(code));
  const [machineAt, moduleAt] = [text.addProgram(machine), text.addProgram(module)];
  for (const [name, { at }] of machine.entries) names.set(`machine.${name}`, machineAt + at);
  for (const name of ['say', 'endGuest']) names.set(`host.${name}`, names.get(`machine.${name}`)!);
  for (const [name, known] of Object.entries(moduleEntries)) {
    const entry = module.entries.get(name) ?? refuse(`the module exports no ${name}`);
    names.set(`module.${known}`, moduleAt + entry.at);
  }
  // A module without a start has nothing to do there.
  const start = module.start === undefined ? names.get('host.order')! : moduleAt + module.start.at;
  names.set('module.moduleStart', start);
  const resolve = (name: string): number => names.get(name) ?? refuse(`nothing in an image is called ${name}`);
  /** A module has what its host gives, and no instructions of the machine's side. */
  const ofHost = (name: string): number =>
    name.startsWith('host.') ? resolve(name) : refuse(`a module of an image cannot import ${name}`);
  return { machineAt, moduleAt, resolve, ofHost };
}

/**
 * Links an image. The same programs give the same bytes.
 * @param machine of src/core/around/machine.ts, whose linear memory is the machine's @throws CompileError where the module imports or exports something else than an image's does, or is too long
 */
export function linkImage(machine: Program, module: Program): Uint8Array {
  if (machine.start !== undefined || machine.data.length > 0)
    refuse("the machine's side begins with nothing of its own");
  const constants = new Constants(module);
  const text = new Text(pageAlign(constants.part.end));
  const places = { ...constants.places, text: text.part.from };
  const startPvh = text.add(doors.startPvh(places));
  const startLinux = text.add(doors.startLinux());
  const enter = text.add(doors.enter(places));
  const startOurs = text.add(doors.startOurs());
  const trapTable = text.add(doors.trapTable());
  const trapped = text.add(doors.trapped(places));
  const { machineAt, moduleAt, resolve, ofHost } = namesOf(text, machine, module);
  const [boot, main, trap] = [resolve('machine.boot'), resolve('machine.main'), resolve('machine.trap')];
  text.finish({ boot, main, trap, enter, startOurs, trapped });
  const data = new Part(pageAlign(text.part.end));
  const stopped = resolve('machine.stopped');
  const ours = addInstance(data, text.part, machine, machineAt, stopped, resolve);
  const theirs = addInstance(data, text.part, module, moduleAt, stopped, ofHost);
  if (data.end > Place.end) refuse('the image is longer than its place');
  // All that 32 bits reach is the machine's side's memory.
  data.wide(ours + machine.instance.fields.memoryBytes, 2 ** 32);
  data.long(ours + machine.instance.fields.pages, 65_536);
  const zeros = (rights: number, from: number, length: number): Area => ({ rights, from, bytes: none, length });
  const areas = [
    zeros(Right.processor | Right.read | Right.write, Place.pageTables, Place.trapStackTop - Place.pageTables),
    zeros(Right.read | Right.write, Place.stack, Place.stackTop - Place.stack),
    zeros(Right.read | Right.write, Place.bootBlock, bootBlockBytes),
    areaOf(constants.part, Right.read),
    areaOf(text.part, Right.read | Right.execute),
    areaOf(data, Right.read | Right.write),
  ];
  const { memoryAt, memoryBytes, pages } = module.instance.fields;
  tell(constants.part, areas, [
    trapTable,
    ...[memoryAt, memoryBytes, pages].map((field) => theirs + field),
    constants.moduleData,
  ]);
  constants.note(
    [startOurs, Place.stackTop, Place.bootBlock, trapTable, Place.idt, Place.gdt, Place.tss, Place.trapStackTop],
    startPvh,
  );
  const segments: Segment[] = areas.map((area) => ({ ...area, type: SegmentType.load, align: 16 }));
  const note = {
    type: SegmentType.note,
    rights: Right.read,
    from: constants.noteAt,
    bytes: none,
    length: noteBytes,
    align: 4,
  };
  return writeElf([...segments, note], startLinux);
}
