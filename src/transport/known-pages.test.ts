import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ahead } from './ahead.js';
import { KnownPages } from './known-pages.js';
import type { FileSource } from './output.js';

const mebibyte = 1024 * 1024;

/** A file whose pages are there but for those at `missing`, and the lengths in MiB that it was asked about. */
function fileWithout(missing: () => number): { file: FileSource; asked: number[] } {
  const asked: number[] = [];
  const residency = {
    covers: (_fd: number, offset: number, length: number): boolean => {
      asked.push(length / mebibyte);
      const at = missing();
      return at < offset || at >= offset + length;
    },
  };
  return { file: { fd: 5, residency, release: () => {} } as unknown as FileSource, asked };
}

/** An extent of a file from its beginning on, of which so many bytes are gone. */
function extent(file: FileSource, length: number, gone = 0): Ahead {
  const at = new Ahead();
  at.begin({ file, place: 0, length, next: undefined, rest: undefined }, gone);
  return at;
}

test('a long file is asked about 16 MiB at a time', () => {
  const { file, asked } = fileWithout(() => -1);
  const known = new KnownPages();
  const length = 64 * mebibyte;
  for (let gone = 0; gone < length; gone += mebibyte) assert.ok(known.covers(extent(file, length, gone), 64 * 1024, 0));
  assert.deepEqual(asked, [16, 16, 16, 16]);
});

test('a page that is missing far ahead costs one long question, and short ones up to there', () => {
  const { file, asked } = fileWithout(() => 14.5 * mebibyte);
  const known = new KnownPages();
  let gone = 0;
  while (known.covers(extent(file, 64 * mebibyte, gone), 64 * 1024, 0)) gone += mebibyte;
  assert.equal(gone, 14 * mebibyte, 'up to the mebibyte that has the gap');
  assert.deepEqual(asked, [16, ...new Array(15).fill(1)]);
});

test('behind a gap that was fetched the rest of its span is asked about in short, and what follows in long', () => {
  let missing = 2.5 * mebibyte;
  const { file, asked } = fileWithout(() => missing);
  const known = new KnownPages();
  const length = 48 * mebibyte;
  const loop = { bulk: { count: () => {} }, engine: { fetch: () => (missing = -1) } };
  let fetches = 0;
  for (let gone = 0; gone < length; ) {
    const at = extent(file, length, gone);
    if (known.covers(at, 64 * 1024, 0)) gone += mebibyte;
    else {
      fetches++;
      known.fetch(loop as never, 1, at);
    }
  }
  assert.equal(fetches, 1);
  assert.deepEqual(asked, [16, 1, 1, 1, ...new Array(13).fill(1), 16, 16]);
});

test('of another file nothing is known', () => {
  const first = fileWithout(() => 3 * mebibyte);
  const second = fileWithout(() => -1);
  const known = new KnownPages();
  assert.ok(known.covers(extent(first.file, 32 * mebibyte), 1000, 0));
  assert.ok(known.covers(extent(second.file, 32 * mebibyte), 1000, 0));
  assert.deepEqual([first.asked, second.asked], [[16, 1], [16]]);
});
