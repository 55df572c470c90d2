// Who belongs to whom: the descendants of the processes being metered, kept by the kernel as they fork, so that no child
// is missed however short its life.

import { Assembler, fp, named, r0, r1, r2, r6, r7, stack, type TypeSource } from '../../bpf/assembler.js';
import type { MapSpec } from '../../bpf/map.js';
import type { SetMember } from '../../bpf/program-set.js';
import { finish } from './account-code.js';

/** Process id -> start of the process in ns since boot (0: whichever process has that id). */
export const treeMaps: readonly MapSpec[] = [
  { name: 'meter_members', type: 'hash', keyBytes: 4, valueBytes: 8, maxEntries: 65536, flags: 1 },
];

/** sched:sched_process_fork(parent, child): a new process whose parent is a member becomes one. */
export function forkProgram(types: TypeSource): SetMember {
  const a = new Assembler(types);
  const parent = named(r6, 'parent');
  const child = named(r7, 'child');
  a.move(r6, r1)
    .loadArgument(child, r6, 1, 'child')
    .loadArgument(parent, r6, 0, 'parent')
    .loadField(r1, child, 'task_struct', 'tgid')
    .loadField(r2, parent, 'task_struct', 'tgid')
    .comment('a thread')
    .jumpIf(r1, '==', r2, 'out')
    .store(4, fp, -4, r2)
    .store(4, fp, -8, r1)
    .call('map_lookup_elem', { map: { map: 'meter_members' }, key: stack(-4) })
    .jumpIf(r0, '==', 0, 'out')
    .loadField(r1, child, 'task_struct', 'start_boottime')
    .store(8, fp, -16, r1)
    .call('map_update_elem', {
      map: { map: 'meter_members' },
      key: stack(-8),
      value: stack(-16),
      flags: 0,
    });
  return { name: 'meter_fork', type: 'tp_btf', target: 'sched_process_fork', code: finish(a) };
}
