import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupMembers, neighbourFolder, sideCarsOf } from './groups.js';
import { parseName } from './names.js';

test('files that differ in their size alone are one film, smallest first', () => {
  const folder = [
    'film_1080p.mp4',
    'film_480p.mp4',
    'film_720p.mov',
    'film.mp4',
    'film_hd.mp4',
    'other_480p.mp4',
    'film_480p.vtt',
  ];
  const expected = ['film_480p.mp4', 'film_720p.mov', 'film_1080p.mp4'];
  assert.deepEqual(groupMembers('film_480p.mp4', folder), expected);
  assert.deepEqual(groupMembers('film_1080p.mp4', folder.reverse()), expected);
  assert.deepEqual(groupMembers('film.mp4', folder), ['film.mp4']);
  assert.deepEqual(groupMembers('film_hd.mp4', folder), ['film_hd.mp4']);
  assert.deepEqual(groupMembers('film_480p.mp4', []), ['film_480p.mp4'], 'a folder that changed meanwhile');
});

test('two files of one size: the first in the alphabet, but always the one asked for', () => {
  const folder = ['f_480p.mp4', 'f_480p.mov', 'f_720p.mp4'];
  assert.deepEqual(groupMembers('f_720p.mp4', folder), ['f_480p.mov', 'f_720p.mp4']);
  assert.deepEqual(groupMembers('f_480p.mp4', folder), ['f_480p.mp4', 'f_720p.mp4']);
});

test('a group is bounded and has the film that was asked for', () => {
  const folder = Array.from({ length: 900 }, (_, index) => `f_${index + 100}p.mp4`);
  const members = groupMembers('f_999p.mp4', folder);
  assert.equal(members.length, 16);
  assert.equal(members.at(-1), 'f_999p.mp4');
});

test('side-cars say their language and what they are for', () => {
  const folder = [
    'film.vtt',
    'film.en.vtt',
    'film.ger.forced.srt',
    'film.pt_br.sdh.default.vtt',
    'film.hi.vtt',
    'film.en.cc.vtt',
  ];
  const found = sideCarsOf('film.mp4', folder).map(({ fileName, isDefault, ...rest }) => [
    rest.id,
    rest.language,
    rest.format,
    [
      ...(rest.forced ? ['forced'] : []),
      ...(rest.hearingImpaired ? ['sdh'] : []),
      ...(isDefault ? ['default'] : []),
    ].join(),
  ]);
  assert.deepEqual(found, [
    ['s-de-forced', 'de', 'srt', 'forced'],
    ['s-en', 'en', 'vtt', ''],
    ['s-en-sdh', 'en', 'vtt', 'sdh'],
    ['s-hi', 'hi', 'vtt', ''],
    ['s-pt-br-sdh', 'pt-BR', 'vtt', 'sdh,default'],
    ['s-und', 'und', 'vtt', ''],
  ]);
});

test('every id of a side-car is a name that can be asked for', () => {
  const names = ['sl-nedis', 'zh-hans-tw', 'de-1996-1901', 'es-419'].flatMap((language) => [
    `f.${language}.vtt`,
    `f.${language}.forced.sdh.srt`,
  ]);
  const found = sideCarsOf('f.mp4', names);
  assert.equal(found.length, names.length);
  for (const { id } of found) assert.notEqual(parseName(`00000000/${id}.m3u8`), undefined, id);
});

test('files that only look like side-cars are none', () => {
  const folder = [
    'film.mp4',
    'film.en.txt',
    'film2.vtt',
    'film.backup.vtt',
    'film.en.de.vtt',
    'film-en.vtt',
    'other.en.vtt',
    'film..vtt',
  ];
  assert.deepEqual(sideCarsOf('film.mp4', folder), []);
});

test('WebVTT is taken before SRT, the film’s own before the group’s, in whatever order the folder is read', () => {
  const folder = ['film.en.srt', 'film.en.vtt', 'film_480p.de.srt', 'film.de.vtt'];
  for (const names of [folder, [...folder].reverse()]) {
    const found = sideCarsOf('film_480p.mp4', names).map(({ fileName }) => fileName);
    assert.deepEqual(found, ['film_480p.de.srt', 'film.en.vtt']);
  }
});

test('P06: the folder of a neighbour is percent-encoded, whatever its name', () => {
  assert.equal(neighbourFolder('a film_480p.mp4'), '../a%20film_480p.mp4/');
  assert.equal(
    neighbourFolder('100% "q" <b>#?$Number$\n_480p.mp4'),
    '../100%25%20%22q%22%20%3Cb%3E%23%3F%24Number%24%0A_480p.mp4/',
  );
  assert.equal(neighbourFolder('\udce9_480p.mp4'), '../%E9_480p.mp4/', 'a byte that is not UTF-8 is that byte');
  assert.equal(neighbourFolder('ü\ud800_480p.mp4'), '../%C3%BC%EF%BF%BD_480p.mp4/');
});
