// What the meter counts, as one table: the name of each counter, where its bytes went, which tier sees it, and in words.
// Both tiers write the same 64-bit counters at the same places of an account; a tier leaves alone what it cannot see.

import { wrongArgument } from '../../text/coded.js';
import { shown } from '../../text/shown.js';

/** Where bytes went, or what else a counter counts. Only the first three are copies by the CPU. */
export type Movement =
  | 'user-to-kernel'
  | 'kernel-to-user'
  | 'kernel-to-kernel'
  | 'by-reference'
  | 'payload'
  | 'event'
  | 'label';

/** How a report came about: by tracepoints alone, or by entry and exit of kernel functions. */
export type Tier = 'tracepoints' | 'functions';

/** @throws RangeError for a tier that there is not; undefined is any. */
export function checkTier(tier: unknown): void {
  if (tier !== undefined && tier !== 'tracepoints' && tier !== 'functions')
    throw wrongArgument(`a tier is tracepoints or functions, not ${shown(tier)}`);
}

/** The direction of the payload that a copy was made for. */
export type Side = 'sent' | 'received';

/** One counter. */
export interface Cause {
  readonly movement: Movement;
  readonly unit: 'bytes' | 'count';
  /** For copies: the direction whose amplification they belong to. */
  readonly side: Side | undefined;
  readonly words: string;
  /** The tiers that see it; on another tier its value is unknown, never 0. */
  readonly tiers: readonly Tier[];
}

const both = ['tracepoints', 'functions'] as const;
const functionsOnly = ['functions'] as const;

function copy(movement: Movement, side: Side | undefined, words: string, tiers: readonly Tier[]): Cause {
  return { movement, unit: 'bytes', side, words, tiers };
}

function bytes(movement: Movement, words: string, tiers: readonly Tier[]): Cause {
  return { movement, unit: 'bytes', side: undefined, words, tiers };
}

function count(words: string, tiers: readonly Tier[]): Cause {
  return { movement: 'event', unit: 'count', side: undefined, words, tiers };
}

/** The counters in the order of their places in an account. New ones are added at the end of their group's tier. */
export const causes = {
  tcpSent: copy('user-to-kernel', 'sent', 'TCP: sent by copying', both),
  udpSent: copy('user-to-kernel', 'sent', 'UDP: sent by copying', both),
  unixSent: copy('user-to-kernel', 'sent', 'unix socket: sent by copying', both),
  otherSent: copy('user-to-kernel', 'sent', 'other sockets: sent by copying', both),
  tcpReceived: copy('kernel-to-user', 'received', 'TCP: received', both),
  udpReceived: copy('kernel-to-user', 'received', 'UDP: received', both),
  unixReceived: copy('kernel-to-user', 'received', 'unix socket: received', both),
  otherReceived: copy('kernel-to-user', 'received', 'other sockets, tun and capture: received', both),
  reverted: copy('kernel-to-kernel', 'sent', 'zero-copy reverted: copied after all', both),
  kernelSent: copy('kernel-to-kernel', 'sent', 'sent by copying from kernel memory', both),
  kernelReceived: copy('kernel-to-kernel', 'received', 'received into kernel memory', both),
  spliced: bytes('by-reference', 'spliced (sendfile, splice)', both),
  pinned: bytes('by-reference', 'pinned (MSG_ZEROCOPY, SEND_ZC)', both),
  payloadSent: bytes('payload', 'payload sent', both),
  payloadReceived: bytes('payload', 'payload received', both),
  sendCalls: count('send operations', both),
  receiveCalls: count('receive operations', both),
  reverts: count('buffers reverted', both),
  uncertain: bytes('label', 'received with MSG_TRUNC: copied length not known, counted whole', ['tracepoints']),
  pipeWritten: copy('user-to-kernel', undefined, 'pipe: written', functionsOnly),
  fileWritten: copy('user-to-kernel', undefined, 'page cache: written', functionsOnly),
  pipeRead: copy('kernel-to-user', undefined, 'pipe: read', functionsOnly),
  fileRead: copy('kernel-to-user', undefined, 'page cache: read', functionsOnly),
  linearised: copy('kernel-to-kernel', 'sent', 'linearised', functionsOnly),
  headerExpanded: copy('kernel-to-kernel', 'sent', 'header expanded', functionsOnly),
  segmented: copy('kernel-to-kernel', 'sent', 'segmented in software', functionsOnly),
  captured: copy('kernel-to-kernel', undefined, 'packet capture', functionsOnly),
  xdpCopied: copy('kernel-to-kernel', 'received', 'copied for XDP', functionsOnly),
  coalesced: copy('kernel-to-kernel', 'received', 'coalesced', functionsOnly),
  otherCopied: copy('kernel-to-kernel', undefined, 'other copies between buffers', functionsOnly),
  kernelWritten: copy('kernel-to-kernel', undefined, 'page cache written from kernel memory', functionsOnly),
  kernelRead: copy('kernel-to-kernel', undefined, 'page cache read into kernel memory', functionsOnly),
  mapped: bytes('by-reference', 'mapped (TCP_ZEROCOPY_RECEIVE)', functionsOnly),
  splicedOut: bytes('by-reference', 'spliced out of sockets', functionsOnly),
  buffersCreated: count('buffers created', functionsOnly),
  buffersCloned: count('buffers cloned', functionsOnly),
  buffersExpanded: count('buffers expanded', functionsOnly),
  buffersLinearised: count('buffers linearised', functionsOnly),
  transformed: bytes(
    'label',
    'kTLS: encrypted or decrypted by the CPU (a pass over the bytes, no copy)',
    functionsOnly,
  ),
} as const satisfies Record<string, Cause>;

export type CauseName = keyof typeof causes;

/** The names in the order of their places. */
export const causeNames = Object.keys(causes) as readonly CauseName[];

/** Bytes at the start of an account that hold the process's name, as the kernel had it at its first transfer. */
export const commandBytes = 16;

/** Bytes of an account in the kernel's map: the name, then one 64-bit counter for each cause. */
export const accountBytes = commandBytes + causeNames.length * 8;

/** Where a counter lies in an account. */
export function causeOffset(name: CauseName): number {
  return commandBytes + causeNames.indexOf(name) * 8;
}

/** True where the tier sees the counter. */
export function tierSees(tier: Tier, name: CauseName): boolean {
  return (causes[name].tiers as readonly Tier[]).includes(tier);
}

/** What the tracepoint tier cannot see, line by line, for its reports. */
export const unseenByTracepoints: readonly string[] = [
  'copies within the kernel other than reverted zero-copy: linearised, expanded, segmented in software, captured, XDP, coalesced',
  'the second copy of a reverted send while a capture (tcpdump) runs',
  'files and pipes: read, write, splice between them',
  'bytes a program takes out of a TCP or unix socket by splice or by TCP_ZEROCOPY_RECEIVE, mapped or copied (they count neither as copied nor as payload)',
  'kTLS: encryption and its copies; splice of io_uring into unix or UDP sockets (counted as copied)',
  'MSG_ZEROCOPY of UDP sockets (counted as copied)',
  'a receive from a unix socket that fails because it is given memory that is not there (EFAULT: counted as if copied)',
  'what programs write into tun devices and capture rings',
];
