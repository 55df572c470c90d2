import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleAbsence } from './clearway.js';

test('a bundle that is not there, or older than what was compiled, is not measured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bundle-'));
  try {
    const bundle = join(folder, 'main.js');
    assert.match(bundleAbsence(bundle, folder) ?? '', /not there/);
    writeFileSync(bundle, '');
    assert.equal(
      bundleAbsence(bundle, folder, () => true),
      undefined,
    );
    assert.match(bundleAbsence(bundle, folder, () => false) ?? '', /older/);
    assert.equal(
      bundleAbsence(bundle, undefined, () => false),
      undefined,
      'a program that was named is taken as it is',
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
