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

class Checker {
  readonly #module: Module;
  readonly #locals: readonly Type[];
  readonly #gives: Type | undefined;
  readonly #stack: Value[] = [];
  readonly #frames: Frame[] = [];
  #at: Instruction | undefined;

  constructor(module: Module, index: number, locals: readonly Type[]) {
    this.#module = module;
    this.#locals = locals;
    this.#gives = signatureOf(module, index).gives;
    this.#open('function', this.#gives);
  }

  run(list: readonly Instruction[]): void {
    for (const instruction of list) {
      if (this.#frames.length === 0) refuse('a function goes on behind its end');
      this.#at = instruction;
      const { family, takes, gives } = instruction.opcode;
      if (family === 'control') this.#control(instruction);
      else {
        for (let index = takes.length - 1; index >= 0; index--) this.#pop(takes[index]);
        if (gives !== undefined) this.#stack.push(gives);
        if (instruction.opcode.immediate === 'memory') this.#needMemory();
      }
    }
    if (this.#frames.length > 0) refuse('a function has no end');
  }

  #fail(why: string): never {
    return refuse(`${this.#at?.opcode.name ?? 'a function'}: ${why}`);
  }

  #pop(expected: Value): Value {
    const frame = this.#frames.at(-1)!;
    if (this.#stack.length === frame.height) return frame.isDead ? expected : this.#fail('there is no value for it');
    const found = this.#stack.pop();
    if (found === undefined) return expected;
    if (expected !== undefined && found !== expected) this.#fail('a value has another type than it takes');
    return found;
  }

  #open(kind: string, gives: Type | undefined): void {
    if (this.#frames.length >= mostDepth) this.#fail(`more than ${mostDepth} blocks within one another`);
    this.#frames.push({ kind, gives, height: this.#stack.length, isDead: false });
  }

  #close(): Frame {
    const frame = this.#frames.at(-1)!;
    if (frame.gives !== undefined) this.#pop(frame.gives);
    if (this.#stack.length !== frame.height) this.#fail('values are left at the end of a block');
    this.#frames.pop();
    return frame;
  }

  /** Nothing behind this is reached. */
  #die(): void {
    const frame = this.#frames.at(-1)!;
    this.#stack.length = frame.height;
    frame.isDead = true;
  }

  /** What a jump to a block carries. */
  #carried(depth: number): Type | undefined {
    const frame = this.#frames[this.#frames.length - 1 - depth] ?? this.#fail(`there is no block ${depth} around it`);
    return frame.kind === 'loop' ? undefined : frame.gives;
  }

  #control(instruction: Instruction): void {
    const handler = handlers[instruction.opcode.name] ?? this.#fail('nobody knows how to check it');
    handler(this.#hands, instruction);
  }

  #needMemory(): void {
    if (this.#module.memoryPages === undefined) this.#fail('the module has no memory');
  }

  /** What the handlers work with. */
  readonly #hands = {
    module: () => this.#module,
    pop: (type: Value) => this.#pop(type),
    push: (type: Value) => this.#stack.push(type),
    open: (kind: string, gives: Type | undefined) => this.#open(kind, gives),
    close: () => this.#close(),
    die: () => this.#die(),
    carried: (depth: number) => this.#carried(depth),
    result: () => this.#gives,
    needMemory: () => this.#needMemory(),
    fail: (why: string): never => this.#fail(why),
    local: (index: number): Type => this.#locals[index] ?? this.#fail(`there is no variable ${index}`),
  };
}

/** The hands of a {@link Checker}. */
interface Hands {
  module(): Module;
  pop(type: Value): Value;
  push(type: Value): void;
  open(kind: string, gives: Type | undefined): void;
  close(): Frame;
  die(): void;
  carried(depth: number): Type | undefined;
  result(): Type | undefined;
  needMemory(): void;
  fail(why: string): never;
  local(index: number): Type;
}

type Handler = (hands: Hands, instruction: Instruction) => void;

function passes(hands: Hands, carried: Type | undefined): void {
  if (carried === undefined) return;
  hands.pop(carried);
  hands.push(carried);
}

function applies(hands: Hands, takes: readonly Type[], gives: Type | undefined): void {
  for (let index = takes.length - 1; index >= 0; index--) hands.pop(takes[index]);
  if (gives !== undefined) hands.push(gives);
}

function jumpTable(hands: Hands, labels: readonly number[]): void {
  hands.pop(Type.i32);
  const carried = hands.carried(labels.at(-1)!);
  for (const label of labels) if (hands.carried(label) !== carried) hands.fail('its blocks give different things');
  if (carried !== undefined) hands.pop(carried);
  hands.die();
}

function select(hands: Hands): void {
  hands.pop(Type.i32);
  const first = hands.pop(undefined);
  const second = hands.pop(first);
  hands.push(first ?? second);
}

function end(hands: Hands): void {
  const { kind, gives } = hands.close();
  if (kind === 'if' && gives !== undefined) hands.fail('an if without else gives a value');
  if (gives !== undefined && kind !== 'function') hands.push(gives);
}

function setGlobal(hands: Hands, index: number): void {
  const global = hands.module().globals[index] ?? hands.fail(`there is no global ${index}`);
  if (!global.isMutable) hands.fail(`the global ${index} is constant`);
  hands.pop(global.type);
}

function callIndirect(hands: Hands, type: number): void {
  const { types, tableEntries } = hands.module();
  const signature = types[type] ?? hands.fail(`there is no type ${type}`);
  if (tableEntries === 0) hands.fail('the module has no table');
  hands.pop(Type.i32);
  applies(hands, signature.takes, signature.gives);
}

function callDirect(hands: Hands, index: number): void {
  const module = hands.module();
  if (index >= module.imports.length + module.functions.length) hands.fail(`there is no function ${index}`);
  const { takes, gives } = signatureOf(module, index);
  applies(hands, takes, gives);
}

function leave(hands: Hands, carried: Type | undefined): void {
  if (carried !== undefined) hands.pop(carried);
  hands.die();
}

const threeNumbers: readonly Type[] = [Type.i32, Type.i32, Type.i32];

const handlers: Readonly<Record<string, Handler>> = {
  unreachable: (hands) => hands.die(),
  nop: () => {},
  block: (hands, { gives }) => hands.open('block', gives),
  loop: (hands, { gives }) => hands.open('loop', gives),
  if: (hands, { gives }) => {
    hands.pop(Type.i32);
    hands.open('if', gives);
  },
  else: (hands) => {
    const { kind, gives } = hands.close();
    if (kind !== 'if') hands.fail('there is no if before it');
    hands.open('else', gives);
  },
  end,
  br: (hands, { index }) => leave(hands, hands.carried(index)),
  br_if: (hands, { index }) => {
    hands.pop(Type.i32);
    passes(hands, hands.carried(index));
  },
  br_table: (hands, { labels }) => jumpTable(hands, labels),
  return: (hands) => leave(hands, hands.result()),
  call: (hands, { index }) => callDirect(hands, index),
  call_indirect: (hands, { index }) => callIndirect(hands, index),
  drop: (hands) => hands.pop(undefined),
  select: (hands) => select(hands),
  'local.get': (hands, { index }) => hands.push(hands.local(index)),
  'local.set': (hands, { index }) => hands.pop(hands.local(index)),
  'local.tee': (hands, { index }) => {
    hands.pop(hands.local(index));
    hands.push(hands.local(index));
  },
  'global.get': (hands, { index }) => {
    hands.push(hands.module().globals[index]?.type ?? hands.fail(`there is no global ${index}`));
  },
  'global.set': (hands, { index }) => setGlobal(hands, index),
  'memory.size': (hands) => {
    hands.needMemory();
    hands.push(Type.i32);
  },
  'memory.copy': (hands) => {
    hands.needMemory();
    applies(hands, threeNumbers, undefined);
  },
  'memory.fill': (hands) => {
    hands.needMemory();
    applies(hands, threeNumbers, undefined);
  },
};

/** Checks a function. @param index its number @param locals its variables, arguments first @throws CompileError */
export function validate(module: Module, index: number, locals: readonly Type[], list: readonly Instruction[]): void {
  new Checker(module, index, locals).run(list);
}
