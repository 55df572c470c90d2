import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clockWords, counted } from './units.js';

test('figures in words', () => {
  assert.deepEqual([0, 184.9, 3723].map(clockWords), ['0:00', '3:04', '1:02:03']);
  assert.deepEqual(
    [0, 1, 2].map((count) => counted(count, 'frame')),
    ['0 frames', '1 frame', '2 frames'],
  );
});
