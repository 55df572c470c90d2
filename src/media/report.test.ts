import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUpAudio, madeUpEntry, madeUpFilm, madeUpVideo } from '../../test/support/made-up-films.js';
import { columnsOf } from '../text/columns.js';
import type { Film } from './film.js';
import type { FilmJson } from './page/report-shape.js';
import type { SideCar } from './playlists/groups.js';
import type { OfferedRendition } from './playlists/offer.js';
import { filmNote, filmText, type Reported, reportOf } from './report.js';

const sideCar: SideCar = {
  fileName: 'film.en.srt',
  format: 'srt',
  id: 's-en',
  language: 'en',
  forced: false,
  hearingImpaired: false,
  isDefault: false,
};

function reported(renditions: readonly OfferedRendition[], more: Partial<Reported> = {}): Reported {
  const film = { size: 6_000_000, brand: 'isom', isFragmented: false, indexBytes: 20_000, leftOut: [], notes: [] };
  return {
    name: 'film.mp4',
    film,
    presentation: { ...madeUpFilm(renditions), notes: [] },
    group: ['film.mp4'],
    sideCars: [],
    ...more,
  };
}

const sound = madeUpAudio({ id: 'a2', track: { language: 'de', name: 'Stereo' } });

test('the text says what is offered, where, what is left out and why', () => {
  const given = reported([madeUpVideo(), sound], {
    group: ['film_480p.mp4', 'film_1080p.mp4'],
    sideCars: [
      { sideCar, cues: 812, refusal: undefined },
      { sideCar: { ...sideCar, fileName: 'film.fr.srt' }, cues: 0, refusal: 'has no cue that can be read as SubRip' },
    ],
  });
  const film = {
    ...given.film,
    leftOut: [{ track: 3, format: 'tmcd', reason: 'it is a time code' }],
    notes: ['a note'],
  };
  assert.equal(
    filmText(reportOf({ ...given, film })),
    `film.mp4: 14.5 s, 5.7 MiB, MP4
  v1    video      avc1.64001f                   1280 x 720, 25 frames/s  4 segments  3.0 Mbit/s at most, 2.4 Mbit/s on average
  a2    audio      mp4a.40.2    Deutsch: Stereo  stereo, 48 kHz           4 segments  128 kbit/s at most, 102 kbit/s on average
  s-en  subtitles  wvtt         English          film.en.srt, 812 cues    4 segments

Addresses, below the folder that clearway serve --media serves
  HLS   film.mp4/master.m3u8
  DASH  film.mp4/manifest.mpd
  page  film.mp4/

Offered as one film
  film_480p.mp4
  film_1080p.mp4

Left out
  track 3 (tmcd): it is a time code
  film.fr.srt: has no cue that can be read as SubRip

Notes
  - a note

Segments are 4 s at most; the film's tables take 19.5 KiB of memory.
`,
  );
});

test('the report as JSON is what the player page reads', () => {
  const report = JSON.parse(JSON.stringify(reportOf(reported([madeUpVideo(), sound])))) as FilmJson;
  assert.equal(report.durationSeconds, 14.5);
  assert.deepEqual(
    report.tracks.map(({ kind, codec, language, about, bandwidth }) => [kind, codec, language, about, bandwidth]),
    [
      ['video', 'avc1.64001f', 'und', '1280 x 720, 25 frames/s', 3_000_000],
      ['audio', 'mp4a.40.2', 'de', 'stereo, 48 kHz', 128_000],
    ],
  );
});

test('a listing says a film of a phone as it is shown, as its page does', () => {
  const { track } = madeUpVideo({ track: { width: 640, height: 360, rotation: 90 } });
  const tracks = [track, sound.track] as unknown as Film['tracks'];
  assert.equal(filmNote({ durationSeconds: 20, tracks }), '0:20, video 360 x 640, audio');
});

test('columns of tracks stand below each other, in any script', () => {
  const named = (language: string) => ({ ...reportOf(reported([sound])).tracks[0]!, language });
  const report = { ...reportOf(reported([sound])), tracks: [named('en'), named('ja'), named('zh')] };
  const lines = filmText(report).split('\n').slice(1, 4);
  const places = lines.map((line) => columnsOf(line.slice(0, line.indexOf('stereo'))));
  assert.ok(lines[1]!.includes('日本語') && places[0]! > 0, lines.join('\n'));
  assert.deepEqual(places, [places[0], places[0], places[0]]);
});

test('notes say what viewers would notice', () => {
  const notes = (...renditions: OfferedRendition[]) => reportOf(reported(renditions)).notes.join('\n');
  assert.equal(notes(madeUpVideo(), sound), '');
  assert.match(notes(madeUpVideo({ durations: [14 * 12_800] })), /^v1 has key frames up to 14\.0 s apart/);
  const entry = madeUpEntry('hvc1', { format: 'hev1', codec: 'hev1.1.6.L93.B0' });
  assert.match(notes(madeUpVideo({ track: { entries: [entry] } })), /hev1 .* Apple's players show no picture/);
  assert.match(notes(madeUpVideo({ format: 'vp09' })), /VP9: Apple's players/);
  assert.match(notes(madeUpVideo(), madeUpAudio({ format: 'alac' })), /ALAC is offered in HLS alone/);
  assert.match(
    notes(madeUpVideo({ durations: [10 * 12_800] })),
    /key frames up to 10\.0 s apart/,
    'what x264 makes by default',
  );
  assert.match(notes(madeUpVideo(), madeUpAudio({ format: 'mp3' })), /MP3 is silent in Chromium/);
});

test('text from the file does not reach a terminal as more than text, and addresses are encoded', () => {
  const hostile = madeUpAudio({ track: { name: '\u001b[2Jx', language: 'a\u001b]0;y' } });
  const text = filmText(reportOf(reported([madeUpVideo(), hostile], { name: 'a b\u001b.mp4' })));
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /a%20b%1B\.mp4\/master\.m3u8/);
});
