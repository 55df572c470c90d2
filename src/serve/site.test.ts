import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Loop } from '../transport/loop.js';
import { Site } from './site.js';

test('however many paths lead to one file over links, the ones that are kept have a bound', () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-site-'));
  for (const name of ['a', 'b']) symlinkSync('.', join(root, name));
  writeFileSync(join(root, 'x.txt'), 'x');
  const loop = new Loop('epoll');
  const options = { root, index: [], dotfiles: 'ignore' as const, maxFiles: 16 };
  const site = new Site(loop, options, undefined, 256);
  for (let number = 0; number < 1000; number++) {
    // Each number's digits of two are a way through the links.
    const way = number.toString(2).replaceAll('0', 'a/').replaceAll('1', 'b/');
    const found = site.find({ path: `${way}x.txt`, trailingSlash: false, dotfile: false });
    assert.equal(found.kind, 'file');
  }
  assert.ok(site.files.count <= 16, `${site.files.count} descriptors`);
  assert.ok(site.table.count <= 256, `${site.table.count} paths`);
  site.close();
  loop.close();
  rmSync(root, { recursive: true });
});
