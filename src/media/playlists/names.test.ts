import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  iFrameName,
  iFramePlaylistName,
  initSegmentName,
  mediaSegmentName,
  parseName,
  playlistName,
  subtitleName,
  subtitleSegmentName,
} from './names.js';

const version = '3fa9c2d1';

test('P05: each name that is written is read back as what it stands for', () => {
  assert.deepEqual(parseName('master.m3u8'), { kind: 'master' });
  assert.deepEqual(parseName('manifest.mpd'), { kind: 'manifest' });
  assert.deepEqual(parseName('film.json'), { kind: 'report' });
  assert.deepEqual(parseName('live.json'), { kind: 'live' });
  assert.deepEqual(parseName(`${version}/source.mp4`), { kind: 'source', version });
  const rendition = fc
    .tuple(fc.constantFrom('v', 'a'), fc.integer({ min: 1, max: 999 }))
    .map((parts) => parts.join(''));
  const number = fc.integer({ min: 1, max: 9_999_999 });
  fc.assert(
    fc.property(rendition, number, (id, n) => {
      const at = (name: string) => parseName(`${version}/${name}`);
      assert.deepEqual(at(playlistName(id)), { kind: 'playlist', version, rendition: id });
      assert.deepEqual(at(mediaSegmentName(id, n)), { kind: 'segment', version, rendition: id, number: n });
      const init = (n % 999) + 1;
      assert.deepEqual(at(initSegmentName(id, init)), { kind: 'init', version, rendition: id, number: init });
      const frames = id.startsWith('v') ? { version, rendition: id } : undefined;
      assert.deepEqual(at(iFramePlaylistName(id)), frames && { kind: 'iFramePlaylist', ...frames });
      assert.deepEqual(at(iFrameName(id, n)), frames && { kind: 'iFrame', ...frames, number: n });
    }),
  );
  for (const subtitle of ['s-en', 's-und', 's-pt-br-forced', 's-zh-hans-sdh']) {
    assert.deepEqual(parseName(`${version}/${playlistName(subtitle)}`), {
      kind: 'subtitlePlaylist',
      version,
      subtitle,
    });
    assert.deepEqual(parseName(`${version}/${subtitleName(subtitle)}`), { kind: 'subtitle', version, subtitle });
    const name = `${version}/${subtitleSegmentName(subtitle, 17)}`;
    assert.deepEqual(parseName(name), { kind: 'subtitleSegment', version, subtitle, number: 17 });
  }
});

test('P05: a resource has one name: what is written otherwise names nothing', () => {
  const nothing = [
    '',
    'Master.m3u8',
    'master.m3u8/',
    '/master.m3u8',
    `${version}/`,
    `${version}`,
    `${version.toUpperCase()}/v1.m3u8`,
    `${version}0/v1.m3u8`,
    `${version}/v0.m3u8`,
    `${version}/v01.m3u8`,
    `${version}/v1000.m3u8`,
    `${version}/x1.m3u8`,
    `${version}/v1/0.m4s`,
    `${version}/v1/017.m4s`,
    `${version}/v1/17.M4S`,
    `${version}/v1/17.m4s\n`,
    `${version}/v1/+17.m4s`,
    `${version}/v1/1e3.m4s`,
    `${version}/v1/99999999.m4s`,
    `${version}/v1/init-1.mp4`,
    `${version}/v1/init-02.mp4`,
    `${version}/v1/x/17.m4s`,
    `${version}/a1/i-17.m4s`,
    `${version}/a1-iframes.m3u8`,
    `${version}/s-.m3u8`,
    `${version}/s-EN.m3u8`,
    `${version}/s-en/0.vtt`,
    `${version}/s-${'a-'.repeat(100)}b.vtt`,
    `${version}/../${version}/v1.m3u8`,
  ];
  for (const name of nothing) assert.equal(parseName(name), undefined, JSON.stringify(name));
});

test('any text is read without an error', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (text) => void parseName(`${version}/${text}`)));
});
