// Network namespaces of the calibration: of nobody but whoever holds their descriptor, so that they go with this process. Not here: what runs in them.

import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { inNetworkNamespace, inOwnNetworkNamespace } from '../kernel/namespace.js';
import { coded } from '../text/coded.js';

/** Runs ip(8). @throws Error with what it said */
export function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (error !== undefined) throw error;
  if (status !== 0) throw coded('CLEARWAY_CALIBRATE', new Error(`ip ${args.join(' ')}: ${stderr.trim()}`));
}

/** Brings a device of this namespace up. @throws Error */
export function bringUp(device: string, address?: string): void {
  ip('link', 'set', device, 'addrgenmode', 'none');
  if (address !== undefined) ip('address', 'add', address, 'dev', device);
  ip('link', 'set', device, 'up');
}

/** Makes a pair of devices, one in this namespace and one in another. @throws Error */
export function makeVeth(near: string, far: string, namespace: number): void {
  const where = `/proc/${process.pid}/fd/${namespace}`;
  ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', where);
}

/** A new namespace: its descriptor. @throws SystemError */
export function newNamespace(): number {
  return inOwnNetworkNamespace(() => openSync('/proc/thread-self/ns/net', 'r'));
}

/** Does something, not asynchronous, within a namespace. */
export function within<T>(namespace: number, use: () => T): T {
  return inNetworkNamespace(`/proc/self/fd/${namespace}`, use);
}
