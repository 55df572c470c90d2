import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { filmFolder, filmSkip, makeFilm } from '../../../test/support/films.js';
import { readFilmFile } from '../../../test/support/read-film-file.js';
import { channelsStated, objectsStated } from './audio-layout.js';

test('channels are those of the codec’s configuration, whatever the sample entry says', { skip: filmSkip }, () => {
  const layouts = { mono: 1, stereo: 2, '5.1': 6, '7.1': 8 };
  const most: Readonly<Record<string, number>> = { aac: 8, libopus: 8, flac: 8, ac3: 6, eac3: 6 };
  for (const [codec, limit] of Object.entries(most)) {
    for (const [layout, channels] of Object.entries(layouts)) {
      if (channels > limit) continue;
      const path = join(filmFolder(), `${codec}-${layout}.mp4`);
      const sound = ['-f', 'lavfi', '-i', `anullsrc=channel_layout=${layout}:sample_rate=48000`, '-t', '0.5'];
      makeFilm(path, [...sound, '-c:a', codec, '-strict', '-2']);
      const [track] = readFilmFile(path).tracks;
      assert.equal(track!.entries[0]!.channels, channels, `${codec} ${layout}`);
    }
  }
});

test('a configuration that is cut short, or of no known kind, states nothing', () => {
  for (const format of ['mp4a', 'ac-3', 'ec-3', 'Opus', 'fLaC', 'alac']) {
    for (const length of [0, 1]) assert.equal(channelsStated(format, new Uint8Array(length)), undefined, format);
  }
});

test('objects of E-AC-3 are those that stand behind all of its substreams', () => {
  const of = (text: string) => objectsStated('ec-3', Buffer.from(text.replaceAll(' ', ''), 'hex'));
  // One substream of 5.1; 16 objects and channels behind it.
  const five = '200f00';
  assert.equal(of(`1800 ${five} 0110`), 16);
  // One that a dependent one adds channels to; two substreams.
  assert.equal(of('1800 200f0202 010c'), 12);
  assert.equal(of(`1801 ${five} ${five} 0110`), 16);
  // The flag says that there are none, or nothing stands there.
  for (const none of [`1800 ${five} 0010`, `1800 ${five}`, '1800', `1801 ${five} 0110`, ''])
    assert.equal(of(none), 0, none);
  assert.equal(objectsStated('ac-3', Buffer.from(`1800${five}0110`, 'hex')), 0);
});
