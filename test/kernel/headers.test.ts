// Holds the tables of src/kernel/ (system-call numbers, constants, structure layouts) to the kernel's own headers, for
// x64 and arm64, through a C compiler. What only libc names (MSG_*, sockaddr_in) is held to libc's headers.
// Not here: what the calls do (the tests beside src/kernel/ make them).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as constants from '../../src/kernel/constants.js';
import { layoutsByArchitecture, type StructLayout } from '../../src/kernel/layouts.js';
import { syscallNumbers } from '../../src/kernel/numbers.js';
import {
  type Architecture,
  cValues,
  kernelToolchain,
  libcToolchain,
  type Toolchain,
  versionNumber,
} from '../support/c-values.js';
import { newerNames } from './newer-names.js';

const architectures = ['x64', 'arm64'] as const;

const kernelHeaders = [
  ...['asm/unistd.h', 'asm/socket.h', 'asm/stat.h', 'asm/statfs.h', 'linux/io_uring.h', 'linux/fcntl.h'],
  ...['linux/openat2.h', 'linux/stat.h', 'linux/fs.h', 'linux/falloc.h', 'linux/fadvise.h', 'linux/mman.h'],
  ...['linux/memfd.h', 'linux/eventpoll.h', 'linux/inotify.h', 'linux/poll.h', 'linux/time.h', 'linux/timerfd.h'],
  ...['linux/signalfd.h', 'linux/prctl.h', 'linux/resource.h', 'linux/sched.h', 'linux/in.h', 'linux/in6.h'],
  ...['linux/tcp.h', 'linux/udp.h', 'linux/tls.h', 'linux/errqueue.h', 'linux/futex.h', 'linux/seccomp.h'],
  ...['linux/filter.h', 'linux/audit.h', 'linux/kcmp.h', 'linux/uio.h', 'linux/if_xdp.h', 'linux/bpf.h'],
];
const libcHeaders = [
  ...['sys/socket.h', 'sys/un.h', 'sys/eventfd.h', 'netinet/in.h', 'netinet/tcp.h', 'netinet/udp.h', 'fcntl.h'],
  // The kernel's, but the one for sound includes libc's <time.h>.
  ...['linux/ioctl.h', 'sound/asound.h', 'sound/tlv.h'],
];

/** Groups of constants, and structures, that the kernel exports to libc only: libc's headers name them. */
const libcGroups = new Set(['AF', 'SOCK', 'SOL', 'MSG', 'SHUT', 'SCM', 'SPLICE_F', 'EFD']);
const isLibcGroup = (group: string): boolean => libcGroups.has(group) || group.startsWith('SNDRV_');
const libcStructs = new Set(
  (
    'sockaddr sockaddr_in sockaddr_in6 sockaddr_un sockaddr_storage msghdr mmsghdr cmsghdr in_pktinfo in6_pktinfo ' +
    'linger ucred snd_pcm_info snd_interval snd_pcm_hw_params snd_pcm_sw_params snd_pcm_status snd_pcm_mmap_status ' +
    'snd_pcm_mmap_control snd_pcm_sync_ptr snd_ctl_card_info snd_ctl_elem_id snd_ctl_elem_value'
  ).split(' '),
);
/** The kernel's C name where the table has libc's, for the same structure. */
const kernelStructNames: Readonly<Record<string, string>> = {
  timespec: '__kernel_timespec',
  itimerspec: '__kernel_itimerspec',
  rlimit: 'rlimit64',
  statfs: 'statfs64',
};
/** Groups whose C names have no underscore after the group: EPOLLIN, POLLIN. */
const joinedGroups = new Set(['EPOLL', 'POLL']);

/** What a table claims: the C expression, the value, and the name under which newer-names.ts may excuse it. */
interface Claim {
  readonly expression: string;
  readonly value: number;
  readonly name: string;
  readonly libc: boolean;
}

function constantClaims(architecture: Architecture): Map<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const [exported, table] of Object.entries(constants)) {
    if (exported === 'O') continue; // It is one of the two tables of openFlags.
    const group = exported === 'openFlags' ? 'O' : exported;
    const values = exported === 'openFlags' ? constants.openFlags[architecture] : table;
    for (const [key, value] of Object.entries(values as Record<string, number>)) {
      const name = joinedGroups.has(group) ? `${group}${key}` : `${group}_${key}`;
      claims.set(name, { expression: name, value, name, libc: isLibcGroup(group) });
    }
  }
  return claims;
}

function numberClaims(architecture: Architecture): Map<string, Claim> {
  const rows = Object.entries(syscallNumbers[architecture]);
  return new Map(rows.map(([name, value]) => [name, { expression: `__NR_${name}`, value, name, libc: false }]));
}

function layoutClaims(architecture: Architecture): Map<string, Claim> {
  const claims = new Map<string, Claim>();
  for (const [name, layout] of Object.entries<StructLayout>(layoutsByArchitecture[architecture])) {
    const type = `struct ${kernelStructNames[name] ?? name}`;
    const libc = libcStructs.has(name);
    claims.set(`${name}:size`, { expression: `sizeof(${type})`, value: layout.size, name, libc });
    for (const [field, { offset, size }] of Object.entries(layout.fields)) {
      const full = `${name}.${field}`;
      claims.set(`${full}:offset`, { expression: `offsetof(${type}, ${field})`, value: offset, name: full, libc });
      // A flexible array has no size to ask for; an element's offset relative to its own start proves that it is one.
      const sizeOf =
        size === 0
          ? `offsetof(${type}, ${field}[0]) - offsetof(${type}, ${field})`
          : `sizeof(((${type} *)0)->${field})`;
      claims.set(`${full}:size`, { expression: sizeOf, value: size, name: full, libc });
    }
  }
  return claims;
}

/** Checks the claims that `toolchain` can answer; returns how many values were confirmed. */
function confirm(toolchain: Toolchain, headers: readonly string[], claims: ReadonlyMap<string, Claim>): number {
  const expressions = new Map([...claims].map(([key, claim]) => [key, claim.expression]));
  const { values, missing } = cValues(toolchain, headers, expressions);
  const wrong: string[] = [];
  for (const [key, claim] of claims) {
    const value = values.get(key);
    if (value !== undefined) {
      if (value !== BigInt(claim.value)) wrong.push(`${key} is ${value} in the headers, ${claim.value} in the table`);
      continue;
    }
    assert.ok(missing.has(key), `${key} was neither valued nor refused`);
    const since = newerNames.get(claim.name) ?? newerNames.get(claim.name.split('.')[0] ?? '');
    if (since === undefined) wrong.push(`${key}: the headers do not know \`${claim.expression}\``);
    else if (versionNumber(since) <= toolchain.headersVersion) {
      wrong.push(`${key} should be in headers of Linux ${since} and newer, and is not`);
    }
  }
  assert.deepEqual(wrong, [], `${toolchain.name} contradicts the tables`);
  return values.size;
}

for (const architecture of architectures) {
  const tables = { numbers: numberClaims, constants: constantClaims, layouts: layoutClaims };
  const kernel = kernelToolchain(architecture);
  const libc = libcToolchain(architecture);
  for (const [name, claimsOf] of Object.entries(tables)) {
    const claims = [...claimsOf(architecture)];
    const kernelClaims = new Map(claims.filter(([, claim]) => !claim.libc));
    const libcClaims = new Map(claims.filter(([, claim]) => claim.libc));
    test(`${name} of ${architecture} are those of the kernel's headers`, {
      skip: typeof kernel === 'string' && kernel,
    }, (t) => {
      const confirmed = confirm(kernel as Toolchain, kernelHeaders, kernelClaims);
      t.diagnostic(`${confirmed} of ${kernelClaims.size} confirmed by ${(kernel as Toolchain).name}`);
      assert.ok(confirmed > 0);
    });
    if (libcClaims.size === 0) continue;
    test(`${name} of ${architecture} that libc names are those of libc's headers`, {
      skip: typeof libc === 'string' && libc,
    }, (t) => {
      const confirmed = confirm(libc as Toolchain, libcHeaders, libcClaims);
      t.diagnostic(`${confirmed} of ${libcClaims.size} confirmed by ${(libc as Toolchain).name}`);
      assert.equal(confirmed, libcClaims.size);
    });
  }
}

test('every name excused as newer is a name of the tables', () => {
  const names = new Set<string>();
  for (const claims of [numberClaims('x64'), constantClaims('x64'), layoutClaims('x64')]) {
    for (const { name } of claims.values()) names.add(name);
  }
  assert.deepEqual(
    [...newerNames.keys()].filter((name) => !names.has(name)),
    [],
  );
});
