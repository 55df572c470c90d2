// What of the host decides how late a thread wakes: read from the kernel's text files, and unknown where they do not say. Not here: rights (realtime-check.ts).

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { readSysctl, readText } from '../../kernel/proc.js';

/** The host, as far as it says. `undefined`: it does not. */
export interface Environment {
  readonly kernel: string;
  readonly processors: number;
  /** Of the pump's thread, in nanoseconds. A real-time thread has none, whatever stands here. */
  readonly timerSlackNs: number | undefined;
  /** As the kernel names itself: `PREEMPT_DYNAMIC`, `PREEMPT_RT`. */
  readonly preemption: string | undefined;
  readonly hz: number | undefined;
  /** Time while playing that a hypervisor gave to others, of all processors. */
  readonly stealMs: number | undefined;
  /** The control group's limit, as the kernel writes it: `max 100000`. */
  readonly cpuMax: string | undefined;
  /** What chooses the processors' frequency. */
  readonly governor: string | undefined;
  /** Of a second, what real-time threads may take, in microseconds; -1: all of it. */
  readonly realtimeRuntimeUs: string | undefined;
}

/** Ticks of USER_HZ (100 a second on every Linux) that were stolen, of all processors. */
export function stealTicks(text = readText('/proc/stat')): number | undefined {
  const [, stolen] = /^cpu +(?:\d+ +){7}(\d+)/m.exec(text ?? '') ?? [];
  return stolen === undefined ? undefined : Number(stolen);
}

/** The kernel's configuration, where it is kept. */
function configuration(release: string): string | undefined {
  const text = readText(`/boot/config-${release}`);
  if (text !== undefined) return text;
  try {
    return gunzipSync(readFileSync('/proc/config.gz'), { maxOutputLength: 4 * 1024 ** 2 }).toString('latin1');
  } catch {
    return undefined;
  }
}

function hzOf(release: string): number | undefined {
  const [, hz] = /^CONFIG_HZ=(\d+)$/m.exec(configuration(release) ?? '') ?? [];
  return hz === undefined ? undefined : Number(hz);
}

/** The preemption that a kernel's version names; of a dynamic one the mode, where it may be read. */
export function preemptionOf(
  version: string | undefined,
  mode = readText('/sys/kernel/debug/sched/preempt'),
): string | undefined {
  const [named] = /PREEMPT(?:_[A-Z]+)?/.exec(version ?? '') ?? [];
  const [, chosen] = /\((\w+)\)/.exec(mode ?? '') ?? [];
  return named === undefined || chosen === undefined ? named : `${named} (${chosen})`;
}

/** The limit of the process's own control group, or of the nearest one above it that has one (version 2). */
function cpuMaxOf(): string | undefined {
  const [, path] = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup') ?? '') ?? [];
  if (path === undefined || path.includes('..')) return undefined;
  const parts = path.split('/').filter((part) => part !== '');
  for (let length = parts.length; length >= 0; length--) {
    const limit = readText(`/sys/fs/cgroup/${[...parts.slice(0, length), 'cpu.max'].join('/')}`);
    if (limit !== undefined) return limit;
  }
  return undefined;
}

/**
 * Looks at the host.
 * @param timerSlackNs of the pump, as it read it itself
 * @param stealBefore {@link stealTicks} before the first frame
 */
export function environmentNow(timerSlackNs: number | undefined, stealBefore: number | undefined): Environment {
  const release = readText('/proc/sys/kernel/osrelease') ?? 'unknown';
  const stealAfter = stealTicks();
  const stolen = stealBefore === undefined || stealAfter === undefined ? undefined : (stealAfter - stealBefore) * 10;
  return {
    kernel: release,
    processors: (readText('/proc/stat') ?? '').match(/^cpu\d+ /gm)?.length ?? 0,
    timerSlackNs,
    preemption: preemptionOf(readText('/proc/sys/kernel/version')),
    hz: hzOf(release),
    stealMs: stolen,
    cpuMax: cpuMaxOf(),
    governor: readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'),
    realtimeRuntimeUs: readSysctl('kernel.sched_rt_runtime_us'),
  };
}
