import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { test } from 'node:test';
import { platformIsLinux } from '../kernel/ffi.js';
import { Descriptors } from './descriptors.js';
import { FileTable } from './file-table.js';

test('half of the files are let go of where descriptors are short, and it is told whether one became free', {
  skip: platformIsLinux ? false : 'regions need Linux',
}, () => {
  const descriptors = new Descriptors(new FileTable(64, 1), 16, () => {}, undefined);
  const files = [0, 1, 2, 3].map((entry) => descriptors.set(entry, openSync('/dev/null', 'r')));
  // All of them are being sent.
  for (const file of files) file.retain();
  assert.equal(descriptors.relieve(), false);
  assert.equal(descriptors.files.count, 4);
  const kept = files.filter((_, entry) => descriptors.of(entry) !== undefined);
  assert.equal(kept.length, 2);
  for (const file of files) file.release();
  assert.equal(descriptors.files.count, 2);
  assert.equal(descriptors.relieve(), true);
  assert.equal(descriptors.files.count, 1);
  assert.equal(descriptors.relieve(), true);
  assert.equal(descriptors.relieve(), false);
  assert.equal(descriptors.files.count, 0);
});
