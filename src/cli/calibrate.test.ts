import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from './calibrate.js';

test('nothing is measured where the profile could not be stored', async () => {
  const before = process.env['XDG_CONFIG_HOME'];
  const folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
  try {
    // Also root cannot make a folder in a file, nor in /proc.
    writeFileSync(join(folder, 'clearway'), '');
    for (const place of [folder, ...(process.platform === 'linux' ? ['/proc'] : [])]) {
      process.env['XDG_CONFIG_HOME'] = place;
      await assert.rejects(run(['--seconds', '10']), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'CLEARWAY_PROFILE');
        assert.match(error.message, /^the profile could not be stored: .*clearway.*; set XDG_CONFIG_HOME to a folder/);
        return true;
      });
    }
  } finally {
    if (before === undefined) delete process.env['XDG_CONFIG_HOME'];
    else process.env['XDG_CONFIG_HOME'] = before;
    rmSync(folder, { recursive: true });
  }
});
