// Renditions of films of every kind, put together as a viewer receives them, against their sources: sample bytes, order and sync flags,
// times, what ffmpeg decodes, sizes and durations, and pictures of I-frames. The reader of both is the tests' own.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFile, MP4BoxBuffer } from 'mp4box';
import { iFrameBytes, renditionBytes, segmentBytes } from '../../../test/support/assembled.js';
import { framesOfEach } from '../../../test/support/decoded.js';
import {
  amongSound,
  filmFolder,
  filmNames,
  filmSkip,
  makeFilm,
  film as makeKnown,
} from '../../../test/support/films.js';
import { type OracleFile, type OracleTrack, presentedAt, readMp4 } from '../../../test/support/mp4-oracle.js';
import { readFilmBytes } from '../../../test/support/read-film-file.js';
import {
  type Presentation,
  presentationOf,
  type Rendition,
  segmentExtents,
  segmentHead,
  segmentHeadBytes,
  writeInit,
} from './presentation.js';

const picture = (seconds: number, rate = 25) => ['-f', 'lavfi', '-i', `testsrc2=s=160x120:r=${rate}:d=${seconds}`];
const tone = (seconds: number, hertz = 440) => ['-f', 'lavfi', '-i', `sine=f=${hertz}:r=48000:d=${seconds}`];
const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-threads', '1'];
const maps = ['-map', '0:v', '-map', '1:a'];

/** Films that only cutting and times are about. */
const further: Readonly<Record<string, readonly string[]>> = {
  'open-gop.mp4': [...picture(9), ...tone(9), ...h264, '-bf', '3', '-x264-params', 'open-gop=1:bframes=3', '-g', '30'],
  'intra.mov': [...picture(5), ...h264, '-g', '1'],
  'late-video.mp4': ['-itsoffset', '1.1', ...picture(8), ...tone(9), ...maps, ...h264, '-g', '50', '-bf', '2'],
  'short-tail.mp4': [...picture(8.5), ...tone(8.5), ...h264, '-g', '50'],
  'opus.mp4': [...picture(9), ...tone(9), ...h264, '-g', '50', '-c:a', 'libopus'],
  'audio-longer.mp4': [...picture(5), ...tone(14), ...h264, '-g', '50'],
  'uneven.mp4': [
    ...picture(9, 30),
    ...tone(9),
    '-vf',
    "select='not(eq(mod(n,7),3))'",
    '-vsync',
    'vfr',
    ...h264,
    '-g',
    '40',
    '-bf',
    '2',
  ],
  'fragmented-timed.mp4': [
    ...picture(9),
    ...tone(9),
    ...h264,
    '-g',
    '50',
    '-frag_duration',
    '700000',
    '-movflags',
    'empty_moov',
  ],
  // What is a stretch where that is asked for.
  'stretches.mp4': amongSound(9),
  'sixty.mp4': [...picture(9, 60), ...tone(9), ...h264, '-g', '120', '-bf', '3'],
};

const names = [...filmNames, ...Object.keys(further)];

function pathOf(name: string): string {
  const recipe = further[name];
  if (recipe === undefined) return makeKnown(name as (typeof filmNames)[number]);
  const path = join(filmFolder(), name);
  if (!existsSync(path)) makeFilm(path, recipe);
  return path;
}

interface Case {
  readonly path: string;
  readonly bytes: Buffer;
  readonly source: OracleFile;
  readonly presentation: Presentation;
}

const cases = new Map<string, Case>();

function caseOf(name: string): Case {
  let known = cases.get(name);
  if (known === undefined) {
    const path = pathOf(name);
    const bytes = readFileSync(path);
    const presentation = presentationOf(readFilmBytes(bytes), { withStretches: name === 'stretches.mp4' });
    known = { path, bytes, source: readMp4(bytes), presentation };
    cases.set(name, known);
  }
  return known;
}

const sourceTrack = ({ source }: Case, { track }: Rendition): OracleTrack =>
  source.tracks.find(({ id }) => id === track.id)!;

for (const name of names) {
  test(`${name}: bytes, order, sync flags and times are the source's`, { skip: filmSkip }, () => {
    const { bytes, source, presentation } = caseOf(name);
    for (const rendition of presentation.renditions) {
      const whole = renditionBytes(bytes, presentation, rendition);
      const read = readMp4(whole);
      const [track] = read.tracks;
      const of = sourceTrack(caseOf(name), rendition);
      assert.equal(track!.samples.length, of.samples.length, rendition.id);
      assert.equal(track!.timescale, of.timescale);
      assert.deepEqual(
        track!.fragments,
        Array.from({ length: rendition.segments.count }, (_, segment) => rendition.segments.firstSample(segment)),
      );
      track!.samples.forEach((sample, index) => {
        const original = of.samples[index]!;
        const what = `${rendition.id} sample ${index}`;
        assert.equal(sample.sync, original.sync, what);
        assert.equal(sample.size, original.size, what);
        const { offset, size } = original;
        assert.equal(whole.compare(bytes, offset, offset + size, sample.offset, sample.offset + size), 0, what);
        // In seconds as well as in ticks: one zero for all tracks.
        const late = presentedAt(read, track!, sample) - presentedAt(source, of, original);
        assert.ok(Math.abs(late) <= 1, `${what} is ${late} ticks late`);
        assert.ok(Math.abs(late / of.timescale) < 0.0005, what);
      });
    }
  });

  test(`${name}: what the segments say of themselves is so`, { skip: filmSkip }, () => {
    const { bytes, presentation } = caseOf(name);
    for (const rendition of presentation.renditions) checkSegments(bytes, presentation, rendition);
  });

  test(`${name}: decoded it is the source`, { skip: filmSkip }, () => {
    const { presentation } = caseOf(name);
    const { made, sources } = decodedOf(name);
    for (const [index, rendition] of presentation.renditions.entries()) {
      const [frames, expected] = [made[index]!, sources[index]!];
      if (rendition.track.kind === 'video') assert.deepEqual(frames, expected);
      else assertAligned(frames, expected, `${name} ${rendition.id}`);
    }
  });

  test(`${name}: I-frames are pictures of it`, { skip: filmSkip }, () => {
    const { bytes, presentation } = caseOf(name);
    const at = presentation.renditions.findIndex(({ track }) => track.kind === 'video');
    const rendition = presentation.renditions[at];
    if (rendition === undefined) return;
    const frames = rendition.pictures!;
    const all = Array.from({ length: frames.count }, (_, index) => index);
    const sum = all.reduce((ticks, index) => ticks + frames.durationTicks(index), 0);
    assert.equal(frames.startTicks(0) + sum, rendition.timeline.endTicks);
    const { sources, pictures } = decodedOf(name);
    for (const { index, frames: shown } of pictures) {
      if (frames.segment(index) < 0)
        assert.equal(frames.byteLength(index), iFrameBytes(bytes, rendition, frames, index).length);
      assert.ok(shown[0] !== undefined && sources[at]!.includes(shown[0]), `I-frame ${index}`);
    }
  });
}

/** What ffmpeg decodes of a film, each as the hashes of its frames. */
interface Decoded {
  /** Of each rendition, as a viewer puts it together, */
  readonly made: readonly (readonly string[])[];
  /** of its track in the source, */
  readonly sources: readonly (readonly string[])[];
  /** and of I-frames alone. */
  readonly pictures: readonly { readonly index: number; readonly frames: readonly string[] }[];
}

const decoded = new Map<string, Decoded>();

/** Decodes all of a film that tests compare, by one ffmpeg. */
function decodedOf(name: string): Decoded {
  let known = decoded.get(name);
  if (known === undefined) {
    const { path, bytes, presentation } = caseOf(name);
    const { renditions } = presentation;
    const whole = renditions.map((rendition) => {
      const out = join(filmFolder(), `out-${name}-${rendition.id}.mp4`);
      writeFileSync(out, renditionBytes(bytes, presentation, rendition));
      return { path: out, stream: '0' };
    });
    const sources = whole.map((_, index) => ({ path, stream: String(index) }));
    const pictures = chosenPictures(name);
    const all = framesOfEach([...whole, ...sources, ...pictures]);
    known = {
      made: all.slice(0, whole.length),
      sources: all.slice(whole.length, 2 * whole.length),
      pictures: pictures.map(({ index }, at) => ({ index, frames: all[2 * whole.length + at]! })),
    };
    decoded.set(name, known);
  }
  return known;
}

/** Files of two I-frames: one that begins a segment behind the first, one that begins none; of those that there are. */
function chosenPictures(name: string): { readonly index: number; readonly path: string; readonly stream: string }[] {
  const { bytes, presentation } = caseOf(name);
  const rendition = presentation.renditions.find(({ track }) => track.kind === 'video');
  if (rendition === undefined) return [];
  const frames = rendition.pictures!;
  const all = Array.from({ length: frames.count }, (_, index) => index);
  const chosen = [
    all.findLast((index) => frames.segment(index) >= 0)!,
    all.find((index) => frames.segment(index) < 0),
  ].filter((index) => index !== undefined);
  return chosen.map((index) => {
    const segment = frames.segment(index);
    const whole: Buffer =
      segment < 0 ? iFrameBytes(bytes, rendition, frames, index) : segmentBytes(bytes, rendition, segment);
    const path = join(filmFolder(), `out-${name}-${index}-i.mp4`);
    const part = whole.subarray(0, frames.byteLength(index));
    writeFileSync(path, Buffer.concat([writeInit(presentation, rendition, 0), part]));
    return { index, path, stream: 'v:0' };
  });
}

function checkSegments(bytes: Buffer, presentation: Presentation, rendition: Rendition): void {
  const { segments, track, timeline } = rendition;
  const init = Buffer.from(writeInit(presentation, rendition, 0));
  const { timescale } = track;
  let end = segments.startTicks(0);
  let most = 0;
  let total = 0;
  for (let segment = 0; segment < segments.count; segment++) {
    const what = `${rendition.id} segment ${segment}`;
    const whole = segmentBytes(bytes, rendition, segment);
    assert.equal(whole.length, segments.byteLength(segment), what);
    assert.equal(segmentHead(rendition, segment).length, segmentHeadBytes(rendition, segment), what);
    const read = readMp4(Buffer.concat([init, whole]));
    assert.deepEqual(read.topLevel.slice(2), ['styp', 'moof', 'mdat'], what);
    const [own] = read.tracks;
    assert.ok(own!.samples.length > 0, what);
    assert.equal(own!.samples[0]!.sync, true, what);
    const times = own!.samples.map((sample) => presentedAt(read, own!, sample));
    // Where a segment begins with pictures of an open group, they belong to it. Hidden sound is before 0.
    assert.equal(segments.startTicks(segment), Math.max(0, Math.min(...times)), what);
    assert.equal(segments.startTicks(segment), end, what);
    end += segments.durationTicks(segment);
    assert.ok(segments.durationTicks(segment) > 0, what);
    const last = own!.samples.map((sample, index) => times[index]! + sample.duration);
    // A gap between the frames of an uneven film is a frame at most.
    assert.ok(Math.abs(Math.max(...last) - end) / timescale < (presentation.film.isFragmented ? 0.05 : 0.002), what);
    assert.ok(Math.round(segments.durationTicks(segment) / timescale) <= presentation.targetDuration, what);
    most = Math.max(most, (8 * whole.length * timescale) / segments.durationTicks(segment));
    total += whole.length;
  }
  assert.equal(end, timeline.endTicks);
  if (segments.count > 1) assert.ok(segments.durationTicks(segments.count - 1) >= timescale);
  const average = (8 * total * timescale) / (end - segments.startTicks(0));
  assert.ok(Math.abs(rendition.averageBandwidth / average - 1) < 0.01, `${rendition.averageBandwidth} for ${average}`);
  assert.ok(
    rendition.bandwidth >= average - 1 && rendition.bandwidth <= 1.1 * most,
    `${rendition.bandwidth} for ${most}`,
  );
}

/** Equal, when frames of priming in front are left out; the first and the last frame may be cut by the source's edit. */
function assertAligned(frames: readonly string[], expected: readonly string[], what: string): void {
  for (let priming = 0; priming < 6; priming++) {
    const compared = frames.slice(priming, priming + expected.length);
    if (compared.length < expected.length - 1) break;
    const differing = expected.findIndex((hash, index) => index > 0 && hash !== compared[index]);
    if (differing < 0 || differing >= expected.length - 1) return;
  }
  assert.fail(`${what}: ${frames.length} frames of sound are not the source's ${expected.length}`);
}

test('any part of a segment is the same bytes', { skip: filmSkip }, () => {
  const { bytes, presentation } = caseOf('plain.mp4');
  const rendition = presentation.renditions[1]!;
  const whole = segmentBytes(bytes, rendition, 1);
  const head = segmentHeadBytes(rendition, 1);
  const media = whole.length - head;
  for (let from = 0; from < media; from += 977) {
    for (const to of [from, from + 1, from + 600, media, media + 10]) {
      const parts: Buffer[] = [];
      segmentExtents(rendition, 1, from, to, (offset, length) => parts.push(bytes.subarray(offset, offset + length)));
      assert.deepEqual(Buffer.concat(parts), whole.subarray(head + from, head + to));
    }
  }
});

test('segments that begin with an open group of pictures are not called independent', { skip: filmSkip }, () => {
  assert.equal(caseOf('open-gop.mp4').presentation.independent, false);
  assert.equal(caseOf('plain.mp4').presentation.independent, true);
});

test('frames among short packets of sound are sent in stretches, the sound as its packets alone', {
  skip: filmSkip,
}, () => {
  const { presentation } = caseOf('stretches.mp4');
  assert.deepEqual(
    presentation.renditions.map(({ segments }) => segments.hasStretches),
    [true, false],
  );
});

for (const name of ['plain.mp4', 'film.mov', 'late-audio.mp4', 'negative-offsets.mp4', 'opus.mp4']) {
  test(`${name}: mp4box reads the same samples`, { skip: filmSkip }, () => {
    const { bytes, presentation } = caseOf(name);
    for (const rendition of presentation.renditions) {
      const whole = renditionBytes(bytes, presentation, rendition);
      const file = createFile();
      file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(Uint8Array.from(whole).buffer, 0));
      file.flush();
      const seen = file.getTrackSamplesInfo(rendition.track.id).map((sample) => ({
        offset: sample.offset,
        size: sample.size,
        dts: sample.dts,
        cts: sample.cts,
        duration: sample.duration,
        sync: sample.is_sync,
      }));
      const own = readMp4(whole).tracks[0]!.samples.map(({ description, ...sample }) => sample);
      assert.deepEqual(seen, own, rendition.id);
    }
  });
}
