// Limits of this process (getrlimit, setrlimit): what a start asks for comes from /proc, so that it can be asked before the FFI
// library is loaded; else read by one call each.
// What its control groups leave it of the processors, too. Not here: limits of the host (sysctls: proc.ts).

import { RLIMIT } from './constants.js';
import { syscall6 } from './ffi.js';
import { layouts } from './layouts.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { readText } from './proc.js';
import { check } from './system-error.js';

/** A limit: what holds now, and how far this process may raise it. `Infinity` where there is none. */
export interface ResourceLimit {
  readonly soft: number;
  readonly hard: number;
}

const unlimited = 0xffff_ffff_ffff_ffffn;

/** What is assumed where prlimit64 is refused: the open files that every Linux system gives at least. */
const usualOpenFiles = 1024;

/** Files that this process may have open: its soft limit; the usual 1024 where a filter keeps that secret. */
export function openFilesLimit(): number {
  try {
    return resourceLimit('NOFILE').soft;
  } catch {
    return usualOpenFiles;
  }
}

/**
 * Raises the limit on open files to `wanted`, as far as it may: the soft limit up to the hard one, and with the right to
 * (CAP_SYS_RESOURCE) the hard one too. Returns what holds now, as {@link openFilesLimit} does. It never lowers.
 */
export function raiseOpenFiles(wanted: number): number {
  const soft = openFilesLimit();
  if (soft >= wanted) return soft;
  try {
    const { hard } = resourceLimit('NOFILE');
    if (!setLimit('NOFILE', wanted, Math.max(wanted, hard))) setLimit('NOFILE', Math.min(wanted, hard), hard);
  } catch {
    // Neither read nor set: it stays as it is.
  }
  return openFilesLimit();
}

/** Sets a limit of this process, in the units of {@link resourceLimit}; false where that is refused. */
export function setLimit(resource: keyof typeof RLIMIT, soft: number, hard: number): boolean {
  const { size, fields } = layouts.rlimit;
  const place = scratch(size);
  const write = (at: number, value: number): void =>
    place.data.setBigUint64(place.offset + at, value === Number.POSITIVE_INFINITY ? unlimited : BigInt(value), true);
  write(fields.rlim_cur.offset, soft);
  write(fields.rlim_max.offset, hard);
  return syscall6(sys.prlimit64, 0, RLIMIT[resource], place.address, 0) === 0;
}

/** Rows of /proc/self/limits. */
const rows: Partial<Record<keyof typeof RLIMIT, RegExp>> = {
  NOFILE: /^Max open files +(\w+) +(\w+)/m,
  AS: /^Max address space +(\w+) +(\w+)/m,
};

function limitInText(row: RegExp): ResourceLimit | undefined {
  const [, soft, hard] = row.exec(readText('/proc/self/limits') ?? '') ?? [];
  const read = (word: string | undefined): number => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word));
  return Number.isNaN(read(soft)) || Number.isNaN(read(hard)) ? undefined : { soft: read(soft), hard: read(hard) };
}

/** A limit of this process: `resourceLimit('MEMLOCK')` in bytes, `'NOFILE'` in descriptors. @throws SystemError. */
export function resourceLimit(resource: keyof typeof RLIMIT): ResourceLimit {
  const row = rows[resource];
  return (row && limitInText(row)) ?? askLimit(resource);
}

/** By prlimit64(2). */
function askLimit(resource: keyof typeof RLIMIT): ResourceLimit {
  const { size, fields } = layouts.rlimit;
  const place = scratch(size);
  check(syscall6(sys.prlimit64, 0, RLIMIT[resource], 0, place.address), 'prlimit64', resource);
  const read = (at: number): number => {
    const value = place.data.getBigUint64(place.offset + at, true);
    return value === unlimited ? Number.POSITIVE_INFINITY : Number(value);
  };
  return { soft: read(fields.rlim_cur.offset), hard: read(fields.rlim_max.offset) };
}

/**
 * Processors that the control groups above this process allow, as a number of them (quota over period, of the least); undefined where
 * none limits.
 */
export function processorQuota(): number | undefined {
  const group = /^0::(.*)$/m.exec(readText('/proc/self/cgroup') ?? '')?.[1];
  if (group === undefined) return undefined;
  let least: number | undefined;
  for (let path = group; ; path = path.slice(0, path.lastIndexOf('/'))) {
    const [quota, period] = (readText(`/sys/fs/cgroup${path}/cpu.max`) ?? '').split(' ').map(Number);
    if (quota !== undefined && period !== undefined && quota > 0 && period > 0) {
      least = Math.min(least ?? Number.POSITIVE_INFINITY, quota / period);
    }
    if (path === '' || !path.includes('/')) return least;
  }
}
