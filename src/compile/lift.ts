// A function of WebAssembly made into blocks of steps. Its stack is gone: what stands on it is a tree (tree.ts) until something takes it, or until what the tree reads is
// about to change. The function was validated before. Not here: which instruction computes what (select.ts).

import type { Instruction } from './body.js';
import {
  type Block,
  type Ending,
  type FunctionIr,
  inverse,
  type Operand,
  type Place,
  retarget,
  Trap,
  targetsOf,
  type Variable,
} from './ir.js';
import { liftOperation, type OperationStack } from './lift-operations.js';
import { type Module, signatureOf } from './module.js';
import { sizeOf, Type } from './opcodes.js';
import { Selector } from './select.js';
import { constantTree, fitsInto32, manyOf, readsMemory, readsVariable, type Tree, variableTree } from './tree.js';

/** Where the instance keeps what is not linear memory. */
export interface InstanceLayout {
  /** Offset of a variable of the module. */
  global(index: number): number;
  /** Of the number of pages (u32). */
  readonly pages: number;
}

/** A block of WebAssembly that is open. */
interface Frame {
  readonly kind: 'block' | 'loop' | 'if' | 'else';
  /** Where a jump to it goes. */
  readonly target: number;
  readonly end: number;
  /** Of `if`: where it goes on where it is not so. */
  readonly otherwise: number;
  readonly result: Variable | undefined;
  readonly height: number;
}

/** Nodes of a tree; a larger one is computed. */
const mostNodes = 12;

/** See the file's head. The members without `#` are for operations (lift-operations.ts) and handlers (below). */
class Lifter implements OperationStack {
  readonly module: Module;
  readonly layout: InstanceLayout;
  readonly selector: Selector;
  readonly ir: FunctionIr;
  readonly #stack: Tree[] = [];
  readonly #frames: Frame[] = [];
  /** Blocks that were started, by number, and their numbers in the order in which they stand. */
  readonly #blocks: Block[] = [];
  readonly #order: number[] = [];
  readonly #isTargeted: boolean[] = [];
  readonly #isSet: readonly boolean[];
  #current: Block | undefined;
  #depth = 0;
  /** Blocks that were opened where nothing is reached. */
  #skipped = 0;

  constructor(
    module: Module,
    index: number,
    locals: readonly Type[],
    list: readonly Instruction[],
    layout: InstanceLayout,
  ) {
    this.module = module;
    this.layout = layout;
    const signature = signatureOf(module, index);
    this.ir = {
      types: [...locals],
      parameters: signature.takes.length,
      locals: locals.length,
      gives: signature.gives,
      blocks: [],
    };
    this.selector = new Selector(this.ir);
    const isSet = locals.map(() => false);
    for (const { opcode, index: local } of list)
      if (opcode.name === 'local.set' || opcode.name === 'local.tee') isSet[local] = true;
    this.#isSet = isSet;
    const end = this.#newBlock();
    const result = signature.gives === undefined ? undefined : this.selector.fresh(signature.gives);
    this.#frames.push({ kind: 'block', target: end, end, otherwise: -1, result, height: 0 });
    this.#start(this.#newBlock());
  }

  run(list: readonly Instruction[]): FunctionIr {
    for (const instruction of list) {
      if (this.#current === undefined) this.#skip(instruction);
      else this.#step(instruction);
    }
    const place = new Map(this.#order.map((number, index) => [number, index]));
    const at = (number: number): number => place.get(number)!;
    for (const number of this.#order) {
      const block = this.#blocks[number]!;
      block.ending = retarget(block.ending, at);
      this.ir.blocks.push(block);
    }
    return this.ir;
  }

  #step(instruction: Instruction): void {
    const { family, name } = instruction.opcode;
    if (family !== 'control') liftOperation(this, instruction);
    else (handlers[name] as Handler)(this, instruction);
    const top = this.#stack.at(-1);
    if (top !== undefined && manyOf(top) > mostNodes) this.compute(this.#stack.length - 1);
  }

  #skip({ opcode: { name } }: Instruction): void {
    if (name === 'block' || name === 'loop' || name === 'if') this.#skipped++;
    else if (name === 'end' && this.#skipped > 0) this.#skipped--;
    else if (this.#skipped === 0 && name === 'else') this.else();
    else if (this.#skipped === 0 && name === 'end') this.end();
  }

  /** The number of a block that jumps may lead to; {@link #start} makes it. */
  #newBlock(): number {
    return this.#isTargeted.push(false) - 1;
  }

  #start(number: number): void {
    const block: Block = { steps: [], ending: { op: 'trap', code: Trap.check }, depth: this.#depth };
    this.#blocks[number] = block;
    this.#order.push(number);
    this.#current = block;
    this.selector.steps = block.steps;
  }

  /** Ends the current block; nothing is reached until another is started. */
  finish(ending: Ending): void {
    for (const target of targetsOf(ending)) this.#isTargeted[target] = true;
    this.#current!.ending = ending;
    this.#current = undefined;
  }

  push(tree: Tree): void {
    this.#stack.push(tree);
  }

  pop(): Tree {
    return this.#stack.pop()!;
  }

  /** Computes what stands on the stack at a place. */
  compute(at: number): void {
    const tree = this.#stack[at]!;
    if (tree.kind !== 'constant')
      this.#stack[at] = variableTree(tree.type, this.selector.value(tree, this.selector.fresh(tree.type)));
  }

  /** Computes what reads memory, before it changes. */
  computeReaders(...spaces: readonly Place['space'][]): void {
    for (const [at, tree] of this.#stack.entries())
      if (spaces.some((space) => readsMemory(tree, space))) this.compute(at);
  }

  #computeReadersOf(local: number): void {
    for (const [at, tree] of this.#stack.entries()) if (readsVariable(tree, local)) this.compute(at);
  }

  /** Computes what stands on the stack before a block in which anything may happen. */
  #computeAll(): void {
    for (const [at, tree] of this.#stack.entries()) {
      const isKept = tree.kind === 'variable' && (tree.variable >= this.ir.locals || !this.#isSet[tree.variable]);
      if (!isKept) this.compute(at);
    }
  }

  #open(kind: Frame['kind'], gives: Type | undefined, otherwise: number): void {
    const end = this.#newBlock();
    const target = kind === 'loop' ? this.#newBlock() : end;
    const result = gives === undefined ? undefined : this.selector.fresh(gives);
    this.#frames.push({ kind, target, end, otherwise, result, height: this.#stack.length });
  }

  block(kind: 'block' | 'loop', gives: Type | undefined): void {
    this.#computeAll();
    this.#open(kind, gives, -1);
    if (kind === 'block') return;
    this.#depth++;
    const { target } = this.#frames.at(-1)!;
    this.finish({ op: 'jump', to: target });
    this.#start(target);
  }

  if(gives: Type | undefined): void {
    const condition = this.pop();
    this.#computeAll();
    const [yes, no] = [this.#newBlock(), this.#newBlock()];
    const compare = this.selector.compare(condition);
    this.#open('if', gives, no);
    this.finish({ op: 'branch', compare, yes, no });
    this.#start(yes);
  }

  /** The end of a way through a frame: what it gives goes to where it is expected. */
  #give(frame: Frame): void {
    if (this.#current === undefined) return;
    if (frame.result !== undefined) this.selector.value(this.pop(), frame.result);
    this.finish({ op: 'jump', to: frame.end });
  }

  else(): void {
    const frame = this.#frames.pop()!;
    this.#give(frame);
    this.#stack.length = frame.height;
    this.#frames.push({ ...frame, kind: 'else' });
    this.#start(frame.otherwise);
  }

  end(): void {
    const frame = this.#frames.pop()!;
    this.#give(frame);
    this.#stack.length = frame.height;
    if (frame.kind === 'loop') this.#depth--;
    if (frame.kind === 'if') {
      this.#start(frame.otherwise);
      this.finish({ op: 'jump', to: frame.end });
    }
    if (!this.#isTargeted[frame.end]) return;
    this.#start(frame.end);
    const result = frame.result === undefined ? undefined : variableTree(this.ir.types[frame.result]!, frame.result);
    if (this.#frames.length > 0) {
      if (result !== undefined) this.push(result);
      return;
    }
    this.finish({
      op: 'return',
      value: frame.result === undefined ? undefined : { kind: 'variable', variable: frame.result },
    });
  }

  /** The frame that a depth leads to, and the value that goes with a jump put where that expects it. */
  #carry(depth: number, isTaken: boolean): Frame {
    const frame = this.#frames[this.#frames.length - 1 - depth]!;
    if (frame.kind === 'loop' || frame.result === undefined) return frame;
    const at = this.#stack.length - 1;
    const top = this.#stack[at]!;
    // Where the jump may not be taken, the value stays on the stack as well.
    if (!isTaken && top.kind !== 'constant') this.compute(at);
    this.selector.value(this.#stack[at]!, frame.result);
    return frame;
  }

  jump(depth: number): void {
    if (depth === this.#frames.length - 1) {
      this.return();
      return;
    }
    const { target } = this.#carry(depth, true);
    this.finish({ op: 'jump', to: target });
  }

  jumpIf(depth: number): void {
    const condition = this.pop();
    this.computeReaders('linear');
    const { target } = this.#carry(depth, false);
    const compare = this.selector.compare(condition);
    const next = this.#newBlock();
    this.finish({ op: 'branch', compare, yes: target, no: next });
    this.#start(next);
  }

  jumpTable(labels: readonly number[]): void {
    const on: Operand = { kind: 'variable', variable: this.selector.value(this.pop()) };
    const targets = labels.map((depth) => this.#carry(depth, false).target);
    this.finish({ op: 'switch', on, to: targets.slice(0, -1), otherwise: targets.at(-1)! });
  }

  return(): void {
    const { result } = this.#frames[0]!;
    const value = result === undefined ? undefined : this.#whole(this.pop());
    this.finish({ op: 'return', value });
  }

  /** A tree as an operand of which all of the register counts. */
  #whole(tree: Tree): Operand {
    if (tree.kind !== 'resize') return this.selector.operand(tree, false, sizeOf(tree.type));
    return { kind: 'variable', variable: this.selector.value(tree) };
  }

  getLocal(local: number): void {
    this.push(variableTree(this.ir.types[local]!, local));
  }

  setLocal(local: number): void {
    const tree = this.pop();
    this.#computeReadersOf(local);
    this.selector.value(tree, local);
  }

  globalPlace(index: number): Place {
    const { type } = this.module.globals[index]!;
    return { kind: 'place', space: 'instance', base: undefined, offset: this.layout.global(index), size: sizeOf(type) };
  }

  getGlobal(index: number): void {
    const { type, isMutable, value } = this.module.globals[index]!;
    if (isMutable) this.push({ kind: 'load', type, place: this.globalPlace(index), isSigned: false });
    else this.push(constantTree(type, value));
  }

  /** Takes the values of a call from the stack. */
  #values(takes: readonly Type[]): Operand[] {
    const trees = takes.map(() => this.pop()).reverse();
    this.computeReaders('linear', 'instance');
    return trees.map((tree) => this.#whole(tree));
  }

  #called(into: Variable | undefined): void {
    if (into !== undefined) this.push(variableTree(this.ir.types[into]!, into));
  }

  call(index: number): void {
    const { takes, gives } = signatureOf(this.module, index);
    const values = this.#values(takes);
    const into = gives === undefined ? undefined : this.selector.fresh(gives);
    this.selector.steps.push({ op: 'call', into, callee: index, values });
    this.#called(into);
  }

  callIndirect(type: number): void {
    const { takes, gives } = this.module.types[type]!;
    const entry: Operand = { kind: 'variable', variable: this.selector.value(this.pop()) };
    const values = this.#values(takes);
    const into = gives === undefined ? undefined : this.selector.fresh(gives);
    this.selector.steps.push({ op: 'callIndirect', into, entry, type, values });
    this.#called(into);
  }

  select(): void {
    const [condition, no, yes] = [this.pop(), this.pop(), this.pop()];
    const isNumber = (tree: Tree, value: bigint): boolean =>
      tree.kind === 'constant' && tree.type === Type.i32 && tree.value === value;
    if (condition.kind === 'compare' && isNumber(yes, 1n) && isNumber(no, 0n)) {
      this.push(condition);
      return;
    }
    const size = sizeOf(yes.type);
    const isSwapped = yes.kind === 'constant' && no.kind !== 'constant';
    const [first, second] = isSwapped ? [no, yes] : [yes, no];
    const left = this.#selected(first, true, size);
    const right =
      second.kind === 'constant' && fitsInto32(second.value)
        ? this.selector.operand(second, false, size)
        : this.#selected(second, false, size);
    const compare = this.selector.compare(condition);
    const into = this.selector.fresh(yes.type);
    this.selector.steps.push({
      op: 'select',
      into,
      yes: left,
      no: right,
      compare: isSwapped ? inverse(compare) : compare,
      size,
    });
    this.push(variableTree(yes.type, into));
  }

  #selected(tree: Tree, mayBePlace: boolean, size: number): Operand {
    if (tree.kind !== 'constant' && tree.kind !== 'resize')
      return this.selector.operand(tree, mayBePlace && tree.type !== Type.f64, size);
    return { kind: 'variable', variable: this.selector.value(tree) };
  }

  bulk(what: 'fill' | 'copy'): void {
    const values = [Type.i32, Type.i32, Type.i32];
    this.selector.steps.push({ op: 'bulk', what, values: this.#values(values) });
  }

  tee(local: number): void {
    this.setLocal(local);
    this.getLocal(local);
  }

  setGlobal(index: number): void {
    const tree = this.pop();
    this.computeReaders('instance');
    this.selector.store(this.globalPlace(index), tree);
  }

  getPages(): void {
    const place: Place = { kind: 'place', space: 'instance', base: undefined, offset: this.layout.pages, size: 4 };
    this.push({ kind: 'load', type: Type.i32, place, isSigned: false });
  }

  /** What is dropped may have been a read that is refused. */
  drop(): void {
    const tree = this.pop();
    if (readsMemory(tree, 'linear')) this.selector.value(tree);
  }
}

type Handler = (lifter: Lifter, instruction: Instruction) => void;

const handlers: Readonly<Record<string, Handler>> = {
  unreachable: (lifter) => lifter.finish({ op: 'trap', code: Trap.check }),
  nop: () => {},
  block: (lifter, { gives }) => lifter.block('block', gives),
  loop: (lifter, { gives }) => lifter.block('loop', gives),
  if: (lifter, { gives }) => lifter.if(gives),
  else: (lifter) => lifter.else(),
  end: (lifter) => lifter.end(),
  br: (lifter, { index }) => lifter.jump(index),
  br_if: (lifter, { index }) => lifter.jumpIf(index),
  br_table: (lifter, { labels }) => lifter.jumpTable(labels),
  return: (lifter) => lifter.return(),
  call: (lifter, { index }) => lifter.call(index),
  call_indirect: (lifter, { index }) => lifter.callIndirect(index),
  drop: (lifter) => lifter.drop(),
  select: (lifter) => lifter.select(),
  'local.get': (lifter, { index }) => lifter.getLocal(index),
  'local.set': (lifter, { index }) => lifter.setLocal(index),
  'local.tee': (lifter, { index }) => lifter.tee(index),
  'global.get': (lifter, { index }) => lifter.getGlobal(index),
  'global.set': (lifter, { index }) => lifter.setGlobal(index),
  'memory.size': (lifter) => lifter.getPages(),
  'memory.copy': (lifter) => lifter.bulk('copy'),
  'memory.fill': (lifter) => lifter.bulk('fill'),
};

/** Lifts a function that was validated. @param index its number */
export function lift(
  module: Module,
  index: number,
  locals: readonly Type[],
  list: readonly Instruction[],
  layout: InstanceLayout,
): FunctionIr {
  return new Lifter(module, index, locals, list, layout).run(list);
}
