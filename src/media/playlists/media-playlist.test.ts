import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  madeUpAudio,
  madeUpFilm,
  madeUpFragments,
  madeUpIFrames,
  madeUpVideo,
} from '../../../test/support/made-up-films.js';
import { readPlaylist } from '../../../test/support/playlist-readers.js';
import { iFramePlaylist, mediaPlaylist, subtitlePlaylist, subtitleSpan } from './media-playlist.js';
import type { Offer } from './offer.js';

const video = madeUpVideo();
const audio = madeUpAudio({ durations: [192_512, 191_488, 192_512, 119_808] });
const film = madeUpFilm([video, audio]);

/** All playlists of a film but the master. */
function playlistsOf(presentation: Offer): string[] {
  return [
    ...presentation.renditions.map((rendition) => mediaPlaylist(presentation, rendition)),
    ...presentation.renditions
      .filter(({ track }) => track.kind === 'video')
      .map((rendition) => iFramePlaylist(presentation, rendition, madeUpIFrames(rendition))),
    subtitlePlaylist(presentation, 's-en'),
  ];
}

test('P01: UTF-8 without a mark, lines end in LF, the last one too', () => {
  for (const text of playlistsOf(film)) {
    assert.match(text, /^#EXTM3U\n/);
    assert.match(text, /\n$/);
    assert.doesNotMatch(text, /\r|\ufeff|\n\n/);
  }
});

test('P10: the target duration is a whole number', () => {
  for (const text of playlistsOf({ ...film, targetDuration: 4.2 })) assert.match(text, /^#EXT-X-TARGETDURATION:5$/m);
});

test('P11: no duration, rounded, is above the target, and all playlists of a film have one target', () => {
  const targets = playlistsOf(film).map((text) => {
    const { targetDuration, segments } = readPlaylist(text);
    for (const { duration } of segments) assert.ok(Math.round(duration) <= targetDuration);
    return targetDuration;
  });
  assert.deepEqual(new Set(targets), new Set([4]));
  const group = mediaPlaylist(film, video, 7);
  assert.equal(readPlaylist(group).targetDuration, 7, 'in a group it is the largest of the members');
});

test('P12: the playlists are on demand and VERSION is 7, which fMP4 needs', () => {
  for (const text of playlistsOf(film)) {
    const read = readPlaylist(text);
    assert.equal(read.playlistType, 'VOD');
    assert.equal(read.version, 7);
  }
});

test('P13: every playlist ends with ENDLIST', () => {
  for (const text of playlistsOf(film)) assert.match(text, /\n#EXT-X-ENDLIST\n$/);
});

test('P15: MEDIA-SEQUENCE is 0, though names begin with 1: yt-dlp takes anything else for a live stream', () => {
  for (const text of playlistsOf(film)) assert.match(text, /\n#EXT-X-MEDIA-SEQUENCE:0\n/);
  const names = readPlaylist(mediaPlaylist(film, video)).segments.map(({ uri }) => uri);
  assert.deepEqual(names, ['v1/1.m4s', 'v1/2.m4s', 'v1/3.m4s', 'v1/4.m4s']);
});

test('P16: nothing that was taken out of the standard: no ALLOW-CACHE, no PROGRAM-ID', () => {
  for (const text of playlistsOf(film)) assert.doesNotMatch(text, /ALLOW-CACHE|PROGRAM-ID/);
});

test('P18: the init segment is named before the first segment, once', () => {
  const { segments } = readPlaylist(mediaPlaylist(film, audio));
  assert.equal(segments[0]!.map!.uri, 'a1/init.mp4');
  assert.equal(mediaPlaylist(film, audio).match(/EXT-X-MAP/g)!.length, 1);
  assert.equal(readPlaylist(subtitlePlaylist(film, 's-en')).segments[0]!.map, undefined, 'text has none');
});

test('P20: durations have 6 decimals and are differences of rounded times, so that sums do not drift', () => {
  const thirds = madeUpVideo({
    track: { timescale: 30_000 },
    durations: Array.from({ length: 900 }, () => 120_120 / 3 + 1),
  });
  const text = mediaPlaylist(madeUpFilm([thirds]), thirds);
  for (const line of text.match(/#EXTINF:.*/g)!) assert.match(line, /^#EXTINF:\d+\.\d{6},$/);
  const durations = readPlaylist(text).segments.map(({ duration }) => duration);
  let sum = 0;
  for (const [k, duration] of durations.entries()) {
    assert.ok(Math.abs(duration - 40_041 / 30_000) < 2e-3);
    sum += duration;
    assert.ok(Math.abs(sum - ((k + 1) * 40_041) / 30_000) < 2e-6, `after ${k + 1} segments`);
  }
});

test('P20: what m3u8-parser reads is the presentation', () => {
  for (const rendition of film.renditions) {
    const { segments } = readPlaylist(mediaPlaylist(film, rendition));
    assert.equal(segments.length, rendition.segments.count);
    for (const [k, { duration }] of segments.entries()) {
      assert.ok(Math.abs(duration - rendition.segments.durationTicks(k) / rendition.track.timescale) < 2e-3);
      assert.ok(duration > 0);
    }
  }
});

test('P30: another sample description has its own init segment behind a discontinuity, and all playlists have the discontinuity', () => {
  const changing = madeUpVideo({ inits: [0, 0, 1, 1] });
  const presentation = madeUpFilm([changing, audio]);
  const [pictures, sound, frames, text] = playlistsOf(presentation).map(readPlaylist);
  assert.deepEqual(pictures!.discontinuityStarts, [2]);
  assert.deepEqual(
    pictures!.segments.map(({ map }) => map!.uri),
    ['v1/init.mp4', 'v1/init.mp4', 'v1/init-2.mp4', 'v1/init-2.mp4'],
  );
  assert.deepEqual(sound!.discontinuityStarts, [2], 'the sound simply goes on, but players count');
  assert.equal(sound!.segments[3]!.map!.uri, 'a1/init.mp4');
  assert.deepEqual(text!.discontinuityStarts, [2]);
  assert.deepEqual(frames!.discontinuityStarts, [4]);
  assert.equal(frames!.segments[4]!.map!.uri, 'v1/init-2.mp4');
});

test('P31: segments of a fragmented film are ranges of its own bytes, beneath the version', () => {
  const samples = [0, 50, 100, 150, 200, 250, 300, 363];
  const offsets = [1000, 2000, 3000, 4000, 5000, 6000, 7000];
  const fragments = [madeUpFragments(1, offsets, 900, samples)];
  const presentation = madeUpFilm([video], { film: { fragments } });
  const text = mediaPlaylist(presentation, video);
  const { segments } = readPlaylist(text);
  assert.deepEqual(
    segments.map(({ uri, byterange }) => [uri, byterange]),
    [
      ['source.mp4', { offset: 1000, length: 1900 }],
      ['source.mp4', { offset: 3000, length: 1900 }],
      ['source.mp4', { offset: 5000, length: 1900 }],
      ['source.mp4', { offset: 7000, length: 900 }],
    ],
  );
  assert.equal(segments[0]!.map!.uri, 'v1/init.mp4');
});

test('P31: fragments that do not fit exactly are not sent as they are', () => {
  const samples = [0, 100, 200, 300, 363];
  const offsets = [1000, 2000, 3000, 4000];
  const own = madeUpFragments(1, offsets, 900, samples);
  const isRanged = (presentation: Offer) =>
    mediaPlaylist(presentation, presentation.renditions[0]!).includes('BYTERANGE');
  const of = (fragments: (typeof own)[], rendition = video) => madeUpFilm([rendition], { film: { fragments } });
  assert.ok(isRanged(of([own])));
  assert.ok(isRanged(of([own, madeUpFragments(2, [1900, 2900, 3900, 4900], 100, samples)])), 'between two segments');
  const halves = madeUpFragments(
    1,
    [1000, 2000, 3000, 4000, 5000, 6000, 7000],
    900,
    [0, 50, 100, 150, 200, 250, 300, 363],
  );
  assert.ok(!isRanged(of([halves, madeUpFragments(2, [1900], 100, [0, 9])])), 'another track lies within');
  assert.ok(!isRanged(of([madeUpFragments(1, offsets, 900, [0, 99, 200, 300, 363])])), 'cut elsewhere');
  assert.ok(!isRanged(of([madeUpFragments(1, [...offsets, 5000], 900, [...samples, 400])])), 'an end that is cut off');
  assert.ok(!isRanged(of([madeUpFragments(2, offsets, 900, samples)])), 'of another track');
  assert.ok(!isRanged(of([own], madeUpVideo({ isAsInSource: false }))), 'an edit that goes into offsets or times');
  assert.ok(!isRanged(of([own], madeUpVideo({ inits: [0, 0, 1, 1] }))), 'two sample descriptions');
  // The last segment, of 2.5 s, is 900 bytes as it is generated, and 800.
  assert.ok(isRanged(of([own], madeUpVideo({ bandwidth: 2880 }))));
  assert.ok(!isRanged(of([own], madeUpVideo({ bandwidth: 2560 }))), 'more bytes than the rates say');
});

test('M50: the I-frame playlist: a segment’s first bytes, or a resource of its own; each lasts until the next', () => {
  const text = iFramePlaylist(film, video, madeUpIFrames(video));
  const { segments, iFramesOnly } = readPlaylist(text);
  assert.equal(iFramesOnly, true);
  assert.equal(segments.length, 8);
  assert.equal(segments[0]!.map!.uri, 'v1/init.mp4');
  assert.deepEqual([segments[0]!.uri, segments[0]!.byterange], ['v1/1.m4s', { length: 20_000, offset: 0 }]);
  assert.deepEqual([segments[1]!.uri, segments[1]!.byterange], ['v1/i-2.m4s', undefined]);
  assert.deepEqual([segments[6]!.uri, segments[6]!.byterange], ['v1/4.m4s', { length: 20_006, offset: 0 }]);
  assert.deepEqual(
    segments.map(({ duration }) => duration),
    [2, 2, 2, 2, 2, 2, 1.25, 1.25],
  );
});

test('M50: I-frames further apart than segments are long raise their own target', () => {
  const sparse = {
    count: 1,
    startTicks: () => 0,
    durationTicks: () => 14.5 * 12_800,
    segment: () => 0,
    byteLength: () => 9,
  };
  assert.equal(readPlaylist(iFramePlaylist(film, video, sparse)).targetDuration, 15);
});

test('W03: what is said before the first picture and behind the last one is in the first and the last segment', () => {
  const presentation = madeUpFilm([madeUpVideo({ start: 2 * 12_800 })]);
  const spans = [0, 1, 2, 3].map((segment) => subtitleSpan(presentation, segment));
  assert.deepEqual(spans, [
    { from: 0, to: 6 },
    { from: 6, to: 10 },
    { from: 10, to: 14 },
    { from: 14, to: Number.POSITIVE_INFINITY },
  ]);
});

test('W03: a subtitle is cut where the film’s first video is, or its first sound', () => {
  const durations = (text: string) => readPlaylist(text).segments.map(({ duration }) => duration);
  assert.deepEqual(durations(subtitlePlaylist(film, 's-en')), durations(mediaPlaylist(film, video)));
  const heard = madeUpFilm([audio]);
  const text = subtitlePlaylist(heard, 's-en');
  assert.deepEqual(durations(text), durations(mediaPlaylist(heard, audio)));
  assert.equal(readPlaylist(text).segments[2]!.uri, 's-en/3.vtt');
});
