// Playlists and MPDs of films of every kind against what is presented: read by the parsers of video.js, measured against the segments as they are
// written, and played by ffmpeg. That segments have the source's samples is tested where they are made (presentation/).

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import type { ParsedSegment } from 'm3u8-parser';
import { fragmentRanges } from '../../src/media/playlists/fragment-ranges.js';
import { parseName } from '../../src/media/playlists/names.js';
import { startSeconds } from '../../src/media/playlists/offer.js';
import type { Rendition } from '../../src/media/presentation/presentation.js';
import { readSubtitle } from '../../src/media/subtitles/read-subtitle.js';
import { framesOf } from '../support/decoded.js';
import { type FilmName, film, filmFolder, filmNames, filmSkip } from '../support/films.js';
import { attributesOf, readManifest, readPlaylist } from '../support/playlist-readers.js';
import { type PublishedFilm, publish } from '../support/published-film.js';

const subtitle = readSubtitle(Buffer.from('1\n00:00:03,500 --> 00:00:04,500\nacross\n'), 'srt');
const named = { id: 's-en', language: 'en', forced: false, hearingImpaired: false, isDefault: false };

const published = new Map<string, PublishedFilm>();

function publishedFilm(name: FilmName): PublishedFilm {
  let made = published.get(name);
  if (made === undefined) {
    made = publish(film(name), join(filmFolder(), `published-${name}`), [{ named, subtitle }]);
    published.set(name, made);
  }
  return made;
}

/** The bytes of a segment: of the file that its URI leads to, whose name can be asked for, or of a range of it. */
function bytesOf({ master }: PublishedFilm, playlist: string, { uri, byterange }: ParsedSegment): number {
  const path = resolve(dirname(playlist), uri);
  assert.notEqual(parseName(relative(dirname(master), path)), undefined, path);
  const { size } = statSync(path);
  if (byterange === undefined) return size;
  assert.ok(byterange.offset + byterange.length <= size);
  return byterange.length;
}

function playlistOf({ master, version }: PublishedFilm, id: string): string {
  return join(dirname(master), version, `${id}.m3u8`);
}

/** The largest rate over neighbouring segments that last 0.5 to 1.5 target durations, and the average. */
function measured(
  sizes: readonly number[],
  durations: readonly number[],
  target: number,
): { peak: number; average: number } {
  const sum = (values: readonly number[]) => values.reduce((one, other) => one + other, 0);
  const average = (sum(sizes) * 8) / sum(durations);
  let peak = 0;
  for (let from = 0; from < sizes.length; from++) {
    for (let to = from + 1; to <= sizes.length; to++) {
      const lasting = sum(durations.slice(from, to));
      if (lasting >= target / 2 && lasting <= target * 1.5)
        peak = Math.max(peak, (sum(sizes.slice(from, to)) * 8) / lasting);
    }
  }
  return { peak: peak === 0 ? average : peak, average };
}

/** The pictures of a playlist or an MPD. It names files whose names ffmpeg would not open unasked. */
function picturesOf(playlist: string): string[] {
  return framesOf(playlist, 'v:0', ['-allowed_extensions', 'ALL']);
}

for (const name of filmNames) {
  test(`${name}: playlists say what is presented`, { skip: filmSkip }, () => {
    const made = publishedFilm(name);
    const { presentation } = made;
    const targets = new Set<number>();
    for (const rendition of presentation.renditions) {
      const path = playlistOf(made, rendition.id);
      const read = readPlaylist(readFileSync(path, 'utf8'));
      targets.add(read.targetDuration);
      const ranges = fragmentRanges(presentation, rendition);
      let sum = 0;
      assert.equal(read.segments.length, rendition.segments.count);
      for (const [k, segment] of read.segments.entries()) {
        assert.ok(segment.duration > 0 && Math.round(segment.duration) <= read.targetDuration);
        sum += segment.duration;
        const end = startSeconds(rendition, k + 1) - startSeconds(rendition, 0);
        assert.ok(Math.abs(sum - end) < 2e-6 * (k + 1), `${sum} for ${end}`);
        const bytes = bytesOf(made, path, segment);
        if (ranges === undefined) assert.equal(bytes, rendition.segments.byteLength(k));
      }
    }
    const text = readPlaylist(readFileSync(playlistOf(made, named.id), 'utf8'));
    targets.add(text.targetDuration);
    for (const segment of text.segments) bytesOf(made, playlistOf(made, named.id), segment);
    assert.deepEqual([...targets], [presentation.targetDuration]);
  });

  test(`${name}: the rates of the master are those of the segments, within 10 %`, { skip: filmSkip }, () => {
    const made = publishedFilm(name);
    const read = (id: string) => readPlaylist(readFileSync(playlistOf(made, id), 'utf8'));
    const sizes = (id: string) => read(id).segments.map((segment) => bytesOf(made, playlistOf(made, id), segment));
    const master = readFileSync(made.master, 'utf8');
    const variants = attributesOf(master, 'EXT-X-STREAM-INF');
    const uris = readPlaylist(master).playlists.map(({ uri }) => uri);
    for (const [index, variant] of variants.entries()) {
      const id = /([va]\d+)\.m3u8$/.exec(uris[index]!)![1]!;
      const sounds = attributesOf(master, 'EXT-X-MEDIA')
        .filter((media) => media.TYPE === 'AUDIO' && media['GROUP-ID'] === variant.AUDIO && id.startsWith('v'))
        .map(({ URI }) => /(a\d+)\.m3u8$/.exec(URI!)![1]!);
      const { segments, targetDuration } = read(id);
      const durations = segments.map(({ duration }) => duration);
      const alone = measured(sizes(id), durations, targetDuration);
      const heard = sounds.map((sound) =>
        measured(
          sizes(sound),
          read(sound).segments.map(({ duration }) => duration),
          targetDuration,
        ),
      );
      const peak = alone.peak + Math.max(0, ...heard.map((sound) => sound.peak));
      const average = alone.average + Math.max(0, ...heard.map((sound) => sound.average));
      near(Number(variant.BANDWIDTH), peak, `BANDWIDTH of ${id}`);
      near(Number(variant['AVERAGE-BANDWIDTH']), average, `AVERAGE-BANDWIDTH of ${id}`);
    }
  });

  test(`${name}: the MPD says what is presented, to a tick`, { skip: filmSkip }, () => {
    const { presentation, manifest, version } = publishedFilm(name);
    const { playlists, mediaGroups, duration } = readManifest(readFileSync(manifest, 'utf8'));
    assert.ok(Math.abs(duration - presentation.durationSeconds) < 1e-6);
    const sounds = Object.values(mediaGroups.AUDIO).flatMap((group) => Object.values(group));
    const all = [...playlists, ...sounds.flatMap((sound) => sound.playlists)];
    for (const rendition of presentation.renditions) {
      const own = all.find(({ attributes }) => attributes.NAME === rendition.id)!;
      assert.ok(own, `${rendition.id} is in the MPD`);
      assert.equal(own.segments.length, rendition.segments.count);
      for (const [k, segment] of own.segments.entries()) holdSegment(rendition, k, segment, version);
    }
  });
}

function near(declared: number, found: number, what: string): void {
  assert.ok(Math.abs(declared - found) <= found * 0.1, `${what}: ${declared}, measured ${found}`);
}

function holdSegment(
  { id, segments, track }: Rendition,
  k: number,
  segment: {
    readonly presentationTime: number;
    readonly duration: number;
    readonly uri: string;
    readonly map?: { readonly uri: string };
  },
  version: string,
): void {
  const tick = 1 / track.timescale;
  assert.ok(Math.abs(segment.presentationTime - segments.startTicks(k) * tick) < tick / 2);
  assert.ok(Math.abs(segment.duration - segments.durationTicks(k) * tick) < tick / 2);
  assert.equal(segment.uri, `${version}/${id}/${k + 1}.m4s`);
  assert.equal(segment.map!.uri, `${version}/${id}/init.mp4`);
}

const played: readonly FilmName[] = [
  'plain.mp4',
  'hevc.mp4',
  'vp9.mp4',
  'late-audio.mp4',
  'negative-offsets.mp4',
  'fragmented.mp4',
  'fragmented-alone.mp4',
  'fragmented-video.mp4',
  'video-alone.mp4',
];

for (const name of played) {
  test(`${name}: ffmpeg decodes the same pictures from HLS and from DASH`, { skip: filmSkip }, () => {
    const { master, manifest } = publishedFilm(name);
    const source = framesOf(film(name), 'v:0');
    assert.ok(source.length >= 190);
    assert.deepEqual(picturesOf(master), source, 'HLS');
    assert.deepEqual(picturesOf(manifest), source, 'DASH');
  });
}

test('fragments that fit are byte ranges of the film itself', { skip: filmSkip }, () => {
  const isRanged = (name: FilmName) => {
    const { presentation } = publishedFilm(name);
    return presentation.renditions.map((rendition) => fragmentRanges(presentation, rendition) !== undefined);
  };
  assert.deepEqual(isRanged('fragmented-video.mp4'), [true]);
  assert.deepEqual(isRanged('plain.mp4'), [false, false]);
  assert.deepEqual(isRanged('fragmented.mp4'), [false, false], 'audio and video in one moof');
});
