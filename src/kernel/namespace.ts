// Network namespaces: entering one for a few calls, or for good; and ending with one's parent. Namespaces belong to a
// thread: what is done here concerns the calling thread alone, so nothing asynchronous may happen in between.

import { closeSync, openSync } from 'node:fs';
import { CLONE } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/**
 * setns(2): this thread works in the network namespace that `path` names (`/run/netns/NAME`, `/proc/PID/ns/net`) from
 * now on. Processes that it starts and sockets that it opens belong there. @throws SystemError EPERM; Error ENOENT.
 */
export function enterNetworkNamespace(path: string): void {
  const fd = openSync(path, 'r');
  try {
    check(syscall3(sys.setns, fd, CLONE.NEWNET), 'setns', path, 'entering a network namespace needs root');
  } finally {
    closeSync(fd);
  }
}

/** Runs `use`, which must not be asynchronous, in another network namespace, and comes back. @throws SystemError */
export function inNetworkNamespace<T>(path: string, use: () => T): T {
  return elsewhere(() => enterNetworkNamespace(path), use);
}

/**
 * Runs `use`, which must not be asynchronous, in a network namespace that is made for it, and comes back; it lasts as long as what was opened in it.
 * @throws SystemError EPERM without CAP_SYS_ADMIN
 */
export function inOwnNetworkNamespace<T>(use: () => T): T {
  return elsewhere(() => check(syscall3(sys.unshare, CLONE.NEWNET), 'unshare', 'a network namespace'), use);
}

function elsewhere<T>(go: () => void, use: () => T): T {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  try {
    go();
    try {
      return use();
    } finally {
      check(syscall3(sys.setns, home, CLONE.NEWNET), 'setns', 'back into the own network namespace');
    }
  } finally {
    closeSync(home);
  }
}

const setParentDeathSignal = 1;
const sigKill = 9;

/** Has the kernel kill this process when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG). */
export function endWithParent(parent: number): void {
  check(syscall6(sys.prctl, setParentDeathSignal, sigKill), 'prctl', 'PR_SET_PDEATHSIG');
  if (process.ppid !== parent) process.exit(1);
}
