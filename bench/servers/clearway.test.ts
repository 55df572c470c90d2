import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { bundleAbsence } from './clearway.js';

test('a bundle that is older than what was compiled is not measured', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bundle-'));
  try {
    const compiled = join(folder, 'src');
    const bundle = join(folder, 'main.js');
    const write = (file: string, atSeconds: number) => {
      writeFileSync(file, '');
      utimesSync(file, atSeconds, atSeconds);
    };
    mkdirSync(join(compiled, 'transport'), { recursive: true });
    assert.match(bundleAbsence(bundle, compiled) ?? '', /not there/);
    write(bundle, 1000);
    write(join(compiled, 'index.js'), 900);
    // Neither is in the bundle.
    write(join(compiled, 'transport/loop.test.js'), 1100);
    write(join(compiled, 'transport/loop.js.map'), 1100);
    assert.equal(bundleAbsence(bundle, compiled), undefined);
    write(join(compiled, 'transport/loop.js'), 1100);
    assert.match(bundleAbsence(bundle, compiled) ?? '', /older/);
    assert.equal(bundleAbsence(bundle), undefined, 'a program that was named is taken as it is');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
