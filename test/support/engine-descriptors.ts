// The descriptors of the engines that accept connections in this process, told from everything else that it has open by
// what the kernel says of each: so that a test can take one from under its worker. Node's own are never among them.

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { syscall3 } from '../../src/kernel/ffi.js';
import { sys } from '../../src/kernel/numbers.js';

/** IORING_OP_ACCEPT; in a ring's fdinfo, `op=13` in PollList is an accept that waits for connections. */
const waitingAccept = /^ +op=13,/m;
const listening = '0A';

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It went meanwhile.
    return '';
  }
}

function leadsTo(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

/** What listening sockets of this network namespace are called as descriptors. */
function listeningSockets(): Set<string> {
  const lines = ['tcp', 'tcp6'].flatMap((table) => read(`/proc/self/net/${table}`).split('\n').slice(1));
  const fields = lines.map((line) => line.trim().split(/\s+/));
  return new Set(fields.filter((line) => line[3] === listening).map((line) => `socket:[${line[9]}]`));
}

/**
 * The descriptors of the engines in this process that wait for connections: io_uring instances with an accept under way,
 * and epoll instances that watch a listening socket. Node's loops have such a socket only where Node itself listens.
 */
export function engineDescriptors(): number[] {
  const sockets = listeningSockets();
  return readdirSync('/proc/self/fd')
    .filter((fd) => {
      const kind = leadsTo(fd);
      if (kind === 'anon_inode:[io_uring]') return waitingAccept.test(read(`/proc/self/fdinfo/${fd}`));
      if (kind !== 'anon_inode:[eventpoll]') return false;
      const watched = [...read(`/proc/self/fdinfo/${fd}`).matchAll(/^tfd: +(\d+)/gm)];
      return watched.some(([, each]) => sockets.has(leadsTo(each!)));
    })
    .map(Number);
}

/** The descriptor of the one engine of this process that waits for connections, as soon as there is just one. */
export async function engineDescriptor(): Promise<number> {
  for (let attempt = 0; attempt < 500; attempt++) {
    const found = engineDescriptors();
    if (found.length === 1) return found[0]!;
    await sleep(20);
  }
  throw new Error(`${engineDescriptors().length} engines wait for connections, not one`);
}

/** Puts /dev/null in the place of a descriptor: its number stays taken, every call of the engine on it fails. */
export function spoil(fd: number): void {
  const nothing = openSync('/dev/null', 'r');
  if (syscall3(sys.dup3, nothing, fd, 0o2000000) !== fd) throw new Error(`descriptor ${fd} cannot be replaced`);
  closeSync(nothing);
}
