// What this host allows BPF to do, as far as it can be told without trying: capabilities, lockdown, seccomp, BTF, symbols.
// The facts explain a refusal after it came (refusals.ts); nothing is decided from them beforehand.

import { readFileSync } from 'node:fs';
import { release } from 'node:os';

/** Facts that decide whether the kernel takes a BPF program. */
export interface HostFacts {
  readonly kernelRelease: string;
  /** Effective capabilities, as named by capabilities(7), of those that BPF asks for. */
  readonly capabilities: ReadonlySet<BpfCapability>;
  /** /sys/kernel/security/lockdown: `none`, `integrity`, `confidentiality`; `unknown` where it cannot be read. */
  readonly lockdown: string;
  /** True where a seccomp filter watches this process, as in most containers. */
  readonly seccomp: boolean;
  /** True where the kernel publishes its types. */
  readonly btf: boolean;
}

export type BpfCapability = 'CAP_BPF' | 'CAP_PERFMON' | 'CAP_NET_ADMIN' | 'CAP_SYS_ADMIN' | 'CAP_SYS_RESOURCE';

const capabilityBits: Readonly<Record<BpfCapability, bigint>> = {
  CAP_NET_ADMIN: 12n,
  CAP_SYS_ADMIN: 21n,
  CAP_SYS_RESOURCE: 24n,
  CAP_PERFMON: 38n,
  CAP_BPF: 39n,
};

function readText(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Reads the facts now. Cheap: three small files. */
export function hostFacts(): HostFacts {
  const status = readText('/proc/self/status');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const held = (Object.keys(capabilityBits) as BpfCapability[]).filter(
    (name) => ((effective >> capabilityBits[name]) & 1n) === 1n,
  );
  return {
    kernelRelease: release(),
    capabilities: new Set(held),
    lockdown: /\[(\w+)\]/.exec(readText('/sys/kernel/security/lockdown'))?.[1] ?? 'unknown',
    seccomp: /^Seccomp:\s*2$/m.test(status),
    btf: readText('/sys/kernel/btf/vmlinux').length > 0,
  };
}

/** How a function stands in the kernel's symbol table. */
export type SymbolState = 'present' | 'renamed' | 'absent' | 'unknown';

/**
 * Looks a function up in /proc/kallsyms: `renamed` means only compiler-made variants exist (`.constprop.0`, `.isra.0`,
 * `.part.0`), which have another prototype and cannot be attached to by the plain name.
 */
export function symbolState(name: string): SymbolState {
  const symbols = readText('/proc/kallsyms');
  if (symbols === '') return 'unknown';
  if (symbols.includes(` ${name}\n`) || symbols.includes(` ${name}\t`)) return 'present';
  return symbols.includes(` ${name}.`) ? 'renamed' : 'absent';
}
