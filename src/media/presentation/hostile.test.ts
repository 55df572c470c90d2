// Films whose headers were changed at random: whatever the reader takes of them is cut, put in order and clipped, soon, and no extent is
// outside the file.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { film, filmSkip } from '../../../test/support/films.js';
import { mutate, seeded } from '../../../test/support/mutated-headers.js';
import { readFilmBytes } from '../../../test/support/read-film-file.js';
import { type Film, type FilmNeed, FilmRefusal } from '../film.js';
import { clip } from '../progressive/clip.js';
import { fastStart } from '../progressive/fast-start.js';
import type { VirtualFile } from '../progressive/virtual-file.js';
import { iFrameHead, iFrames, presentationOf, segmentExtents, segmentHead, writeInit } from './presentation.js';

function finish<Result>(bytes: Uint8Array, steps: Generator<FilmNeed, Result, Uint8Array | undefined>): Result {
  let step = steps.next();
  while (step.done !== true) {
    const need = step.value;
    step = steps.next(need === undefined ? undefined : bytes.subarray(need.offset, need.offset + need.length));
  }
  return step.value;
}

/** Makes everything that a viewer can ask for, of the first segments. */
function present(from: Film): void {
  const inside = (offset: number, length: number) => {
    assert.ok(offset >= 0 && length > 0 && offset + length <= from.size, `${length} bytes at ${offset}`);
  };
  const presentation = presentationOf(from);
  for (const rendition of presentation.renditions) {
    const { segments } = rendition;
    for (let init = 0; init < Math.min(10, rendition.initCount); init++) writeInit(presentation, rendition, init);
    for (let segment = 0; segment < Math.min(30, segments.count); segment++) {
      assert.ok(segments.startTicks(segment) >= 0 && segments.durationTicks(segment) >= 0);
      segmentHead(rendition, segment);
      segmentExtents(rendition, segment, 0, segments.byteLength(segment), inside);
    }
    const frames = iFrames(rendition);
    for (let index = 0; index < Math.min(30, frames.count); index++) iFrameHead(rendition, frames, index);
  }
}

function progress(bytes: Uint8Array, from: Film, start: number): void {
  const piece = new Uint8Array(64 * 1024);
  const use = (file: VirtualFile | undefined) =>
    file?.list(0, file.size, {
      generated(at, length) {
        for (let done = 0; done < length; done += piece.length) {
          file.write(at + done, piece.subarray(0, Math.min(piece.length, length - done)));
        }
      },
      extent(offset, length) {
        assert.ok(offset >= 0 && offset + length <= from.size, `${length} bytes at ${offset}`);
      },
    });
  use(finish(bytes, fastStart(from)));
  use(finish(bytes, clip(from, start, start + 4)));
}

test('mutated headers end in segments, a clip or a refusal, and soon', { skip: filmSkip }, (context) => {
  const rounds = Number(process.env.CLEARWAY_FUZZ_ROUNDS ?? 600);
  const random = seeded(Number(process.env.CLEARWAY_FUZZ_SEED ?? 2));
  const sources = (['plain.mp4', 'fragmented.mp4', 'film.mov', 'late-audio.mp4'] as const).map((name) => {
    const bytes = readFileSync(film(name));
    const { moov, isFragmented } = readFilmBytes(bytes);
    return { bytes, header: isFragmented ? { offset: 0, length: Math.min(bytes.length, 20_000) } : moov };
  });
  let refused = 0;
  let slowestMs = 0;
  for (let round = 0; round < rounds; round++) {
    const { bytes, header } = sources[round % sources.length]!;
    const mutated = mutate(bytes, header, random);
    const begun = performance.now();
    try {
      const from = readFilmBytes(mutated);
      present(from);
      progress(mutated, from, 5 * random());
    } catch (error) {
      if (!(error instanceof FilmRefusal)) throw new Error(`round ${round}`, { cause: error });
      refused++;
    }
    slowestMs = Math.max(slowestMs, performance.now() - begun);
  }
  context.diagnostic(`${rounds} rounds, ${refused} refused, the slowest took ${slowestMs.toFixed(0)} ms`);
  assert.ok(slowestMs < 2000);
});
