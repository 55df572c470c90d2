// io_uring on this host: does it start, which operations and features does it have, and if not, who said no.
// A refusal is named by its cause (sysctl, seccomp, absent, ...), because each has another fix.
// Not here: the rings (uring/ring.ts) and the choice of the engine (transport/open-engine.ts).

import { readFileSync } from 'node:fs';
import {
  IO_URING_OP,
  IORING_ENTER,
  IORING_FEAT,
  IORING_OP,
  IORING_REGISTER,
  IORING_SETUP,
  IORING_UNREGISTER,
  MAP,
  PROT,
} from './constants.js';
import { Errno, errnoName } from './errno.js';
import { layouts } from './layouts.js';
import { mapMemory, pageBytes, scratch, unmapMemory } from './memory.js';
import type { Outcome, Probe } from './probe.js';
import { processStatus, readSysctlNumber } from './proc.js';
import { closeDescriptor } from './socket.js';
import { uringEnter, uringRegister, uringSetup } from './uring.js';

/** Why io_uring does not start, or does not go on after it started. */
export type UringRefusal = 'absent' | 'sysctl' | 'seccomp' | 'policy' | 'memory' | 'descriptors' | 'other';

/** What io_uring can do here. */
export interface UringCapability {
  readonly works: boolean;
  /** Who said no; undefined where it works. */
  readonly refusal?: UringRefusal;
  /** The call that was refused, and with what (`EPERM`). */
  readonly refusedCall?: string;
  readonly errorCode?: string;
  /** Names of IORING_FEAT_* and of supported IORING_OP_*. */
  readonly features: readonly string[];
  readonly operations: readonly string[];
  /** IORING_SETUP_SINGLE_ISSUER | DEFER_TASKRUN is accepted (Linux 6.1): what the engine builds on. */
  readonly deferTaskrun: boolean;
  /** A ring of provided buffers can be registered (Linux 5.19). */
  readonly bufferRing: boolean;
}

/** What decides who refused: the errno, and what the host says about itself. */
export interface UringRefusalEvidence {
  readonly errno: number;
  /** kernel.io_uring_disabled: 0 everybody may, 1 the group and the administrator, 2 nobody; undefined before Linux 6.6. */
  readonly disabled: number | undefined;
  /** CAP_SYS_ADMIN, or a member of kernel.io_uring_group. */
  readonly privileged: boolean;
  readonly seccompMode: number | undefined;
  /** The kernel has the system call in its symbol table; undefined where that cannot be read. */
  readonly compiledIn: boolean | undefined;
}

/**
 * Names who refused io_uring. The sysctl is asked after before seccomp, because the kernel cannot be told apart from the
 * filter by the errno (both give EPERM) but says plainly what the sysctl is.
 */
export function nameUringRefusal(evidence: UringRefusalEvidence): UringRefusal {
  const { errno, disabled, privileged, seccompMode, compiledIn } = evidence;
  const filtered = seccompMode === 2;
  if (errno === Errno.ENOMEM) return 'memory';
  if (errno === Errno.EMFILE || errno === Errno.ENFILE) return 'descriptors';
  if (errno === Errno.ENOSYS) return filtered && (disabled !== undefined || compiledIn === true) ? 'seccomp' : 'absent';
  if (errno === Errno.EPERM || errno === Errno.EACCES) {
    if (disabled === 2 || (disabled === 1 && !privileged)) return 'sysctl';
    return filtered ? 'seccomp' : 'policy';
  }
  return 'other';
}

/** Tries io_uring for real: starts a ring, asks it for its operations, enters it, registers a buffer ring. */
export function examineUring(): UringCapability {
  const nothing = { features: [], operations: [], deferTaskrun: false, bufferRing: false };
  const { fd, parameters } = uringSetup(4, 0, 0);
  if (fd < 0) return { works: false, ...refused('io_uring_setup', -fd), ...nothing };
  try {
    const operations = supportedOperations(fd);
    if (typeof operations === 'number')
      return { works: false, ...refused('io_uring_register', -operations), ...nothing };
    const entered = uringEnter(fd, 0, 0, IORING_ENTER.GETEVENTS);
    if (entered < 0) return { works: false, ...refused('io_uring_enter', -entered), ...nothing };
    const deferred = uringSetup(4, IORING_SETUP.SINGLE_ISSUER | IORING_SETUP.DEFER_TASKRUN, 0).fd;
    if (deferred >= 0) closeDescriptor(deferred);
    return {
      works: true,
      features: Object.entries(IORING_FEAT).flatMap(([name, bit]) => (parameters.features & bit ? [name] : [])),
      operations,
      deferTaskrun: deferred >= 0,
      bufferRing: registersBufferRing(fd),
    };
  } finally {
    closeDescriptor(fd);
  }
}

function refused(call: string, errno: number): Pick<UringCapability, 'refusal' | 'refusedCall' | 'errorCode'> {
  const { seccompMode, capabilities } = processStatus();
  const group = readSysctlNumber('kernel.io_uring_group');
  const refusal = nameUringRefusal({
    errno,
    disabled: readSysctlNumber('kernel.io_uring_disabled'),
    privileged:
      capabilities.has('CAP_SYS_ADMIN') || (group !== undefined && (process.getgroups?.() ?? []).includes(group)),
    seccompMode,
    compiledIn: symbolsInclude('sys_io_uring_setup'),
  });
  return { refusal, refusedCall: call, errorCode: errnoName(errno) };
}

/** Whether /proc/kallsyms names a system call (its names can be read even where its addresses cannot). */
function symbolsInclude(name: string): boolean | undefined {
  try {
    return readFileSync('/proc/kallsyms', 'latin1').includes(`_${name}\n`);
  } catch {
    return undefined;
  }
}

/** Names of the operations that IORING_REGISTER_PROBE reports, or -errno. */
function supportedOperations(fd: number): string[] | number {
  const { io_uring_probe: head, io_uring_probe_op: entry } = layouts;
  const capacity = 256;
  const place = scratch(head.size + capacity * entry.size);
  place.bytes.fill(0, place.offset, place.offset + head.size + capacity * entry.size);
  const result = uringRegister(fd, IORING_REGISTER.PROBE, place.address, capacity);
  if (result < 0) return result;
  const count = place.data.getUint8(place.offset + head.fields.ops_len.offset);
  const flagsAt = place.offset + head.fields.ops.offset + entry.fields.flags.offset;
  return Object.entries(IORING_OP).flatMap(([name, number]) => {
    const flags = number < count ? place.data.getUint16(flagsAt + number * entry.size, true) : 0;
    return (flags & IO_URING_OP.SUPPORTED) !== 0 ? [name] : [];
  });
}

function registersBufferRing(fd: number): boolean {
  const layout = layouts.io_uring_buf_reg;
  const memory = mapMemory(pageBytes(), PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  try {
    const place = scratch(layout.size);
    place.bytes.fill(0, place.offset, place.offset + layout.size);
    place.data.setBigUint64(place.offset + layout.fields.ring_addr.offset, BigInt(memory.address), true);
    place.data.setUint32(place.offset + layout.fields.ring_entries.offset, 8, true);
    if (uringRegister(fd, IORING_REGISTER.PBUF_RING, place.address, 1) < 0) return false;
    uringRegister(fd, IORING_UNREGISTER.PBUF_RING, place.address, 1);
    return true;
  } finally {
    unmapMemory(memory);
  }
}

const slowerEngine = 'the epoll engine serves instead: the same answers for more system calls a request';
const sentOnce =
  'pages of frames are copied once by the kernel when they are sent; files still leave by sendfile or splice';
const receivedOnce = 'received bytes are copied once, from the packet to the buffer';
const newerKernel = 'boot Linux 6.1 or newer (uname -r says what runs)';

const refusals: Readonly<Record<UringRefusal, { says: string; remedy: string }>> = {
  absent: { says: 'this kernel has no io_uring', remedy: `${newerKernel}, built with CONFIG_IO_URING=y` },
  sysctl: {
    says: 'switched off by the sysctl kernel.io_uring_disabled',
    remedy: 'sudo sysctl kernel.io_uring_disabled=0',
  },
  seccomp: {
    says: 'refused by a seccomp filter, as container runtimes install',
    remedy:
      'allow io_uring_setup, io_uring_enter and io_uring_register in the seccomp profile ' +
      '(docker run --security-opt seccomp=PROFILE.json; systemd: SystemCallFilter=@aio)',
  },
  policy: {
    says: 'refused by a security module (SELinux, AppArmor)',
    remedy: 'sudo dmesg | grep -iE "avc|apparmor" names the rule to change',
  },
  memory: {
    says: 'not enough memory, or the limit on locked memory is too low (kernels before 5.12 count the rings in it)',
    remedy: 'ulimit -l unlimited',
  },
  descriptors: { says: 'the limit of open files is reached', remedy: 'ulimit -n 65536' },
  other: { says: 'the kernel refused', remedy: 'sudo dmesg | tail' },
};

/** The probe of io_uring itself says who refused; the ones behind it only that they have nothing to stand on. */
function answer(judge: (capability: UringCapability) => Outcome, costWithout?: string): () => Outcome {
  return () => {
    const capability = examineUring();
    if (capability.works) return judge(capability);
    const { refusal = 'other', refusedCall = '', errorCode = '' } = capability;
    const facts = { reason: refusal, call: refusedCall, error: errorCode };
    if (costWithout !== undefined) {
      const detail = 'io_uring does not start here';
      return { state: 'no', detail, cost: costWithout, remedy: 'the fix of io_uring, above', facts };
    }
    const { says, remedy } = refusals[refusal];
    return { state: 'no', detail: `${says} (${refusedCall}: ${errorCode})`, cost: slowerEngine, remedy, facts };
  };
}

function judgeEngine(capability: UringCapability): Outcome {
  const facts = {
    features: capability.features,
    deferTaskrun: capability.deferTaskrun,
    bufferRing: capability.bufferRing,
  };
  if (capability.deferTaskrun && capability.bufferRing) {
    return { state: 'yes', detail: 'starts, with deferred task work and buffer rings', facts };
  }
  const lacks = [
    ...(capability.deferTaskrun ? [] : ['deferred task work (Linux 6.1)']),
    ...(capability.bufferRing ? [] : ['buffer rings (Linux 5.19)']),
  ];
  const detail = `starts, but lacks ${lacks.join(' and ')}`;
  return { state: 'limited', detail, cost: slowerEngine, remedy: newerKernel, facts };
}

/** What the engine and the ways that leave without the CPU are made of, and the kernel that brought each. */
const wantedOperations = {
  ...{ ACCEPT: '5.5', RECV: '5.6', SEND: '5.6', SPLICE: '5.7', ASYNC_CANCEL: '5.5', POLL_ADD: '5.1', CLOSE: '5.6' },
  ...{ READ: '5.6', FADVISE: '5.6', STATX: '5.6', OPENAT2: '5.6', SEND_ZC: '6.0', SENDMSG_ZC: '6.1' },
} as const satisfies Partial<Record<keyof typeof IORING_OP, string>>;

function judgeOperations({ operations }: UringCapability): Outcome {
  const missing = Object.entries(wantedOperations).filter(([name]) => !operations.includes(name));
  const known = `${operations.length} of the ${Object.keys(IORING_OP).length} operations known here`;
  const facts = { operations, missing: missing.map(([name]) => name) };
  if (missing.length === 0) return { state: 'yes', detail: known, facts };
  const names = missing.map(([name, since]) => `${name} (Linux ${since})`).join(', ');
  return { state: 'limited', detail: `${known}, without ${names}`, cost: slowerEngine, remedy: newerKernel, facts };
}

function judgeZeroCopySend({ operations }: UringCapability): Outcome {
  if (operations.includes('SEND_ZC') && operations.includes('SENDMSG_ZC')) {
    return { state: 'yes', detail: 'SEND_ZC and SENDMSG_ZC; loopback and veth copy all the same, and say so' };
  }
  return {
    state: 'no',
    detail: 'no SEND_ZC',
    cost: sentOnce,
    remedy: newerKernel,
  };
}

function judgeZeroCopyReceive({ operations }: UringCapability): Outcome {
  const cost = receivedOnce;
  if (!operations.includes('RECV_ZC')) {
    return { state: 'no', detail: 'no RECV_ZC', cost, remedy: 'boot Linux 6.15 or newer with CONFIG_IO_URING_ZCRX=y' };
  }
  return {
    state: 'limited',
    detail: 'the kernel has RECV_ZC; the network card must be able to split headers from data',
    cost,
    remedy: 'ethtool -G DEVICE tcp-data-split on says whether the card can',
  };
}

/** Probes of io_uring. */
export const uringProbes: readonly Probe[] = [
  {
    ...{ id: 'io_uring', group: 'engine', what: 'io_uring' },
    meaning: 'The engine of choice: one system call submits and collects a whole batch.',
    examine: answer(judgeEngine),
  },
  {
    ...{ id: 'io_uring_operations', group: 'engine', what: 'io_uring operations' },
    meaning: 'What the engine submits: accept, receive, send, splice, cancel.',
    examine: answer(judgeOperations, slowerEngine),
  },
  {
    ...{ id: 'io_uring_send_zc', group: 'engine', what: 'io_uring zero-copy send' },
    meaning: 'Memory can leave from the pages it lies in: serve --pin sends so; lab and calibrate measure it.',
    examine: answer(judgeZeroCopySend, sentOnce),
  },
  {
    ...{ id: 'io_uring_recv_zc', group: 'engine', what: 'io_uring zero-copy receive' },
    meaning: 'Received bytes land in our pages uncopied. Not used yet: for what is to come.',
    examine: answer(judgeZeroCopyReceive, receivedOnce),
  },
];
