// Every way the kernel refuses BPF, named: why, what it costs whoever asked, and what to do about it.
// An errno alone says too little: EPERM is a missing capability, lockdown, a container's filter or the host's own policy.

import { SystemError } from '../kernel/system-error.js';
import { type HostFacts, hostFacts, type SymbolState, symbolState } from './host-facts.js';

/** Stable names of the ways to be refused. */
export type RefusalReason =
  | 'not-linux'
  | 'no-bpf'
  | 'missing-capability'
  | 'seccomp'
  | 'lockdown'
  | 'policy'
  | 'no-btf'
  | 'no-type'
  | 'no-field'
  | 'no-function'
  | 'no-tracepoint'
  | 'renamed-function'
  | 'notrace'
  | 'too-many-arguments'
  | 'verifier'
  | 'kernel-too-old'
  | 'memory'
  | 'pid-namespace'
  | 'busy'
  | 'device'
  | 'other';

/** What a refusal costs, and what fixes it; `costs` and `remedy` are whole sentences without the full stop. */
interface Entry {
  readonly says: string;
  readonly costs: string;
  readonly remedy: string;
}

const catalogue: Readonly<Record<RefusalReason, Entry>> = {
  'not-linux': {
    says: 'this is not Linux',
    costs: 'nothing can be measured here',
    remedy: 'run it on a Linux host, in a virtual machine, or in a container on Linux',
  },
  'no-bpf': {
    says: 'this kernel was built without the bpf system call',
    costs: 'nothing can be measured here',
    remedy: 'boot a kernel with CONFIG_BPF_SYSCALL=y (every distribution has it)',
  },
  'missing-capability': {
    says: 'this process may not load BPF programs',
    costs: 'nothing can be attached',
    remedy: 'run as root (sudo), or grant the program CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN',
  },
  seccomp: {
    says: 'a seccomp filter, as container runtimes install, stops the bpf system call',
    costs: 'nothing can be attached from within this container',
    remedy: 'run on the host, or start the container with --cap-add BPF --cap-add PERFMON --cap-add NET_ADMIN '.concat(
      'and a seccomp profile that allows bpf',
    ),
  },
  lockdown: {
    says: 'kernel lockdown (confidentiality) forbids reading kernel memory',
    costs: 'programs that call bpf_probe_read_kernel are refused; those with direct typed access still load',
    remedy: 'use the tracepoint tier, or boot with lockdown=integrity or lockdown=none',
  },
  policy: {
    says: "the host's own policy refuses to patch kernel functions",
    costs: 'function entry and exit cannot be watched; tracepoints can',
    remedy: 'use the tracepoint tier here, or a host or guest with a stock kernel',
  },
  'no-btf': {
    says: 'the kernel publishes no types (BTF) for this',
    costs: 'nothing that reads kernel structures can be attached',
    remedy: 'boot a kernel with CONFIG_DEBUG_INFO_BTF=y; for a module, load it first (modprobe)',
  },
  'no-type': {
    says: 'this kernel has no such type',
    costs: 'what reads it is left out',
    remedy: 'load the module that brings it, or use a kernel that has it',
  },
  'no-field': {
    says: 'this kernel keeps no such field',
    costs: 'what reads it is left out',
    remedy: 'use a kernel that has it; field names change between versions',
  },
  'no-function': {
    says: 'this kernel has no such function: it was inlined, never compiled in, or belongs to a module that is not loaded',
    costs: 'calls of it cannot be seen',
    remedy: 'watch its callers instead, or load the module',
  },
  'no-tracepoint': {
    says: 'this kernel has no such tracepoint',
    costs: 'the events it would report cannot be seen this way',
    remedy: 'use a newer kernel, or the function tier',
  },
  'renamed-function': {
    says: 'the compiler kept only a changed variant of this function (.constprop, .isra or .part)',
    costs: 'calls of it cannot be seen by its name',
    remedy: 'watch its callers or a tracepoint beside it',
  },
  notrace: {
    says: 'this function cannot be traced: it has no patch site (all of lib/ is built so, and notrace functions are)',
    costs: 'calls of it cannot be seen',
    remedy: 'watch its callers instead',
  },
  'too-many-arguments': {
    says: 'this kernel cannot attach to functions of more than six arguments',
    costs: 'calls of it cannot be seen',
    remedy: 'use a newer kernel (6.7 or later), or watch its callers',
  },
  verifier: {
    says: 'the verifier rejected the program',
    costs: 'what it measures is left out',
    remedy: 'this is a defect of the program for this kernel: report it with the verifier log',
  },
  'kernel-too-old': {
    says: 'this kernel does not know this kind of program, map or attachment',
    costs: 'what needs it is left out',
    remedy: 'use a newer kernel',
  },
  memory: {
    says: 'there is not enough memory, or the limit on locked memory is too low',
    costs: 'the map or program was not created',
    remedy: 'raise the limit (ulimit -l unlimited), or ask for fewer entries',
  },
  'pid-namespace': {
    says: 'this runs in a process-id namespace of its own, as in a container, where ids are not those the kernel counts by',
    costs: 'processes cannot be told apart',
    remedy: 'run it on the host, or in a container that shares the host’s process ids (--pid=host)',
  },
  busy: {
    says: 'another program is attached there already',
    costs: 'this one was not attached',
    remedy: 'detach the other one first (bpftool net, bpftool link), or attach elsewhere',
  },
  device: {
    says: 'the device or its driver does not support this attachment',
    costs: 'the program was not attached',
    remedy: 'attach in generic mode, or switch the conflicting feature off with ethtool',
  },
  other: {
    says: 'the kernel refused',
    costs: 'what was asked for is left out',
    remedy: 'look at dmesg for a message of the same moment',
  },
};

/** BPF was refused. `reason` is stable; `costs` and `remedy` are sentences; the message holds all of them. */
export class RefusedError extends Error {
  override readonly name: string = 'RefusedError';
  readonly code = 'CLEARWAY_BPF_REFUSED';
  readonly reason: RefusalReason;
  readonly subject: string;
  readonly says: string;
  readonly costs: string;
  readonly remedy: string;
  /** The errno's name, where a system call was refused. */
  readonly errnoCode: string | undefined;
  /** The verifier's log or its explanation, where it rejected the program. */
  readonly detail: string | undefined;

  constructor(reason: RefusalReason, subject: string, errno?: number, detail?: string) {
    const entry = catalogue[reason];
    const system = errno === undefined ? undefined : new SystemError(errno, 'bpf');
    const because = system === undefined ? entry.says : `${entry.says} (${system.code})`;
    super(`${subject}: ${because}; ${entry.costs}; ${entry.remedy}${detail === undefined ? '' : `\n${detail}`}`);
    this.reason = reason;
    this.subject = subject;
    this.says = entry.says;
    this.costs = entry.costs;
    this.remedy = entry.remedy;
    this.errnoCode = system?.code;
    this.detail = detail;
  }
}

/** A kernel type, field or BTF file is not there. */
export class MissingTypeError extends RefusedError {
  override readonly name = 'MissingTypeError';

  constructor(subject: string, reason: 'no-btf' | 'no-type' | 'no-field') {
    super(reason, subject);
  }
}

/** What was being done when the kernel refused. */
export interface Attempt {
  readonly stage: 'map' | 'load' | 'attach' | 'type';
  /** The program type or map type, as this package names it: `fentry`, `tp_btf`, `xdp`, `hash`. */
  readonly kind: string;
  /** The function, tracepoint, device or file, where there is one. */
  readonly target?: string | undefined;
  readonly errno: number;
  /** The verifier's log; empty where it never ran. */
  readonly log?: string | undefined;
}

const errnoOf = {
  EPERM: 1,
  ENOENT: 2,
  E2BIG: 7,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: 38,
  EOPNOTSUPP: 95,
  ERANGE: 34,
  ENOTSUPP: 524,
} as const;

const trampolines = new Set(['fentry', 'fexit', 'fmod_ret', 'lsm', 'freplace']);

/**
 * Names a refusal from what was tried, the errno and the host's facts.
 * `facts` and `symbol` are asked for only where the errno leaves the choice open; tests pass their own.
 */
export function nameRefusal(
  attempt: Attempt,
  facts: () => HostFacts = hostFacts,
  symbol: (name: string) => SymbolState = symbolState,
): RefusalReason {
  const { errno, stage, kind, log = '', target } = attempt;
  if (errno === errnoOf.ENOSYS) return 'no-bpf';
  if (errno === errnoOf.ENOTSUPP) return trampolines.has(kind) ? 'too-many-arguments' : 'kernel-too-old';
  if (errno === errnoOf.EPERM) return namePermission(attempt, facts());
  if (errno === errnoOf.ENOMEM) return 'memory';
  if (stage === 'attach') {
    if (errno === errnoOf.EBUSY || errno === errnoOf.EEXIST) return trampolines.has(kind) ? 'notrace' : 'busy';
    if (errno === errnoOf.EOPNOTSUPP || errno === errnoOf.ERANGE) return 'device';
    if (errno === errnoOf.ENOENT && target !== undefined) return 'no-tracepoint';
    if (kind === 'xdp' && (errno === errnoOf.EINVAL || errno === errnoOf.ENOSPC)) return 'device';
    return errno === errnoOf.EINVAL ? 'kernel-too-old' : 'other';
  }
  if (stage === 'load') {
    if (errno === errnoOf.ENOENT && target !== undefined) {
      return symbol(target) === 'renamed' ? 'renamed-function' : 'no-function';
    }
    if (/cannot use helper bpf_probe_read/.test(log) && facts().lockdown === 'confidentiality') return 'lockdown';
    if (errno === errnoOf.EINVAL && /not supported|unknown func|cannot use helper/.test(log)) return 'kernel-too-old';
    if (log.trim() !== '' || errno === errnoOf.EACCES || errno === errnoOf.E2BIG) return 'verifier';
    return errno === errnoOf.EINVAL ? 'kernel-too-old' : 'other';
  }
  return errno === errnoOf.EINVAL ? 'kernel-too-old' : 'other';
}

/**
 * EPERM, apart: in the order in which the kernel would have said no. A trampoline refused to a process that holds
 * every capability, without lockdown or filter in the way, is the platform's own policy.
 */
function namePermission({ kind, log = '' }: Attempt, facts: HostFacts): RefusalReason {
  const held = facts.capabilities;
  const administrator = held.has('CAP_SYS_ADMIN');
  const enough = administrator || (held.has('CAP_BPF') && held.has('CAP_PERFMON') && held.has('CAP_NET_ADMIN'));
  if (!enough) return 'missing-capability';
  if (facts.lockdown === 'confidentiality' && log.includes('probe_read')) return 'lockdown';
  if (trampolines.has(kind)) return 'policy';
  if (facts.lockdown === 'confidentiality') return 'lockdown';
  return facts.seccomp ? 'seccomp' : 'policy';
}

/** The refusal of an attempt, ready to be thrown or put in a report. */
export function refusal(attempt: Attempt, detail?: string): RefusedError {
  const subject = attempt.target === undefined ? attempt.kind : `${attempt.kind} ${attempt.target}`;
  return new RefusedError(nameRefusal(attempt), subject, attempt.errno, detail);
}
