import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { film, filmSkip } from '../../test/support/films.js';
import type { FilmReport } from '../media/report.js';

const command = fileURLToPath(new URL('./main.js', import.meta.url));
const media = (...args: string[]) => spawnSync(process.execPath, [command, 'media', ...args], { encoding: 'utf8' });
const folder = mkdtempSync(join(tmpdir(), 'clearway-media-'));
after(() => rmSync(folder, { recursive: true }));

test('a film with its side-cars: text and JSON say the same', { skip: filmSkip }, () => {
  copyFileSync(film('languages.mp4'), join(folder, 'film_120p.mp4'));
  writeFileSync(join(folder, 'film_240p.mp4'), '');
  writeFileSync(join(folder, 'film.en.srt'), '1\n00:00:01,000 --> 00:00:02,000\nHi\n');
  writeFileSync(join(folder, 'film.fr.vtt'), 'WEBVTT\n');
  const path = join(folder, 'film_120p.mp4');
  const text = media(path);
  assert.equal(text.status, 0, text.stderr);
  for (const words of [
    /^film_120p\.mp4: 8\.?\d* s, .*, MP4$/m,
    /^ {2}v1 +video +avc1\.\w{6} +160 x 120, 25 frames\/s +2 segments/m,
    /^ {2}a2 +audio +mp4a\.40\.2 +English +mono, 48 kHz/m,
    /^ {2}a3 +audio +mp4a\.40\.2 +Deutsch/m,
    /^ {2}s-en +subtitles +wvtt +English +film\.en\.srt, 1 cue /m,
    /^ {2}HLS {3}film_120p\.mp4\/master\.m3u8$/m,
    /^ {2}film_240p\.mp4$/m,
    /^ {2}film\.fr\.vtt: has no cue that can be read as WebVTT$/m,
  ]) {
    assert.match(text.stdout, words);
  }
  const report = JSON.parse(media('--json', path).stdout) as FilmReport;
  assert.deepEqual(
    report.tracks.map(({ id, language }) => [id, language]),
    [
      ['v1', 'und'],
      ['a2', 'en'],
      ['a3', 'de'],
      ['s-en', 'en'],
    ],
  );
  assert.deepEqual(report.group, ['film_120p.mp4', 'film_240p.mp4']);
  assert.equal(report.bytes, readFileSync(path).length);
});

test('a film that cannot be offered: one sentence and status 1', { skip: filmSkip }, () => {
  const path = join(folder, 'cut.mp4');
  copyFileSync(film('long-gop.mp4'), path);
  truncateSync(path, readFileSync(path).length - 1000);
  const done = media(path);
  assert.equal(done.status, 1);
  assert.equal(done.stdout, '');
  assert.match(done.stderr, /^clearway media: cut\.mp4 .+\n$/);
  const { refusal, status } = JSON.parse(media(path, '--json').stdout) as { refusal: string; status: number };
  assert.ok(done.stderr.includes(refusal));
  assert.equal(status, 422);
});

test('what is no film, no file, or nothing at all', () => {
  const text = join(folder, 'text.mp4');
  writeFileSync(text, 'not a film');
  assert.equal(media(text).status, 1);
  assert.match(media(join(folder, 'none.mp4')).stderr, /cannot read .*none\.mp4: there is no such file/);
  assert.match(media(folder).stderr, /is a directory: name one film in it/);
  assert.match(media('/dev/null').stderr, /cannot read \/dev\/null: it is not a regular file/);
  assert.match(media().stderr, /a film is missing: clearway media FILE/);
  for (const args of [[join(folder, 'none.mp4')], [folder], [], ['a', 'b']]) assert.equal(media(...args).status, 2);
});
