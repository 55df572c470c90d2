// The example site holds together: names say their contents, siblings unpack to what they stand beside, links lead
// somewhere. What a server makes of it is tested elsewhere.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { repositoryRoot } from './tidy.js';

const examples = join(repositoryRoot, 'examples');
const site = join(examples, 'site');
const paths = listing(site);

function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort();
}

function read(path: string): Buffer {
  return readFileSync(join(site, path));
}

test('a name with a hash has the hash of its contents', () => {
  const hashed = paths.filter((path) => /\.[0-9a-f]{8}\.\w+$/.test(path));
  assert.deepEqual(hashed.map((path) => path.split('.').at(-1)).sort(), ['css', 'js', 'png', 'svg']);
  for (const path of hashed) {
    assert.equal(path.split('.').at(-2), createHash('sha256').update(read(path)).digest('hex').slice(0, 8), path);
  }
});

test('a compressed sibling unpacks to the file it stands beside, and is smaller', () => {
  const siblings = paths.filter((path) => /\.(?:br|gz)$/.test(path));
  assert.equal(siblings.length, 8);
  for (const path of siblings) {
    const original = read(path.replace(/\.(?:br|gz)$/, ''));
    const unpack = path.endsWith('.br') ? brotliDecompressSync : gunzipSync;
    assert.ok(unpack(read(path)).equals(original), path);
    assert.ok(read(path).length < original.length, path);
  }
});

test('every link of a page leads to a file, a folder, or nowhere on purpose', () => {
  for (const page of paths.filter((path) => path.endsWith('.html'))) {
    for (const [, link = ''] of read(page)
      .toString('utf8')
      .matchAll(/\b(?:href|src)="([^"#]+)/g)) {
      const target = posix.join(link.startsWith('/') ? '/' : `/${posix.dirname(page)}`, link);
      if (target === '/no-such-page') continue;
      assert.ok(existsSync(join(site, target)), `${page} links to ${link}`);
    }
  }
});

test('each line of the long text stands where it says', () => {
  const text = read('text/lines.txt').toString('latin1');
  assert.equal(text.length, 200 * 1024);
  for (let offset = 0; offset < text.length; offset += 64) {
    assert.equal(text.slice(offset, offset + 9), `${String(offset).padStart(7, '0')}  `);
    assert.equal(text[offset + 63], '\n');
  }
});

test('making the site again changes nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-site-'));
  try {
    cpSync(examples, folder, { recursive: true });
    const made = spawnSync(process.execPath, [join(folder, 'make-site.mjs')], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    assert.deepEqual(listing(join(folder, 'site')), paths);
    for (const path of paths.filter((name) => !/\.(?:br|gz|png)$/.test(name))) {
      assert.ok(readFileSync(join(folder, 'site', path)).equals(read(path)), path);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
