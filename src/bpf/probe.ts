// BPF on this host: the kernel's types, lockdown, and each kind of program, loaded for real (tracing kinds are attached
// for a moment, too) and closed at once. Refusals are named by refusals.ts.
// Not here: what the programs of the products do; these do nothing.

import type { Outcome, Probe } from '../kernel/probe.js';
import { processStatus, readSysctlNumber, readText } from '../kernel/proc.js';
import { Assembler } from './assembler.js';
import { Btf } from './btf.js';
import { hostFacts, symbolState } from './host-facts.js';
import { attachTracing } from './link.js';
import { BpfProgram, type ProgramType } from './program.js';
import { RefusedError } from './refusals.js';

/** A kind of program: what it returns to change nothing, where it can be tried, and what it gives. */
interface Kind {
  readonly type: ProgramType;
  readonly what: string;
  /** What the kernel takes as "go on": XDP_PASS, TC_ACT_OK, allowed. */
  readonly verdict: number;
  /** Targets to try, the first that is there; rarely hit ones, because the program is attached for a moment. */
  readonly targets?: readonly string[];
  readonly meaning: string;
}

const kinds: readonly Kind[] = [
  {
    ...{ type: 'tp_btf', what: 'BPF tp_btf', verdict: 0, targets: ['sched_process_exit'] },
    meaning: 'The meter reads kernel structures at tracepoints: the tier that works under lockdown.',
  },
  {
    ...{ type: 'fentry', what: 'BPF fentry', verdict: 0, targets: ['bpf_fentry_test1', 'tcp_close'] },
    meaning: 'The meter watches any kernel function, and with that every copy.',
  },
  {
    ...{ type: 'raw_tracepoint', what: 'BPF raw tracepoint', verdict: 0, targets: ['sched_process_exit'] },
    meaning: 'Counts events of the kernel at the least cost.',
  },
  { type: 'tc', what: 'BPF tc', verdict: 0, meaning: 'Sees and marks packets where they enter and leave a device.' },
  { type: 'xdp', what: 'BPF XDP', verdict: 2, meaning: 'Steers packets to AF_XDP before the network stack sees them.' },
  { type: 'sockops', what: 'BPF sockops', verdict: 1, meaning: "Follows a connection's states and round trips." },
  {
    ...{ type: 'cgroup_skb_egress', what: 'BPF cgroup', verdict: 1 },
    meaning: 'Counts what the processes of one control group send.',
  },
];

/** Loads a program that does nothing, and attaches it for a moment where it has a target. @throws RefusedError, named. */
function tryKind({ type, verdict }: Kind, target: string | undefined): void {
  const code = new Assembler().exit(verdict).assemble();
  const program = BpfProgram.load({ name: 'clearway_doctor', type, code, ...(target === undefined ? {} : { target }) });
  try {
    if (target !== undefined) attachTracing(program).detach();
  } finally {
    program.close();
  }
}

function examineKind(kind: Kind): Outcome {
  let refused: RefusedError | undefined;
  for (const target of kind.targets ?? [undefined]) {
    try {
      tryKind(kind, target);
      return { state: 'yes', detail: target === undefined ? 'loads' : `loads and attaches (${target})` };
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refused = error;
      if (error.reason !== 'no-function' && error.reason !== 'no-tracepoint') break;
    }
  }
  const { says = '', costs = '', remedy = '', reason = 'other', errnoCode } = refused ?? {};
  const detail = errnoCode === undefined ? says : `${says} (${errnoCode})`;
  return { state: 'no', detail, cost: costs, remedy, facts: { reason, error: errnoCode ?? null } };
}

function examineTypes(): Outcome {
  if (Btf.available()) {
    const types = Btf.kernel().typeCount;
    return { state: 'yes', detail: `${types} types in /sys/kernel/btf/vmlinux`, facts: { types } };
  }
  return {
    state: 'no',
    detail: 'no /sys/kernel/btf/vmlinux',
    cost: 'tp_btf and fentry programs cannot be bound to what they watch: the meter sees counters only',
    remedy:
      'boot a kernel with CONFIG_DEBUG_INFO_BTF=y; in a container: docker run -v /sys/kernel/btf:/sys/kernel/btf:ro',
  };
}

function securityFsIsMounted(): boolean {
  return /^\S+ \S+ securityfs /m.test(readText('/proc/mounts') ?? '');
}

function examineLockdown(): Outcome {
  const { lockdown } = hostFacts();
  const facts = { lockdown };
  if (lockdown === 'none') return { state: 'yes', detail: 'not locked down', facts };
  if (lockdown === 'unknown') {
    if (symbolState('lock_kernel_down') === 'absent' || securityFsIsMounted()) {
      return { state: 'yes', detail: 'this kernel has no lockdown', facts };
    }
    return {
      state: 'limited',
      detail: 'cannot be read: securityfs is not mounted',
      cost: 'a refusal by lockdown cannot be told from another one; the lines below say what really loads',
      remedy: 'sudo mount -t securityfs securityfs /sys/kernel/security',
      facts,
    };
  }
  const cost =
    lockdown === 'confidentiality'
      ? 'programs may not read kernel memory by address, and function tracing is refused: the meter uses tracepoints'
      : 'programs load; writing to kernel memory is refused, which Clearway never asks for';
  return {
    state: 'limited',
    detail: lockdown,
    cost,
    remedy: 'boot with lockdown=none on the kernel command line (Secure Boot may insist on integrity)',
    facts,
  };
}

function examineUnprivileged(): Outcome {
  const disabled = readSysctlNumber('kernel.unprivileged_bpf_disabled') ?? null;
  const { capabilities } = processStatus();
  const administrator = capabilities.has('CAP_SYS_ADMIN');
  const lacks = (['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN'] as const).filter((name) => !capabilities.has(name));
  const facts = { unprivilegedBpfDisabled: disabled, lacks: administrator ? [] : lacks };
  if (administrator || lacks.length === 0) return { state: 'yes', detail: 'this process may load programs', facts };
  return {
    state: 'no',
    detail: `this process lacks ${lacks.join(', ')}`,
    cost: 'the meter cannot be attached; the ledger of user-space copies works without it',
    remedy: 'sudo clearway ..., or AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_NET_ADMIN in the systemd unit',
    facts,
  };
}

/** Probes of BPF. */
export const bpfProbes: readonly Probe[] = [
  {
    ...{ id: 'bpf_privileges', group: 'bpf', what: 'BPF privileges' },
    meaning: 'The meter loads programs into the kernel.',
    examine: examineUnprivileged,
  },
  {
    ...{ id: 'btf', group: 'bpf', what: 'BTF' },
    meaning: "The kernel's own types: one program fits every kernel.",
    examine: examineTypes,
  },
  {
    ...{ id: 'lockdown', group: 'bpf', what: 'lockdown' },
    meaning: 'How much of itself the kernel lets even root read.',
    examine: examineLockdown,
  },
  ...kinds.map(
    (kind): Probe => ({
      id: `bpf_${kind.type}`,
      group: 'bpf',
      what: kind.what,
      meaning: kind.meaning,
      examine: () => examineKind(kind),
    }),
  ),
];
