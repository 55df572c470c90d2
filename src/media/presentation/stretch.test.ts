// Segments that are one stretch of the film, with what lies between their pieces: which they are, what their heads say, and that nothing
// changes for others. Made-up films of numbers, read by the tests' own reader.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentBytes } from '../../../test/support/assembled.js';
import { madeUpFilm, type TrackWish } from '../../../test/support/made-up-tracks.js';
import { type OracleSample, readMp4 } from '../../../test/support/mp4-oracle.js';
import { presentationOf, type Rendition, segmentExtents, segmentHeadBytes, writeInit } from './presentation.js';

/** 12 s of video in frames of 20 KB, each behind a packet of sound. */
const video = (more: Partial<TrackWish> = {}): TrackWish => ({
  timescale: 25,
  count: 300,
  duration: 1,
  gop: 50,
  size: (sample) => 19_000 + (sample % 11) * 200,
  between: () => 350,
  place: 1000,
  ...more,
});

const extentsOf = (rendition: Rendition, segment: number, from = 0, to = Number.POSITIVE_INFINITY) => {
  const extents: [number, number][] = [];
  segmentExtents(rendition, segment, from, to, (offset, length) => extents.push([offset, length]));
  return extents;
};

/** Bytes of which no two neighbourhoods are alike. */
const bytesOf = (length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
  return bytes;
};

/** A rendition's segment as it is sent, and its samples as they are read from it. */
function readSegment(wish: TrackWish, segment = 1) {
  const presentation = presentationOf(madeUpFilm(wish), { withStretches: true });
  const [rendition] = presentation.renditions;
  const { samples } = rendition!.track;
  const last = samples.count - 1;
  const film = bytesOf(samples.offset(last) + samples.size(last) + 100_000);
  const init = Buffer.from(writeInit(presentation, rendition!, 0));
  const sent = segmentBytes(film, rendition!, segment);
  assert.equal(sent.length, rendition!.segments.byteLength(segment));
  const whole = Buffer.concat([init, sent]);
  const [track] = readMp4(whole).tracks;
  return { rendition: rendition!, init, sent, whole, film, samples: track!.samples as readonly OracleSample[] };
}

/** Everything that is read of a segment is the film's. */
function check(wish: TrackWish, segment = 1): ReturnType<typeof readSegment> {
  const read = readSegment(wish, segment);
  const { rendition, whole, film, samples } = read;
  const { segments, track, timeline } = rendition;
  const first = segments.firstSample(segment);
  assert.equal(samples.length, segments.endSample(segment) - first);
  for (const [index, sample] of samples.entries()) {
    const number = first + index;
    const place = track.samples.offset(number);
    assert.equal(sample.size, track.samples.size(number));
    assert.equal(sample.sync, track.samples.isSync(number), `sample ${number}`);
    assert.equal(sample.duration, track.samples.duration(number));
    assert.equal(sample.dts, track.samples.decodeTime(number) + timeline.timeShift);
    assert.equal(sample.cts - sample.dts, track.samples.compositionOffset(number) + timeline.offsetShift);
    assert.equal(whole.compare(film, place, place + sample.size, sample.offset, sample.offset + sample.size), 0);
  }
  return read;
}

const runsIn = (segment: Buffer): number => segment.toString('latin1', 0, 8000).split('trun').length - 1;
const brandOf = (segment: Buffer): string => segment.toString('latin1', 20, 24);

test('frames among packets of sound are one stretch of the film, a run for each', () => {
  const { rendition, sent, init } = check(video());
  const { segments } = rendition;
  assert.equal(segments.hasStretches, true);
  const [extent, ...others] = extentsOf(rendition, 1);
  assert.deepEqual(others, []);
  const { samples } = rendition.track;
  const last = segments.endSample(1) - 1;
  const from = samples.offset(segments.firstSample(1));
  assert.deepEqual(extent, [from, samples.offset(last) + samples.size(last) - from]);
  assert.equal(runsIn(sent), 100);
  // 20 bytes a run more than one for all.
  assert.ok(segmentHeadBytes(rendition, 1) < 100 * 28 + 200);
  assert.equal(brandOf(sent), 'iso6');
  assert.equal(init.includes('cmfc'), false);
});

test('neighbouring frames share a run; the flags of a group, of several and of none are those of the film', () => {
  assert.equal(runsIn(check(video({ between: (sample) => (sample % 2 === 0 ? 900 : 0) })).sent), 50);
  check(video({ gop: 100 }));
  check(video({ gop: 1 }));
  check(video({ gop: 30 }));
});

test('composition offsets, with a sign where they need one, sizes that are equal, frames that last differently', () => {
  const offset = (sample: number) => [2, 5, 1, 0][sample % 4]!;
  check(video({ offset, edit: { mediaTime: 2 } }));
  check(video({ offset, size: () => 20_000 }));
  check(video({ duration: (sample) => 1 + (sample % 3 === 0 ? 1 : 0), timescale: 50 }), 0);
});

test('any part of it is that part of the stretch', () => {
  const { rendition, sent, film } = check(video());
  const head = segmentHeadBytes(rendition, 1);
  const media = sent.length - head;
  for (const [from, to] of [
    [0, 1],
    [0, media],
    [19_999, 60_001],
    [media - 1, media],
    [media - 5, media + 10],
    [media, media + 10],
  ] as const) {
    const parts = extentsOf(rendition, 1, from, to).map(([offset, length]) => film.subarray(offset, offset + length));
    assert.deepEqual(Buffer.concat(parts), sent.subarray(head + from, head + Math.min(to, media)), `${from} to ${to}`);
  }
});

for (const [what, wish] of Object.entries({
  'too much lies between': video({ between: () => 1300 }),
  'one piece lies far away': video({ between: (sample) => (sample === 130 ? 1_000_000 : 350) }),
  'a piece lies before the one in front of it': video({ between: (sample) => (sample === 130 ? -19_000 * 3 : 350) }),
  'the pieces are long': video({ size: () => 70_000, between: () => 400 }),
  'it lies in one piece': video({ between: () => 0 }),
  'it is sound': video({ kind: 'audio' }),
})) {
  test(`a segment is its pieces alone where ${what}`, () => {
    const { rendition, sent } = check(wish);
    assert.equal(runsIn(sent), 1);
    assert.equal(brandOf(sent), 'cmfs');
    const { segments, track } = rendition;
    const media = track.samples.bytes(segments.firstSample(1), segments.endSample(1));
    assert.equal(segments.byteLength(1), segmentHeadBytes(rendition, 1) + media);
  });
}

test('nothing is sent that is not its own unless that is asked for', () => {
  const [rendition] = presentationOf(madeUpFilm(video())).renditions;
  assert.equal(extentsOf(rendition!, 1).length, 100);
  assert.equal(rendition!.segments.hasStretches, false);
});

test('a rendition is called CMAF only where each segment is', () => {
  const isCmaf = (wish: TrackWish) => readSegment(wish).init.includes('cmfc');
  assert.equal(isCmaf(video({ between: () => 0 })), true);
  assert.equal(isCmaf(video({ between: (sample) => (sample > 210 ? 350 : 0) })), false);
});
