import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { profilePath } from './profile.js';

test('the profile lies in the folder that is named, and one that is empty or relative is none', () => {
  const before = process.env['XDG_CONFIG_HOME'];
  const usual = join(homedir(), '.config/clearway/profile.json');
  try {
    for (const [given, path] of [
      ['/etc/xdg', '/etc/xdg/clearway/profile.json'],
      ['', usual],
      ['config', usual],
    ] as const) {
      process.env['XDG_CONFIG_HOME'] = given;
      assert.equal(profilePath(), path, given);
    }
    delete process.env['XDG_CONFIG_HOME'];
    assert.equal(profilePath(), usual);
  } finally {
    if (before !== undefined) process.env['XDG_CONFIG_HOME'] = before;
  }
});
