// The accounts that tasks keep: moved to the map of accounts when a task ends, and written out on demand for all tasks
// that live (an iterator, run when user space reads it).

import { Assembler, fp, named, r0, r1, r2, r6, r7, type TypeSource } from '../../bpf/assembler.js';
import type { ProgramSource } from '../../bpf/program.js';
import type { SetMember } from '../../bpf/program-set.js';
import { emitMoveAccount, finish, stackBelowKey, taskBytes } from './account-code.js';

/** sched:sched_process_exit(task, ...) fires for every thread that ends, in its own context. */
export function exitProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const task = named(r6, 'task');
  const storageAt = stackBelowKey - 8;
  a.move(r6, r1)
    .loadArgument(task, r6, 0, 'task')
    .call('task_storage_get', { map: { map: 'meter_tasks' }, task, value: 0, flags: 0 })
    .jumpIf(r0, '==', 0, 'out')
    .store(8, fp, storageAt, r0);
  emitMoveAccount(a, storageAt);
  return { name: 'meter_exit', type: 'tp_btf', target: 'sched_process_exit', code: finish(a) };
}

/** Iterator over all tasks: writes what each keeps, whole, one after the other. */
export function listProgram(types: TypeSource): ProgramSource {
  const a = new Assembler(types);
  const task = named(r7, 'task');
  a.move(r6, r1)
    .load(8, task, r6, 8)
    .jumpIf(task, '==', 0, 'out')
    .call('task_storage_get', { map: { map: 'meter_tasks' }, task, value: 0, flags: 0 })
    .jumpIf(r0, '==', 0, 'out')
    .move(r2, r0)
    .load(8, r1, r6, 0)
    .loadField(r1, r1, 'bpf_iter_meta', 'seq')
    .call('seq_write', { sequence: r1, data: r2, size: taskBytes });
  return { name: 'meter_list', type: 'iter', target: 'task', code: finish(a) };
}
