// The ratchet: what is already longer than the law allows, how many copies are excused, and which circles of imports are still
// there. A number may
// only shrink: above it the check fails, below it the check asks for `--ratchet`, which lowers numbers and removes
// entries and never raises or adds one. Raising one is an edit of ratchet.json by hand, and a line in somebody's review.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Violation } from './project.js';

/** The tables of ratchet.json. Keys: a file's path, or `path name` of a function. Values: lines, or a count. */
export interface Ratchet {
  readonly fileLines: Readonly<Record<string, number>>;
  readonly functionLines: Readonly<Record<string, number>>;
  readonly copyMarkers: Readonly<Record<string, number>>;
  /** Circles of imports that are still there, by `a.ts <-> b.ts`: how many files each has. */
  readonly circles: Readonly<Record<string, number>>;
}

/** What the project measures now, table by table, with only what needs an entry. */
export type Measured = { readonly [Table in keyof Ratchet]: ReadonlyMap<string, number> };

export const RATCHET_FILE = 'tools/tidy/ratchet.json';

/** A ratchet without entries. */
export const emptyRatchet: Ratchet = { fileLines: {}, functionLines: {}, copyMarkers: {}, circles: {} };

/** Reads ratchet.json; throws what `JSON.parse` throws when it is broken, and is empty when there is none. */
export function readRatchet(root: string): Ratchet {
  let text: string;
  try {
    text = readFileSync(join(root, RATCHET_FILE), 'utf8');
  } catch {
    return emptyRatchet;
  }
  return { ...emptyRatchet, ...(JSON.parse(text) as Partial<Ratchet>) };
}

/** Writes ratchet.json in the formatter's shape. */
export function writeRatchet(root: string, ratchet: Ratchet): void {
  writeFileSync(join(root, RATCHET_FILE), `${JSON.stringify(ratchet, null, 2)}\n`);
}

/** Entries that are larger than what is measured now: they have to be lowered, or removed. */
export function checkRatchet(ratchet: Ratchet, measured: Measured): Violation[] {
  return entriesOf(ratchet).flatMap(([table, key, listed]) => {
    const now = measured[table].get(key) ?? 0;
    if (listed <= now) return [];
    const message = `${table} of ${key} is ${now}, listed as ${listed}: node dist/tools/tidy.js --ratchet`;
    return [{ file: RATCHET_FILE, line: 1, rule: 'ratchet', message }];
  });
}

/** The ratchet with every entry lowered to what is measured now; entries no longer needed are gone, none is added. */
export function lowered(ratchet: Ratchet, measured: Measured): Ratchet {
  const result: Record<keyof Ratchet, Record<string, number>> = {
    fileLines: {},
    functionLines: {},
    copyMarkers: {},
    circles: {},
  };
  for (const [table, key, listed] of entriesOf(ratchet)) {
    const now = measured[table].get(key) ?? 0;
    if (now > 0) result[table][key] = Math.min(listed, now);
  }
  return result;
}

function entriesOf(ratchet: Ratchet): [keyof Ratchet, string, number][] {
  const tables: (keyof Ratchet)[] = ['fileLines', 'functionLines', 'copyMarkers', 'circles'];
  return tables.flatMap((table) =>
    Object.entries(ratchet[table]).map(([key, value]): [keyof Ratchet, string, number] => [table, key, value]),
  );
}
