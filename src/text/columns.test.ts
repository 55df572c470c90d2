import assert from 'node:assert/strict';
import { test } from 'node:test';
import { columnsOf, padColumns } from './columns.js';

test('text is as wide as a terminal shows it', () => {
  for (const [text, columns] of [
    ['', 0],
    ['English', 7],
    ['日本語', 6],
    ['한국어', 6],
    ['Français', 8],
    ['Franc\u0327ais', 8],
    ['हि', 2],
    ['🎉.mp4', 6],
    ['Ｆ', 2],
    ['\u{20000}', 2],
    ['العربية', 7],
  ] as const)
    assert.equal(columnsOf(text), columns, text);
  assert.equal(padColumns('中文', 7), '中文   ');
  assert.equal(padColumns('中文', 2), '中文');
});
