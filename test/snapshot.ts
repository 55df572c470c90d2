// Compares a text with the one committed beside the source: a change of behaviour is a diff in review.
// Run the tests with UPDATE_SNAPSHOTS=1 to write the files anew. For tests only.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Asserts that `text` is what `path` (from the repository's root) holds; writes it where UPDATE_SNAPSHOTS=1. */
export function matchSnapshot(path: string, text: string): void {
  const file = join(root, path);
  if (process.env['UPDATE_SNAPSHOTS'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  assert.ok(existsSync(file), `${path} is missing: run with UPDATE_SNAPSHOTS=1 and look at what it writes`);
  assert.equal(text, readFileSync(file, 'utf8'), `${path} differs: UPDATE_SNAPSHOTS=1 if the change is meant`);
}
