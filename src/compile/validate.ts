// Whether a function's instructions fit together: types, depths, indices, as the specification of WebAssembly says (appendix, "Validation Algorithm"). What passes
// is translated without another look (lift.ts). Not here: reading.

import type { Instruction } from './body.js';
import { type Module, signatureOf } from './module.js';
import { Type } from './opcodes.js';
import { refuse } from './refusal.js';

/** A block that is open. */
interface Frame {
  readonly kind: string;
  readonly gives: Type | undefined;
  /** Values below it. */
  readonly height: number;
  /** Whether what follows is never reached: then the stack gives any type. */
  isDead: boolean;
}

/** Any type, in code that is never reached. */
type Value = Type | undefined;

/** Blocks within blocks. */
const mostDepth = 500;

/** See the file's head. The members without `#` are for the handlers below. */
class Checker {
  readonly module: Module;
  readonly gives: Type | undefined;
  readonly #locals: readonly Type[];
  readonly #stack: Value[] = [];
  readonly #frames: Frame[] = [];
  #at: Instruction | undefined;

  constructor(module: Module, index: number, locals: readonly Type[]) {
    this.module = module;
    this.#locals = locals;
    this.gives = signatureOf(module, index).gives;
    this.open('function', this.gives);
  }

  run(list: readonly Instruction[]): void {
    for (const instruction of list) {
      if (this.#frames.length === 0) refuse('a function goes on behind its end');
      this.#at = instruction;
      const { family, takes, gives } = instruction.opcode;
      if (family === 'control') this.#control(instruction);
      else {
        applies(this, takes, gives);
        if (instruction.opcode.immediate === 'memory') this.needMemory();
      }
    }
    if (this.#frames.length > 0) refuse('a function has no end');
  }

  fail(why: string): never {
    return refuse(`${this.#at?.opcode.name ?? 'a function'}: ${why}`);
  }

  push(type: Value): void {
    this.#stack.push(type);
  }

  pop(expected: Value): Value {
    const frame = this.#frames.at(-1)!;
    if (this.#stack.length === frame.height) return frame.isDead ? expected : this.fail('there is no value for it');
    const found = this.#stack.pop();
    if (found === undefined) return expected;
    if (expected !== undefined && found !== expected) this.fail('a value has another type than it takes');
    return found;
  }

  open(kind: string, gives: Type | undefined): void {
    if (this.#frames.length >= mostDepth) this.fail(`more than ${mostDepth} blocks within one another`);
    this.#frames.push({ kind, gives, height: this.#stack.length, isDead: false });
  }

  close(): Frame {
    const frame = this.#frames.at(-1)!;
    if (frame.gives !== undefined) this.pop(frame.gives);
    if (this.#stack.length !== frame.height) this.fail('values are left at the end of a block');
    this.#frames.pop();
    return frame;
  }

  /** Nothing behind this is reached. */
  die(): void {
    const frame = this.#frames.at(-1)!;
    this.#stack.length = frame.height;
    frame.isDead = true;
  }

  /** What a jump to a block carries. */
  carried(depth: number): Type | undefined {
    const frame = this.#frames[this.#frames.length - 1 - depth] ?? this.fail(`there is no block ${depth} around it`);
    return frame.kind === 'loop' ? undefined : frame.gives;
  }

  #control(instruction: Instruction): void {
    const handler = handlers[instruction.opcode.name] ?? this.fail('nobody knows how to check it');
    handler(this, instruction);
  }

  needMemory(): void {
    if (this.module.memoryPages === undefined) this.fail('the module has no memory');
  }

  local(index: number): Type {
    return this.#locals[index] ?? this.fail(`there is no variable ${index}`);
  }
}

type Handler = (checker: Checker, instruction: Instruction) => void;

function passes(checker: Checker, carried: Type | undefined): void {
  if (carried === undefined) return;
  checker.pop(carried);
  checker.push(carried);
}

function applies(checker: Checker, takes: readonly Type[], gives: Type | undefined): void {
  for (let index = takes.length - 1; index >= 0; index--) checker.pop(takes[index]);
  if (gives !== undefined) checker.push(gives);
}

function jumpTable(checker: Checker, labels: readonly number[]): void {
  checker.pop(Type.i32);
  const carried = checker.carried(labels.at(-1)!);
  for (const label of labels) if (checker.carried(label) !== carried) checker.fail('its blocks give different things');
  if (carried !== undefined) checker.pop(carried);
  checker.die();
}

function select(checker: Checker): void {
  checker.pop(Type.i32);
  const first = checker.pop(undefined);
  const second = checker.pop(first);
  checker.push(first ?? second);
}

function end(checker: Checker): void {
  const { kind, gives } = checker.close();
  if (kind === 'if' && gives !== undefined) checker.fail('an if without else gives a value');
  if (gives !== undefined && kind !== 'function') checker.push(gives);
}

function setGlobal(checker: Checker, index: number): void {
  const global = checker.module.globals[index] ?? checker.fail(`there is no global ${index}`);
  if (!global.isMutable) checker.fail(`the global ${index} is constant`);
  checker.pop(global.type);
}

function callIndirect(checker: Checker, type: number): void {
  const { types, tableEntries } = checker.module;
  const signature = types[type] ?? checker.fail(`there is no type ${type}`);
  if (tableEntries === 0) checker.fail('the module has no table');
  checker.pop(Type.i32);
  applies(checker, signature.takes, signature.gives);
}

function callDirect(checker: Checker, index: number): void {
  const { module } = checker;
  if (index >= module.imports.length + module.functions.length) checker.fail(`there is no function ${index}`);
  const { takes, gives } = signatureOf(module, index);
  applies(checker, takes, gives);
}

function leave(checker: Checker, carried: Type | undefined): void {
  if (carried !== undefined) checker.pop(carried);
  checker.die();
}

const threeNumbers: readonly Type[] = [Type.i32, Type.i32, Type.i32];

const handlers: Readonly<Record<string, Handler>> = {
  unreachable: (checker) => checker.die(),
  nop: () => {},
  block: (checker, { gives }) => checker.open('block', gives),
  loop: (checker, { gives }) => checker.open('loop', gives),
  if: (checker, { gives }) => {
    checker.pop(Type.i32);
    checker.open('if', gives);
  },
  else: (checker) => {
    const { kind, gives } = checker.close();
    if (kind !== 'if') checker.fail('there is no if before it');
    checker.open('else', gives);
  },
  end,
  br: (checker, { index }) => leave(checker, checker.carried(index)),
  br_if: (checker, { index }) => {
    checker.pop(Type.i32);
    passes(checker, checker.carried(index));
  },
  br_table: (checker, { labels }) => jumpTable(checker, labels),
  return: (checker) => leave(checker, checker.gives),
  call: (checker, { index }) => callDirect(checker, index),
  call_indirect: (checker, { index }) => callIndirect(checker, index),
  drop: (checker) => checker.pop(undefined),
  select: (checker) => select(checker),
  'local.get': (checker, { index }) => checker.push(checker.local(index)),
  'local.set': (checker, { index }) => checker.pop(checker.local(index)),
  'local.tee': (checker, { index }) => {
    checker.pop(checker.local(index));
    checker.push(checker.local(index));
  },
  'global.get': (checker, { index }) => {
    checker.push(checker.module.globals[index]?.type ?? checker.fail(`there is no global ${index}`));
  },
  'global.set': (checker, { index }) => setGlobal(checker, index),
  'memory.size': (checker) => {
    checker.needMemory();
    checker.push(Type.i32);
  },
  'memory.copy': (checker) => {
    checker.needMemory();
    applies(checker, threeNumbers, undefined);
  },
  'memory.fill': (checker) => {
    checker.needMemory();
    applies(checker, threeNumbers, undefined);
  },
};

/** Checks a function. @param index its number @param locals its variables, arguments first @throws CompileError */
export function validate(module: Module, index: number, locals: readonly Type[], list: readonly Instruction[]): void {
  new Checker(module, index, locals).run(list);
}
