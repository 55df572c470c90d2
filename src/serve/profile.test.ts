import assert from 'node:assert/strict';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { profilePath } from './profile.js';

test('the profile lies in the folder that is named, and one that is empty or relative is none', () => {
  const before = process.env['XDG_CONFIG_HOME'];
  const home = process.env['HOME'];
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
    for (const given of ['', 'home']) {
      process.env['HOME'] = given;
      assert.equal(profilePath(), join(userInfo().homedir, '.config/clearway/profile.json'), given);
    }
  } finally {
    if (before !== undefined) process.env['XDG_CONFIG_HOME'] = before;
    if (home === undefined) delete process.env['HOME'];
    else process.env['HOME'] = home;
  }
});
