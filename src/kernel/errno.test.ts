import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno, errnoName, errnoWords } from './errno.js';

test('every value has its name, and words of its own', () => {
  const entries = Object.entries(Errno);
  for (const [name, value] of entries) assert.equal(errnoName(value), name);
  const words = entries.map(([, value]) => errnoWords(value));
  assert.equal(words.filter((each) => /^[a-zA-Z.]/.test(each) && !each.startsWith('error ')).length, entries.length);
});

test('a value that nobody knows is told by its number', () => {
  assert.equal(errnoName(4000), 'E4000');
  assert.equal(errnoWords(4000), 'error 4000');
});
