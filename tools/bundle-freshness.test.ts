import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isBundleFresh } from './bundle-freshness.js';

test('a bundle is fresh when it is newer than what was compiled, and than what makes it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-freshness-'));
  try {
    const [compiled, command, tool] = [join(folder, 'src'), join(folder, 'main.js'), join(folder, 'tool.mjs')];
    const write = (file: string, atSeconds: number): void => {
      writeFileSync(file, '');
      utimesSync(file, atSeconds, atSeconds);
    };
    const isFresh = (): boolean => isBundleFresh(command, compiled, [tool]);
    mkdirSync(join(compiled, 'transport'), { recursive: true });
    write(join(compiled, 'index.js'), 900);
    write(tool, 900);
    assert.equal(isFresh(), false, 'there is none');
    write(command, 1000);
    // Neither is in the bundle.
    write(join(compiled, 'transport/loop.test.js'), 1100);
    write(join(compiled, 'transport/loop.js.map'), 1100);
    assert.equal(isFresh(), true);
    write(tool, 1000);
    assert.equal(isFresh(), false, 'another tool');
    write(tool, 900);
    write(join(compiled, 'transport/loop.js'), 1000);
    assert.equal(isFresh(), false, 'another module');
    assert.equal(isBundleFresh(command, compiled), false, 'the tools of the repository are newer than that');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
