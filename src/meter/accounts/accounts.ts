// Reading what the programs counted: rows by process, their sums, and copy amplification.

import { type Link, readIterator } from '../../bpf/link.js';
import type { BpfMap } from '../../bpf/map.js';
import { keyBytes, keyOffset, taskBytes, taskOffset, totalsOffset } from './account-code.js';
import {
  accountBytes,
  type CauseName,
  causeNames,
  causeOffset,
  causes,
  commandBytes,
  type Side,
  type Tier,
  tierSees,
} from './causes.js';

/** Counters by cause. A cause that the tier cannot see is absent: unknown is not 0. */
export type Counters = Partial<Record<CauseName, number>>;

/** What one process did in one cgroup and one network namespace. */
export interface AccountRow {
  /** Process id, as the host's own namespace numbers it. */
  readonly processId: number;
  /** Start of the process, ns since boot: tells apart processes that had the same id. */
  readonly startNs: number;
  /** The process's name when it first moved bytes (15 characters). */
  readonly command: string;
  /** The inode number of its network namespace, as in /proc/PID/ns/net. */
  readonly networkNamespace: number;
  /** The id of its cgroup (v2): the inode number of the cgroup's directory, in decimal. */
  readonly cgroupId: string;
  readonly counters: Counters;
}

/** Sums of counters by movement, in bytes, and what follows from them. */
export interface Summary {
  readonly userToKernel: number;
  readonly kernelToUser: number;
  readonly kernelToKernel: number;
  /** All three: bytes copied by the CPU, as far as the tier sees. */
  readonly copied: number;
  readonly byReference: number;
  readonly payloadSent: number;
  readonly payloadReceived: number;
  /** Bytes copied for each byte of payload; `null` where there was none. `total` divides by the larger direction. */
  readonly amplification: {
    readonly sent: number | null;
    readonly received: number | null;
    readonly total: number | null;
  };
}

/** What could not be counted or billed. All zero in a sound run. */
export interface Shortfall {
  /** Transfers for which there was no room for another account. */
  readonly lostEvents: number;
  readonly lostBytes: number;
  /** Reverted bytes whose sender is not known. */
  readonly unattributedBytes: number;
  readonly unattributedEvents: number;
}

/** Where accounts are read from. */
export interface AccountSource {
  /** Accounts of tasks that ended or moved on, and what was billed to others. */
  readonly accounts: BpfMap;
  readonly totals: BpfMap;
  /** The iterator that writes out what living tasks keep. */
  readonly tasks: Link;
}

/** What one thread keeps. */
export interface TaskAccount extends AccountRow {
  readonly threadId: number;
}

/**
 * Reads every account, those of living tasks and the moved ones together. Where accounts were moved meanwhile (a thread
 * ended), it reads again, so that none is seen twice or not at all.
 */
export function readAccounts(source: AccountSource, tier: Tier): AccountRow[] {
  for (let attempt = 1; ; attempt++) {
    const before = movesOf(source.totals);
    const rows = [...readTasks(source.tasks, tier), ...readMoved(source.accounts, tier)];
    if (movesOf(source.totals) === before || attempt === 5) return merge(rows);
  }
}

function movesOf(totals: BpfMap): bigint {
  return totals.lookup(0)?.getBigUint64(totalsOffset.moves, true) ?? 0n;
}

/** Reads what each living thread keeps. */
export function readTasks(tasks: Link, tier: Tier): TaskAccount[] {
  const bytes = readIterator(tasks);
  const rows: TaskAccount[] = [];
  for (let at = 0; at + taskBytes <= bytes.length; at += taskBytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, taskBytes);
    const key = new DataView(view.buffer, view.byteOffset + taskOffset.key, keyBytes);
    const account = new DataView(view.buffer, view.byteOffset + taskOffset.account, accountBytes);
    rows.push({ threadId: view.getUint32(taskOffset.thread, true), ...rowOf(key, account, tier) });
  }
  return rows;
}

/** Reads the map of accounts alone. */
export function readMoved(accounts: BpfMap, tier: Tier): AccountRow[] {
  const rows: AccountRow[] = [];
  accounts.forEach((key, account) => void rows.push(rowOf(key, account, tier)));
  return rows;
}

function rowOf(key: DataView, account: DataView, tier: Tier): AccountRow {
  const counters: Counters = {};
  for (const name of causeNames) {
    if (tierSees(tier, name)) counters[name] = Number(account.getBigUint64(causeOffset(name), true));
  }
  return {
    processId: key.getUint32(keyOffset.process, true),
    networkNamespace: key.getUint32(keyOffset.netns, true),
    startNs: Number(key.getBigUint64(keyOffset.start, true)),
    cgroupId: key.getBigUint64(keyOffset.cgroup, true).toString(),
    command: commandOf(account),
    counters,
  };
}

function commandOf(account: DataView): string {
  let text = '';
  for (let index = 0; index < commandBytes; index++) {
    const letter = account.getUint8(index);
    if (letter === 0) break;
    text += String.fromCharCode(letter);
  }
  return text;
}

/** Rows of one key are one row. */
function merge(rows: readonly AccountRow[]): AccountRow[] {
  const merged = new Map<string, AccountRow>();
  for (const row of rows) {
    const { processId, startNs, networkNamespace, cgroupId } = row;
    const key = `${processId} ${startNs} ${networkNamespace} ${cgroupId}`;
    const other = merged.get(key);
    merged.set(key, {
      ...{ processId, startNs, networkNamespace, cgroupId },
      command: other?.command || row.command,
      counters: other === undefined ? row.counters : addCounters([other.counters, row.counters]),
    });
  }
  return [...merged.values()];
}

/** Reads what was lost or could not be billed. */
export function readShortfall(totals: BpfMap): Shortfall {
  const value = totals.lookup(0);
  const at = (offset: number) => (value === undefined ? 0 : Number(value.getBigUint64(offset, true)));
  return {
    lostEvents: at(totalsOffset.lostEvents),
    lostBytes: at(totalsOffset.lostBytes),
    unattributedBytes: at(totalsOffset.unattributed),
    unattributedEvents: at(totalsOffset.unattributedEvents),
  };
}

/** Adds counters up. A cause is in the sum where any of them has it. */
export function addCounters(all: Iterable<Counters>): Counters {
  const sum: Counters = {};
  for (const counters of all) {
    for (const [name, value] of Object.entries(counters) as [CauseName, number][]) sum[name] = (sum[name] ?? 0) + value;
  }
  return sum;
}

/** `after` less `before`, cause by cause. */
export function subtractCounters(after: Counters, before: Counters): Counters {
  const difference: Counters = {};
  for (const [name, value] of Object.entries(after) as [CauseName, number][]) {
    difference[name] = value - (before[name] ?? 0);
  }
  return difference;
}

/** Sums by movement, and amplification. */
export function summarise(counters: Counters): Summary {
  let userToKernel = 0;
  let kernelToUser = 0;
  let kernelToKernel = 0;
  let byReference = 0;
  const bySide: Record<Side, number> = { sent: 0, received: 0 };
  for (const [name, value] of Object.entries(counters) as [CauseName, number][]) {
    const { movement, side } = causes[name];
    if (movement === 'user-to-kernel') userToKernel += value;
    else if (movement === 'kernel-to-user') kernelToUser += value;
    else if (movement === 'kernel-to-kernel') kernelToKernel += value;
    else if (movement === 'by-reference') byReference += value;
    if (side !== undefined) bySide[side] += value;
  }
  const payloadSent = counters.payloadSent ?? 0;
  const payloadReceived = counters.payloadReceived ?? 0;
  const copied = userToKernel + kernelToUser + kernelToKernel;
  const ratio = (bytes: number, payload: number) => (payload === 0 ? null : bytes / payload);
  return {
    userToKernel,
    kernelToUser,
    kernelToKernel,
    copied,
    byReference,
    payloadSent,
    payloadReceived,
    amplification: {
      sent: ratio(bySide.sent, payloadSent),
      received: ratio(bySide.received, payloadReceived),
      total: ratio(copied, Math.max(payloadSent, payloadReceived)),
    },
  };
}
