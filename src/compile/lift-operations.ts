// Operations of WebAssembly as trees and steps: arithmetic, comparisons, conversions, loads and stores. Not here: control, variables and calls (lift.ts).

import type { Instruction } from './body.js';
import { type Arithmetic, Condition, type Division, inverse, type Operand, type Place, type Shift } from './ir.js';
import { type Opcode, sizeOf, Type } from './opcodes.js';
import type { Selector } from './select.js';
import { binaryTree, compareTree, constantTree, resizeTree, type Tree, variableTree } from './tree.js';

/** What operations take from and give to. */
export interface OperationStack {
  readonly selector: Selector;
  push(tree: Tree): void;
  pop(): Tree;
  /** Computes what reads memory, before it changes. */
  computeReaders(...spaces: readonly Place['space'][]): void;
}

const conditions: Readonly<Record<string, number>> = {
  ...{ eq: Condition.equal, ne: Condition.notEqual },
  ...{ lt_s: Condition.less, lt_u: Condition.below, gt_s: Condition.greater, gt_u: Condition.above },
  ...{ le_s: Condition.notGreater, le_u: Condition.notAbove, ge_s: Condition.notLess, ge_u: Condition.notBelow },
  // Of numbers with the sides as {@link compare} gives them; so that no number is on neither side of anything.
  ...{ gt: Condition.above, lt: Condition.above, ge: Condition.notBelow, le: Condition.notBelow },
};
const operations: Readonly<Record<string, Arithmetic | Shift>> = {
  ...{ add: 'add', sub: 'sub', mul: 'mul', and: 'and', or: 'or', xor: 'xor' },
  ...{ shl: 'shl', shr_s: 'sar', shr_u: 'shr', rotl: 'rol', rotr: 'ror' },
};
const divisions: Readonly<Record<string, Division>> = {
  div_s: 'div_s',
  div_u: 'div_u',
  rem_s: 'rem_s',
  rem_u: 'rem_u',
};

function compare(stack: OperationStack, { operation, takes }: Opcode): void {
  const right = stack.pop();
  const left = stack.pop();
  const isTurned = operation === 'lt' || operation === 'le';
  const [first, second] = isTurned ? [right, left] : [left, right];
  stack.push(compareTree(takes[0]!, conditions[operation]!, first, second));
}

/** Whether a value is 0; of a comparison, its opposite. */
function test(stack: OperationStack, { takes }: Opcode): void {
  const tree = stack.pop();
  if (tree.kind === 'compare') stack.push(inverse(tree));
  else stack.push(compareTree(takes[0]!, Condition.equal, tree, constantTree(takes[0]!, 0n)));
}

/** The operands of a step, and the variable that it sets, which is pushed. */
function step(stack: OperationStack, type: Type, many: 1 | 2): { left: Operand; right: Operand; into: number } {
  const trees: Tree[] = many === 2 ? [stack.pop(), stack.pop()] : [stack.pop()];
  const operands = trees.reverse().map((tree) => ({ kind: 'variable', variable: stack.selector.value(tree) }) as const);
  const into = stack.selector.fresh(type);
  stack.push(variableTree(type, into));
  return { left: operands[0]!, right: operands[1] ?? operands[0]!, into };
}

function binary(stack: OperationStack, { operation, takes }: Opcode): void {
  const type = takes[0]!;
  if (type === Type.f64) {
    const { left, right, into } = step(stack, type, 2);
    stack.selector.steps.push({ op: 'float', into, left, right, name: operation });
    return;
  }
  const division = divisions[operation];
  if (division !== undefined) {
    // What stands on the stack and may be refused comes first.
    const right = stack.pop();
    const left = stack.pop();
    stack.computeReaders('linear');
    stack.push(left);
    stack.push(right);
    const operands = step(stack, type, 2);
    stack.selector.steps.push({ op: 'divide', ...operands, operation: division, size: sizeOf(type) });
    return;
  }
  const right = stack.pop();
  const left = stack.pop();
  stack.push(binaryTree(type, operations[operation]!, left, right));
}

function unary(stack: OperationStack, { operation, takes, gives }: Opcode): void {
  if (operation === 'wrap_i64' || operation === 'extend_i32_u') {
    const tree = stack.pop();
    stack.push(
      tree.kind === 'constant' ? constantTree(gives!, narrowed(tree.value, operation)) : resizeTree(gives!, tree),
    );
    return;
  }
  const from = takes[0]!;
  const { left, into } = step(stack, gives!, 1);
  const name = from === gives ? operation : `${operation}${gives === Type.i32 ? '_to_i32' : ''}`;
  stack.selector.steps.push({ op: 'unary', into, from: left, name, size: sizeOf(gives === Type.f64 ? from : gives!) });
}

function narrowed(value: bigint, operation: string): bigint {
  return operation === 'wrap_i64' ? BigInt.asIntN(32, value) : BigInt.asUintN(32, value);
}

/** Does an operation that is not control. */
export function liftOperation(stack: OperationStack, { opcode, index, value }: Instruction): void {
  switch (opcode.family) {
    case 'compare':
      compare(stack, opcode);
      return;
    case 'test':
      test(stack, opcode);
      return;
    case 'binary':
      binary(stack, opcode);
      return;
    case 'unary':
      unary(stack, opcode);
      return;
    case 'load': {
      const place = stack.selector.place(stack.pop(), index, opcode.size);
      stack.push({ kind: 'load', type: opcode.gives!, place, isSigned: opcode.isSigned });
      return;
    }
    case 'store': {
      const tree = stack.pop();
      const address = stack.pop();
      stack.computeReaders('linear');
      stack.selector.store(stack.selector.place(address, index, opcode.size), tree);
      return;
    }
    default:
      stack.push(constantTree(opcode.gives!, opcode.immediate === 'i32' ? BigInt(index) : value));
      return;
  }
}
