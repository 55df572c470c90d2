// Where segments begin, and times that no film of ffmpeg has: made-up films of numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUpFilm, type TrackWish } from '../../../test/support/made-up-tracks.js';
import { readMp4 } from '../../../test/support/mp4-oracle.js';
import type { Film } from '../film.js';
import { atOnce } from './cut.js';
import {
  groupCutSteps,
  type Presentation,
  presentationOf,
  presentationSteps,
  segmentHead,
  writeInit,
} from './presentation.js';

const video = (seconds: number, gop: number, more: Partial<TrackWish> = {}): TrackWish => ({
  timescale: 25,
  count: seconds * 25,
  duration: 1,
  gop,
  ...more,
});

const audio = (seconds: number, more: Partial<TrackWish> = {}): TrackWish => ({
  kind: 'audio',
  timescale: 48_000,
  count: Math.ceil((seconds * 48_000) / 1024),
  duration: 1024,
  ...more,
});

/** Starts of a rendition's segments in seconds, and the end. */
function starts({ renditions }: Presentation, index = 0): number[] {
  const { segments, track } = renditions[index]!;
  const times = Array.from({ length: segments.count }, (_, segment) => segments.startTicks(segment) / track.timescale);
  const last = segments.count - 1;
  return [...times, times[last]! + segments.durationTicks(last) / track.timescale];
}

const near = (actual: readonly number[], expected: readonly number[], within: number) => {
  assert.equal(actual.length, expected.length, `${actual}`);
  for (const [index, value] of actual.entries()) assert.ok(Math.abs(value - expected[index]!) <= within, `${actual}`);
};

const groupCutPoints = (films: readonly Film[]) => atOnce(groupCutSteps(films));

test('video is cut at the first key frame behind each time of a fixed grid', () => {
  assert.deepEqual(starts(presentationOf(madeUpFilm(video(14, 50)))), [0, 4, 8, 12, 14]);
  // Every 3 s: 6 stands for 4, 9 for 8, 12 for 12. A late cut does not shift the ones behind it.
  assert.deepEqual(starts(presentationOf(madeUpFilm(video(17, 75)))), [0, 6, 9, 12, 17]);
  assert.deepEqual(starts(presentationOf(madeUpFilm(video(10, 50)), { targetSeconds: 2 })), [0, 2, 4, 6, 8, 10]);
});

test('a group of pictures longer than the target is one segment, and the target duration says so', () => {
  const presentation = presentationOf(madeUpFilm(video(24, 250), audio(24)));
  assert.deepEqual(starts(presentation), [0, 10, 20, 24]);
  assert.equal(presentation.targetDuration, 10);
  near(starts(presentation, 1), [0, 10, 20, 24], 1024 / 48_000);
});

test('a film that is shown long behind its decode times is cut on the same grid', () => {
  const late = video(20, 50, { offset: () => 250 });
  assert.deepEqual(starts(presentationOf(madeUpFilm(late))), [10, 12, 16, 20, 24, 28, 30]);
  const hidden = video(20, 50, { offset: () => 250, edit: { mediaTime: 250 } });
  assert.deepEqual(starts(presentationOf(madeUpFilm(hidden))), [0, 4, 8, 12, 16, 20]);
});

test('sound in front of a late video is cut on the grid, and where the video begins', () => {
  const late = video(10, 50, { edit: { emptyTicks: 20 * 25 } });
  const presentation = presentationOf(madeUpFilm(late, audio(40), audio(6)));
  assert.deepEqual(starts(presentation), [20, 24, 28, 30]);
  near(starts(presentation, 1), [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40], 0.03);
  near(starts(presentation, 2), [0, 4, 6], 0.03);
  assert.equal(presentation.targetDuration, 4);
  const soon = video(10, 50, { edit: { emptyTicks: 3 * 25 } });
  near(starts(presentationOf(madeUpFilm(soon, audio(13))), 1), [0, 5, 9, 13], 0.03);
  // A delay that no film has costs nothing.
  const never = video(10, 50, { edit: { emptyTicks: 2 ** 50 } });
  near(starts(presentationOf(madeUpFilm(never, audio(6))), 1), [0, 4, 6], 0.03);
});

test('a picture that is decoded in front of a gap and shown behind it does not last as long as the gap', () => {
  // Each picture is shown one step later than it is decoded; the step behind the 30th is 5 s.
  const film = madeUpFilm(
    video(0, 50, { count: 60, duration: (n) => (n === 30 ? 125 : 1), offset: (n) => (n === 30 ? 125 : 1) }),
  );
  near(starts(presentationOf(film)), [0.04, 7.4], 1e-9);
  const held = video(0, 50, { count: 3, duration: (n) => (n === 2 ? 125 : 1), offset: (n) => [1, 2, 0][n]! });
  near(starts(presentationOf(madeUpFilm(held))), [0.04, 5.08], 1e-9);
});

test('one picture that lasts for no time is shown for a moment', () => {
  const { renditions } = presentationOf(madeUpFilm({ timescale: 12_800, count: 1, duration: 0 }));
  assert.equal(renditions[0]!.segments.durationTicks(0), 13);
});

test('pictures that stand for hours have no rate that playlists could tell', () => {
  const rateOf = (hours: number) =>
    presentationOf(madeUpFilm({ timescale: 1, count: 3, duration: hours * 3600 })).renditions[0]!.frameRate;
  assert.equal(rateOf(1), undefined);
  assert.equal(rateOf(0.5), 1 / 1800);
});

test('a film whose playlists would have more entries than can be written soon is refused', () => {
  const refusal = { name: 'FilmRefusal', message: 'needs playlists of more than 100,000 entries: split it' };
  const refused = (...tracks: TrackWish[]) => assert.throws(() => presentationOf(madeUpFilm(...tracks)), refusal);
  const long = (kind: 'video' | 'audio', count: number): TrackWish => ({ kind, timescale: 1, count, duration: 4 });
  for (const kind of ['video', 'audio'] as const) {
    assert.equal(presentationOf(madeUpFilm(long(kind, 90_000))).renditions[0]!.segments.count, 90_000);
    refused(long(kind, 100_001));
    refused(long(kind, 60_000), long('audio', 60_000));
  }
  // Every second has a key frame, and every eighth begins a segment.
  refused({ timescale: 1, count: 200_000, duration: 1, gop: 1 });
  // Each change of the description is a Period, which describes every track.
  const changing = (changes: number): TrackWish => ({
    ...{ timescale: 1, count: changes + 1, duration: 4 },
    description: (sample) => sample % 2,
  });
  assert.equal(presentationOf(madeUpFilm(changing(1000))).renditions[0]!.segments.count, 1001);
  refused(changing(4000));
  refused(changing(2000), changing(2000));
});

test('descriptions that change twice within a tenth of a second are refused: playlists take such changes for one', () => {
  const changing = (ticks: number): TrackWish => ({
    ...{ timescale: 1000, count: 3, duration: (sample) => (sample === 1 ? ticks : 4000) },
    description: (sample) => sample % 2,
  });
  assert.equal(presentationOf(madeUpFilm(changing(101))).renditions[0]!.segments.count, 3);
  assert.throws(() => presentationOf(madeUpFilm(changing(100))), /twice within a tenth of a second/);
});

test('a last piece of less than a quarter of the target belongs to the segment before', () => {
  assert.deepEqual(starts(presentationOf(madeUpFilm({ ...video(9, 50), count: 224 }))), [0, 4, 8.96]);
  assert.deepEqual(starts(presentationOf(madeUpFilm({ ...video(9, 50), count: 225 }))), [0, 4, 8, 9]);
});

test('audio is cut at the first frame at the time of the video’s cut, and never drifts', () => {
  const presentation = presentationOf(madeUpFilm(video(3600, 50), audio(3600)));
  const [picture, sound] = presentation.renditions;
  assert.equal(picture!.segments.count, sound!.segments.count);
  for (let segment = 1; segment < sound!.segments.count; segment++) {
    const late = sound!.segments.startTicks(segment) / 48_000 - picture!.segments.startTicks(segment) / 25;
    assert.ok(late >= 0 && late < 1024 / 48_000, `segment ${segment} is ${late} s late`);
  }
});

test('audio that goes on behind the video is cut on the grid; alone, at the frame that is heard at its times', () => {
  near(starts(presentationOf(madeUpFilm(video(6, 50), audio(15))), 1), [0, 4, 8, 12, 15], 0.03);
  const alone = presentationOf(madeUpFilm(audio(13)));
  const frame = 1024 / 48_000;
  near(starts(alone), [0, 187 * frame, 375 * frame, 562 * frame, 610 * frame], 1e-9);
  assert.equal(alone.targetDuration, 4);
});

test('members of a group are cut alike by time, whatever their frame rates and timescales', () => {
  const slow = madeUpFilm({ timescale: 10, count: 240, duration: 1, gop: 20 });
  const odd = (seconds: number) => madeUpFilm({ timescale: 90_000, count: 30 * seconds, duration: 3003, gop: 60 });
  const normal = madeUpFilm(video(24, 50));
  const points = groupCutPoints([normal, slow])!;
  assert.deepEqual(points, [4, 8, 12, 16, 20]);
  for (const film of [normal, slow]) {
    assert.deepEqual(starts(presentationOf(film, { cutPoints: points })), [0, ...points, 24]);
  }
  // 30000/1001: 2.002 s a group, so that key frames are half a frame apart after 16 s.
  assert.deepEqual(groupCutPoints([normal, odd(24)]), [4, 8, 12, 16]);
  assert.equal(groupCutPoints([madeUpFilm(video(60, 50)), odd(60)]), undefined);
});

test('members share what key frames they have in common; with too few they stand alone', () => {
  const two = madeUpFilm(video(36, 50));
  const three = madeUpFilm(video(36, 75));
  const points = groupCutPoints([two, three])!;
  assert.deepEqual(points, [6, 12, 18, 24, 30]);
  assert.deepEqual(starts(presentationOf(three, { cutPoints: points })), [0, 6, 12, 18, 24, 30, 36]);
  assert.equal(groupCutPoints([two, madeUpFilm(video(36, 77))]), undefined);
  // The first one by itself has no shorter segments: its members are joined.
  assert.deepEqual(groupCutPoints([madeUpFilm(video(36, 400)), madeUpFilm(video(36, 400))]), [16, 32]);
});

test('another sample description begins a segment and has an init segment of its own', () => {
  const film = madeUpFilm(video(12, 50, { description: (sample) => (sample < 150 ? 0 : 1) }), audio(12));
  const presentation = presentationOf(film);
  const [picture] = presentation.renditions;
  assert.deepEqual(starts(presentation), [0, 4, 6, 8, 12]);
  assert.deepEqual(
    [0, 1, 2, 3].map((segment) => picture!.segments.init(segment)),
    [0, 0, 1, 1],
  );
  assert.equal(picture!.initCount, 2);
  const entries = [0, 1].map((init) => writeInit(presentation, picture!, init));
  for (const [index, bytes] of entries.entries()) {
    const at = Buffer.from(bytes).indexOf('avc1');
    assert.equal(bytes[at + 11], index);
  }
  near(starts(presentation, 1), [0, 4, 6, 8, 12], 0.03);
});

test('an edit that begins inside a group of pictures moves all tracks to its key frame', () => {
  const film = madeUpFilm(
    video(20, 50, { edit: { mediaTime: 85 } }),
    audio(20, { edit: { mediaTime: Math.round(3.4 * 48_000) } }),
  );
  const presentation = presentationOf(film);
  // 85 is 1.4 s behind the key frame at 2 s.
  assert.ok(Math.abs(presentation.movedSeconds - 1.4) < 1e-9);
  const [picture, sound] = presentation.renditions;
  assert.equal(picture!.timeline.first, 50);
  assert.equal(picture!.segments.startTicks(0), 0);
  // Sound of the same time, and a tenth of a second in front to decode from.
  const first = sound!.timeline.first * 1024;
  assert.ok(first <= 1.9 * 48_000 && first > 1.9 * 48_000 - 1024, `${first}`);
  assert.equal(first + sound!.timeline.skip, 2 * 48_000);
  assert.equal(presentation.notes.length, 1);
});

test('an edit of sound hides no more than lies before the beginning: players of HLS put the first decode time there', () => {
  const late = presentationOf(
    madeUpFilm(video(20, 50), audio(10, { edit: { mediaTime: 1024, emptyTicks: 6 * 48_000 } })),
  );
  // Cut by a recorder or `ffmpeg -ss`: sound begins at the edit, pictures at the key frame 1.4 s before it.
  const moved = presentationOf(
    madeUpFilm(video(20, 50, { edit: { mediaTime: 85 } }), audio(20, { edit: { mediaTime: 60_000 } })),
  );
  for (const [presentation, begins] of [
    [late, 6 * 48_000 - 1024],
    [moved, 1.4 * 48_000 - 60_000],
  ] as const) {
    const { timeline, segments } = presentation.renditions[1]!;
    assert.equal(timeline.first, 0);
    assert.equal(timeline.timeShift - timeline.skip, begins);
    assert.equal(timeline.skip, 0);
    assert.equal(segments.startTicks(0), begins);
  }
  assert.match(late.notes.join(), /^track a2 begins 5\.98 s after the first one, .* with silence in front \(ffmpeg /);
  assert.doesNotMatch(moved.notes.join(), /after the first one/);
});

test('samples behind the end of an edit are left out; the one that overlaps it stays', () => {
  const film = madeUpFilm(
    video(20, 50, { edit: { endTicks: 200 } }),
    audio(20, { edit: { mediaTime: 1024, endTicks: 8 * 48_000 + 1024 } }),
  );
  const [picture, sound] = presentationOf(film).renditions;
  assert.equal(picture!.timeline.end, 200);
  assert.equal(sound!.timeline.end, 376);
});

test('random access points of open groups are cut at, and the film does not call itself independent', () => {
  const wish = video(12, 1000, { sync: [0], randomAccess: [0, 50, 100, 150, 200, 250] });
  const presentation = presentationOf(madeUpFilm(wish));
  assert.deepEqual(starts(presentation), [0, 4, 8, 12]);
  assert.equal(presentation.independent, false);
  assert.equal(presentationOf(madeUpFilm(video(12, 50))).independent, true);
});

test('times beyond 32 bits and fine timescales stay exact', () => {
  const late = 2 ** 33 + 7;
  const film = madeUpFilm({ timescale: 10_000_000, count: 3000, duration: 400_000, gop: 50, firstTime: late });
  const presentation = presentationOf(film);
  const [rendition] = presentation.renditions;
  assert.equal(rendition!.segments.startTicks(0), late);
  const file = Buffer.concat([
    writeInit(presentation, rendition!, 0),
    segmentHead(rendition!, 3),
    Buffer.alloc(20_000),
  ]);
  const [track] = readMp4(file).tracks;
  assert.equal(track!.samples[0]!.dts, late + rendition!.segments.firstSample(3) * 400_000);
});

test('four hours at 60 frames a second have their 864,000 samples in segments', () => {
  const film = madeUpFilm({ timescale: 60, count: 864_000, duration: 1, gop: 120 });
  const [{ segments }] = presentationOf(film).renditions as [Presentation['renditions'][number]];
  assert.equal(segments.count, 3600);
  assert.equal(segments.endSample(3599), 864_000);
});

test('what a film that is made to be slow says costs no more than its samples', () => {
  // A frame of 136 years, and key frames whose times are never reached.
  const long = madeUpFilm(audio(1, { timescale: 1, duration: 2 ** 32 - 1 }));
  assert.equal(presentationOf(long).renditions[0]!.segments.count, 47);
  const never = madeUpFilm(video(2000, 1, { offset: (sample) => -sample }));
  assert.ok(presentationOf(never).renditions[0]!.segments.count >= 1);
  const changing = madeUpFilm(video(400, 1, { duration: 0, description: (sample) => sample % 2 }));
  assert.throws(() => presentationOf(changing), /twice within a tenth of a second/);
});

test('cutting gives others their turns', () => {
  const steps = presentationSteps(madeUpFilm(video(3600, 50), audio(3600)));
  let turns = 0;
  while (steps.next().done !== true) turns++;
  assert.ok(turns > 20, `${turns}`);
});

test('BANDWIDTH is the largest rate of neighbours that last about a target duration', () => {
  // 4 s of 10,000 bytes a frame in 40 s of 1,000.
  const film = madeUpFilm(video(40, 50, { size: (sample) => (sample >= 200 && sample < 300 ? 10_000 : 1000) }));
  const [rendition] = presentationOf(film).renditions;
  assert.ok(Math.abs(rendition!.bandwidth - 10_000 * 25 * 8) < 0.01 * 2_000_000, `${rendition!.bandwidth}`);
  assert.ok(Math.abs(rendition!.averageBandwidth - 1900 * 25 * 8) < 0.02 * 380_000, `${rendition!.averageBandwidth}`);
});
