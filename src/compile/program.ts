// A module made into machine code, whole: its functions in the order in which they are called (so that a caller knows what a call changes), what lies between them and the host,
// and the block of the instance. Not here: where it is loaded, and by whom.

import { allocate } from './allocate.js';
import { type Instruction, readBody } from './body.js';
import { emitFunction, type FunctionCode } from './emit.js';
import type { ProgramFacts } from './emit-calls.js';
import { foldConditions } from './fold-conditions.js';
import { type InstancePlan, planInstance } from './instance.js';
import { type FunctionIr, Trap } from './ir.js';
import { lift } from './lift.js';
import { type DataSegment, type Module, readModule, type Signature, signatureOf } from './module.js';
import { refuse } from './refusal.js';
import { anyCall } from './registers.js';
import { abandonCode, copyCode, enterCode, fillCode, importCode, trapCode } from './stubs.js';
import { validate } from './validate.js';

/** Something that the host calls: where it is in the code, and what it takes and gives by the convention of C. */
export interface Entry {
  readonly at: number;
  readonly signature: Signature;
}

/** See the file's head. Offsets are in `code`, but for those of the instance. */
export interface Program {
  readonly code: Uint8Array;
  /** Where the code has 32 bits for how far the instance's block (at `instance.bias`) is from their end. */
  readonly instanceLinks: readonly number[];
  readonly entries: ReadonlyMap<string, Entry>;
  readonly start: Entry | undefined;
  /** Where a host sends a trap that is to end the call of an entry and nothing more. */
  readonly abandon: number;
  readonly instance: InstancePlan;
  readonly data: readonly DataSegment[];
}

/** What code knows of its program. Functions of the program itself have the numbers behind those of the module. */
function factsOf(module: Module): ProgramFacts {
  const first = module.imports.length + module.functions.length;
  const marks = new Map<string, number>();
  const typeMark = (type: number): number => {
    const { takes, gives } = module.types[type]!;
    const text = `${takes.join()}:${gives ?? ''}`;
    if (!marks.has(text)) marks.set(text, marks.size + 1);
    return marks.get(text)!;
  };
  const { tableEntries } = module;
  return { fill: first, copy: first + 1, trap: (code) => first + 2 + code, tableEntries, typeMark };
}

/** Functions in an order in which those that are called come first, where there is one. */
function callOrder(module: Module, functions: readonly FunctionIr[]): number[] {
  const imported = module.imports.length;
  const callees = functions.map(({ blocks }) => {
    const list = blocks.flatMap(({ steps }) =>
      steps.flatMap((step) => (step.op === 'call' ? [step.callee - imported] : [])),
    );
    return [...new Set(list)].filter((callee) => callee >= 0);
  });
  const seen = new Uint8Array(functions.length);
  const order: number[] = [];
  for (let root = 0; root < functions.length; root++) {
    if (seen[root] !== 0) continue;
    seen[root] = 1;
    const path = [{ index: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const callee = callees[top.index]![top.next++];
      if (callee === undefined) {
        order.push(top.index);
        path.pop();
      } else if (seen[callee] === 0) {
        seen[callee] = 1;
        path.push({ index: callee, next: 0 });
      }
    }
  }
  return order;
}

/** Code one behind another, and where each begins. */
class Assembly {
  readonly #parts: { readonly code: FunctionCode; readonly at: number }[] = [];
  readonly #places = new Map<number, number>();
  #length = 0;

  /** @param number by which it is called; undefined: it is not */
  add(code: FunctionCode, number?: number): number {
    const at = this.#length;
    this.#parts.push({ code, at });
    if (number !== undefined) this.#places.set(number, at);
    this.#length = at + code.bytes.length;
    return at;
  }

  placeOf(number: number): number {
    return this.#places.get(number) ?? refuse(`there is no code for the function ${number}`);
  }

  /** Everything, with calls put in. */
  finish(table: readonly { readonly callee: number; readonly mark: number }[]): {
    code: Uint8Array;
    instanceLinks: number[];
  } {
    const tableAt = (this.#length + 7) & ~7;
    // What lies between functions is never run: int3.
    const code = new Uint8Array(tableAt + table.length * 8).fill(0xcc);
    const view = new DataView(code.buffer);
    const instanceLinks: number[] = [];
    for (const { code: part, at } of this.#parts) {
      for (let index = 0; index < part.bytes.length; index++) code[at + index] = part.bytes[index]!;
      for (const { at: offset, kind, target } of part.links) {
        const place = at + offset;
        if (kind === 'instance') instanceLinks.push(place);
        else view.setInt32(place, (kind === 'function' ? this.placeOf(target) : tableAt) - place - 4, true);
      }
    }
    for (const [index, { callee, mark }] of table.entries()) {
      view.setInt32(tableAt + index * 8, mark === 0 ? 0 : this.placeOf(callee) - tableAt, true);
      view.setUint32(tableAt + index * 8 + 4, mark, true);
    }
    return { code, instanceLinks };
  }
}

function tableOf(module: Module, facts: ProgramFacts): { callee: number; mark: number }[] {
  const table = Array.from({ length: module.tableEntries }, () => ({ callee: 0, mark: 0 }));
  for (const { at, functions } of module.elements)
    for (const [index, callee] of functions.entries()) {
      const type = module.imports[callee]?.type ?? module.functions[callee - module.imports.length]!;
      table[at + index] = { callee, mark: facts.typeMark(type) };
    }
  return table;
}

/** Lifts every function, its conditions folded. */
function liftAll(module: Module, bodies: readonly (readonly Instruction[])[], plan: InstancePlan): FunctionIr[] {
  return bodies.map((list, index) => {
    const number = module.imports.length + index;
    const ir = lift(module, number, module.bodies[index]!.locals, list, plan.layout);
    foldConditions(ir);
    return ir;
  });
}

/**
 * Compiles a module. The same bytes give the same program.
 * @throws CompileError for what is no module, is not valid, or has anything that is not of the subset
 */
export function compileModule(bytes: Uint8Array): Program {
  const module = readModule(bytes);
  const imported = module.imports.length;
  const bodies = module.bodies.map(({ code, locals }, index) => {
    const list = readBody(code);
    validate(module, imported + index, locals, list);
    return list;
  });
  const plan = planInstance(module, bodies);
  const facts = factsOf(module);
  const functions = liftAll(module, bodies, plan);
  const assembly = new Assembly();
  for (const [index, { type }] of module.imports.entries())
    assembly.add(importCode(module.types[type]!, plan.importAt(index)), index);
  const changes = new Map<number, number>();
  for (const index of callOrder(module, functions)) {
    const ir = functions[index]!;
    const allocation = allocate(ir, (callee) => (callee === undefined ? anyCall : (changes.get(callee) ?? anyCall)));
    changes.set(imported + index, allocation.changed);
    const code = emitFunction({
      ir,
      allocation,
      facts,
      signatureOf: (step) => (step.op === 'call' ? signatureOf(module, step.callee) : module.types[step.type]!),
    });
    assembly.add(code, imported + index);
  }
  assembly.add(fillCode(plan, facts), facts.fill);
  assembly.add(copyCode(plan, facts), facts.copy);
  for (const code of Object.values(Trap)) assembly.add(trapCode(code, plan), facts.trap(code));
  const enter = (index: number): Entry => {
    const signature = signatureOf(module, index);
    return { at: assembly.add(enterCode(index, signature, plan)), signature };
  };
  const entries = new Map<string, Entry>();
  for (const { name, kind, index } of module.exports) if (kind === 'function') entries.set(name, enter(index));
  const start = module.start === undefined ? undefined : enter(module.start);
  const abandon = assembly.add(abandonCode(plan));
  return {
    ...assembly.finish(tableOf(module, facts)),
    entries,
    start,
    abandon,
    instance: plan,
    data: module.data,
  };
}
