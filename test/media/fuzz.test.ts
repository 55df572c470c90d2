// Films whose headers were changed at random, through all that serving makes of a film: its tables, segments, playlists, a front-loaded file, a
// clip, a report. Each ends in answers that fit together or in a refusal, soon and in little memory. CLEARWAY_FUZZ_ROUNDS and
// CLEARWAY_FUZZ_SEED ask for more than the part that the suite runs. Not here: lies that are made by hand (read-film-lies.test.ts).

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Film, FilmRefusal } from '../../src/media/film.js';
import { manifest } from '../../src/media/playlists/manifest.js';
import { masterPlaylist } from '../../src/media/playlists/master-playlist.js';
import { iFramePlaylist, mediaPlaylist } from '../../src/media/playlists/media-playlist.js';
import {
  iFrameHead,
  type Presentation,
  presentationOf,
  type Rendition,
  segmentExtents,
  segmentHead,
  segmentHeadBytes,
  writeInit,
} from '../../src/media/presentation/presentation.js';
import { clip } from '../../src/media/progressive/clip.js';
import { fastStart } from '../../src/media/progressive/fast-start.js';
import type { VirtualFile } from '../../src/media/progressive/virtual-file.js';
import { filmText, reportOf } from '../../src/media/report.js';
import { tablePool } from '../../src/media/table-pool.js';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { type FilmName, film, filmSkip } from '../support/films.js';
import { repeated } from '../support/long.js';
import { mutate } from '../support/mutated-headers.js';
import { readFilmBytes, readFilmFile } from '../support/read-film-file.js';

const names: readonly FilmName[] = [
  ...(['plain.mp4', 'fragmented.mp4', 'film.mov', 'languages.mp4', 'av1.mp4', 'flac.mp4', 'hevc.mp4'] as const),
  ...(['fragmented-after.mp4', 'fragmented-alone.mp4', 'late-audio.mp4', 'eac3.mp4', 'mp3.mp4'] as const),
];

interface Source {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly from: number;
  readonly length: number;
}

function sourceOf(name: FilmName): Source {
  const bytes = new Uint8Array(readFileSync(film(name)));
  const { moov, isFragmented } = readFilmFile(film(name));
  const range = isFragmented
    ? { from: 0, length: Math.min(bytes.length, 60_000) }
    : { from: moov.offset, length: moov.length };
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), ...range };
}

/** Looks at samples here and there: each lies in the file and has a time. */
function checkTables({ tracks, size }: Film): void {
  for (const { samples, edit } of tracks) {
    const last = samples.count - 1;
    for (const sample of [0, last, last >> 1, last >> 2]) {
      assert.ok(samples.offset(sample) + samples.size(sample) <= size);
      const time = samples.decodeTime(sample);
      assert.ok(Number.isSafeInteger(time + samples.compositionOffset(sample) - edit.mediaTime + edit.emptyTicks));
      assert.ok(samples.duration(sample) >= 0);
      assert.equal(samples.decodeTime(samples.sampleAt(time)), time);
      assert.ok(samples.syncAtOrBefore(sample) <= sample && samples.syncAtOrAfter(sample) >= sample);
      assert.ok(samples.description(sample) >= 0);
    }
    assert.ok(samples.bytes(0, samples.count) <= size * samples.count);
  }
}

/** Makes a segment: its head is as long as was said, its media lie in the film and are as long as was said. */
function checkSegment(presentation: Presentation, rendition: Rendition, segment: number): void {
  const { segments, track } = rendition;
  const [first, end] = [segments.firstSample(segment), segments.endSample(segment)];
  assert.ok(end > first, 'no segment is empty');
  assert.ok(segments.durationTicks(segment) > 0 && segments.startTicks(segment) >= 0);
  const headBytes = segmentHeadBytes(rendition, segment);
  assert.equal(segmentHead(rendition, segment).length, headBytes);
  const media = track.samples.bytes(first, end);
  assert.equal(segments.byteLength(segment), headBytes + media);
  let told = 0;
  segmentExtents(rendition, segment, 0, media, (offset, length) => {
    assert.ok(offset >= 0 && length > 0 && offset + length <= presentation.film.size);
    told += length;
  });
  assert.equal(told, media);
  assert.ok(writeInit(presentation, rendition, segments.init(segment)).length > 0);
}

function checkPresentation(made: Film): void {
  const presentation = presentationOf(made);
  const { renditions, targetDuration, durationSeconds } = presentation;
  assert.ok(Number.isFinite(durationSeconds) && durationSeconds >= 0 && targetDuration >= 1);
  const pictures = (rendition: Rendition) => (rendition.track.kind === 'video' ? rendition.pictures : undefined);
  for (const rendition of renditions) {
    const { count } = rendition.segments;
    for (const segment of new Set([0, count >> 1, count - 1])) checkSegment(presentation, rendition, segment);
    assert.match(mediaPlaylist(presentation, rendition), /^#EXTM3U/);
    const frames = pictures(rendition);
    if (frames === undefined) continue;
    assert.match(iFramePlaylist(presentation, rendition, frames), /^#EXTM3U/);
    for (let index = 0; index < Math.min(10, frames.count); index++) {
      iFrameHead(rendition, frames, index);
      assert.ok(frames.durationTicks(index) > 0);
    }
  }
  const member = {
    presentation,
    base: '',
    version: '3fa9c2d1',
    iFrames: (rendition: { id: string }) => {
      const own = renditions.find(({ id }) => id === rendition.id);
      return own === undefined ? undefined : pictures(own);
    },
  };
  assert.match(masterPlaylist([member], []), /^#EXTM3U/);
  assert.match(manifest([member], []), /^<\?xml/);
  assert.ok(filmText(reportOf({ name: 'film.mp4', film: made, presentation, group: [], sideCars: [] })).length > 0);
}

/** Reads a virtual file's list: every byte is told once, and those of the film are in it. */
function checkVirtual(file: VirtualFile | undefined, size: number): void {
  if (file === undefined) return;
  let told = 0;
  file.list(0, file.size, {
    generated: (at, length) => {
      assert.equal(at, told);
      file.write(at, new Uint8Array(length));
      told += length;
    },
    extent: (offset, length) => {
      assert.ok(offset >= 0 && offset + length <= size);
      told += length;
    },
  });
  assert.equal(told, file.size);
}

function finished<Need extends { offset: number; length: number } | undefined, Result>(
  steps: Generator<Need, Result, Uint8Array | undefined>,
  bytes: Uint8Array,
): Result {
  let step = steps.next(undefined);
  while (step.done !== true) {
    const need = step.value;
    step = steps.next(need === undefined ? undefined : bytes.subarray(need.offset, need.offset + need.length));
  }
  return step.value;
}

function serve(bytes: Uint8Array, random: () => number): void {
  const made = readFilmBytes(bytes);
  try {
    checkTables(made);
    checkPresentation(made);
    checkVirtual(finished(fastStart(made), bytes), made.size);
    const start = random() * 10;
    const steps = clip(made, start, random() < 0.5 ? undefined : start + random() * 4);
    let step = steps.next();
    while (step.done !== true) step = steps.next();
    checkVirtual(step.value, made.size);
  } finally {
    made.tables.release();
  }
}

test('films with mutated headers end in answers that fit together or in a refusal', { skip: filmSkip }, (context) => {
  const rounds = Number(process.env['CLEARWAY_FUZZ_ROUNDS'] ?? repeated(1000));
  const seed = Number(process.env['CLEARWAY_FUZZ_SEED'] ?? 1);
  const random = randomSource(seed);
  const sources = names.map(sourceOf);
  const leased = tablePool().leasedBytes;
  let refused = 0;
  let slowestMs = 0;
  let memory = 0;
  let mostMemory = 0;
  for (let round = 0; round < rounds; round++) {
    const { bytes, view, from, length } = sources[round % sources.length]!;
    const undo = mutate(view, from, length, random);
    const begun = process.cpuUsage();
    try {
      serve(random() < 0.05 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes, random);
    } catch (error) {
      if (!(error instanceof FilmRefusal)) throw new Error(`round ${round} of seed ${seed}`, { cause: error });
      refused++;
    }
    undo();
    const { user, system } = process.cpuUsage(begun);
    slowestMs = Math.max(slowestMs, (user + system) / 1000);
    if (round % 100 !== 0) continue;
    const { rss } = process.memoryUsage();
    // What the compiler and a heap at work take comes first.
    if (round <= Math.min(2500, rounds / 2)) memory = rss;
    mostMemory = Math.max(mostMemory, rss);
  }
  const mebibytes = (mostMemory - memory) / 2 ** 20;
  context.diagnostic(
    `${rounds} rounds, ${refused} refused; the slowest took ${slowestMs.toFixed(0)} ms of CPU; ${mebibytes.toFixed(0)} MiB more memory`,
  );
  assert.ok(slowestMs < 2000);
  assert.ok(mebibytes < 64);
  assert.equal(tablePool().leasedBytes, leased, 'what was read, and what was refused, gave its tables back');
});
