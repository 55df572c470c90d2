// The pieces every program of the meter shares: whose bytes these are, and the account they go to.
// An account belongs to (process, its start, cgroup, network namespace); whoever happens to be running is never billed
// for another's bytes: programs in a caller's own context use the current task, all others the socket's known sender.
//
// A task keeps its own account in task storage, so that an event costs one lookup and plain additions. It is moved into
// the map of accounts when the task ends, or when it turns to another namespace or cgroup (accounts.ts reads both).

import { type Assembler, fp, type Register, r0, r1, r2, r3, r4, r5, stack } from '../../bpf/assembler.js';
import { type MapSpec, noPreallocation } from '../../bpf/map.js';
import { accountBytes, type CauseName, causeNames, causeOffset, commandBytes } from './causes.js';

/** The key of an account. */
export const keyBytes = 24;
/** Offsets of the key's parts, as user space reads them. */
export const keyOffset = { process: 0, netns: 4, start: 8, cgroup: 16 } as const;
/** Programs build keys at the top of their stack. */
const keyAt = -keyBytes;
/** Below this the stack is free for the programs' own variables. */
export const stackBelowKey = keyAt;

/** What a task keeps: the kernel objects its key was made from, the key, the way of its send under way, its account. */
export const taskOffset = { netns: 0, cgroups: 8, key: 16, way: 40, thread: 44, account: 48 } as const;
export const taskBytes = taskOffset.account + accountBytes;

/** Where a task's counter lies. */
export function taskCounter(name: CauseName): number {
  return taskOffset.account + causeOffset(name);
}

/** 64-bit words of the map `meter_totals`: what could not be counted, and how often accounts were moved. */
export const totalsOffset = {
  lostEvents: 0,
  lostBytes: 8,
  unattributed: 16,
  unattributedEvents: 24,
  moves: 32,
} as const;

/** The maps all programs of the meter share. */
export const accountMaps: readonly MapSpec[] = [
  { name: 'meter_tasks', type: 'task_storage', keyBytes: 4, valueBytes: taskBytes, maxEntries: 0 },
  {
    name: 'meter_accounts',
    type: 'hash',
    keyBytes,
    valueBytes: accountBytes,
    maxEntries: 65536,
    flags: noPreallocation,
  },
  { name: 'meter_zero', type: 'array', keyBytes: 4, valueBytes: accountBytes, maxEntries: 1 },
  { name: 'meter_totals', type: 'array', keyBytes: 4, valueBytes: 40, maxEntries: 1 },
  { name: 'meter_senders', type: 'lru_hash', keyBytes: 8, valueBytes: keyBytes, maxEntries: 16384 },
];

/** BPF_LOCAL_STORAGE_GET_F_CREATE. */
const createStorage = 1;

/** Whose account, and what to do without one. */
export interface OwnAccount {
  /** The current task, in a register that survives calls. */
  readonly task: Register;
  /** The socket whose network namespace counts, in such a register; `nullable` where it may be null at run time. */
  readonly socket: Register;
  readonly nullable?: boolean;
  /** Bytes of the event, noted as lost where the kernel had no memory for an account. */
  readonly amount: Register;
  /** Where to go then. */
  readonly lost: string;
}

/** Leaves the address of what the current task keeps in r0, its key up to date. Clobbers r0..r5. */
export function emitOwnAccount(a: Assembler, own: OwnAccount): void {
  const { task, socket } = own;
  const changed = a.uniqueLabel('changed');
  const current = a.uniqueLabel('current');
  const got = a.uniqueLabel('got');
  a.call('task_storage_get', { map: { map: 'meter_tasks' }, task, value: 0, flags: createStorage });
  a.jumpIf(r0, '!=', 0, got);
  emitTotal(a, totalsOffset.lostEvents, 1);
  emitTotal(a, totalsOffset.lostBytes, own.amount);
  a.jump(own.lost).label(got);
  a.load(8, r1, r0, taskOffset.cgroups).loadField(r2, task, 'task_struct', 'cgroups').jumpIf(r1, '!=', r2, changed);
  if (own.nullable === true) a.jumpIf(socket, '==', 0, current);
  a.load(8, r1, r0, taskOffset.netns)
    .loadField(r2, socket, 'sock', '__sk_common.skc_net.net')
    .jumpIf(r1, '==', r2, current)
    .label(changed);
  emitNewKey(a, own);
  a.label(current);
}

/** Moves what was counted under the old key, and takes the key of now. Rare. Keeps r0. */
function emitNewKey(a: Assembler, { task, socket, nullable }: OwnAccount): void {
  const storageAt = stackBelowKey - 8;
  const fresh = a.uniqueLabel('fresh');
  a.store(8, fp, storageAt, r0).load(8, r1, r0, taskOffset.cgroups).jumpIf(r1, '==', 0, fresh);
  emitMoveAccount(a, storageAt);
  a.label(fresh);
  const ofTask = a.uniqueLabel('of_task');
  const known = a.uniqueLabel('known');
  a.load(8, r5, fp, storageAt);
  if (nullable === true) a.jumpIf(socket, '==', 0, ofTask);
  a.loadField(r1, socket, 'sock', '__sk_common.skc_net.net');
  if (nullable === true) {
    a.jump(known).label(ofTask);
    a.loadField(r1, task, 'task_struct', 'nsproxy').loadField(r1, r1, 'nsproxy', 'net_ns').label(known);
  }
  a.store(8, r5, taskOffset.netns, r1)
    .loadField(r2, r1, 'net', 'ns.inum')
    .store(4, r5, taskOffset.key + keyOffset.netns, r2)
    .loadField(r1, task, 'task_struct', 'cgroups')
    .store(8, r5, taskOffset.cgroups, r1)
    .loadField(r1, task, 'task_struct', 'tgid')
    .store(4, r5, taskOffset.key + keyOffset.process, r1)
    .loadField(r1, task, 'task_struct', 'pid')
    .store(4, r5, taskOffset.thread, r1)
    .loadField(r1, task, 'task_struct', 'group_leader')
    .loadField(r1, r1, 'task_struct', 'start_boottime')
    .store(8, r5, taskOffset.key + keyOffset.start, r1)
    .call('get_current_cgroup_id', {})
    .load(8, r5, fp, storageAt)
    .store(8, r5, taskOffset.key + keyOffset.cgroup, r0)
    .comment("the process's name, not the thread's")
    .loadField(r1, task, 'task_struct', 'group_leader')
    .fieldAddress(r1, r1, 'task_struct', 'comm');
  for (let offset = 0; offset < commandBytes; offset += 8) {
    a.load(8, r2, r1, offset).store(8, r5, taskOffset.account + offset, r2);
  }
  a.move(r0, r5);
}

/**
 * Adds a task's account, whose storage's address stands on the stack at `storageAt`, to the map of accounts, and clears it.
 * A reader that saw `moves` change meanwhile reads again. Clobbers r0..r5.
 */
export function emitMoveAccount(a: Assembler, storageAt: number): void {
  const found = a.uniqueLabel('found');
  const done = a.uniqueLabel('moved');
  emitTotal(a, totalsOffset.moves, 1);
  const key = () => a.load(8, r2, fp, storageAt).add(r2, taskOffset.key);
  const lookup = () => key().loadMap(r1, 'meter_accounts').call('map_lookup_elem', { map: r1, key: r2 });
  lookup().jumpIf(r0, '!=', 0, found);
  key()
    .loadMapValue(r3, 'meter_zero')
    .move(r4, 1)
    .loadMap(r1, 'meter_accounts')
    .call('map_update_elem', { map: r1, key: r2, value: r3, flags: r4 });
  lookup().jumpIf(r0, '!=', 0, found);
  emitTotal(a, totalsOffset.lostEvents, 1);
  a.jump(done).label(found).load(8, r5, fp, storageAt);
  for (let offset = 0; offset < commandBytes; offset += 8) {
    a.load(8, r1, r5, taskOffset.account + offset).store(8, r0, offset, r1);
  }
  for (const name of causeNames) {
    a.load(8, r1, r5, taskCounter(name)).atomic('add', 8, r0, causeOffset(name), r1).store(8, r5, taskCounter(name), 0);
  }
  a.label(done);
  emitTotal(a, totalsOffset.moves, 1);
}

/**
 * For programs in another's context: leaves in r0 the account in the map whose key is on the stack, making it where it is
 * new. Its counters are everyone's: add to them atomically. Clobbers r0..r5.
 */
export function emitSharedAccount(a: Assembler, amount: Register, lost: string): void {
  const found = a.uniqueLabel('found');
  const lookup = () => a.call('map_lookup_elem', { map: { map: 'meter_accounts' }, key: stack(keyAt) });
  lookup().jumpIf(r0, '!=', 0, found);
  a.loadMapValue(r3, 'meter_zero').call('map_update_elem', {
    map: { map: 'meter_accounts' },
    key: stack(keyAt),
    value: r3,
    flags: 1,
  });
  lookup().jumpIf(r0, '!=', 0, found);
  emitTotal(a, totalsOffset.lostEvents, 1);
  emitTotal(a, totalsOffset.lostBytes, amount);
  a.jump(lost).label(found);
}

/** Copies the key at `source` (a map's value) to where {@link emitSharedAccount} expects it. Clobbers r1. */
export function emitKeyFrom(a: Assembler, source: Register): void {
  for (let offset = 0; offset < keyBytes; offset += 8) a.load(8, r1, source, offset).store(8, fp, keyAt + offset, r1);
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

/** The end of a program: the label `out`, and the result 0 that every program of the meter gives. */
export function finish(a: Assembler): ReturnType<Assembler['assemble']> {
  return a.label('out').exit(0).assemble();
}
