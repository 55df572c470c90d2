// Files on this host: opening beneath a root, asking about them, telling cached pages from cold ones, watching them.
// Every answer comes from making the call. Not here: how the calls are used (file.ts, serve/).

import { closeSync, openSync } from 'node:fs';
import { release } from 'node:os';
import { Errno, errnoName } from './errno.js';
import { createWatcher } from './event.js';
import { cachedPages, openat2Refusal, readCached, statxRefusal } from './file.js';
import { createMemoryFile, pageBytes, scratch } from './memory.js';
import type { Outcome, Probe } from './probe.js';
import { processStatus, readSysctlNumber, versionAtLeast } from './proc.js';
import { closeDescriptor } from './socket.js';

/** Runs `use` on a descriptor of Node's own executable: a regular file that is there, readable and in the page cache. */
function withRegularFile<T>(use: (fd: number) => T): T {
  const fd = openSync(process.execPath, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * ENOSYS is an old kernel, a sandbox that emulates one (gVisor), or a filter that plays one; anything else that refuses a
 * call which cannot fail is a filter or a policy. The cure follows the kernel's own version and whether there is a filter.
 */
function refusedBecause(
  errno: number,
  call: string,
  since: string,
): { detail: string; remedy: string; reason: string } {
  const [major = 0, minor = 0] = since.split('.').map(Number);
  const isOld = !versionAtLeast(release(), major, minor);
  if (errno === Errno.ENOSYS && isOld) {
    return {
      detail: `this kernel has no ${call}`,
      remedy: `boot Linux ${since} or newer (uname -r says what runs)`,
      reason: 'absent',
    };
  }
  if (errno === Errno.ENOSYS && processStatus().seccompMode === 0) {
    return {
      detail: `${call} gives ENOSYS though the kernel's version (${release()}) has it, as a sandbox such as gVisor does`,
      remedy: `run it in a sandbox that has ${call}, or without one`,
      reason: 'emulated',
    };
  }
  const systemd =
    call === 'openat2' ? '; under systemd RestrictSUIDSGID=yes, which DynamicUser=yes implies, refuses it' : '';
  return {
    detail: `${call} was refused (${errnoName(errno)}), as a seccomp filter does`,
    remedy: `allow ${call} in the seccomp profile (docker run --security-opt seccomp=PROFILE.json)${systemd}`,
    reason: 'refused',
  };
}

function examineOpenat2(): Outcome {
  const errno = openat2Refusal();
  if (errno === 0) return { state: 'yes', detail: 'opens a path beneath a root, and refuses one that leads out of it' };
  const cost = 'paths are opened one folder at a time instead, as safe, for two calls and more for each folder';
  if (errno === Errno.EOPNOTSUPP) {
    const remedy = 'leave the emulation or sandbox that answers for the kernel';
    const detail = 'openat2 did not keep a path beneath its root';
    return { state: 'no', detail, cost, remedy, facts: { reason: 'emulated' } };
  }
  const { detail, remedy, reason } = refusedBecause(errno, 'openat2', '5.6');
  return { state: 'no', detail, cost, remedy, facts: { reason } };
}

function examineStatx(): Outcome {
  const errno = statxRefusal();
  if (errno === 0) return { state: 'yes', detail: 'asks an open descriptor' };
  const { detail, remedy, reason } = refusedBecause(errno, 'statx', '4.11');
  return { state: 'no', detail, remedy, cost: 'none for serving: fstat is used instead', facts: { reason } };
}

function examineCachestat(): Outcome {
  const cost = 'a cold file is told by its first and last page only, so that a read may wait for the disk';
  const own = createMemoryFile('clearway-doctor', pageBytes());
  try {
    const result = cachedPages(own, 0, pageBytes());
    if (result < 0) {
      const { detail, remedy, reason } = refusedBecause(-result, 'cachestat', '6.5');
      return { state: 'no', detail, remedy, cost, facts: { reason } };
    }
  } finally {
    closeDescriptor(own);
  }
  const foreign = withRegularFile((fd) => cachedPages(fd, 0, pageBytes()));
  if (foreign >= 0) return { state: 'yes', detail: 'counts cached pages of any file that can be read' };
  return {
    state: 'limited',
    detail: `only for files that this user owns or may write (${errnoName(-foreign)})`,
    cost,
    remedy: 'run the server as the owner of the files',
    facts: { reason: 'ownership' },
  };
}

function examineNoWait(): Outcome {
  const place = scratch(16);
  const result = withRegularFile((fd) => readCached(fd, place.address, 1, 0));
  const cost = 'cold pages cannot be told from cached ones, so that a read of a cold file may hold up other requests';
  if (result >= 0 || result === -Errno.EAGAIN) return { state: 'yes', detail: 'reads what is cached, never waits' };
  if (result === -Errno.EOPNOTSUPP) {
    return {
      state: 'limited',
      detail: `the file system of ${process.execPath} has no RWF_NOWAIT`,
      cost: `${cost}; for files of such file systems`,
      remedy: 'serve from ext4, xfs, btrfs, or from tmpfs on Linux 6.6 or newer (findmnt -T DIR says what it is)',
      facts: { reason: 'file-system' },
    };
  }
  const { detail, remedy, reason } = refusedBecause(-result, 'preadv2', '4.14');
  return { state: 'no', detail, remedy, cost, facts: { reason } };
}

const enoughWatches = 8192;

function examineInotify(): Outcome {
  const watches = readSysctlNumber('fs.inotify.max_user_watches') ?? null;
  const instances = readSysctlNumber('fs.inotify.max_user_instances') ?? null;
  const facts = { maxUserWatches: watches, maxUserInstances: instances };
  const fd = createWatcher();
  if (fd >= 0) closeDescriptor(fd);
  const cost = 'a changed file is noticed when its cached copy expires, not at once';
  if (fd < 0) {
    const remedy =
      fd === -Errno.EMFILE ? 'sudo sysctl fs.inotify.max_user_instances=1024' : 'allow inotify_init1 in the sandbox';
    return { state: 'no', detail: `inotify_init1 gives ${errnoName(-fd)}`, cost, remedy, facts };
  }
  const detail = `${watches ?? '?'} directories, ${instances ?? '?'} instances for each user`;
  if (watches !== null && watches < enoughWatches) {
    const remedy = 'sudo sysctl fs.inotify.max_user_watches=524288';
    return { state: 'limited', detail, cost: `${cost}, in directories beyond that`, remedy, facts };
  }
  return { state: 'yes', detail, facts };
}

/** Probes of file system calls. */
export const fileProbes: readonly Probe[] = [
  {
    ...{ id: 'openat2', group: 'files', what: 'openat2' },
    meaning: 'The kernel keeps every path beneath the root that is served.',
    examine: examineOpenat2,
  },
  {
    ...{ id: 'statx', group: 'files', what: 'statx' },
    meaning: 'Size and time come from the descriptor that is sent, not from its name.',
    examine: examineStatx,
  },
  {
    ...{ id: 'preadv2_nowait', group: 'files', what: 'preadv2 RWF_NOWAIT' },
    meaning: 'A page that is not cached never holds up the loop.',
    examine: examineNoWait,
  },
  {
    ...{ id: 'cachestat', group: 'files', what: 'cachestat' },
    meaning: 'Tells in one call how much of a file is cached, before it is sent.',
    examine: examineCachestat,
  },
  {
    ...{ id: 'inotify', group: 'files', what: 'inotify' },
    meaning: 'Cached files are dropped the moment they change.',
    examine: examineInotify,
  },
];
