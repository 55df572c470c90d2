// Memory and descriptors on this host: how much may be locked, how many files may be open, which pages there are.
// Not here: what a process maps (memory.ts) and what its regions are for (memory/region.ts).

import { resourceLimit } from './limits.js';
import { pageBytes } from './memory.js';
import type { Outcome, Probe } from './probe.js';
import { processStatus, readText } from './proc.js';

const mebibyte = 1024 * 1024;
const enoughLockedBytes = 64 * mebibyte;
const enoughFiles = 65_536;

/** A limit in facts: JSON has no Infinity, so that null means none. */
const orNull = (limit: number): number | null => (Number.isFinite(limit) ? limit : null);

function examineLockLimit(): Outcome {
  const { soft, hard } = resourceLimit('MEMLOCK');
  const exempt = processStatus().capabilities.has('CAP_IPC_LOCK');
  const facts = { softBytes: orNull(soft), hardBytes: orNull(hard), exempt };
  const words = Number.isFinite(soft) ? `${Math.floor(soft / 1024)} KiB` : 'no limit';
  if (exempt) return { state: 'yes', detail: `${words}, and this process is exempt (CAP_IPC_LOCK)`, facts };
  if (soft >= enoughLockedBytes) return { state: 'yes', detail: words, facts };
  return {
    state: 'limited',
    detail: words,
    cost: 'zero-copy sends, registered buffers and AF_XDP pin few pages (ENOBUFS, ENOMEM), and the rest is copied',
    remedy:
      hard >= enoughLockedBytes
        ? 'ulimit -l unlimited'
        : 'set LimitMEMLOCK=infinity in the systemd unit, or memlock in /etc/security/limits.conf',
    facts,
  };
}

function examineFileLimit(): Outcome {
  const { soft, hard } = resourceLimit('NOFILE');
  const facts = { soft: orNull(soft), hard: orNull(hard) };
  const words = Number.isFinite(soft) ? `${soft} descriptors` : 'no limit';
  if (soft >= enoughFiles) return { state: 'yes', detail: words, facts };
  return {
    state: 'limited',
    detail: words,
    cost: `at most some ${Math.max(0, soft - 64)} connections and open files at once; beyond, accept fails (EMFILE)`,
    remedy:
      hard >= enoughFiles
        ? `ulimit -n ${enoughFiles}`
        : `set LimitNOFILE=${enoughFiles} in the systemd unit, or nofile in /etc/security/limits.conf`,
    facts,
  };
}

function examineHugePages(): Outcome {
  const memory = readText('/proc/meminfo') ?? '';
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(memory)?.[1] ?? 0);
  const [total, free, sizeKiB] = [field('HugePages_Total'), field('HugePages_Free'), field('Hugepagesize')];
  const transparent = /\[(\w+)\]/.exec(readText('/sys/kernel/mm/transparent_hugepage/enabled') ?? '')?.[1] ?? null;
  const facts = { total, free, sizeKiB, transparent };
  if (free > 0) return { state: 'yes', detail: `${free} of ${total} pages of ${sizeKiB} KiB are free`, facts };
  const cost = 'large regions cost more entries of the translation buffer (TLB), which AF_XDP and guests feel most';
  const remedy = `sudo sysctl vm.nr_hugepages=64${sizeKiB > 0 ? ` (${64 * sizeKiB} KiB are taken from other use)` : ''}`;
  if (transparent !== null && transparent !== 'never') {
    return { state: 'limited', detail: `none reserved; transparent ones: ${transparent}`, cost, remedy, facts };
  }
  return { state: 'no', detail: 'none reserved, no transparent ones', cost, remedy, facts };
}

function examinePageSize(): Outcome {
  const bytes = pageBytes();
  const facts = { bytes };
  if (bytes === 4096) return { state: 'yes', detail: '4096 bytes', facts };
  return {
    state: 'limited',
    detail: `${bytes} bytes`,
    cost: 'each pinned or buffered piece takes at least one such page; stored calibrations of other hosts do not apply',
    remedy: 'clearway calibrate',
    facts,
  };
}

/** Probes of memory and limits. */
export const memoryProbes: readonly Probe[] = [
  {
    ...{ id: 'memlock', group: 'memory', what: 'memory-lock limit' },
    meaning: 'How many pages may be pinned for the kernel or a device to read.',
    examine: examineLockLimit,
  },
  {
    ...{ id: 'nofile', group: 'memory', what: 'open-file limit' },
    meaning: 'How many connections and files one server can hold.',
    examine: examineFileLimit,
  },
  {
    ...{ id: 'hugepages', group: 'memory', what: 'huge pages' },
    meaning: 'Regions in few large pages: cheaper to pin and to translate.',
    examine: examineHugePages,
  },
  {
    ...{ id: 'page_size', group: 'memory', what: 'page size' },
    meaning: 'The unit in which memory is shared, pinned and cached.',
    examine: examinePageSize,
  },
];
