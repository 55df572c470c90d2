import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRatchet, emptyRatchet, lowered } from './ratchet.js';

const measured = (lines: number) => ({
  fileLines: new Map(lines > 0 ? [['a.ts', lines]] : []),
  functionLines: new Map<string, number>(),
  copyMarkers: new Map<string, number>(),
  circles: new Map<string, number>(),
});
const listed = (lines: number) => ({ ...emptyRatchet, fileLines: { 'a.ts': lines } });

test('an entry equal to what is measured passes; a larger one, or one for nothing, asks to be lowered', () => {
  assert.deepEqual(checkRatchet(listed(600), measured(600)), []);
  assert.equal(checkRatchet(listed(600), measured(590)).length, 1);
  assert.equal(checkRatchet(listed(600), measured(0)).length, 1);
});

test('lowering never raises and never adds', () => {
  assert.deepEqual(lowered(listed(600), measured(590)), listed(590));
  assert.deepEqual(lowered(listed(600), measured(610)), listed(600));
  assert.deepEqual(lowered(listed(600), measured(0)), emptyRatchet);
  assert.deepEqual(lowered(emptyRatchet, measured(610)), emptyRatchet);
});
