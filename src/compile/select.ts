// Trees made into steps: which of the processor's instructions computes what, with how much of a tree in one. Not here: when (lift.ts).

import {
  type Arithmetic,
  type Compare,
  Condition,
  type Constant,
  type FunctionIr,
  type Operand,
  type Place,
  type Shift,
  type Step,
  type Variable,
} from './ir.js';
import { sizeOf, Type } from './opcodes.js';
import { compareTree, constantTree, fitsInto32, type Tree } from './tree.js';
import { readsOf, When } from './uses.js';

type Binary = Extract<Tree, { kind: 'binary' }>;
type Comparison = Extract<Tree, { kind: 'compare' }>;

const isShift = (operation: Arithmetic | Shift): operation is Shift =>
  operation === 'shl' || operation === 'shr' || operation === 'sar' || operation === 'rol' || operation === 'ror';

/** Conditions when both sides change places. */
const swapped: Readonly<Record<number, number>> = {
  [Condition.below]: Condition.above,
  [Condition.above]: Condition.below,
  [Condition.notBelow]: Condition.notAbove,
  [Condition.notAbove]: Condition.notBelow,
  [Condition.less]: Condition.greater,
  [Condition.greater]: Condition.less,
  [Condition.notLess]: Condition.notGreater,
  [Condition.notGreater]: Condition.notLess,
  [Condition.equal]: Condition.equal,
  [Condition.notEqual]: Condition.notEqual,
};
/** Conditions of numbers without a sign in the place of those with one. */
const unsigned: Readonly<Record<number, number>> = {
  [Condition.less]: Condition.below,
  [Condition.notLess]: Condition.notBelow,
  [Condition.notGreater]: Condition.notAbove,
  [Condition.greater]: Condition.above,
};

/** Parts of an address as the processor adds them. */
interface Sum {
  base: Tree | undefined;
  index: Tree | undefined;
  scale: number;
  offset: bigint;
}

/** See the file's head. */
export class Selector {
  readonly #ir: FunctionIr;
  /** Where steps are put. */
  steps: Step[] = [];

  constructor(ir: FunctionIr) {
    this.#ir = ir;
  }

  /** A new variable. */
  fresh(type: Type): Variable {
    return this.#ir.types.push(type) - 1;
  }

  /** Computes a tree. @param into where to; undefined: wherever @returns the variable that has it */
  value(tree: Tree, into?: Variable): Variable {
    if (tree.kind === 'variable' && (into === undefined || into === tree.variable)) return tree.variable;
    const target = into ?? this.fresh(tree.type);
    this.#compute(tree, target);
    if (into !== undefined) this.#setAside(into, tree.type);
    return target;
  }

  /** What the last step sets must not be what it reads behind that: then it sets another variable first. */
  #setAside(into: Variable, type: Type): void {
    const step = this.steps.at(-1)!;
    let isLate = false;
    readsOf(step, (variable, when) => {
      if (variable === into && when === When.late) isLate = true;
    });
    if (!isLate || !('into' in step)) return;
    const aside = this.fresh(type);
    this.steps[this.steps.length - 1] = { ...step, into: aside };
    this.steps.push({ op: 'move', into, from: { kind: 'variable', variable: aside }, size: sizeOf(type) });
  }

  #compute(tree: Tree, target: Variable): void {
    const size = sizeOf(tree.type);
    switch (tree.kind) {
      case 'constant':
      case 'variable':
        this.steps.push({ op: 'move', into: target, from: this.#plain(tree), size });
        break;
      case 'load':
        this.steps.push({ op: 'load', into: target, from: tree.place, isSigned: tree.isSigned, size });
        break;
      case 'compare':
        this.steps.push({ op: 'set', into: target, compare: this.compare(tree) });
        break;
      case 'resize':
        this.steps.push({ op: 'move', into: target, from: this.operand(tree.from, false, 4), size: 4 });
        break;
      case 'binary':
        this.#binary(tree, target, size);
    }
  }

  #plain(tree: Extract<Tree, { kind: 'constant' | 'variable' }>): Operand {
    if (tree.kind === 'variable') return tree;
    return { kind: 'constant', value: BigInt.asIntN(tree.type === Type.i32 ? 32 : 64, tree.value) };
  }

  /** A tree as an operand of an instruction of `size` bytes. @param mayBePlace whether it may be in memory */
  operand(tree: Tree, mayBePlace: boolean, size: number): Operand {
    if (tree.kind === 'resize' && size === 4) return this.operand(tree.from, mayBePlace, 4);
    if (tree.kind === 'constant' && (size === 4 || fitsInto32(BigInt.asIntN(64, tree.value))) && tree.type !== Type.f64)
      return { kind: 'constant', value: BigInt.asIntN(size * 8, tree.value) };
    if (tree.kind === 'load' && mayBePlace && tree.place.size >= size)
      return tree.place.size === size ? tree.place : { ...tree.place, size };
    return { kind: 'variable', variable: this.value(tree) };
  }

  /** As {@link operand}, what is below the upper bits of a store: masks of more than that do nothing. */
  stored(tree: Tree, size: number): Operand {
    if (tree.kind === 'resize' && size <= 4) return this.stored(tree.from, size);
    if (tree.kind === 'binary' && tree.operation === 'and' && tree.right.kind === 'constant' && size < 8) {
      const mask = (1n << BigInt(size * 8)) - 1n;
      if ((tree.right.value & mask) === mask) return this.stored(tree.left, size);
    }
    if (tree.kind === 'constant') {
      const value = BigInt.asIntN(size * 8, tree.value);
      if (fitsInto32(value)) return { kind: 'constant', value };
    }
    return { kind: 'variable', variable: this.value(tree) };
  }

  /** A place in linear memory. */
  place(address: Tree, offset: number, size: number): Place {
    const of = (base: Variable | undefined, at: number): Place => ({
      kind: 'place',
      space: 'linear',
      base,
      offset: at,
      size,
    });
    if (address.kind === 'constant') {
      const sum = Number(BigInt.asUintN(32, address.value)) + offset;
      if (sum < 0x8000_0000) return of(undefined, sum);
    }
    const base = this.value(address);
    if (offset < 0x8000_0000) return of(base, offset);
    const sum = this.fresh(Type.i64);
    this.steps.push({ op: 'move', into: sum, from: { kind: 'constant', value: BigInt(offset) }, size: 8 });
    const [left, right] = [sum, base].map((variable) => ({ kind: 'variable', variable }) as const);
    this.steps.push({ op: 'arithmetic', into: sum, left: left!, right: right!, operation: 'add', size: 8 });
    return of(sum, 0);
  }

  #binary(tree: Binary, into: Variable, size: number): void {
    const { operation } = tree;
    if (isShift(operation)) {
      const right =
        tree.right.kind === 'constant' ? this.#count(tree.right.value, size) : this.operand(tree.right, false, 4);
      this.steps.push({ op: 'shift', into, left: this.operand(tree.left, true, size), right, operation, size });
      return;
    }
    if ((operation === 'add' || operation === 'mul') && this.#address(tree, into, size)) return;
    let { left, right } = tree;
    if (operation === 'sub' && right.kind === 'constant') {
      const negative = { ...right, value: BigInt.asIntN(size * 8, -right.value) };
      this.#arithmetic('add', left, negative, into, size);
      return;
    }
    const isLess = (one: Tree, other: Tree): boolean =>
      (one.kind === 'constant' && other.kind !== 'constant') ||
      (one.kind === 'load' && other.kind !== 'load' && other.kind !== 'constant');
    if (operation !== 'sub' && isLess(left, right)) [left, right] = [right, left];
    this.#arithmetic(operation, left, right, into, size);
  }

  #count(value: bigint, size: number): Constant {
    return { kind: 'constant', value: value & BigInt(size * 8 - 1) };
  }

  #arithmetic(operation: Arithmetic, left: Tree, right: Tree, into: Variable, size: number): void {
    const first = this.operand(left, true, size);
    this.steps.push({ op: 'arithmetic', into, left: first, right: this.operand(right, true, size), operation, size });
  }

  /** A sum of several parts in one instruction. Returns whether it is one. */
  #address(tree: Binary, into: Variable, size: number): boolean {
    const sum: Sum = { base: undefined, index: undefined, scale: 1, offset: 0n };
    if (!this.#gather(tree, sum)) return false;
    const parts = Number(sum.base !== undefined) + Number(sum.index !== undefined) + Number(sum.offset !== 0n);
    if (parts < 2 || (parts === 2 && sum.scale === 1) || !fitsInto32(BigInt.asIntN(size * 8, sum.offset))) return false;
    const base = sum.base === undefined ? undefined : this.value(sum.base);
    const index = sum.index === undefined ? undefined : sum.index === sum.base ? base : this.value(sum.index);
    const offset = Number(BigInt.asIntN(size * 8, sum.offset));
    this.steps.push({ op: 'address', into, base, index, scale: sum.scale, offset, size });
    return true;
  }

  #gather(tree: Tree, sum: Sum): boolean {
    if (tree.kind === 'constant') {
      sum.offset += tree.value;
      return true;
    }
    const scale = tree.kind === 'binary' && tree.right.kind === 'constant' ? Number(tree.right.value) : 0;
    if (tree.kind === 'binary' && tree.operation === 'shl' && scale >= 1 && scale <= 3 && sum.index === undefined) {
      sum.index = tree.left;
      sum.scale = 2 ** scale;
      return true;
    }
    if (tree.kind === 'binary' && tree.operation === 'mul' && (scale === 3 || scale === 5 || scale === 9)) {
      if (sum.index !== undefined || sum.base !== undefined) return this.#leaf(tree, sum);
      sum.index = sum.base = tree.left;
      sum.scale = scale - 1;
      return true;
    }
    if (tree.kind === 'binary' && tree.operation === 'add')
      return this.#gather(tree.left, sum) && this.#gather(tree.right, sum);
    return this.#leaf(tree, sum);
  }

  #leaf(tree: Tree, sum: Sum): boolean {
    if (sum.base === undefined) sum.base = tree;
    else if (sum.index === undefined) sum.index = tree;
    else return false;
    return true;
  }

  /** A tree as a comparison: itself, or whether it is not 0. */
  compare(tree: Tree): Compare {
    if (tree.kind !== 'compare') {
      return this.compare(compareTree(tree.type, Condition.notEqual, tree, constantTree(tree.type, 0n)));
    }
    if (tree.of === Type.f64) return this.#floats(tree);
    let { left, right, condition } = tree;
    if (left.kind === 'constant' && right.kind !== 'constant') {
      [left, right] = [right, left];
      condition = swapped[condition]!;
    }
    const size = sizeOf(tree.of);
    const isForZero =
      right.kind === 'constant' &&
      right.value === 0n &&
      (condition === Condition.equal || condition === Condition.notEqual);
    if (isForZero && left.kind === 'binary' && left.operation === 'and') return this.#bits(left, condition, size);
    return this.#narrow(left, right, condition) ?? this.#whole(left, right, condition, size);
  }

  #whole(left: Tree, right: Tree, condition: number, size: number): Compare {
    const first = this.operand(left, true, size);
    const second = this.operand(right, first.kind !== 'place', size);
    if (first.kind !== 'constant') return { how: 'integer', condition, size, left: first, right: second };
    return { how: 'integer', condition, size, left: { kind: 'variable', variable: this.value(left) }, right: second };
  }

  /** A byte or two in memory with a constant, in place. Both are without a sign then. */
  #narrow(left: Tree, right: Tree, condition: number): Compare | undefined {
    if (left.kind !== 'load' || left.isSigned || left.place.size > 2 || right.kind !== 'constant') return undefined;
    const most = left.place.size === 1 ? 255n : 127n;
    if (right.value < 0n || right.value > most) return undefined;
    const { size } = left.place;
    const value: Constant = { kind: 'constant', value: BigInt.asIntN(size * 8, right.value) };
    return { how: 'integer', condition: unsigned[condition] ?? condition, size, left: left.place, right: value };
  }

  #bits(tree: Binary, condition: number, size: number): Compare {
    let { left, right } = tree;
    if (left.kind === 'constant') [left, right] = [right, left];
    const isByte = left.kind === 'load' && right.kind === 'constant' && right.value >= 0n && right.value <= 255n;
    const width = isByte ? 1 : size;
    const first = this.operand(left, true, width);
    if (first.kind === 'constant') return this.#whole(tree, constantTree(tree.type, 0n), condition, size);
    return { how: 'and', condition, size: width, left: first, right: this.operand(right, false, width) };
  }

  #floats(tree: Comparison): Compare {
    const [left, right] = [this.value(tree.left), this.value(tree.right)].map(
      (variable) => ({ kind: 'variable', variable }) as const,
    );
    return { how: 'float', condition: tree.condition, size: 8, left: left!, right: right! };
  }

  /** Writes a tree to a place; where it changes what is there by something, in one instruction. */
  store(to: Place, tree: Tree): void {
    const isThere = (node: Tree): boolean =>
      node.kind === 'load' &&
      node.place.space === to.space &&
      node.place.base === to.base &&
      node.place.offset === to.offset &&
      node.place.size === to.size;
    if (tree.kind === 'binary' && tree.type !== Type.f64) {
      const { operation, left, right } = tree;
      const isPlain = operation === 'add' || operation === 'or' || operation === 'and' || operation === 'xor';
      if ((isPlain || operation === 'sub') && isThere(left)) {
        this.steps.push({ op: 'modify', to, from: this.stored(right, to.size), operation });
        return;
      }
      if (isPlain && isThere(right)) {
        this.steps.push({ op: 'modify', to, from: this.stored(left, to.size), operation });
        return;
      }
    }
    this.steps.push({ op: 'store', to, from: this.stored(tree, to.size) });
  }
}
