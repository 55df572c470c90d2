// The profile of this host as plan uses it: the constants that `clearway calibrate` measured, in the file it shares with serve.
// It reads and writes the file; measuring is in calibrate.ts.

import {
  accessSync,
  existsSync,
  constants as fsConstants,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Constant, type ConstantId, isConstantId } from '../plan/facts/constants.js';
import type { Host } from '../plan/facts/hosts.js';
import { profilePath } from '../serve/profile.js';

export { profilePath };

/** What `plan --here` plans unless told otherwise: serve on this host's loopback, its processor time alone. */
export const hereDefaults = {
  app: 'serve',
  device: 'loopback',
  direction: 'send',
  source: 'file',
  mtu: 65_535,
  flows: 64,
  engine: 'uring',
  way: 'sendfile',
} as const;

interface StoredProfile {
  journey?: { title?: string; measuredAt?: string; constants?: Record<string, Constant> };
  [other: string]: unknown;
}

function readStored(): StoredProfile | undefined {
  try {
    return JSON.parse(readFileSync(profilePath(), 'utf8')) as StoredProfile;
  } catch {
    return undefined;
  }
}

/** This host, or undefined when nothing was measured. Names the table does not know are left out. */
export function loadHost(): Host | undefined {
  const stored = readStored()?.journey;
  if (!stored?.constants) return undefined;
  const constants: Partial<Record<ConstantId, Constant>> = {};
  for (const [id, constant] of Object.entries(stored.constants)) {
    if (isConstantId(id) && typeof constant.value === 'number' && constant.value >= 0) constants[id] = constant;
  }
  return {
    title: stored.title ?? 'this host',
    source: `clearway calibrate, ${stored.measuredAt ?? 'date unknown'}`,
    constants,
  };
}

/** Makes a folder and those above it. Node's own way does not end where none can be made though the one above is there (/proc). */
function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(dirname(path));
  mkdirSync(path);
}

/** Makes the folder that {@link storeHost} writes to. @throws Error of the file system where it cannot be written to: better before than after measuring */
export function prepareStore(): void {
  const path = profilePath();
  makeFolder(dirname(path));
  accessSync(existsSync(path) ? path : dirname(path), fsConstants.W_OK);
}

/** Stores what was measured; other parts of the file stay. Returns its path. */
export function storeHost(journey: NonNullable<StoredProfile['journey']>, serve: Record<string, unknown>): string {
  const path = profilePath();
  makeFolder(dirname(path));
  const stored = readStored() ?? {};
  const previous = typeof stored.serve === 'object' && stored.serve !== null ? stored.serve : {};
  writeFileSync(path, `${JSON.stringify({ ...stored, journey, serve: { ...previous, ...serve } }, null, 2)}\n`);
  return path;
}
