// Images that are linked here: both languages mean the same places and words, what an image says of itself is so, and a module that is none of an image's is refused in a sentence. How they
// run is in test/vmm/.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { importCodes } from '../../src/compile/image-code.js';
import { bootBlockBytes, Door, devicesVirtual, Place } from '../../src/compile/image-layout.js';
import { wordBytes, words } from '../../src/compile/image-words.js';
import { linkImage } from '../../src/compile/link-image.js';
import { compileModule, type Program } from '../../src/compile/program.js';
import { Layout, prepareMemory } from '../../src/vmm/boot.js';
import { imageBase, imageEnd, readImage } from '../../src/vmm/image-file.js';
import { i32, T, type WrittenModule, writeModule } from './module-writer.js';

const program = (path: string): Program =>
  compileModule(readFileSync(new URL(`../../core/${path}.wasm`, import.meta.url)));
const machine = program('around/machine');

/** Constants of a file of AssemblyScript, by name. */
function constantsOf(file: string): ReadonlyMap<string, bigint> {
  const text = readFileSync(`src/core/machine/${file}.ts`, 'utf8');
  const found = text.matchAll(/^export const (\w+): \w+ = (0x[\da-f_]+|\d+);$/gm);
  return new Map([...found].map(([, name, value]) => [name!, BigInt(value!.replaceAll('_', ''))]));
}

test('the machine side, the linker and the monitor mean the same places', () => {
  const places = constantsOf('places');
  const same: Readonly<Record<string, number | bigint>> = {
    ...{ PAGE_TABLES: Place.pageTables, GDT: Place.gdt, TSS: Place.tss, IDT: Place.idt },
    ...{ TRAP_STACK_TOP: Place.trapStackTop, BOOT_BLOCK: Place.bootBlock, BOOT_BLOCK_BYTES: bootBlockBytes },
    ...{ PARTS: Place.constants, TRAP_TABLE: Place.told, MODULE_DATA: Place.told + 16, WORDS: Place.words },
    ...{
      LINEAR_PHYSICAL: Layout.linearPhysical,
      LINEAR_VIRTUAL: Layout.linearVirtual,
      LINE_BYTES: Layout.commandLineBytes,
    },
    ...{ LINEAR_GUARD: Layout.linearGuard, LINEAR_MOST: Layout.linearMost, DOOR_OURS: Layout.doorOurs },
    ...{ DEVICES_VIRTUAL: devicesVirtual, DOOR_PVH: Door.pvh },
  };
  for (const [name, value] of Object.entries(same)) assert.equal(places.get(name), BigInt(value), name);
  assert.equal(Number(devicesVirtual), Layout.devicesVirtual);
  assert.equal(places.get('PARTS')! + places.get('PARTS_COUNT')! * places.get('PART_BYTES')!, BigInt(Place.told));
  const told = ['TRAP_TABLE', 'MODULE_MEMORY_AT', 'MODULE_MEMORY_BYTES', 'MODULE_PAGES', 'MODULE_DATA'];
  for (const [index, name] of told.entries()) assert.equal(places.get(name), BigInt(Place.told + index * 4), name);
  assert.deepEqual([Place.pageTables, Place.end], [imageBase, imageEnd]);
});

test('what our monitor tells is where the machine side looks for it', () => {
  const places = constantsOf('places');
  const place = (name: string): number => Number(places.get(name));
  const image = readImage(linkImage(machine, program('images/probe')));
  const memory = new DataView(new ArrayBuffer(8 * 1024 ** 2));
  const seed = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
  prepareMemory(memory, image, [], { commandLine: 'do=1', tscKhz: 2_100_000, wallUs: 1_700_000_000_000_000, seed });
  const block = (name: string): number => place('BOOT_BLOCK') + place(name);
  assert.equal(memory.getUint32(block('DOOR'), true), place('DOOR_OURS'));
  assert.equal(memory.getBigUint64(block('LINEAR_BYTES'), true), 6n * 1024n ** 2n);
  assert.equal(memory.getBigUint64(block('TSC_KHZ'), true), 2_100_000n);
  assert.equal(memory.getBigUint64(block('WALL_US'), true), 1_700_000_000_000_000n);
  assert.deepEqual(new Uint8Array(memory.buffer, block('SEED'), 32), seed);
  assert.deepEqual(new Uint8Array(memory.buffer, block('LINE'), 5), new TextEncoder().encode('do=1\0'));
  assert.equal(place('LINE') + place('LINE_BYTES'), bootBlockBytes);
});

test('images of both compilers mean the same places of linear memory, devices and doors', () => {
  const header = readFileSync('src/image/layout.h', 'utf8');
  const inC = new Map(
    [...header.matchAll(/^#define (\w+) (0x[\da-f]+|\d+)$/gm)].map(([, name, value]) => [name!, value!]),
  );
  const places = constantsOf('places');
  const names = ['LINEAR_PHYSICAL', 'LINEAR_VIRTUAL', 'LINEAR_GUARD', 'LINEAR_MOST', 'STATIC_BYTES'];
  for (const name of [...names, 'DEVICES_VIRTUAL', 'DEVICES_PHYSICAL', 'DOOR_OURS', 'DOOR_PVH'])
    assert.equal(places.get(name), BigInt(inC.get(name)!), name);
});

test('words have the same numbers on both sides', () => {
  const numbers = constantsOf('words');
  assert.ok(numbers.size >= 20);
  for (const [name, number] of numbers) assert.equal(Object.keys(words).indexOf(name), Number(number), name);
  assert.equal(wordBytes().filter((byte) => byte === 0).length, Object.keys(words).length);
});

test('an image is the same bytes each time, and its parts lie apart with their rights', () => {
  const module = program('images/probe');
  const bytes = linkImage(machine, module);
  assert.deepEqual(bytes, linkImage(machine, module));
  const { parts, entry, stackTop, trapTable, bootBlock, gdt } = readImage(bytes);
  const within = (at: number) => parts.find(({ address, byteLength }) => at >= address && at < address + byteLength)!;
  for (const at of [entry, trapTable])
    assert.deepEqual([within(at).isExecutable, within(at).isWritable], [true, false]);
  for (const at of [bootBlock, stackTop - 8])
    assert.deepEqual([within(at).isExecutable, within(at).isWritable], [false, true]);
  assert.deepEqual(
    parts.map(({ isForProcessor }) => isForProcessor),
    [true, false, false, false, false, false],
  );
  assert.equal(within(gdt).isForProcessor, true);
  assert.equal(within(within(stackTop - 8).address - 1), undefined, 'beneath the stack is nothing');
  for (const [index, { address }] of parts.entries()) {
    assert.equal(address % 4096, 0);
    if (index > 0) assert.ok(address >= parts[index - 1]!.address + parts[index - 1]!.byteLength);
  }
});

test('all that code imports is there', () => {
  const names = [...importCodes().keys()];
  const imported = [machine, program('images/kv')].flatMap(({ instance }) => instance.imports);
  for (const { module, name } of imported)
    assert.ok(
      module === 'module' || names.includes(`${module}.${name}`) || machine.entries.has(name),
      `${module}.${name}`,
    );
});

test('the image of the store is within 256 KiB', () => {
  assert.ok(linkImage(machine, program('images/kv')).length <= 256 * 1024);
});

test('what is no module of an image is refused in a sentence', () => {
  const nothing = { takes: [], gives: undefined, locals: [], body: [] } as const;
  const number = { ...nothing, gives: T.i32, body: i32(0) } as const;
  const functions = ['bootBlock', 'begin', 'turn', 'rest'].map((name) => ({ ...number, name }));
  const link = (module: WrittenModule): Uint8Array => linkImage(machine, compileModule(writeModule(module)));
  readImage(link({ functions }));
  assert.throws(() => link({ functions: functions.slice(0, 3) }), /the module exports no rest/);
  const host = [{ name: 'launch', takes: [], gives: undefined }] as const;
  assert.throws(() => link({ functions, host }), /nothing in an image is called host\.launch/);
  const asks = compileModule(writeModule({ functions, host }));
  const imports = asks.instance.imports.map((each) => ({ ...each, module: 'processor', name: 'out8' }));
  assert.throws(
    () => linkImage(machine, { ...asks, instance: { ...asks.instance, imports } }),
    /a module of an image cannot import processor\.out8/,
  );
  // Nothing of it is there twice.
  const data = [
    { at: 0x1_0000, bytes: Array.from({ length: 1024 ** 2 }, (_, at) => (Math.imul(at, at | 1) >>> 11) & 255) },
  ];
  assert.throws(() => link({ functions, data }), /longer than its place/);
  assert.throws(() => linkImage(program('images/probe'), program('images/probe')), /begins with nothing of its own/);
});
