// What is built half way and fails lets go of all it holds: files and frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeFrames } from '../../memory/write-frames.js';
import type { Representation } from '../../serve/representation.js';
import { VirtualFile } from '../progressive/virtual-file.js';
import { headed, type PartOf, virtualResource } from './resources.js';
import { SentBytes, sentWords } from './sent-bytes.js';

function partOf(): { readonly part: PartOf; readonly references: () => number } {
  let references = 0;
  const file = {
    fd: -1,
    retain: () => {
      references++;
      return file;
    },
    release: () => void references--,
    keepVersion: () => {},
  };
  const source = { file, lastModifiedSeconds: 0, isDateStrong: true } as unknown as Representation;
  return {
    part: { path: 'film.mp4', source, sent: SentBytes.of(new Int32Array(sentWords), { high: 1, low: 1 }) },
    references: () => references,
  };
}

const failing = (): never => {
  throw new Error('half way');
};

for (const headBytes of [100, 100_000]) {
  test(`a segment that fails behind a head of ${headBytes} bytes`, () => {
    const { part, references } = partOf();
    const { leased } = writeFrames();
    const facts = { etag: '""', contentType: 'video/mp4', size: headBytes + 20, headBytes };
    const extents = (_from: number, _to: number, add: (offset: number, length: number) => void): void => {
      add(0, 10);
      failing();
    };
    assert.throws(() => headed(part, { ...facts, writeHead: () => {}, extents }).list(0, headBytes + 20), /half way/);
    assert.throws(() => headed(part, { ...facts, writeHead: failing, extents }).list(0, headBytes + 20), /half way/);
    assert.equal(references(), 0);
    assert.equal(writeFrames().leased, leased);
  });
}

test('a rearranged film that fails while a table is written', () => {
  const { part, references } = partOf();
  const { leased } = writeFrames();
  const media = { offsets: Float64Array.of(8), lengths: Float64Array.of(50) };
  const table = {
    count: 10_000,
    entryBytes: 4 as const,
    writeEntry: (index: number) => void (index === 9000 && failing()),
  };
  const virtual = new VirtualFile([new Uint8Array(16), media, table]);
  assert.throws(() => virtualResource(part, virtual, '""', 'video/mp4').list(0, virtual.size), /half way/);
  assert.equal(references(), 0);
  assert.equal(writeFrames().leased, leased);
});
