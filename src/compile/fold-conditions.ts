// Blocks made fewer: a condition that was put together of several (`a && b`) leads where it leads at once, without a value between; jumps to jumps go to the end; what is never
// reached is left out. Not here: steps.

import {
  type Block,
  Condition,
  type Ending,
  type FunctionIr,
  inverse,
  retarget,
  targetsOf,
  type Variable,
} from './ir.js';
import { endingReads, readsOf } from './uses.js';

/** A chain of conditions within conditions is followed so far. */
const mostRounds = 8;

type Branch = Extract<Ending, { op: 'branch' }>;

/** The variable of which a block asks whether it is 0, where it does nothing else. */
function askedBy(block: Block): { readonly variable: Variable; readonly branch: Branch } | undefined {
  const { steps, ending } = block;
  if (steps.length > 0 || ending.op !== 'branch') return undefined;
  const { how, left, right, condition } = ending.compare;
  if (how !== 'integer' || left.kind !== 'variable' || right.kind !== 'constant' || right.value !== 0n)
    return undefined;
  return condition === Condition.equal || condition === Condition.notEqual
    ? { variable: left.variable, branch: ending }
    : undefined;
}

function readCounts(ir: FunctionIr): Int32Array {
  const counts = new Int32Array(ir.types.length);
  const read = (variable: Variable): void => {
    counts[variable]!++;
  };
  for (const { steps, ending } of ir.blocks) {
    for (const step of steps) readsOf(step, read);
    endingReads(ending, read);
  }
  return counts;
}

/** Where a block that ends with a jump to a question goes when it asks it itself. */
function asked(block: Block, variable: Variable, branch: Branch, mayDrop: boolean): Ending {
  const step = block.steps.at(-1);
  if (step === undefined || !('into' in step) || step.into !== variable || !mayDrop) return branch;
  const isYes = branch.compare.condition === Condition.notEqual;
  if (step.op === 'move' && step.from.kind === 'constant') {
    block.steps.pop();
    return { op: 'jump', to: (step.from.value !== 0n) === isYes ? branch.yes : branch.no };
  }
  if (step.op !== 'set') return branch;
  block.steps.pop();
  return { ...branch, compare: isYes ? step.compare : inverse(step.compare) };
}

function askEarlier(ir: FunctionIr): boolean {
  const counts = readCounts(ir);
  const questions = ir.blocks.map(askedBy);
  let hasChanged = false;
  for (const block of ir.blocks) {
    if (block.ending.op !== 'jump') continue;
    const question = questions[block.ending.to];
    if (question === undefined || ir.blocks[block.ending.to] === block) continue;
    // The value is made for that question alone only where nobody else reads it.
    const mayDrop = counts[question.variable] === 1 && question.variable >= ir.locals;
    block.ending = asked(block, question.variable, question.branch, mayDrop);
    hasChanged = true;
  }
  return hasChanged;
}

/** Where a jump to a block ends at last. */
function follow(ir: FunctionIr, target: number): number {
  let at = target;
  for (let hops = 0; hops < ir.blocks.length; hops++) {
    const { steps, ending } = ir.blocks[at]!;
    if (steps.length > 0 || ending.op !== 'jump' || ending.to === at) return at;
    at = ending.to;
  }
  return at;
}

function dropUnreached(ir: FunctionIr): void {
  const isReached = ir.blocks.map(() => false);
  const open = [0];
  isReached[0] = true;
  for (let number = open.pop(); number !== undefined; number = open.pop())
    for (const target of targetsOf(ir.blocks[number]!.ending))
      if (!isReached[target]) {
        isReached[target] = true;
        open.push(target);
      }
  const numbers: number[] = [];
  let count = 0;
  for (const [number, is] of isReached.entries()) numbers[number] = is ? count++ : -1;
  const kept = ir.blocks.filter((_, number) => isReached[number]);
  for (const block of kept) block.ending = retarget(block.ending, (target) => numbers[target]!);
  ir.blocks.splice(0, ir.blocks.length, ...kept);
}

/** See the file's head. */
export function foldConditions(ir: FunctionIr): void {
  for (let round = 0; round < mostRounds; round++) {
    for (const block of ir.blocks) block.ending = retarget(block.ending, (target) => follow(ir, target));
    dropUnreached(ir);
    if (!askEarlier(ir)) break;
  }
  dropUnreached(ir);
}
