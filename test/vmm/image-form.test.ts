// The form of images as docs/vm.md says it, held against its reader: what an image has to have room for is what the document says, to the byte.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ImageError, readImage } from '../../src/vmm/image-file.js';
import { handlers, madeImage } from './made-image.js';

/** Where the description of the note is in a made image, and where the longest of its parts ends. */
const descriptionAt = 0x818;
const partEnd = 0x10_8000;

test('docs/vm.md says what each address of the note needs', () => {
  const [, table = ''] =
    /\| at \| address of \| bytes \|\n([\s\S]*?)\n\n/.exec(readFileSync('docs/vm.md', 'utf8')) ?? [];
  const rows = [...table.matchAll(/^\| (\d+) \| .* \| ([\d,]+) \|$/gm)].map(
    ([, at, bytes]) => [Number(at), Number(bytes!.replaceAll(',', ''))] as const,
  );
  assert.deepEqual(
    rows.map(([at]) => at),
    [8, 16, 24, 32, 40, 48, 56, 64],
  );
  const withPlace = (at: number, place: number): Buffer => {
    const bytes = madeImage(handlers.never);
    bytes.writeBigUInt64LE(BigInt(place), descriptionAt + at);
    return bytes;
  };
  for (const [at, bytes] of rows) {
    readImage(withPlace(at, partEnd - bytes));
    assert.throws(() => readImage(withPlace(at, partEnd - bytes + 1)), ImageError, `${at}: ${bytes} bytes`);
  }
});
