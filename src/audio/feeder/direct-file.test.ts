import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aligningFrames, blockFrames } from './direct-file.js';

test('silence that has a file lie in a ring as it does on the disk, where there is such', () => {
  assert.equal(aligningFrames(44, 4, 512), 11);
  assert.equal(aligningFrames(0, 6, 4096), 0);
  assert.equal((aligningFrames(44, 6, 512)! * 6 - 44) % 512, 0);
  assert.equal(aligningFrames(45, 4, 512), undefined, 'no number of 4-byte frames is 45 bytes beyond a block');
});

test('pieces end where blocks do', () => {
  assert.equal((44 + blockFrames(44, 4, 512, 1000) * 4) % 512, 0);
  assert.equal(blockFrames(45, 4, 512, 1000), 1000);
  assert.equal(blockFrames(512, 6, 512, 10_000), Math.floor(10_000 / 256) * 256);
});
