// Whose bytes a reading is about: a process with its descendants, a cgroup with those beneath it, or all.
// Everything is counted; the scope chooses among the accounts when they are read.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { BpfMap } from '../bpf/map.js';
import { shown } from '../text/shown.js';
import type { AccountRow } from './accounts/accounts.js';

/** What to read. */
export type Scope =
  | { readonly kind: 'all' }
  | { readonly kind: 'process'; readonly processId: number }
  | { readonly kind: 'cgroup'; readonly path: string };

/** The scope names something that is not there. */
export class ScopeError extends Error {
  override readonly name = 'ScopeError';
  readonly code = 'CLEARWAY_METER_SCOPE';
}

/** @throws ScopeError for what names no kind of scope, or no process or path of it */
export function checkScope(scope: unknown): void {
  const { kind, processId, path } = (scope ?? {}) as { kind?: unknown; processId?: unknown; path?: unknown };
  if (kind === 'all') return;
  if (kind === 'process') checkProcess(processId);
  else if (kind !== 'cgroup')
    throw new ScopeError(`a scope is of the kind all, process or cgroup, not ${shown(kind ?? scope)}`);
  else if (typeof path !== 'string') throw new ScopeError(`a cgroup is named by its directory, not ${shown(path)}`);
}

function checkProcess(processId: unknown): void {
  if (!Number.isInteger(processId) || (processId as number) < 1)
    throw new ScopeError(`there is no process ${shown(processId)}`);
}

/** A process and every descendant of it now, from /proc. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent === undefined) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(name)]);
    else siblings.push(Number(name));
  }
  const tree = [root];
  for (const each of tree) tree.push(...(children.get(each) ?? []));
  return tree;
}

/** The command's name in stat may hold anything, so the fields are counted from its last parenthesis. */
function parentOf(processId: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/**
 * Puts a process and its descendants among the members. The kernel adds those that a member forks from then on, where the
 * program that follows forks is attached already; those forked before their parent was a member are looked for again, until
 * there are none. @throws ScopeError
 */
export function addMembers(members: Pick<BpfMap, 'update'>, processId: number): void {
  checkProcess(processId);
  try {
    statSync(`/proc/${processId}`);
  } catch {
    throw new ScopeError(`there is no process ${processId}`);
  }
  const added = new Set<number>();
  for (;;) {
    const missing = processTree(processId).filter((each) => !added.has(each));
    if (missing.length === 0) return;
    for (const each of missing) {
      members.update(each, () => {});
      added.add(each);
    }
  }
}

/** The ids of a cgroup (v2) directory and all beneath it: their inode numbers. @throws ScopeError */
function cgroupIds(path: string): Set<string> {
  const ids = new Set<string>();
  const visit = (directory: string) => {
    ids.add(statSync(directory, { bigint: true }).ino.toString());
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) visit(join(directory, entry.name));
    }
  };
  try {
    statSync(join(path, 'cgroup.procs'));
    visit(path);
  } catch {
    throw new ScopeError(
      `${path} is no cgroup directory (they lie under /sys/fs/cgroup, and have a file cgroup.procs)`,
    );
  }
  return ids;
}

/** Paths of cgroups (v2) by id, relative to the hierarchy's root; empty where no such hierarchy is mounted. */
export function cgroupPaths(): Map<string, string> {
  const paths = new Map<string, string>();
  const root = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(join(path, 'cgroup.procs')));
  if (root === undefined) return paths;
  const visit = (directory: string) => {
    try {
      paths.set(statSync(directory, { bigint: true }).ino.toString(), directory.slice(root.length) || '/');
      for (const entry of readdirSync(directory, { withFileTypes: true })) {
        if (entry.isDirectory()) visit(join(directory, entry.name));
      }
    } catch {
      // A cgroup that went away while we looked has no path.
    }
  };
  visit(root);
  return paths;
}

/**
 * Chooses rows. `members` holds process ids with the start of each (0: any process of that id). The meter's own process
 * is left out of `all`.
 */
export function inScope(
  scope: Scope,
  members: BpfMap,
): (row: Pick<AccountRow, 'processId' | 'startNs' | 'cgroupId'>) => boolean {
  if (scope.kind === 'all') return (row) => row.processId !== process.pid;
  if (scope.kind === 'cgroup') {
    const ids = cgroupIds(scope.path);
    return (row) => ids.has(row.cgroupId);
  }
  const starts = new Map<number, number>();
  members.forEach((key, value) => {
    starts.set(key.getUint32(0, true), Number(value.getBigUint64(0, true)));
  });
  return (row) => {
    const start = starts.get(row.processId);
    return start !== undefined && (start === 0 || start === row.startNs);
  };
}
