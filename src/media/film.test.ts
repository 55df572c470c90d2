import assert from 'node:assert/strict';
import { test } from 'node:test';
import { box, bytes, joined, movie, tableBoxes, trak } from '../../test/support/box-film.js';
import { readFilmBytes } from '../../test/support/read-film-file.js';
import { FilmRefusal } from './film.js';

const tables = tableBoxes({ stts: [[2, 40]], stsc: [[1, 2, 1]], stsz: [10, 20], stco: [5000] });

test('a refusal is one line of letters that can be shown, and keeps nothing of what was read', () => {
  for (const handler of ['\0\0\0\0', '\r\n\x1b\x7f', '\xff\xfe\x85\xa0']) {
    assert.throws(
      () => readFilmBytes(movie([trak({ handler, tables })]), 1_000_000),
      (error: unknown) => {
        assert.ok(error instanceof FilmRefusal);
        assert.match(error.message, /^[ -~]+ neither video nor audio \(\.{4}\)[ -~]+$/);
        // Refusals are kept: the functions in a stack, and what they hold, would be as well.
        assert.doesNotMatch(error.stack ?? '', /\n/);
        return true;
      },
    );
  }
});

test('the letters of a brand can be shown', () => {
  const film = joined(box('ftyp', '\0\n\x9b ', bytes.u32(0)), movie([trak({ tables })]));
  assert.equal(readFilmBytes(film, 1_000_000).brand, '... ');
});
