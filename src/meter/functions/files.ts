// Files and pipes: copies into and out of the page cache and pipe buffers, billed to the task. The iov_iter says whether
// the other side is the user's memory (a copy across) or the kernel's (file to file, splice into a file).

import { Assembler, r1, r2 } from '../../bpf/assembler.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish } from '../accounts/account-code.js';
import { amount, type Choice, context, emitAddChosen, emitChoose, emitOwn, emitTask } from './own.js';
import { emitArgument, emitResult, findTarget, member, type Target, type TierTypes } from './target.js';

interface FileFunction {
  /** Its names, the newest kernel's first. */
  readonly names: readonly string[];
  readonly iter: string;
  readonly choice: Choice;
  /** Bytes the caller had before, which the result includes. */
  readonly before?: string;
  readonly module?: string;
  readonly optional?: boolean;
}

const written: Choice = { user: 'fileWritten', kernel: 'kernelWritten' };
const read: Choice = { user: 'fileRead', kernel: 'kernelRead' };

/** None of these calls another. O_DIRECT and mapped files copy nothing and pass through none of them. */
const fileFunctions: readonly FileFunction[] = [
  { names: ['generic_perform_write'], iter: 'i', choice: written },
  { names: ['iomap_file_buffered_write'], iter: 'i', choice: written, optional: true },
  { names: ['btrfs_buffered_write'], iter: 'i', choice: written, module: 'btrfs', optional: true },
  { names: ['filemap_read'], iter: 'iter', choice: read, before: 'already_read' },
  { names: ['shmem_file_read_iter'], iter: 'to', choice: read, optional: true },
  { names: ['anon_pipe_write', 'pipe_write'], iter: 'from', choice: { user: 'pipeWritten', kernel: 'kernelWritten' } },
  { names: ['anon_pipe_read', 'pipe_read'], iter: 'to', choice: { user: 'pipeRead', kernel: 'kernelRead' } },
];

/** The programs that count files and pipes. */
export function functionFilePrograms(types: TierTypes): SetMember[] {
  return fileFunctions.flatMap((row) => {
    const before = row.before === undefined ? [] : [row.before];
    const target = findTarget(types, row.names, [row.iter, ...before], row.module);
    return target === undefined ? [] : [countFile(target, row)];
  });
}

/** function(kiocb, iter, ...) -> bytes, or a negative errno. */
function countFile(target: Target, row: FileFunction): SetMember {
  const { types } = target;
  const a = new Assembler(types);
  a.move(context, r1);
  emitResult(a, target, amount, context);
  if (row.before !== undefined) {
    emitArgument(a, target, r1, context, row.before).sub(amount, r1);
  }
  a.jumpIf(amount, 's<=', 0, 'out');
  emitTask(a);
  emitArgument(a, target, r1, context, row.iter).loadField(r2, r1, 'iov_iter', 'iter_type');
  emitChoose(a, types, r2, row.choice);
  emitOwn(a, types, 'none');
  emitAddChosen(a, amount, row.choice);
  return member(target, 'fexit', `fn_${target.name}`, finish(a), row.optional === true);
}
