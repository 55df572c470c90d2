// The function tier as a whole: its programs and maps, and what it cannot see on a given kernel. Every copy is counted at
// the functions that make it, by entry and exit (fentry, fexit); where a host refuses these, the tracepoint tier is used.

import { Assembler, type TypeSource } from '../../bpf/assembler.js';
import { Btf } from '../../bpf/btf.js';
import { attachTracing } from '../../bpf/link.js';
import type { MapSpec } from '../../bpf/map.js';
import { BpfProgram } from '../../bpf/program.js';
import type { SetMember } from '../../bpf/program-set.js';
import { RefusedError } from '../../bpf/refusals.js';
import { accountMaps } from '../accounts/account-code.js';
import { forkProgram, treeMaps } from '../accounts/process-tree.js';
import { exitProgram } from '../accounts/task-accounts.js';
import type { TierPrograms } from '../tracepoints/tier.js';
import { functionBufferPrograms } from './buffers.js';
import { functionCausePrograms } from './causes.js';
import { contextMap } from './context.js';
import { functionCopyPrograms } from './copies.js';
import { functionFilePrograms } from './files.js';
import { ownerMaps } from './owner.js';
import { functionReceivePrograms } from './receive.js';
import { functionSendPrograms } from './send.js';
import { functionSocketPrograms, seedSockets } from './sockets.js';
import { stackMaps } from './stacks.js';
import type { TierTypes } from './target.js';
import { functionTlsPrograms } from './tls.js';

/** Every map of the tier. */
const functionMaps: readonly MapSpec[] = [...accountMaps, ...treeMaps, contextMap, ...ownerMaps, ...stackMaps];

/** The running kernel's types and those of its modules. */
export function kernelTypes(): TierTypes {
  return { kernel: Btf.kernel(), module: (name): TypeSource | undefined => Btf.module(name) };
}

/**
 * Every program of the tier that a kernel's types allow; with `sockets`, accounts by socket too (socket-accounts.ts).
 * @throws MissingTypeError where it lacks a type it needs.
 */
export function functionPrograms(types: TierTypes, sockets = false): SetMember[] {
  return [
    exitProgram(types.kernel),
    forkProgram(types.kernel),
    ...functionSocketPrograms(types),
    ...functionCausePrograms(types),
    ...functionCopyPrograms(types),
    ...functionSendPrograms(types, sockets),
    ...functionReceivePrograms(types, sockets),
    ...functionFilePrograms(types),
    ...functionTlsPrograms(types),
    ...functionBufferPrograms(types),
  ];
}

/** Functions without which the tier is not exact, under any of their names: where one is missing, it is not used. */
const needed: readonly (readonly string[])[] = [
  ['tcp_sendmsg_locked'],
  ['skb_zerocopy_iter_stream'],
  ['skb_splice_from_iter', 'do_tcp_sendpages'],
  ['ip_generic_getfrag'],
  ['skb_copy_datagram_from_iter'],
  ['skb_copy_datagram_iter'],
  ['udp_recvmsg'],
  ['tcp_recvmsg'],
  ['generic_perform_write'],
  ['filemap_read'],
  ['anon_pipe_write', 'pipe_write'],
  ['anon_pipe_read', 'pipe_read'],
  ['skb_copy_bits'],
  ['skb_copy_ubufs'],
  ['pskb_expand_head'],
];

/** The first needed function that no program is for; `undefined` where all are there. */
function missingFunction(programs: readonly SetMember[]): string | undefined {
  const targets = new Set(programs.map((program) => program.target));
  return needed.find((names) => !names.some((name) => targets.has(name)))?.join(' or ');
}

/** What a function that has no program means for the report. */
const meanings: readonly (readonly [names: readonly string[], words: string])[] = [
  [['__pskb_pull_tail'], 'linearised buffers (counted among other copies)'],
  [['skb_segment'], 'software segmentation (its headers are not counted, its payload among other copies)'],
  [['tpacket_rcv'], 'packet capture (counted among other copies)'],
  [['tcp_try_coalesce'], 'coalescing at a TCP receiver (counted among other copies)'],
  [['tcp_collapse'], 'a TCP receiver that collapses its queue (counted among other copies)'],
  [['skb_pp_cow_data', 'veth_xdp_rcv_skb'], 'copies for XDP (counted among other copies)'],
  [['tcp_zerocopy_receive'], 'TCP_ZEROCOPY_RECEIVE (neither mapped bytes nor their payload)'],
  [['shmem_file_read_iter'], 'reads of tmpfs and shared memory'],
  [['tls_sw_sendmsg'], 'kTLS payload: its module was not loaded when the meter started'],
  [['security_socket_post_create'], 'who made a socket (its user is known from the first transfer on)'],
];

/** Beyond the reach of function entries on every kernel. */
const alwaysUnseen: readonly string[] = [
  "copies a network driver makes itself (receive copybreak, headers pulled by GRO), and a device's own",
  'data in the SYN of TCP Fast Open, headers written by raw sockets, AF_XDP in copy mode',
  'files on file systems with read and write paths of their own (btrfs where its module is not loaded, FUSE, network file systems)',
  'payload of vsock (and before 6.7 its copies), RDMA, kTLS done by a network card, sockmap redirection, MPTCP',
];

/** Line by line, what the tier cannot see on this kernel. */
function unseenByFunctions(targets: readonly string[], refused: readonly RefusedError[]): string[] {
  const gone = new Set(refused.map(({ subject }) => subject.split(' ').at(-1)));
  const seen = new Set(targets.filter((target) => !gone.has(target)));
  const lines = meanings.filter(([names]) => !names.some((name) => seen.has(name))).map(([, words]) => words);
  return [...lines, ...alwaysUnseen];
}

export const functionTier: TierPrograms = {
  tier: 'functions',
  maps: functionMaps,
  programs: (_types, sockets) => {
    refuseEarly();
    const programs = functionPrograms(kernelTypes(), sockets);
    const missing = missingFunction(programs);
    if (missing !== undefined) throw new RefusedError('no-function', `fexit ${missing}`);
    return programs;
  },
  prepare: (types, set) => seedSockets(types, set.maps),
  unseen: ({ programs, refused }) =>
    unseenByFunctions(
      programs.map(({ source }) => source.target ?? ''),
      refused,
    ),
};

/** Tries the smallest program first: a host that refuses functions says so in a millisecond. @throws RefusedError */
function refuseEarly(): void {
  const code = new Assembler().exit(0).assemble();
  const program = BpfProgram.load({ name: 'fn_probe', type: 'fentry', target: 'tcp_sendmsg_locked', code });
  try {
    attachTracing(program).detach();
  } finally {
    program.close();
  }
}
