// The pieces every program of the meter shares: whose bytes these are, and the account they go to.
// An account belongs to (process, its start, cgroup, network namespace); whoever happens to be running is never billed
// for another's bytes: programs in a caller's own context use the current task, all others the socket's known sender.

import { type Assembler, fp, type Register, r0, r1, r2, r3, stack } from '../bpf/assembler.js';
import { type MapSpec, noPreallocation } from '../bpf/map.js';
import { accountBytes } from './causes.js';

/** The key of an account, kept by programs at the top of their stack: offsets below the frame pointer. */
export const keyBytes = 24;
const keyAt = { process: -24, netns: -20, start: -16, cgroup: -8 } as const;
/** Offsets of the key's parts as user space reads them. */
export const keyOffset = { process: 0, netns: 4, start: 8, cgroup: 16 } as const;

/** Below this the stack is free for the programs' own variables. */
export const stackBelowKey = -keyBytes;

/** Counters of what could not be counted, in the map `meter_totals`: 64-bit words. */
export const totalsOffset = { lostEvents: 0, lostBytes: 8, unattributed: 16, unattributedEvents: 24 } as const;

/** The maps all programs of the meter share. */
export const accountMaps: readonly MapSpec[] = [
  {
    name: 'meter_accounts',
    type: 'percpu_hash',
    keyBytes,
    valueBytes: accountBytes,
    maxEntries: 16384,
    flags: noPreallocation,
  },
  { name: 'meter_zero', type: 'array', keyBytes: 4, valueBytes: accountBytes, maxEntries: 1 },
  { name: 'meter_settings', type: 'array', keyBytes: 4, valueBytes: 8, maxEntries: 1 },
  { name: 'meter_totals', type: 'array', keyBytes: 4, valueBytes: 32, maxEntries: 1 },
  { name: 'meter_senders', type: 'lru_hash', keyBytes: 8, valueBytes: keyBytes, maxEntries: 16384 },
];

/** Offset in `meter_settings` of the thread whose transfers are the self-test's (0: none); they go to process 0. */
export const selfTestThreadOffset = 0;

/**
 * Writes the key of the current task's account to the stack. Clobbers r0..r5; keeps r6..r9.
 * @param task the current task. @param socket names the network namespace; where it is null at run time, the task does.
 */
export function emitTaskKey(a: Assembler, task: Register, socket?: Register): void {
  const keep = a.uniqueLabel('own_process');
  const known = a.uniqueLabel('netns_known');
  const ofTask = a.uniqueLabel('netns_of_task');
  a.loadField(r1, task, 'task_struct', 'tgid')
    .loadField(r2, task, 'task_struct', 'pid')
    .loadMapValue(r3, 'meter_settings', selfTestThreadOffset)
    .load(4, r3, r3, 0)
    .jumpIf(r2, '!=', r3, keep)
    .comment('the self-test')
    .move(r1, 0)
    .label(keep)
    .store(4, fp, keyAt.process, r1);
  if (socket !== undefined) {
    a.jumpIf(socket, '==', 0, ofTask);
    a.loadField(r1, socket, 'sock', '__sk_common.skc_net.net').jump(known).label(ofTask);
  }
  a.loadField(r1, task, 'task_struct', 'nsproxy').loadField(r1, r1, 'nsproxy', 'net_ns').label(known);
  a.loadField(r1, r1, 'net', 'ns.inum')
    .store(4, fp, keyAt.netns, r1)
    .loadField(r1, task, 'task_struct', 'group_leader')
    .loadField(r1, r1, 'task_struct', 'start_boottime')
    .store(8, fp, keyAt.start, r1)
    .call('get_current_cgroup_id', {})
    .store(8, fp, keyAt.cgroup, r0);
}

/** What {@link emitAccount} does where the account is new. */
export interface NewAccount {
  /** True in programs that run in the account's own process: its name is noted. */
  readonly ownTask: boolean;
  /** Bytes of the event, noted as lost where there is no room for another account. */
  readonly amount: Register;
  /** Where to go then. */
  readonly lost: string;
}

/** Leaves the address of the account whose key is on the stack in r0, making it when it is new. Clobbers r0..r5. */
export function emitAccount(a: Assembler, { ownTask, amount, lost }: NewAccount): void {
  const found = a.uniqueLabel('account');
  const made = a.uniqueLabel('account_made');
  const lookup = () => a.call('map_lookup_elem', { map: { map: 'meter_accounts' }, key: stack(keyAt.process) });
  lookup().jumpIf(r0, '!=', 0, found);
  a.loadMapValue(r3, 'meter_zero').call('map_update_elem', {
    map: { map: 'meter_accounts' },
    key: stack(keyAt.process),
    value: r3,
    flags: 1,
  });
  lookup().jumpIf(r0, '!=', 0, made);
  emitTotal(a, totalsOffset.lostEvents, 1);
  emitTotal(a, totalsOffset.lostBytes, amount);
  a.jump(lost).label(made);
  if (ownTask) {
    a.store(8, fp, stackBelowKey - 8, r0)
      .move(r1, r0)
      .call('get_current_comm', { buffer: r1, size: 16 })
      .load(8, r0, fp, stackBelowKey - 8);
  }
  a.label(found);
}

/** Adds to a counter of `meter_totals`, atomically: it is shared by all CPUs. Clobbers r1, r2. */
export function emitTotal(a: Assembler, offset: number, amount: Register | number): void {
  a.loadMapValue(r1, 'meter_totals', offset).move(r2, amount).atomic('add', 8, r1, 0, r2);
}

/** The address of `struct skb_shared_info` of a buffer, typed, in `destination`. Clobbers r0..r5. */
export function emitSharedInfo(a: Assembler, destination: Register, buffer: Register): void {
  a.loadField(r1, buffer, 'sk_buff', 'head').loadField(r2, buffer, 'sk_buff', 'end').add(r1, r2);
  a.castReadOnly(destination, r1, 'skb_shared_info');
}

/** The program's name in the kernel and its end: every program of the meter returns 0. */
export function finish(a: Assembler): ReturnType<Assembler['assemble']> {
  return a.label('out').exit(0).assemble();
}
