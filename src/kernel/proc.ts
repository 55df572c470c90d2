// What the kernel says in its text files: /proc/self/status, sysctls, capabilities, the version. Reading never throws,
// and on a system without these files everything is unknown. Not here: what the answers mean (probe-*.ts).

import { readFileSync } from 'node:fs';

/** A small text file, trimmed, or undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** A sysctl by its dotted name (`kernel.io_uring_disabled`), or undefined where there is none. */
export function readSysctl(name: string): string | undefined {
  return readText(`/proc/sys/${name.replaceAll('.', '/')}`);
}

/** A sysctl that is one whole number, or undefined. */
export function readSysctlNumber(name: string): number | undefined {
  const text = readSysctl(name);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** Bits of the capabilities that matter here (include/uapi/linux/capability.h). */
const capabilityBits = {
  CAP_NET_BIND_SERVICE: 10n,
  CAP_NET_ADMIN: 12n,
  CAP_NET_RAW: 13n,
  CAP_IPC_LOCK: 14n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_NICE: 23n,
  CAP_SYS_RESOURCE: 24n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
} as const;
/** A capability's name as capabilities(7) has it. */
export type Capability = keyof typeof capabilityBits;

/** What /proc/self/status says of this process's freedom. */
export interface ProcessStatus {
  /** 0: no seccomp, 1: strict, 2: a filter; undefined where the kernel does not say. */
  readonly seccompMode: number | undefined;
  readonly noNewPrivileges: boolean;
  /** Effective capabilities, of those known here. */
  readonly capabilities: ReadonlySet<Capability>;
}

/** Reads /proc/self/status, or what is given in its place. */
export function processStatus(text = readText('/proc/self/status') ?? ''): ProcessStatus {
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)$`, 'm').exec(text)?.[1];
  const effective = BigInt(`0x${field('CapEff') ?? '0'}`);
  const names = Object.keys(capabilityBits) as Capability[];
  const seccomp = field('Seccomp');
  return {
    seccompMode: seccomp === undefined ? undefined : Number(seccomp),
    noNewPrivileges: field('NoNewPrivs') === '1',
    capabilities: new Set(names.filter((name) => ((effective >> capabilityBits[name]) & 1n) === 1n)),
  };
}

/** Compares versions by their leading numbers: `versionAtLeast('6.18.44-foo', 6, 1)`. False where there are none. */
export function versionAtLeast(version: string, major: number, minor: number): boolean {
  const [, foundMajor, foundMinor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  if (foundMajor === undefined || foundMinor === undefined) return false;
  return Number(foundMajor) > major || (Number(foundMajor) === major && Number(foundMinor) >= minor);
}

/** Bytes of this process's memory that are resident; where /proc does not say it, the most there ever were (getrusage(2)). */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return process.resourceUsage().maxRSS * 1024;
  }
}
