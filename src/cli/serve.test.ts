import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { namesDirectory } from './serve.js';

test('whether a directory is named: behind options, before them, or in the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-serve-'));
  try {
    const config = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const [withRoot, without] = [config('a.json', '{"root": "/"}'), config('b.json', '{"port": 0}')];
    for (const args of [
      ['site'],
      ['site', '--port', '8080'],
      ['--port', '8080', 'site'],
      ['--listing', 'site'],
      ['-p', '0', '--dashboard', 'site'],
      ['--', 'site'],
      [`--config=${withRoot}`],
      // The command itself has to say something.
      ['--help'],
      ['--prot', '80'],
      ['--port'],
      ['site', 'site'],
      ['--config', config('c.json', '{')],
    ]) {
      assert.equal(namesDirectory(args), true, args.join(' '));
    }
    for (const args of [
      [],
      ['--port', '8080'],
      ['--listing'],
      ['--host', 'localhost', '-p', '0'],
      ['--dashboard', 'localhost:0'],
      ['--config', without],
    ]) {
      assert.equal(namesDirectory(args), false, args.join(' '));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
