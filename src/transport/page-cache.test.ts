import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { becomesCold } from '../../test/support/page-cache.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { dropCached } from '../kernel/file.js';
import { pageBytes } from '../kernel/memory.js';
import { isResident, Residency } from './page-cache.js';

const skip = platformIsLinux ? false : 'needs Linux';
const base = fs.mkdtempSync(join(tmpdir(), 'clearway-pages-'));
after(() => fs.rmSync(base, { recursive: true, force: true }));

/** A file of so many pages on the disk; `drop` empties its cache, and says whether that could be done. */
function diskFile(pages: number): { fd: number; bytes: number; drop: () => boolean } {
  const path = join(base, `${pages}-${Math.random()}`);
  const bytes = pages * pageBytes();
  fs.writeFileSync(path, Buffer.alloc(bytes, 'x'), { flush: true });
  const fd = fs.openSync(path, 'r');
  return { fd, bytes, drop: () => becomesCold(fd, bytes) };
}

test('a hot range is resident, whatever its edges; a cold one is not, nor one with a hole', { skip }, (t) => {
  const { fd, bytes, drop } = diskFile(64);
  for (const [offset, length] of [
    [0, bytes],
    [1, 1],
    [bytes - 1, 1],
    [100, bytes - 200],
  ] as const) {
    assert.equal(isResident(fd, offset, length), true, `${length} bytes at ${offset}`);
  }
  if (!drop()) t.diagnostic(`pages of ${base} cannot be dropped`);
  else {
    assert.equal(isResident(fd, 0, bytes), false);
    dropCached(fd);
    fs.readSync(fd, new Uint8Array(10), 0, 10, bytes - 10);
    assert.equal(isResident(fd, bytes - 10, 10), true, 'its last page came');
    assert.equal(isResident(fd, 0, bytes), false, 'and no other');
  }
  fs.closeSync(fd);
});

test('a range past the end, and what cannot be asked, have an answer', { skip }, () => {
  const { fd, bytes } = diskFile(2);
  assert.equal(typeof isResident(fd, bytes * 2, 100), 'boolean');
  assert.equal(isResident(-1, 0, 100), true, 'nothing better is known');
  fs.closeSync(fd);
});

test('what was found is believed for a second, and only for ranges that were asked about', { skip }, (t) => {
  // So large that what an answer begins to read is never all of it.
  const { fd, bytes, drop } = diskFile(1024);
  const residency = new Residency();
  const half = bytes / 2;
  assert.equal(residency.covers(fd, 0, half, 0), true);
  if (!drop()) {
    t.diagnostic(`pages of ${base} cannot be dropped`);
    return;
  }
  assert.equal(residency.covers(fd, 10, half - 10, 999), true, 'believed');
  assert.equal(residency.covers(fd, half, half, 999), false, 'not asked about before');
  dropCached(fd);
  assert.equal(residency.covers(fd, 0, half, 1000), false, 'a second is over');
  fs.readSync(fd, new Uint8Array(bytes), 0, bytes, 0);
  assert.equal(residency.covers(fd, 0, 100, 2000), true);
  assert.equal(residency.covers(fd, 100, half, 2500), true, 'joins');
  drop();
  assert.equal(residency.covers(fd, 0, half, 2900), true, 'the joined range is believed');
  assert.equal(residency.covers(fd, 0, half, 3000), false, 'for as long as its older part');
  fs.closeSync(fd);
});
