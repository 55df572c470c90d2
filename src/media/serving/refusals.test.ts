import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FilmRefusal } from '../film.js';
import { refused, replaced } from './refusals.js';

test('a sentence is one line that moves no cursor, whatever the file is called', () => {
  const sentences = ['a\nb', 'a\r\nX: y', '\x1b[31ma', '\u202ea', '\ud800a', 'a\u2028b', 'a\x85b'].flatMap((name) => [
    refused(new FilmRefusal('is cut off'), `${name}.mp4`),
    replaced(`${name}.mp4`),
  ]);
  for (const { sentence } of sentences) assert.match(sentence, /^[ -~\ufffd]+$/u);
  assert.equal(replaced('naïve "film".mp4').sentence, 'naïve "film".mp4 was replaced: load its playlist again');
});
