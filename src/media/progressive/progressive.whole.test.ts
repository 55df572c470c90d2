// Films with `moov` in front and clips, as a viewer receives them, against the films themselves: order of boxes, what is decoded, which
// frame comes first, any part of the bytes.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { virtualBytes } from '../../../test/support/assembled.js';
import { framesOfEach, soundOf } from '../../../test/support/decoded.js';
import { type FilmName, filmFolder, filmSkip, makeFilm, film as makeKnown } from '../../../test/support/films.js';
import { madeUpFilm } from '../../../test/support/made-up-tracks.js';
import { presentedAt, readMp4 } from '../../../test/support/mp4-oracle.js';
import { readFilmBytes } from '../../../test/support/read-film-file.js';
import type { Film, FilmNeed } from '../film.js';
import { FilmRefusal } from '../film.js';
import { clip } from './clip.js';
import { parseClipRange } from './clip-query.js';
import { fastStart } from './fast-start.js';
import type { VirtualFile } from './virtual-file.js';

/** Runs what reads and yields, with a file's bytes. */
function finish<Result>(bytes: Buffer, steps: Generator<FilmNeed, Result, Uint8Array | undefined>): Result {
  let step = steps.next();
  while (step.done !== true) {
    const need = step.value;
    step = steps.next(need === undefined ? undefined : bytes.subarray(need.offset, need.offset + need.length));
  }
  return step.value;
}

const clipOf = (bytes: Buffer, film: Film, start: number, end?: number) => finish(bytes, clip(film, start, end));

const written = (name: string, bytes: Buffer): string => {
  const path = join(filmFolder(), `progressive-${name}`);
  writeFileSync(path, bytes);
  return path;
};

const movieLast: readonly FilmName[] = [
  'plain.mp4',
  'one-gop.mp4',
  'hevc.mp4',
  'flac.mp4',
  'film.mov',
  'late-audio.mp4',
  'languages.mp4',
  'audio-alone.m4a',
];

for (const name of movieLast) {
  test(`${name}: with moov in front it is the same film`, { skip: filmSkip }, () => {
    const path = makeKnown(name);
    const bytes = readFileSync(path);
    const film = readFilmBytes(bytes);
    const file = finish(bytes, fastStart(film))!;
    // Only chunk offsets are generated: nothing is longer than before.
    assert.equal(file.size, bytes.length);
    const whole = virtualBytes(bytes, file);
    const read = readMp4(whole);
    const source = readMp4(bytes);
    assert.equal(read.topLevel[1], 'moov');
    assert.deepEqual([...read.topLevel].sort(), [...source.topLevel].sort());
    read.tracks.forEach((track, index) => {
      const original = source.tracks[index]!;
      assert.deepEqual(track.edits, original.edits);
      track.samples.forEach((sample, number) => {
        const { offset, ...others } = original.samples[number]!;
        assert.deepEqual({ ...others, offset: sample.offset }, sample);
        assert.equal(whole.compare(bytes, offset, offset + sample.size, sample.offset, sample.offset + sample.size), 0);
      });
    });
    const out = written(name, whole);
    const streams = [...film.tracks.keys()].map(String);
    const frames = framesOfEach([out, path].flatMap((each) => streams.map((stream) => ({ path: each, stream }))));
    assert.deepEqual(frames.slice(0, streams.length), frames.slice(streams.length));
    assert.equal(tags(out), tags(path));
  });
}

const tags = (path: string) =>
  spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_name,duration:stream_tags:format_tags', path], {
    encoding: 'utf8',
  }).stdout;

test('a film that begins with moov, or is in fragments, is left as it is', { skip: filmSkip }, () => {
  for (const name of ['long-gop.mp4', 'fragmented.mp4'] as const) {
    const bytes = readFileSync(makeKnown(name));
    assert.equal(finish(bytes, fastStart(readFilmBytes(bytes))), undefined);
  }
});

test('any part of a virtual file is the same bytes, in pieces of any size', { skip: filmSkip }, () => {
  const bytes = readFileSync(makeKnown('languages.mp4'));
  const film = readFilmBytes(bytes);
  for (const file of [finish(bytes, fastStart(film))!, clipOf(bytes, film, 2.5)]) {
    const whole = virtualBytes(bytes, file);
    assert.equal(whole.length, file.size);
    for (let from = 0; from < whole.length; from += 1 + Math.floor(whole.length / 97)) {
      for (const to of [from + 1, from + 13, from + 3001, whole.length]) {
        const end = Math.min(to, whole.length);
        assert.ok(virtualBytes(bytes, file, from, end, 1001).equals(whole.subarray(from, end)), `${from} to ${end}`);
      }
    }
  }
});

test('chunk offsets that pass 4 GiB grow to 64 bits, and every box around them says so', { skip: filmSkip }, () => {
  const bytes = readFileSync(makeKnown('plain.mp4'));
  const film = readFilmBytes(bytes);
  // The same film with so much behind it that the last chunk could be beyond.
  const large = { ...film, size: 2 ** 32 - 100 };
  const file = finish(bytes, fastStart(large))!;
  const source = readMp4(bytes);
  const chunks = film.tracks.reduce((sum, { samples }) => sum + samples.chunkCount, 0);
  assert.equal(file.size, large.size + 4 * chunks);
  const head = film.topLevel[0]!.length + film.moov.length + 4 * chunks;
  // What stands in front of moov, behind it now, and so much of what is behind.
  const read = readMp4(virtualBytes(bytes, file, 0, head + film.moov.offset - film.topLevel[0]!.length));
  assert.ok(virtualBytes(bytes, file, 0, head).includes('co64'));
  read.tracks.forEach((track, index) => {
    track.samples.forEach((sample, number) => {
      assert.equal(sample.offset, source.tracks[index]!.samples[number]!.offset + film.moov.length + 4 * chunks);
    });
  });
});

test('a moov that is not as it should be is not moved', { skip: filmSkip }, () => {
  const bytes = Buffer.from(readFileSync(makeKnown('plain.mp4')));
  const film = readFilmBytes(bytes);
  const at = bytes.indexOf('stco');
  bytes.writeUInt32BE(2 ** 30, at + 8);
  assert.equal(finish(bytes, fastStart(film)), undefined);
});

const further: Readonly<Record<string, readonly string[]>> = {
  // A delay that lets pictures of a group be shown in another order than they lie in.
  'clip.mp4':
    '-f lavfi -i testsrc2=s=160x120:r=25:d=12 -f lavfi -i sine=f=440:r=48000:d=12 -c:v libx264 -preset ultrafast -bf 3 -g 50 -x264-params bframes=3:b-adapt=0'.split(
      ' ',
    ),
  'clip-open.mp4':
    '-f lavfi -i testsrc2=s=160x120:r=25:d=12 -c:v libx264 -preset ultrafast -bf 3 -g 50 -x264-params open-gop=1:bframes=3'.split(
      ' ',
    ),
};

function clipped(name: string): { path: string; bytes: Buffer; film: Film } {
  const path = name in further ? join(filmFolder(), name) : makeKnown(name as FilmName);
  if (!existsSync(path)) makeFilm(path, further[name]!);
  const bytes = readFileSync(path);
  return { path, bytes, film: readFilmBytes(bytes) };
}

for (const name of [
  'clip.mp4',
  'clip-open.mp4',
  'hevc.mp4',
  'film.mov',
  'fragmented.mp4',
  'negative-offsets.mp4',
  'late-audio.mp4',
]) {
  test(`${name}: a clip begins with the frame that is shown at its start`, { skip: filmSkip }, () => {
    const { path, bytes, film } = clipped(name);
    const source = readMp4(bytes);
    const [video] = source.tracks;
    const times = video!.samples
      .map((sample) => presentedAt(source, video!, sample) / video!.timescale)
      .sort((a, b) => a - b);
    const ranges = [
      [0, undefined],
      [2.2, 5.1],
      [3.99, 4.01],
      [4, 6],
      [7.5, 100],
    ] as const;
    const clips = ranges.map(([start, end]) =>
      written(`clip-${start}-${name}`, virtualBytes(bytes, clipOf(bytes, film, start, end))),
    );
    const [expected, ...shown] = framesOfEach([path, ...clips].map((each) => ({ path: each, stream: 'v:0' })));
    for (const [index, [start, end]] of ranges.entries()) {
      const first = Math.max(
        0,
        times.findLastIndex((time) => time <= start + 1e-6),
      );
      const last = end === undefined ? times.length : times.findLastIndex((time) => time < end - 1e-6) + 1;
      assert.deepEqual(shown[index], expected!.slice(first, last), `${start} to ${end}`);
      assert.deepEqual(readMp4(readFileSync(clips[index]!)).topLevel, ['ftyp', 'moov', 'mdat']);
    }
  });
}

test('sound of a clip is that of the same moment, and decoded from before it', { skip: filmSkip }, () => {
  const { path, bytes, film } = clipped('clip.mp4');
  const whole = soundOf(path);
  for (const start of [1, 3.3, 7.04]) {
    const part = soundOf(written('sound.mp4', virtualBytes(bytes, clipOf(bytes, film, start, start + 2))));
    // The clip begins with its first picture.
    const at = Math.round((Math.floor(start * 25 + 1e-6) / 25) * 48_000);
    let most = 0;
    for (let sample = 0; sample < 48_000; sample++)
      most = Math.max(most, Math.abs(part[sample]! - whole[at + sample]!));
    assert.ok(most < 400, `${start} s: off by ${most} of 32768`);
  }
});

test('a clip of a film without video, and one of a stretch without sound', { skip: filmSkip }, () => {
  const alone = clipped('audio-alone.m4a');
  const sound = soundOf(written('alone.m4a', virtualBytes(alone.bytes, clipOf(alone.bytes, alone.film, 3, 5))));
  assert.ok(Math.abs(sound.length - 96_000) <= 1024, `${sound.length}`);
  const late = clipped('late-audio.mp4');
  const silent = readMp4(virtualBytes(late.bytes, clipOf(late.bytes, late.film, 0, 0.3)));
  assert.deepEqual(
    silent.tracks.map(({ handler }) => handler),
    ['vide'],
  );
  const { edits } = readMp4(virtualBytes(late.bytes, clipOf(late.bytes, late.film, 0.2, 3))).tracks[1]!;
  assert.equal(edits[0]!.mediaTime, -1);
});

test('where the video has ended a clip has the sound alone', { skip: filmSkip }, () => {
  const film = madeUpFilm(
    { timescale: 25, count: 125, duration: 1, gop: 50 },
    { kind: 'audio', timescale: 48_000, count: 470, duration: 1024, place: 1_000_000 },
  );
  const file = finish(Buffer.alloc(0), clip(film, 6, 8));
  const head = virtualBytes(Buffer.alloc(2_000_000), file);
  const [track, ...others] = readMp4(head).tracks;
  assert.equal(others.length, 0);
  assert.deepEqual(track!.edits, [
    { duration: 96_000, mediaTime: 6 * 48_000 - Math.floor((5.9 * 48_000) / 1024) * 1024 },
  ]);
});

test('a clip has nothing of a track before its first sample, whatever its decode time', () => {
  const film = madeUpFilm(
    { timescale: 25, count: 250, duration: 1, gop: 50 },
    { kind: 'audio', timescale: 48_000, count: 400, duration: 1024, firstTime: 96_000, place: 100_000 },
  );
  const head = (start: number, end: number) =>
    readMp4(virtualBytes(Buffer.alloc(200_000), finish(Buffer.alloc(0), clip(film, start, end)))).tracks;
  assert.deepEqual(head(0, 4)[1]!.edits, [
    { duration: 50, mediaTime: -1 },
    { duration: 50, mediaTime: 0 },
  ]);
  assert.equal(head(0, 1).length, 1);
  // From behind its begin on all is as ever.
  assert.equal(head(3, 4)[1]!.edits.length, 1);
});

test('a clip of a film that is shown long behind its decode times begins with the frame that is shown', () => {
  const film = madeUpFilm({ timescale: 25, count: 500, duration: 1, gop: 50, offset: () => 250 });
  const [track] = readMp4(virtualBytes(Buffer.alloc(100_000), finish(Buffer.alloc(0), clip(film, 14.5, 16)))).tracks;
  // Key frames are shown at 10, 12, 14 s: the third one, and 12 frames of it are hidden.
  assert.equal(track!.samples.length, 50);
  assert.deepEqual(track!.edits, [{ duration: 38, mediaTime: 250 + 12 }]);
});

test('a clip has no frame that begins where it ends', () => {
  for (const timescale of [600, 12_800, 90_000]) {
    const film = madeUpFilm({ timescale, count: 500, duration: timescale / 25, gop: 50 });
    for (const end of [0.28, 0.56, 0.68, 1.12, 9.96]) {
      const file = finish(Buffer.alloc(0), clip(film, 0, end));
      const [track] = readMp4(virtualBytes(Buffer.alloc(100_000), file)).tracks;
      assert.equal(track!.samples.length, Math.round(end * 25), `${end} s at ${timescale} ticks a second`);
      assert.deepEqual(track!.edits, [{ duration: Math.round(end * timescale), mediaTime: 0 }]);
    }
  }
});

test('a clip that begins behind the end is refused with a sentence', { skip: filmSkip }, () => {
  const { bytes, film } = clipped('clip.mp4');
  assert.throws(
    () => clipOf(bytes, film, 12.5),
    (error: unknown) => {
      assert.ok(error instanceof FilmRefusal);
      assert.equal(error.status, 404);
      assert.match(error.message, /^shows nothing from 12\.5 s on; it is 12\.0\d+ s long$/);
      return true;
    },
  );
});

test('before its first picture a clip has the sound alone, and where there is none it is refused', () => {
  const late = { timescale: 25, count: 250, duration: 1, gop: 50, firstTime: 125 };
  const sound = { kind: 'audio', timescale: 48_000, count: 400, duration: 1024, place: 100_000 } as const;
  const both = finish(Buffer.alloc(0), clip(madeUpFilm(late, sound), 1, 3));
  assert.equal(readMp4(virtualBytes(Buffer.alloc(200_000), both)).tracks.length, 1);
  const alone = { ...madeUpFilm(late), durationSeconds: 15 };
  for (const [start, end, said] of [
    [1, 3, 'shows nothing from 1 s to 3 s; it is 15.000 s long and begins at 5.000 s'],
    [20, 30, 'shows nothing from 20 s to 30 s; it is 15.000 s long'],
    [20, undefined, 'shows nothing from 20 s on; it is 15.000 s long'],
  ] as const) {
    const refusal = new FilmRefusal(said, 404);
    assert.throws(() => finish(Buffer.alloc(0), clip(alone, start, end)), refusal);
  }
  // One that goes on behind it begins where it was asked to, and shows nothing until then.
  const [track] = readMp4(virtualBytes(Buffer.alloc(200_000), finish(Buffer.alloc(0), clip(alone, 3, 7)))).tracks;
  assert.deepEqual(track!.edits, [
    { duration: 50, mediaTime: -1 },
    { duration: 50, mediaTime: 0 },
  ]);
});

test('tracks that lie one behind the other make two ranges, not all that is between', () => {
  const film = madeUpFilm(
    { timescale: 25, count: 2500, duration: 1, gop: 50, size: () => 10_000 },
    { kind: 'audio', timescale: 48_000, count: 4700, duration: 1024, size: () => 400, place: 100_000_000 },
  );
  const file: VirtualFile = finish(Buffer.alloc(0), clip(film, 40, 44));
  const extents: [number, number][] = [];
  file.list(0, file.size, { generated() {}, extent: (offset, length) => extents.push([offset, length]) });
  assert.equal(extents.length, 2);
  assert.equal(extents[0]![0], 1000 * 10_000);
  const bytes = extents.reduce((sum, [, length]) => sum + length, 0);
  assert.ok(bytes < 100 * 10_000 + 200 * 400 + 3 * 65_536, `${bytes}`);
});

test('?start= and ?end= are read as nginx reads them', () => {
  const cases: readonly [string, ReturnType<typeof parseClipRange>][] = [
    ['start=12.5', { start: 12.5, end: undefined }],
    ['start=1&end=2.25', { start: 1, end: 2.25 }],
    ['end=7', { start: 0, end: 7 }],
    ['start=5&end=5', { start: 5, end: undefined }],
    ['start=0', { start: 0, end: undefined }],
    ['v=1&start=3.1239', { start: 3.123, end: undefined }],
    ['start=-1', undefined],
    ['start=abc&x=1', undefined],
    ['start=1e9', undefined],
    ['restart=5', undefined],
    ['start=', undefined],
    ['', undefined],
  ];
  for (const [query, expected] of cases) assert.deepEqual(parseClipRange(query), expected, query);
});
