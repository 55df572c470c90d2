// Random films, with hostile texts, through every playlist and the MPD and back: what the parsers read is the presentation, and each
// address that they find is a name that can be asked for.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isLong } from '../../../test/support/long.js';
import {
  madeUpAudio,
  madeUpEntry,
  madeUpFilm,
  madeUpIFrames,
  madeUpMember,
  madeUpVideo,
} from '../../../test/support/made-up-films.js';
import { readManifest, readPlaylist } from '../../../test/support/playlist-readers.js';
import { neighbourFolder } from './groups.js';
import { manifest } from './manifest.js';
import { masterPlaylist } from './master-playlist.js';
import { iFramePlaylist, mediaPlaylist, subtitlePlaylist } from './media-playlist.js';
import { parseName } from './names.js';
import { type Offer, type OfferedRendition, type OfferedSubtitle, startSeconds } from './offer.js';
import { cleanLine } from './text.js';

const text = fc.oneof(
  // mpd-parser keeps names in a plain object, which has some already.
  fc.string({ unit: 'binary', maxLength: 12 }).filter((name) => !(cleanLine(name).trim() in Object.prototype)),
  fc.constantFrom('', '"', '\n#EXT-X-ENDLIST\n', '<a b="&', ']]>', '\ud800', 'a,b=c', '$Number$', '../..', '\u0000'),
);
const language = fc.oneof(fc.constantFrom('und', 'en', 'de', 'pt-BR'), text);
const durations = fc.array(fc.integer({ min: 30, max: 6000 }), { minLength: 1, maxLength: 8 });
const names = ['a', 'v'] as const;
const numRuns = isLong ? 300 : 100;

const wish = fc.record({ text, language, durations, start: fc.nat(50_000), enabled: fc.boolean() });
const films = fc
  .tuple(
    fc.array(fc.record({ wish, format: fc.constantFrom('avc1', 'hvc1', 'vp09') }), { maxLength: 2 }),
    fc.array(fc.record({ wish, format: fc.constantFrom('mp4a', 'ac-3', 'Opus', 'fLaC', 'mp3') }), { maxLength: 5 }),
  )
  .filter(([videos, sounds]) => videos.length + sounds.length > 0)
  .map(([videos, sounds]) => {
    const make = ({ wish: given, format }: (typeof videos | typeof sounds)[number], number: number, kind: 0 | 1) => {
      const entries = [madeUpEntry(format)];
      const track = { name: given.text, language: given.language, enabled: given.enabled, entries, timescale: 1000 };
      const id = `${names[kind]}${number}`;
      const more = { id, format, durations: given.durations, start: given.start, track };
      return kind === 1 ? madeUpVideo(more) : madeUpAudio(more);
    };
    const renditions = [
      ...videos.map((video, index) => make(video, index + 1, 1)),
      ...sounds.map((sound, index) => make(sound, videos.length + index + 1, 0)),
    ];
    return madeUpFilm(renditions, { targetDuration: 6 });
  });

const subtitles: OfferedSubtitle[] = ['en', 'de'].map((tag) => ({
  id: `s-${tag}`,
  language: tag,
  forced: tag === 'de',
  hearingImpaired: false,
  isDefault: false,
  base: '',
  version: '0badcafe',
}));

/** Holds what a parser read of a rendition against it. */
function holdSegments(read: readonly { readonly duration: number }[], rendition: OfferedRendition): void {
  assert.equal(read.length, rendition.segments.count);
  for (const [k, { duration }] of read.entries()) {
    const expected = startSeconds(rendition, k + 1) - startSeconds(rendition, k);
    assert.ok(Math.abs(duration - expected) < 2e-3, `${duration} for ${expected}`);
  }
}

function holdNames(uris: readonly string[]): void {
  for (const uri of uris) assert.notEqual(parseName(uri), undefined, uri);
}

function holdPlaylists(film: Offer): void {
  for (const rendition of film.renditions) {
    const { segments, targetDuration } = readPlaylist(mediaPlaylist(film, rendition));
    holdSegments(segments, rendition);
    for (const { duration } of segments) assert.ok(Math.round(duration) <= targetDuration);
    holdNames(segments.flatMap(({ uri, map }) => [`3fa9c2d1/${uri}`, `3fa9c2d1/${map!.uri}`]));
    if (rendition.track.kind !== 'video') continue;
    const frames = readPlaylist(iFramePlaylist(film, rendition, madeUpIFrames(rendition)));
    assert.equal(frames.segments.length, rendition.segments.count * 2);
    holdNames(frames.segments.map(({ uri }) => `3fa9c2d1/${uri}`));
  }
  holdNames(readPlaylist(subtitlePlaylist(film, 's-en')).segments.map(({ uri }) => `3fa9c2d1/${uri}`));
}

test('P20: any film’s playlists are read as the film, and their addresses are names', () => {
  fc.assert(fc.property(films, holdPlaylists), { numRuns });
});

test('M20: any film’s master is read: each picture, each sound once in each of its groups, each subtitle', () => {
  const property = fc.property(films, (film) => {
    const master = readPlaylist(masterPlaylist([madeUpMember(film, { iFrames: madeUpIFrames })], subtitles));
    holdNames([...master.playlists, ...master.iFramePlaylists].map(({ uri }) => uri));
    const media = Object.values(master.mediaGroups.AUDIO).flatMap((group) => Object.values(group));
    holdNames(media.map(({ uri }) => uri!));
    const listed = new Set([...master.playlists, ...media].map(({ uri }) => uri));
    for (const { id } of film.renditions) assert.ok(listed.has(`3fa9c2d1/${id}.m3u8`), `${id} is listed`);
    for (const group of Object.values(master.mediaGroups.AUDIO)) {
      assert.ok(Object.values(group).filter((each) => each.default).length <= 1);
    }
    assert.deepEqual(Object.keys(master.mediaGroups.SUBTITLES.subs!), ['English', 'Deutsch (forced)']);
  });
  fc.assert(property, { numRuns });
});

test('D22: any film’s MPD is read as the film', () => {
  const property = fc.property(films, text, (film, name) => {
    const base = neighbourFolder(`${name}.mp4`);
    const read = readManifest(manifest([madeUpMember(film, { base })], subtitles));
    const sounds = Object.values(read.mediaGroups.AUDIO).flatMap((group) => Object.values(group));
    const representations = [...read.playlists, ...sounds.flatMap(({ playlists }) => playlists)];
    for (const rendition of film.renditions) {
      const own = representations.find(({ attributes }) => attributes.NAME === rendition.id)!;
      assert.ok(own, `${rendition.id} is there`);
      holdSegments(own.segments, rendition);
      for (const [k, { uri, presentationTime }] of own.segments.entries()) {
        assert.ok(Math.abs(presentationTime - startSeconds(rendition, k)) < 1e-3);
        assert.ok(uri.startsWith(base), uri);
        holdNames([uri.slice(base.length)]);
      }
    }
  });
  fc.assert(property, { numRuns });
});
