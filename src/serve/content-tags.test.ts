import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Errno } from '../kernel/errno.js';
import { ContentTags } from './content-tags.js';
import { FileTable, Kind } from './file-table.js';
import { formatTag, tagOfContent, words } from './identity.js';

const tagOf = (bytes: Uint8Array): string => {
  tagOfContent(bytes, 0, bytes.length, 0);
  return formatTag(words.high, words.low);
};

test('a small file has a tag when its content was read, a large one at once; where less is there, none is made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-tags-'));
  const table = new FileTable(16, 4);
  const tags = new ContentTags(table, 1000);
  const kept = (entry: number): string => formatTag(table.tagHigh.get(entry), table.tagLow.get(entry));
  const entryOf = (name: string, size: number): number => {
    const key = Buffer.from(`/${name}`);
    const entry = table.add(key, 0, key.length);
    table.kind.set(entry, Kind.file);
    table.facts.set(entry, 0);
    table.coding.set(entry, 0);
    table.size.set(entry, size);
    return entry;
  };
  try {
    assert.equal(tags.has(entryOf('large', 1001)), true);
    for (const size of [0, 1, 999, 1000]) {
      const content = Buffer.alloc(size, 'content ');
      const path = join(folder, `${size}`);
      writeFileSync(path, content);
      const fd = openSync(path, 'r');
      const entry = entryOf(`${size}`, size);
      assert.equal(tags.has(entry), false);
      assert.equal(tags.read(entry, fd), size);
      assert.equal(tags.has(entry), true);
      assert.equal(kept(entry), tagOf(content));
      const other = entryOf(`${size} in a frame`, size);
      tags.set(other, Buffer.concat([Buffer.from('head'), content]), 4, size);
      assert.equal(kept(other), tagOf(content));
      closeSync(fd);
    }
    truncateSync(join(folder, '1000'), 10);
    const fd = openSync(join(folder, '1000'), 'r');
    const cut = entryOf('cut', 1000);
    assert.equal(tags.read(cut, fd), 10);
    assert.equal(tags.has(cut), false);
    closeSync(fd);
    assert.equal(tags.read(cut, fd), -Errno.EBADF);
  } finally {
    table.unmap();
    rmSync(folder, { recursive: true });
  }
});
