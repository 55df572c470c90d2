// Values that are not computed yet: trees of pure operations that stand on the stack of WebAssembly until something takes them, so that what takes them can have a part of
// them in its own instruction. Not here: when they must be computed after all (lift.ts), and how (select.ts).

import type { Arithmetic, Place, Shift, Variable } from './ir.js';
import { Type } from './opcodes.js';

/** See the file's head. `many` is how many nodes a tree has. */
export type Tree =
  | { readonly kind: 'constant'; readonly type: Type; readonly value: bigint }
  | { readonly kind: 'variable'; readonly type: Type; readonly variable: Variable }
  | { readonly kind: 'load'; readonly type: Type; readonly place: Place; readonly isSigned: boolean }
  | {
      readonly kind: 'binary';
      readonly type: Type;
      readonly operation: Arithmetic | Shift;
      readonly left: Tree;
      readonly right: Tree;
      readonly many: number;
    }
  | {
      readonly kind: 'compare';
      readonly type: Type;
      readonly of: Type;
      readonly condition: number;
      readonly left: Tree;
      readonly right: Tree;
      readonly many: number;
    }
  /** The lower half of an i64, or an i32 as an i64 with zeros above it. */
  | { readonly kind: 'resize'; readonly type: Type; readonly from: Tree; readonly many: number };

/** How many nodes a tree has. */
export function manyOf(tree: Tree): number {
  return 'many' in tree ? tree.many : 1;
}

/** A constant: of f64, its bits. */
export const constantTree = (type: Type, value: bigint): Tree => ({ kind: 'constant', type, value });
/** What a variable holds. */
export const variableTree = (type: Type, variable: Variable): Tree => ({ kind: 'variable', type, variable });

/** A binary operation. */
export function binaryTree(type: Type, operation: Arithmetic | Shift, left: Tree, right: Tree): Tree {
  return { kind: 'binary', type, operation, left, right, many: manyOf(left) + manyOf(right) + 1 };
}

/** A comparison of values of a type. */
export function compareTree(of: Type, condition: number, left: Tree, right: Tree): Tree {
  return { kind: 'compare', type: Type.i32, of, condition, left, right, many: manyOf(left) + manyOf(right) + 1 };
}

/** See {@link Tree}. */
export function resizeTree(type: Type, from: Tree): Tree {
  return { kind: 'resize', type, from, many: manyOf(from) + 1 };
}

/** Whether any node of a tree is so. */
function someNode(tree: Tree, test: (node: Tree) => boolean): boolean {
  if (test(tree)) return true;
  if (tree.kind === 'binary' || tree.kind === 'compare') return someNode(tree.left, test) || someNode(tree.right, test);
  return tree.kind === 'resize' && someNode(tree.from, test);
}

/** Whether a tree reads a variable, as a value or as an address. */
export function readsVariable(tree: Tree, variable: Variable): boolean {
  return someNode(
    tree,
    (node) =>
      (node.kind === 'variable' && node.variable === variable) ||
      (node.kind === 'load' && node.place.base === variable),
  );
}

/** Whether a tree reads linear memory, or variables of the module. */
export function readsMemory(tree: Tree, space: Place['space']): boolean {
  return someNode(tree, (node) => node.kind === 'load' && node.place.space === space);
}

/** Whether a value fits into 32 bits with its sign, as operands of 64-bit instructions have it. */
export const fitsInto32 = (value: bigint): boolean => BigInt.asIntN(32, value) === value;
