// Counts the system calls of processes by a program at the tracepoint raw_syscalls:sys_enter. It costs every call of the machine a little, so it is attached only for
// runs whose times do not count.

import { Assembler, fp, ProgramSet, r0, r1, type SetMember, stack } from '../../bpf/index.js';

const mapName = 'compare_calls';

function countingProgram(): SetMember {
  const code = new Assembler()
    .call('get_current_pid_tgid', {})
    .alu('rsh', r0, 32)
    .store(4, fp, -4, r0)
    .call('map_lookup_elem', { map: { map: mapName }, key: stack(-4) })
    .jumpIf(r0, '==', 0, 'out')
    .increase(r0, 0, 1, r1)
    .label('out')
    .exit(0)
    .assemble();
  return { name: 'compare_calls', type: 'raw_tracepoint', target: 'sys_enter', code };
}

/** See the file's head. Close it. */
export class SystemCallCounter {
  readonly #set: ProgramSet;

  /** Begins to count. @throws RefusedError where the host does not allow it */
  constructor(processes: readonly number[]) {
    const map = {
      name: mapName,
      type: 'percpu_hash',
      keyBytes: 4,
      valueBytes: 8,
      maxEntries: processes.length,
    } as const;
    this.#set = ProgramSet.load([map], [countingProgram()]);
    for (const pid of processes) this.#set.maps[mapName]!.update(pid, () => {});
    this.#set.attach();
  }

  /** System calls of a process so far. */
  read(pid: number): number {
    const map = this.#set.maps[mapName]!;
    return Number(map.sum(map.lookup(pid)!, 0));
  }

  /** Takes the program off. */
  close(): void {
    this.#set.close();
  }
}
