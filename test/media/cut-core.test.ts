// Cutting by the core, against plain TypeScript (test/support/cut-in-javascript.ts): tracks of all kinds that tables can say, honest and not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atOnce, cutAudio, cutVideo, cutVideoAt } from '../../src/media/presentation/cut.js';
import { measureFragment } from '../../src/media/presentation/fragment.js';
import { IFrames } from '../../src/media/presentation/i-frames.js';
import { Segments } from '../../src/media/presentation/segments.js';
import { presentationTicks, type Timeline, timelinesOf } from '../../src/media/presentation/timeline.js';
import * as oracle from '../support/cut-in-javascript.js';
import { isLong } from '../support/long.js';
import { madeUpFilm, type TrackWish } from '../support/made-up-tracks.js';

const numRuns = isLong ? 3000 : 400;

/** Numbers by sample that follow from a seed. */
const mixed = (seed: number, sample: number): number => {
  let value = Math.imul(sample + 1, 0x9e3779b1) ^ seed;
  value = Math.imul(value ^ (value >>> 15), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
};

const rising = (most: number) =>
  fc.uniqueArray(fc.nat(most), { maxLength: 60 }).map((list) => list.sort((one, other) => one - other));

const wish = fc
  .record({
    kind: fc.constantFrom<'video' | 'audio'>('video', 'audio'),
    timescale: fc.constantFrom(1, 25, 1000, 12_800, 48_000, 10_000_000),
    count: fc.integer({ min: 1, max: 1500 }),
    seed: fc.integer(),
    /** Frames a second, and how much they differ. */
    rate: fc.constantFrom(0.3, 2, 25, 47, 240),
    varies: fc.constantFrom(0, 0, 1, 3),
    gop: fc.constantFrom(undefined, 1, 2, 12, 50, 700),
    sync: fc.option(rising(1499), { nil: undefined }),
    access: fc.option(rising(1499), { nil: undefined }),
    reorders: fc.constantFrom(0, 0, 1, 3, 40),
    sizes: fc.constantFrom(1, 1, 2, 5000),
    /** How tables are kept: what most films have, and what others do. */
    areRuns: fc.boolean(),
    areShort: fc.boolean(),
    isOneSize: fc.constantFrom(false, false, true),
    hasUnit: fc.boolean(),
    changes: fc.constantFrom(0, 0, 0, 1, 300),
    edit: fc.constantFrom(0, 0, 0.5, 7, 30),
    empty: fc.constantFrom(0, 0, 3),
    shown: fc.constantFrom(undefined, undefined, 0.1, 20),
    firstTime: fc.constantFrom(0, 0, 5, 2 ** 33 + 1),
  })
  .map(({ count, seed, ...given }): TrackWish => {
    const ticks = Math.max(1, Math.round(given.timescale / given.rate));
    const length = given.varies === 0 ? ticks : (sample: number) => (mixed(seed, sample) % (given.varies + 1)) * ticks;
    const sync = given.sync?.filter((sample) => sample < count);
    return {
      kind: given.kind,
      timescale: given.timescale,
      count,
      duration: length,
      ...(sync !== undefined && sync.length > 0 ? { sync } : given.gop === undefined ? {} : { gop: given.gop }),
      ...(given.access === undefined ? {} : { randomAccess: given.access.filter((sample) => sample < count) }),
      ...(given.reorders === 0
        ? {}
        : { offset: (sample: number) => ((mixed(seed ^ 7, sample) % (2 * given.reorders)) - given.reorders) * ticks }),
      ...(given.hasUnit ? { offsetUnit: ticks } : {}),
      ...{ areRuns: given.areRuns, areShort: given.areShort },
      size: given.isOneSize ? 4 : (sample: number) => 100 + (mixed(seed ^ 3, sample) % given.sizes),
      ...(given.changes === 0 ? {} : { description: (sample: number) => Math.floor(sample / given.changes) % 3 }),
      edit: {
        mediaTime: Math.round(given.edit * given.timescale),
        emptyTicks: given.empty * given.timescale,
        endTicks: given.shown && Math.ceil((given.edit + given.shown) * given.timescale),
      },
      firstTime: given.firstTime,
    };
  });

const targets = fc.constantFrom(0.5, 2, 4, 10, 1000);

/** Compares all that is known of segments that begin with given samples. */
function compareSegments(timeline: Timeline, firsts: readonly number[], targetSeconds: number): void {
  const segments = atOnce(Segments.of(timeline, firsts));
  const expected = oracle.segmentsOf(timeline, firsts);
  assert.equal(segments.count, expected.length);
  for (const [index, { start, headBytes, bytes, description }] of expected.entries()) {
    const found = [segments.startTicks(index), segments.headBytes(index), segments.byteLength(index)];
    assert.deepEqual(found, [start, headBytes, bytes], `segment ${index}`);
    assert.equal(segments.descriptions[segments.init(index)], description);
  }
  assert.equal(segments.standAlone, oracle.standAlone(timeline, firsts, expected));
  const { timescale } = timeline.track;
  const end = Math.max(expected.at(-1)!.start + oracle.momentOf(timeline), timeline.endTicks);
  const peak = oracle.largestRate(expected, end, timescale, targetSeconds);
  const { peak: found, average } = segments.bandwidth(timescale, targetSeconds);
  assert.equal(found, Math.max(average, Math.ceil(peak)));
  const pictures = atOnce(IFrames.of(timeline, segments));
  const { samples, begins } = oracle.picturesOf(timeline, firsts);
  const listed = Array.from({ length: pictures.count }, (_, index) => index);
  assert.deepEqual(
    listed.map((index) => pictures.sample(index)),
    samples,
  );
  assert.deepEqual(
    listed.map((index) => pictures.segment(index)),
    begins,
  );
  for (const segment of expected.keys()) assert.ok(segments.durationTicks(segment) >= timescale / 1000, 'it lasts');
  for (const picture of listed) assert.ok(pictures.durationTicks(picture) >= timescale / 1000, 'it is shown');
  const size = { headBytes: 0, mediaBytes: 0, isStretch: false };
  for (const [index, sample] of samples.entries()) {
    const own = begins[index]! < 0;
    if (own) measureFragment(timeline, sample, sample + 1, size);
    const head = own ? size.headBytes : expected[begins[index]!]!.headBytes;
    const shown = Math.max(0, presentationTicks(timeline, sample));
    assert.deepEqual([pictures.startTicks(index), pictures.headBytes(index)], [shown, head], `picture ${index}`);
  }
}

/** Has timelines of made-up films, as those of fragments that may be sent as they are where that is wished for, and lets go of the films. */
function withTimelines(
  wishes: readonly TrackWish[],
  description: number | undefined,
  use: (timelines: readonly Timeline[]) => void,
): void {
  const film = madeUpFilm(...wishes);
  const { timelines } = timelinesOf(film);
  const defaults = description === undefined ? undefined : { description, duration: 0, size: 0, flags: 0 };
  try {
    use(timelines.map((timeline) => ({ ...timeline, defaults })));
  } finally {
    film.tables.release();
  }
}

/** What fragments take for granted, where a film has them. */
const fragmented = fc.constantFrom(undefined, undefined, 1, 2);

test('the core cuts and measures video as plain TypeScript does', () => {
  fc.assert(
    fc.property(wish, targets, fragmented, (one, target, defaults) => {
      withTimelines([{ ...one, kind: 'video' }], defaults, ([timeline]) => {
        const cuts = atOnce(cutVideo(timeline!, target));
        assert.deepEqual(cuts, oracle.cutVideo(timeline!, target));
        compareSegments(timeline!, cuts, target);
      });
    }),
    { numRuns },
  );
});

test('the core cuts video where others can be cut too, and at given times', () => {
  fc.assert(
    fc.property(wish, fc.array(wish, { minLength: 1, maxLength: 3 }), targets, (one, others, target) => {
      const films = [one, ...others].map((each) => ({ ...each, kind: 'video' as const }));
      withTimelines(films, undefined, ([timeline, ...rest]) => {
        const first = timeline!;
        const cuts = atOnce(cutVideo(first, target, rest));
        assert.deepEqual(cuts, oracle.cutVideo(first, target, rest));
        const points = cuts.slice(1).map((sample) => oracle.startSeconds(first, sample));
        for (const timeline of rest) {
          const found = atOnce(cutVideoAt(timeline, points));
          assert.deepEqual(found, oracle.cutVideoAt(timeline, points));
          compareSegments(timeline, found, target);
        }
      });
    }),
    { numRuns: numRuns / 2 },
  );
});

test('the core cuts sound as plain TypeScript does', () => {
  fc.assert(
    fc.property(wish, wish, targets, fc.boolean(), fragmented, (picture, sound, target, isGridOnly, defaults) => {
      const tracks: TrackWish[] = [
        { ...picture, kind: 'video' },
        { ...sound, kind: 'audio' },
      ];
      withTimelines(tracks, defaults, (timelines) => {
        const [video, audio] = timelines as [Timeline, Timeline];
        const points = atOnce(cutVideo(video, target))
          .slice(1)
          .map((sample) => oracle.startSeconds(video, sample));
        const end = video.endTicks / video.track.timescale;
        for (const [given, until] of [
          [points, end],
          [[], 0],
        ] as const) {
          const cuts = atOnce(cutAudio(audio, given, until, target, isGridOnly));
          assert.deepEqual(cuts, oracle.cutAudio(audio, given, until, target, isGridOnly));
          compareSegments(audio, cuts, target);
        }
      });
    }),
    { numRuns },
  );
});

test('more segments, pictures and changes than one call has room for', () => {
  const long: TrackWish = {
    timescale: 25,
    count: 9000,
    duration: 1,
    gop: 5,
    description: (sample) => Math.floor(sample / 3) % 2,
  };
  for (const kind of ['video', 'audio'] as const) {
    const [timeline] = timelinesOf(madeUpFilm({ ...long, kind })).timelines as [Timeline];
    const cuts = kind === 'video' ? atOnce(cutVideo(timeline, 0.2)) : atOnce(cutAudio(timeline, [], 0, 0.2, true));
    assert.deepEqual(
      cuts,
      kind === 'video' ? oracle.cutVideo(timeline, 0.2) : oracle.cutAudio(timeline, [], 0, 0.2, true),
    );
    assert.ok(cuts.length > 1000);
    compareSegments(timeline, cuts, 1);
    const points = Array.from({ length: 700 }, (_, index) => index / 2);
    const [at, given] = [atOnce(cutVideoAt(timeline, points)), atOnce(cutAudio(timeline, points, 350, 4, false))];
    assert.deepEqual(
      [at, given],
      [oracle.cutVideoAt(timeline, points), oracle.cutAudio(timeline, points, 350, 4, false)],
    );
  }
});
