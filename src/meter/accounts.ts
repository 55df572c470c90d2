// Reading what the programs counted: rows by process, their sums, and copy amplification.

import type { BpfMap } from '../bpf/map.js';
import { keyOffset, totalsOffset } from './account-code.js';
import {
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
  /** Process id; 0 is the meter's own self-test. */
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

/** Reads every account. */
export function readAccounts(map: BpfMap, tier: Tier): AccountRow[] {
  const seen = causeNames.filter((name) => tierSees(tier, name));
  const rows: AccountRow[] = [];
  map.forEach((key, value) => {
    const counters: Counters = {};
    for (const name of seen) counters[name] = map.sum(value, causeOffset(name));
    rows.push({
      processId: key.getUint32(keyOffset.process, true),
      networkNamespace: key.getUint32(keyOffset.netns, true),
      startNs: Number(key.getBigUint64(keyOffset.start, true)),
      cgroupId: key.getBigUint64(keyOffset.cgroup, true).toString(),
      command: commandOf(value, map.spec.valueBytes),
      counters,
    });
  });
  return rows;
}

/** The name is in the copy of whichever CPU made the account. */
function commandOf(value: DataView, valueBytes: number): string {
  for (let start = 0; start < value.byteLength; start += valueBytes) {
    let text = '';
    for (let index = 0; index < commandBytes; index++) {
      const letter = value.getUint8(start + index);
      if (letter === 0) break;
      text += String.fromCharCode(letter);
    }
    if (text !== '') return text;
  }
  return '';
}

/** Reads what was lost or could not be billed. */
export function readShortfall(map: BpfMap): Shortfall {
  const value = map.lookup(0);
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
