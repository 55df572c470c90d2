import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { directoryNames } from './directory.js';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import { openRoot } from './file.js';
import { closeDescriptor } from './socket.js';

test('the names of a directory, of any number and length, as node:fs reads them', {
  skip: platformIsLinux ? false : 'needs Linux',
}, () => {
  const base = fs.mkdtempSync(join(tmpdir(), 'clearway-names-'));
  try {
    const fd = openRoot(base);
    assert.deepEqual(directoryNames(fd, 10), []);
    closeDescriptor(fd);
    const names = ['€'.repeat(85), '\ufeffmark', 'line\nbreak', 'x', '...'];
    for (let index = 0; index < 3000; index++) names.push(`${index}-${'n'.repeat(index % 200)}`);
    for (const name of names) fs.writeFileSync(join(base, name), '');
    const full = openRoot(base);
    const read = directoryNames(full, 100_000) as string[];
    assert.deepEqual(read.sort(), fs.readdirSync(base).sort());
    closeDescriptor(full);
    const some = openRoot(base);
    assert.equal((directoryNames(some, 7) as string[]).length, 7);
    closeDescriptor(some);
    assert.equal(directoryNames(some, 7), -Errno.EBADF);
    const file = fs.openSync(join(base, 'x'), 'r');
    assert.equal(directoryNames(file, 7), -Errno.ENOTDIR);
    fs.closeSync(file);
  } finally {
    fs.rmSync(base, { recursive: true });
  }
});
