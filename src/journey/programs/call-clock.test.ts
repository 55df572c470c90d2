// A clock that shares nothing with the tracer: programs of its own at sys_enter and sys_exit, a ring of its own, and the
// message workload's calls counted. It holds no test of its own.

import assert from 'node:assert/strict';
import { Assembler, fp, r0, r1, r6, r7, stack } from '../../bpf/assembler.js';
import { Btf } from '../../bpf/btf.js';
import { ProgramSet, type SetMember } from '../../bpf/program-set.js';
import { RingBuffer } from '../../bpf/ring-buffer.js';
import { sys } from '../../kernel/numbers.js';
import type { Exchange } from '../support.test.js';

interface Call {
  readonly thread: number;
  readonly enter: boolean;
  readonly timeNs: number;
}

/** Every sendto and recvfrom of this process's children, at entry and return. */
export class CallClock {
  private constructor(
    private readonly set: ProgramSet,
    private readonly ring: RingBuffer,
  ) {}

  static open(): CallClock {
    const ring = RingBuffer.create('clock_ring', 8 * 1024 * 1024);
    const kept = { name: 'clock_calls', type: 'lru_hash', keyBytes: 8, valueBytes: 8, maxEntries: 4096 } as const;
    const set = ProgramSet.load([kept], [program('enter'), program('exit')], { clock_ring: ring.map });
    set.attach();
    return new CallClock(set, ring);
  }

  /** For each message of an exchange, from the entry of its send to the return of its last receive. */
  durations({ sender, receiver, received }: Exchange): number[] {
    const calls: Call[] = [];
    this.ring.drain((record) =>
      calls.push({
        timeNs: Number(record.getBigUint64(0, true)),
        thread: record.getUint32(8, true),
        enter: record.getUint32(16, true) === 1,
      }),
    );
    // The sender sends and receives in turn; the receiver receives `calls` times for each message and sends once.
    const entries = calls.filter(({ thread, enter }) => thread === sender && enter).map(({ timeNs }) => timeNs);
    const returns = calls.filter(({ thread, enter }) => thread === receiver && !enter).map(({ timeNs }) => timeNs);
    let at = -1;
    const ends = received.map(({ calls: reads }) => {
      at += reads + 1;
      return returns[at - 1]!;
    });
    assert.equal(entries.length, received.length * 2);
    return ends.map((end, k) => end - entries[k * 2]!);
  }

  close(): void {
    this.set.close();
    this.ring.close();
  }
}

/** At sys_enter(registers, number): notes the task if the call is one of the two; at sys_exit: whether it was noted. */
function program(kind: 'enter' | 'exit'): SetMember {
  const a = new Assembler(Btf.kernel());
  a.move(r6, r1)
    .call('get_current_task_btf', {})
    .loadField(r1, r0, 'task_struct', 'real_parent')
    .loadField(r1, r1, 'task_struct', 'tgid')
    .jumpIf(r1, '!=', process.pid, 'other')
    .call('get_current_pid_tgid', {})
    .store(8, fp, -24, r0)
    .call('ktime_get_ns', {})
    .store(8, fp, -32, r0)
    .store(8, fp, -16, kind === 'enter' ? 1 : 0);
  if (kind === 'enter') {
    a.load(8, r7, r6, 8)
      .jumpIf(r7, '==', sys.sendto, 'note')
      .jumpIf(r7, '==', sys.recvfrom, 'note')
      .exit(0)
      .label('note')
      .call('map_update_elem', { map: { map: 'clock_calls' }, key: stack(-24), value: stack(-32), flags: 0 });
  } else {
    a.call('map_delete_elem', { map: { map: 'clock_calls' }, key: stack(-24) })
      .jumpIf(r0, '==', 0, 'leave')
      .exit(0);
    a.label('leave');
  }
  a.call('ringbuf_output', { ring: { map: 'clock_ring' }, data: stack(-32), size: 24, flags: 0 })
    .label('other')
    .exit(0);
  return { name: `clock_${kind}`, type: 'tp_btf', target: `sys_${kind}`, code: a.assemble() };
}
