// What a task moves itself, by a system call of its own: billed to the task, by functions that run in its name. The pieces
// that the programs for sending, receiving and files share.

import {
  type Assembler,
  fp,
  named,
  type Register,
  r0,
  r1,
  r6,
  r7,
  r8,
  r9,
  type TypeSource,
} from '../../bpf/assembler.js';
import { emitOwnAccount, taskCounter } from '../accounts/account-code.js';
import { type CauseName, causeOffset } from '../accounts/causes.js';
import { emitMemoryOf } from './context.js';
import { emitNoteUser, stackBelowOwner } from './owner.js';
import { emitArgument, type Target } from './target.js';

/** Registers of these programs: the context (until it is done with), bytes, the current task, the socket or 0. */
export const context = named(r6, 'context');
export const amount = named(r7, 'amount');
export const task = named(r8, 'task');
export const socket = named(r9, 'socket');

/** Where the counter chosen by {@link emitChoose} stands. */
const chosenAt = stackBelowOwner - 8;
/** Free for variables of a single program. */
export const variableAt = (index: number): number => chosenAt - 8 * (index + 1);

/** `task = current`. Clobbers r0..r5. */
export function emitTask(a: Assembler): Assembler {
  return a.call('get_current_task_btf', {}).move(task, r0);
}

/** Counters by where the memory lies; without one, such transfers are no copies and the program ends. */
export interface Choice {
  readonly user: CauseName;
  readonly kernel: CauseName;
}

/**
 * Chooses the counter by the memory of an iov_iter whose type is in `iterType`. The task must be in `task`.
 * Ends the program for pages that go by reference. Clobbers r0..r5 and `context`.
 */
export function emitChoose(a: Assembler, types: TypeSource, iterType: Register, choice: Choice): Assembler {
  const kernel = a.uniqueLabel('kernel_memory');
  const done = a.uniqueLabel('chosen');
  emitMemoryOf(a, types, { iterType, task, scratch: context }, { kernel, reference: 'out' });
  a.store(8, fp, chosenAt, causeOffset(choice.user)).jump(done);
  return a.label(kernel).store(8, fp, chosenAt, causeOffset(choice.kernel)).label(done);
}

/** Adds bytes to the counter chosen before, of the task's storage in r0. Clobbers r1. */
export function emitAddChosen(a: Assembler, bytes: Register, choice: Choice): Assembler {
  const kernel = a.uniqueLabel('add_kernel');
  const done = a.uniqueLabel('added');
  a.load(8, r1, fp, chosenAt).jumpIf(r1, '!=', causeOffset(choice.user), kernel);
  a.increase(r0, taskCounter(choice.user), bytes, r1).jump(done);
  return a.label(kernel).increase(r0, taskCounter(choice.kernel), bytes, r1).label(done);
}

/** Jumps to `label` where kernel memory was chosen. Clobbers r1. */
export function emitIfKernel(a: Assembler, choice: Choice, label: string): Assembler {
  return a.load(8, r1, fp, chosenAt).jumpIf(r1, '==', causeOffset(choice.kernel), label);
}

/** About which socket a transfer is. */
export type About =
  /** `socket`, whose user the task is from now on. */
  | 'user'
  /** `socket`, or none where it is 0; it may be another's (a unix buffer carries its sender's). */
  | 'any'
  | 'none';

/**
 * The task's storage to r0, ready for additions.
 * The registers {@link task}, {@link amount} and {@link socket} must hold what they are named after.
 */
export function emitOwn(a: Assembler, types: TypeSource, about: About): Assembler {
  if (about === 'none') a.move(socket, 0);
  emitOwnAccount(a, { task, socket, nullable: about !== 'user', amount, lost: 'out' });
  return about === 'user' ? emitNoteUser(a, types, socket) : a;
}

/** Counts `amount` bytes under some names, and events, for the current task and `socket`, whose user it is. */
export function emitCount(
  a: Assembler,
  types: TypeSource,
  bytes: readonly CauseName[],
  events: readonly CauseName[],
  about: About = 'user',
): Assembler {
  emitTask(a);
  emitOwn(a, types, about);
  for (const name of bytes) a.increase(r0, taskCounter(name), amount, r1);
  for (const name of events) a.increase(r0, taskCounter(name), 1, r1);
  return a;
}

/** `socket = sock->sk`, or the argument itself where it is called `sk`. */
export function emitSocketArgument(a: Assembler, target: Target, name: string): Assembler {
  emitArgument(a, target, socket, context, name);
  return name === 'sk' ? a : a.loadField(socket, socket, 'socket', 'sk');
}
