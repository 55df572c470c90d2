// What a task is in the middle of: the functions around a copy give it its cause. Kept in task storage, because whatever
// interrupts a task (a softirq, which runs in its name) returns before the task goes on or moves to another CPU: what was
// entered last is left first, on any CPU. An entry names the buffer it is about, so that an interrupt's own copies are
// not taken for the task's.

import { type Assembler, fp, type Register, r0, r1, r2, r3, r4, r5, type TypeSource } from '../../bpf/assembler.js';
import type { MapSpec } from '../../bpf/map.js';
import { keyBytes, keyOffset, stackBelowKey } from '../accounts/account-code.js';

/** Entries of surrounding functions that are remembered; deeper ones are counted as other copies. */
const depthMost = 4;

/** A task's context: receiving by UDP, bytes that the TCP send under way took by reference, and the entries. */
export const contextOffset = { inUdp: 0, pinned: 8, spliced: 16, depth: 24, entries: 32 } as const;
/** An entry: the buffer (0: any), the place of the counter for copies within, bytes copied within, whose they are. */
export const entryOffset = { buffer: 0, counter: 8, copied: 16, key: 24 } as const;
const entryBytes = entryOffset.key + keyBytes;

export const contextMap: MapSpec = {
  name: 'meter_contexts',
  type: 'task_storage',
  keyBytes: 4,
  valueBytes: contextOffset.entries + depthMost * entryBytes,
  maxEntries: 0,
};

/** Leaves the address of the current task's context in r0, or goes to `missing`. Clobbers r1..r5. */
export function emitContext(a: Assembler, missing: string, create: boolean): Assembler {
  return a
    .call('get_current_task_btf', {})
    .call('task_storage_get', { map: { map: 'meter_contexts' }, task: r0, value: 0, flags: create ? 1 : 0 })
    .jumpIf(r0, '==', 0, missing);
}

/** From a context in r0 to the entry entered last in r0; `none` where there is none. Clobbers r1. */
export function emitTopEntry(a: Assembler, none: string): Assembler {
  return a
    .load(8, r1, r0, contextOffset.depth)
    .jumpIf(r1, '==', 0, none)
    .sub(r1, 1)
    .jumpIf(r1, '>', depthMost - 1, none)
    .alu('mul', r1, entryBytes)
    .add(r1, contextOffset.entries)
    .add(r0, r1);
}

/** What an entered function is about. */
export interface Entering {
  /** The buffer whose copies get the cause, in a register that survives calls; 0: any buffer's. */
  readonly buffer: Register | 0;
  /** The counter's place (causeOffset). */
  readonly counter: number;
  /** Where on the stack the key of the account to be billed stands; without it, the buffer's owner is asked. */
  readonly keyAt?: number;
  /** Within a function of this counter, the account is that one's: its buffers have no owner yet. */
  readonly within?: number;
}

/** Enters a function. Goes to `out` where the kernel has no memory. Clobbers r0..r5. */
export function emitEnter(a: Assembler, { buffer, counter, keyAt, within }: Entering): Assembler {
  const fits = a.uniqueLabel('fits');
  emitContext(a, 'out', true);
  a.load(8, r1, r0, contextOffset.depth)
    .jumpIf(r1, '<', depthMost, fits)
    .comment('full: exits were missed; begin anew')
    .move(r1, 0)
    .label(fits)
    .move(r2, r1)
    .add(r2, 1)
    .store(8, r0, contextOffset.depth, r2);
  if (within !== undefined) emitEnclosing(a, within);
  a.alu('mul', r1, entryBytes)
    .add(r1, contextOffset.entries)
    .add(r0, r1)
    .store(8, r0, entryOffset.buffer, buffer)
    .store(8, r0, entryOffset.counter, counter)
    .store(8, r0, entryOffset.copied, 0);
  for (let offset = 0; offset < keyBytes; offset += 8) {
    if (within !== undefined) a.load(8, r3, r4, offset).store(8, r0, entryOffset.key + offset, r3);
    else if (keyAt === undefined) a.store(8, r0, entryOffset.key + offset, 0);
    else a.load(8, r3, fp, keyAt + offset).store(8, r0, entryOffset.key + offset, r3);
  }
  return a;
}

const emptyKeyAt = stackBelowKey - keyBytes;

/** The address of the key of the entry below place r1 of the context in r0, or of an empty one, to r4. Clobbers r3, r5. */
function emitEnclosing(a: Assembler, counter: number): void {
  const none = a.uniqueLabel('not_within');
  for (let offset = 0; offset < keyBytes; offset += 8) a.store(8, fp, emptyKeyAt + offset, 0);
  a.move(r3, r1)
    .jumpIf(r3, '==', 0, none)
    .sub(r3, 1)
    .jumpIf(r3, '>', depthMost - 1, none)
    .alu('mul', r3, entryBytes)
    .add(r3, contextOffset.entries)
    .move(r4, r0)
    .add(r4, r3)
    .load(8, r5, r4, entryOffset.counter)
    .jumpIf(r5, '!=', counter, none);
  for (let offset = 0; offset < keyBytes; offset += 8) {
    a.load(8, r5, r4, entryOffset.key + offset).store(8, fp, emptyKeyAt + offset, r5);
  }
  a.label(none).move(r4, fp).add(r4, emptyKeyAt);
}

/**
 * Leaves a function: the last entry, if it is this function's about this buffer, is taken off and its address left in r0
 * (good until the next entry). Goes to `out` otherwise. Clobbers r1..r5.
 */
export function emitLeave(a: Assembler, { buffer, counter }: Entering): Assembler {
  emitContext(a, 'out', false);
  a.move(r2, r0);
  emitTopEntry(a, 'out');
  a.load(8, r1, r0, entryOffset.counter).jumpIf(r1, '!=', counter, 'out');
  if (buffer !== 0) a.load(8, r1, r0, entryOffset.buffer).jumpIf(r1, '!=', buffer, 'out');
  return a.load(8, r1, r2, contextOffset.depth).sub(r1, 1).store(8, r2, contextOffset.depth, r1);
}

/**
 * After {@link emitLeave}: tells the function around, if it is one of this counter, that bytes were copied within it
 * under another cause. Clobbers r0, r1.
 */
export function emitPassOn(a: Assembler, amount: Register, counter: number): Assembler {
  const done = a.uniqueLabel('passed_on');
  a.move(r0, r2);
  emitTopEntry(a, done);
  return a
    .load(8, r1, r0, entryOffset.counter)
    .jumpIf(r1, '!=', counter, done)
    .increase(r0, entryOffset.copied, amount, r1)
    .label(done);
}

/** Jumps to `label` unless the key at `base + offset` is somebody's. Clobbers r1. */
export function emitUnlessKeyed(a: Assembler, base: Register, offset: number, label: string): Assembler {
  return a.load(8, r1, base, offset + keyOffset.start).jumpIf(r1, '==', 0, label);
}

/** task->flags of kernel threads and of io_uring's workers (include/linux/sched.h). */
const kernelThread = 0x0020_0000;
const uringWorker = 0x10;

/**
 * Where the memory of an iov_iter lies: goes to `kernel` or, for pipes of kernels before 6.5 (pages by reference), to
 * `reference`; falls through for the user's. io_uring's registered buffers are the user's although they look like the
 * kernel's: what io_uring_enter or one of its workers moves is the user's. Clobbers r0..r5 and `scratch`.
 * @param scratch survives calls.
 */
export function emitMemoryOf(
  a: Assembler,
  types: TypeSource,
  { iterType, task, scratch }: { iterType: Register; task: Register; scratch: Register },
  { kernel, reference }: { kernel: string; reference: string },
): Assembler {
  const user = a.uniqueLabel('user_memory');
  for (const name of ['ITER_UBUF', 'ITER_IOVEC']) {
    const value = types.enumValue(name);
    if (value !== undefined) a.comment(name).jumpIf(iterType, '==', value, user);
  }
  const pipe = types.enumValue('ITER_PIPE');
  if (pipe !== undefined) a.comment('ITER_PIPE').jumpIf(iterType, '==', pipe, reference);
  a.loadField(scratch, task, 'task_struct', 'flags')
    .jumpIf(scratch, '&', uringWorker, user)
    .jumpIf(scratch, '&', kernelThread, kernel)
    .call('task_pt_regs', { task })
    .loadField(r1, r0, 'pt_regs', types.hasField('pt_regs', 'orig_ax') ? 'orig_ax' : 'syscallno');
  return a.jumpIf(r1, '!=', uringEnterNumber, kernel).label(user);
}

/** io_uring_enter has this number on every architecture (include/uapi/asm-generic/unistd.h). */
const uringEnterNumber = 426;
