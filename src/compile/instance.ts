// The block of an instance: the variables of the module, those that its code names most often nearest to its register, and what code and host tell one another. Not here: the
// linear memory.

import type { Instruction } from './body.js';
import { instanceBias } from './homes.js';
import type { InstanceLayout } from './lift.js';
import type { Module } from './module.js';
import { sizeOf } from './opcodes.js';

/** Offsets in the block, which the host writes before anything of the program runs. */
export interface HostFields {
  /** Where linear memory begins (u64), how many bytes it has (u64), and how many pages (u32). */
  readonly memoryAt: number;
  readonly memoryBytes: number;
  readonly pages: number;
  /** Why the program was stopped (u32): see `Trap` in ir.ts. */
  readonly trapCode: number;
  /** Where code goes that is stopped (u64): its reason is in rdi. */
  readonly trapTo: number;
  /** Of the entry that is being called, 0 at first (u64). */
  readonly savedStack: number;
}

/** See the file's head. */
export interface InstancePlan {
  readonly layout: InstanceLayout;
  readonly fields: HostFields;
  /** Where the address of an imported function stands (u64). */
  importAt(index: number): number;
  readonly imports: readonly { readonly module: string; readonly name: string; readonly at: number }[];
  /** What the block begins with. */
  readonly bytes: Uint8Array;
  /** How far into the block its register points. */
  readonly bias: number;
  /** Variables that are given by name. */
  readonly globals: ReadonlyMap<string, { readonly at: number; readonly size: number }>;
}

/** How often code names each variable of the module. */
function countUses(module: Module, bodies: readonly (readonly Instruction[])[]): number[] {
  const uses = new Array<number>(module.globals.length).fill(0);
  for (const list of bodies)
    for (const { opcode, index } of list)
      if (opcode.name === 'global.get' || opcode.name === 'global.set') uses[index]!++;
  return uses;
}

/** Plans the block of a module's instance. */
export function planInstance(module: Module, bodies: readonly (readonly Instruction[])[]): InstancePlan {
  const uses = countUses(module, bodies);
  const order = module.globals
    .map(({ type }, index) => ({ index, size: sizeOf(type), weight: uses[index]! / sizeOf(type) }))
    .sort((one, other) => other.weight - one.weight || one.index - other.index);
  const offsets: number[] = [];
  let end = 0;
  // Two of 4 bytes may stand where one of 8 would have to be aligned; a place that is left over is taken by the next that fits.
  let spare = -1;
  for (const { index, size } of order) {
    if (size === 4 && spare >= 0) {
      offsets[index] = spare;
      spare = -1;
      continue;
    }
    offsets[index] = end;
    if (size === 4) spare = end + 4;
    end += 8;
  }
  const names = ['memoryAt', 'memoryBytes', 'pages', 'trapCode', 'trapTo', 'savedStack'] as const;
  const fields = Object.fromEntries(names.map((name, index) => [name, end + index * 8])) as unknown as HostFields;
  const importsAt = end + names.length * 8;
  const bytes = new Uint8Array(importsAt + module.imports.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { type, value }] of module.globals.entries()) {
    if (sizeOf(type) === 4) view.setUint32(offsets[index]!, Number(BigInt.asUintN(32, value)), true);
    else view.setBigUint64(offsets[index]!, BigInt.asUintN(64, value), true);
  }
  const importAt = (index: number): number => importsAt + index * 8;
  const exported = module.exports.filter(({ kind }) => kind === 'global');
  return {
    ...{
      layout: { global: (index: number) => offsets[index]!, pages: fields.pages },
      fields,
      importAt,
      bytes,
      bias: instanceBias,
    },
    imports: module.imports.map(({ module: from, name }, index) => ({ module: from, name, at: importAt(index) })),
    globals: new Map(
      exported.map(({ name, index }) => [name, { at: offsets[index]!, size: sizeOf(module.globals[index]!.type) }]),
    ),
  };
}
