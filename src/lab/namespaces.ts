// Two network namespaces joined by a veth pair, for one experiment: made, used, removed whatever happens. Their names
// hold the process that made them, so that what a killed run left behind is known and removed by the next.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { inNetworkNamespace } from '../kernel/namespace.js';

const prefix = 'clearway-lab-';
const registry = '/run/netns';

/** A tool of the host failed or is not there. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code = 'CLEARWAY_LAB';
}

/** Addresses of the two ends, and the device's name in both namespaces. */
export const device = 'eth';
export const addresses = { left: '10.99.0.1', right: '10.99.0.2' } as const;
export type End = keyof typeof addresses;

/** Runs a program of the host. @throws LabError with what it said. */
export function tool(name: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: 'utf8' });
  if (error !== undefined) throw new LabError(`${name} is not here`);
  if (status !== 0) throw new LabError(`${name} ${args.join(' ')}: ${stderr.trim().split('\n')[0]}`);
  return stdout;
}

/** A pair of namespaces. */
export interface Pair {
  /** The path of an end's namespace. */
  path(end: End): string;
  /** Runs something, not asynchronous, within an end's namespace. */
  within<T>(end: End, use: () => T): T;
  /** The device's index in an end's namespace. */
  deviceIndex(end: End): number;
  remove(): void;
}

let made = 0;

/** Makes a pair. @throws LabError where namespaces or veth are not to be had; nothing is left behind then. */
export function makePair(): Pair {
  const name = (end: End) => `${prefix}${process.pid}-${made}-${end}`;
  made++;
  const names = { left: name('left'), right: name('right') };
  const path = (end: End) => join(registry, names[end]);
  const remove = () => {
    for (const each of Object.values(names)) spawnSync('ip', ['netns', 'delete', each]);
  };
  try {
    for (const each of Object.values(names)) tool('ip', 'netns', 'add', each);
    tool('ip', '-n', names.left, 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', names.right);
    for (const end of ['left', 'right'] as const) {
      tool('ip', '-n', names[end], 'address', 'add', `${addresses[end]}/24`, 'dev', device);
      tool('ip', '-n', names[end], 'link', 'set', 'lo', 'up');
      tool('ip', '-n', names[end], 'link', 'set', device, 'up');
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    path,
    within: (end, use) => inNetworkNamespace(path(end), use),
    deviceIndex: (end) => {
      const listed = JSON.parse(tool('ip', '-n', names[end], '-json', 'link', 'show', 'dev', device));
      return (listed as { ifindex: number }[])[0]!.ifindex;
    },
    remove,
  };
}

/** Where the control groups (v2) of experiments are made; undefined where no such hierarchy is mounted. */
export function controlGroupRoot(): string | undefined {
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(join(path, 'cgroup.procs')));
}

/** The name of this process's control group. */
export const controlGroupName = `${prefix}${process.pid}`;

function belongsToTheDead(name: string): boolean {
  const owner = /^clearway-lab-(\d+)(?:-|$)/.exec(name)?.[1];
  return owner !== undefined && !existsSync(`/proc/${owner}`);
}

function listed(folder: string | undefined): string[] {
  if (folder === undefined || !existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.startsWith(prefix));
}

/** Removes namespaces and control groups of runs that are no more. @returns their names. */
export function removeStale(): string[] {
  const groups = controlGroupRoot();
  const namespaces = listed(registry).filter(belongsToTheDead);
  for (const name of namespaces) spawnSync('ip', ['netns', 'delete', name]);
  const stale = listed(groups).filter(belongsToTheDead);
  for (const name of stale) removeControlGroup(join(groups!, name));
  return [...namespaces, ...stale];
}

/** Removes a control group; one that is in use or gone is left as it is. */
export function removeControlGroup(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Its last process is still ending, or another run removed it: the next start tries again.
  }
}
