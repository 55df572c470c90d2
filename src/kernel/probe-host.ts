// The host itself: kernel, Node, the FFI library, privileges, the walls around this process.
// Not here: what facilities the kernel offers (the other probe-*.ts).

import { existsSync } from 'node:fs';
import { availableParallelism, release } from 'node:os';
import { platformIsLinux, syscall3 } from './ffi.js';
import { processorQuota } from './limits.js';
import { sys } from './numbers.js';
import type { Outcome, Probe } from './probe.js';
import { processStatus, readSysctlNumber, readText, versionAtLeast } from './proc.js';

function examineKernel(): Outcome {
  const version = release();
  const facts = { release: version, architecture: process.arch };
  if (versionAtLeast(version, 6, 1)) return { state: 'yes', detail: version, facts };
  const remedy = 'boot Linux 6.1 or newer';
  if (versionAtLeast(version, 5, 6)) {
    const cost = 'the epoll engine serves: the same answers for more system calls a request';
    return { state: 'limited', detail: `${version}: older than 6.1`, cost, remedy, facts };
  }
  const cost = 'the epoll engine serves, and paths are opened one folder at a time: openat2 came with Linux 5.6';
  return { state: 'no', detail: `${version}: older than 5.6`, cost, remedy, facts };
}

/** Judges a version of Node (without the `v`) by the package's `engines`: 20.19 and newer. */
export function judgeNode(version: string): Outcome {
  const facts = { version };
  if (versionAtLeast(version, 20, 19)) return { state: 'yes', detail: version, facts };
  const cost = 'Clearway is not tested there and may not start';
  return { state: 'no', detail: `${version}: older than 20.19`, cost, remedy: 'install Node 20.19 or newer', facts };
}

/** One call that cannot fail, through the library. Its own errors say what is missing. */
function examineForeignCalls(): Outcome {
  if (!platformIsLinux) {
    const remedy = 'run it on a Linux host, in a virtual machine, or in a container on Linux';
    const cost = 'nothing but the pure parts (parsers, models) runs here';
    return { state: 'no', detail: `system calls are Linux's; this is ${process.platform}`, cost, remedy };
  }
  const ours = syscall3(sys.getpid) === process.pid;
  if (ours) return { state: 'yes', detail: 'koffi reaches libc' };
  return {
    state: 'no',
    detail: 'koffi loads, but getpid does not give the process id',
    cost: 'no system call can be trusted, so that nothing runs',
    remedy: 'npm rebuild koffi, on the architecture that node was built for',
  };
}

function examineProcessors(): Outcome {
  const count = availableParallelism();
  const quota = processorQuota();
  const facts = { count, quota: quota ?? null };
  if (quota === undefined || quota >= count) return { state: 'yes', detail: `${count}`, facts };
  return {
    state: 'limited',
    detail: `${count}, of which the control group allows the time of ${quota.toFixed(2)}`,
    cost: 'a worker for each processor is halted by the scheduler when the quota is used up, which shows as latency',
    remedy: `clearway serve --workers ${Math.max(1, Math.floor(quota))}, or raise cpu.max of the control group`,
    facts,
  };
}

function examinePrivileges(): Outcome {
  const { capabilities } = processStatus();
  const user = process.getuid?.() ?? -1;
  const lowestPort = readSysctlNumber('net.ipv4.ip_unprivileged_port_start') ?? 1024;
  const facts = { user, capabilities: [...capabilities], lowestPort };
  const wanted = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_IPC_LOCK'] as const;
  const lacks = capabilities.has('CAP_SYS_ADMIN') ? [] : wanted.filter((name) => !capabilities.has(name));
  const mayBindLow = lowestPort === 0 || capabilities.has('CAP_NET_BIND_SERVICE');
  const who = user === 0 ? 'root' : `user ${user}`;
  if (lacks.length === 0) return { state: 'yes', detail: who, facts };
  return {
    state: 'limited',
    detail: `${who} without ${lacks.join(', ')}`,
    cost: `serving needs none of them; the meter (BPF) and AF_XDP do${mayBindLow ? '' : `, and ports below ${lowestPort}`}`,
    remedy: 'sudo clearway ..., or AmbientCapabilities= in the systemd unit',
    facts,
  };
}

function examineSeccomp(): Outcome {
  const { seccompMode, noNewPrivileges } = processStatus();
  const facts = { mode: seccompMode ?? null, noNewPrivileges };
  if (seccompMode === 0) return { state: 'yes', detail: 'no filter', facts };
  if (seccompMode === undefined) return { state: 'yes', detail: 'this kernel has no seccomp', facts };
  return {
    state: 'limited',
    detail: 'a filter decides about every system call',
    cost: 'each call costs somewhat more, and those that the filter refuses are named in the lines below',
    remedy: 'docker run --security-opt seccomp=PROFILE.json, with a profile that allows what is refused',
    facts,
  };
}

/** Marks that container runtimes leave; none of them is proof, all of them are hints. */
function containerHints(): string[] {
  const environment = process.env;
  const groups = readText('/proc/1/cgroup') ?? '';
  const mounts = readText('/proc/self/mountinfo') ?? '';
  const identities = (readText('/proc/self/uid_map') ?? '').split(/\s+/).join(' ');
  return [
    ...(existsSync('/.dockerenv') ? ['docker'] : []),
    ...(existsSync('/run/.containerenv') ? ['podman'] : []),
    ...(environment.KUBERNETES_SERVICE_HOST === undefined ? [] : ['kubernetes']),
    ...(environment.container === undefined ? [] : [environment.container]),
    ...(/docker|kubepods|containerd|lxc/.test(groups) ? ['control group of a container'] : []),
    ...(/ \/ \/ \S+.* - overlay /.test(mounts) ? ['overlay root'] : []),
    ...(identities === '' || identities.startsWith('0 0 4294967295') ? [] : ['user namespace']),
    ...(/gvisor|runsc/i.test(readText('/proc/version') ?? '') ? ['gVisor'] : []),
  ];
}

function examineConfinement(): Outcome {
  const hints = [...new Set(containerHints())];
  const facts = { hints };
  if (hints.length === 0) return { state: 'yes', detail: 'no sign of a container', facts };
  return {
    state: 'limited',
    detail: `signs of a container: ${hints.join(', ')}`,
    cost: 'its profile may refuse io_uring, BPF and locked memory: the lines below say which',
    remedy: 'run on the host, or loosen the profile for what is refused',
    facts,
  };
}

/** Probes of the host and of this process's standing. */
export const hostProbes: readonly Probe[] = [
  {
    ...{ id: 'kernel', group: 'host', what: 'kernel' },
    meaning: 'The io_uring engine needs Linux 6.1, opening beneath the root in one call 5.6.',
    examine: examineKernel,
  },
  {
    ...{ id: 'node', group: 'host', what: 'Node' },
    meaning: 'Clearway runs on Node 20.19 and newer.',
    anywhere: true,
    examine: () => judgeNode(process.versions.node),
  },
  {
    ...{ id: 'ffi', group: 'host', what: 'system calls' },
    meaning: 'Every call to the kernel goes through koffi, without a compiler at installation.',
    anywhere: true,
    examine: examineForeignCalls,
  },
  {
    ...{ id: 'processors', group: 'host', what: 'processors' },
    meaning: '--workers auto takes one worker for each.',
    anywhere: true,
    examine: examineProcessors,
  },
  {
    ...{ id: 'privileges', group: 'host', what: 'privileges' },
    meaning: 'What this user may ask of the kernel.',
    examine: examinePrivileges,
  },
  {
    ...{ id: 'seccomp', group: 'host', what: 'seccomp' },
    meaning: 'A filter may refuse calls that the kernel has.',
    examine: examineSeccomp,
  },
  {
    ...{ id: 'confinement', group: 'host', what: 'container' },
    meaning: 'Containers bring filters and limits of their own.',
    examine: examineConfinement,
  },
];
