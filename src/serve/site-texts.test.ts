import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContentTags } from './content-tags.js';
import { Fact, FileTable, Kind } from './file-table.js';
import { FieldWriter } from './head.js';
import type { QuickAnswers } from './quick-answers.js';
import { SiteTexts } from './site-texts.js';

test('a small file that an extension answers for keeps the tag that it has, and others wait for that of their content', () => {
  const table = new FileTable(16, 4);
  try {
    const fields = new FieldWriter({ cacheControl: undefined, cors: false, headers: {} }, () => false);
    const texts = new SiteTexts(fields, undefined, true, (path) => path.endsWith('.mp4'), assert.fail);
    texts.answers = { writer: { number: () => 0 } } as unknown as QuickAnswers;
    const tags = new ContentTags(table, 1000);
    const isTagged = (path: string): boolean => {
      const key = Buffer.from(path);
      const entry = table.add(key, 0, key.length);
      table.kind.set(entry, Kind.file);
      table.facts.set(entry, Fact.timeSet);
      table.coding.set(entry, 0);
      table.size.set(entry, 10);
      texts.describe(table, entry, path);
      assert.notEqual(table.facts.get(entry) & Fact.timeSet, 0);
      return tags.has(entry);
    };
    assert.deepEqual(['/film.mp4', '/film.txt', '/page.shtml'].map(isTagged), [true, false, false]);
  } finally {
    table.unmap();
  }
});
