// The pictures of an I-frame playlist: key frames that begin a segment are its first bytes, others are fragments of their own. Not
// here: the playlist (playlists/).

import type { Steps } from './cut.js';
import { cutSampleAtOrAfter } from './cut-samples.js';
import { type FragmentSize, measureFragment } from './fragment.js';
import type { Segments } from './segments.js';
import { presentationTicks, type Timeline } from './timeline.js';

/** A key frame that begins no segment is listed when it is this long behind the one before it: in some films every frame is one. */
const leastSeconds = 0.5;
/** Segments that are looked at before others have a turn. */
const segmentsPerTurn = 32;

/** Of one fragment after the other. */
const size: FragmentSize = { headBytes: 0, mediaBytes: 0, isStretch: false };

/** I-frames of a video rendition, numbered from 0; times in ticks as those of its segments. */
export class IFrames {
  readonly count: number;
  readonly #timeline: Timeline;
  readonly #segments: Segments;
  readonly #samples: Uint32Array;
  /** The segment that it begins, or -1. */
  readonly #begins: Int32Array;

  private constructor(timeline: Timeline, segments: Segments, samples: readonly number[], begins: readonly number[]) {
    this.count = samples.length;
    this.#timeline = timeline;
    this.#segments = segments;
    this.#samples = new Uint32Array(samples.length).map((_, index) => samples[index]!);
    this.#begins = new Int32Array(begins.length).map((_, index) => begins[index]!);
  }

  /** The I-frames of a rendition. */
  static *of(timeline: Timeline, segments: Segments): Steps<IFrames> {
    const samples: number[] = [];
    const begins: number[] = [];
    for (let segment = 0; segment < segments.count; segment++) {
      takeSegment(timeline, segments, segment, samples, begins);
      if (segment % segmentsPerTurn === segmentsPerTurn - 1) yield undefined;
    }
    return new IFrames(timeline, segments, samples, begins);
  }

  /** The sample of the film. */
  sample(index: number): number {
    return this.#samples[index]!;
  }

  /** The segment that the I-frame begins, -1 when it is inside of one and has a fragment of its own. */
  segment(index: number): number {
    return this.#begins[index]!;
  }

  /** When it is shown. */
  startTicks(index: number): number {
    return Math.max(0, presentationTicks(this.#timeline, this.#samples[index]!));
  }

  /** Ticks to the next one; of the last one, to the end of the presentation. */
  durationTicks(index: number): number {
    const end = index + 1 < this.count ? this.startTicks(index + 1) : this.#timeline.endTicks;
    return Math.max(0, end - this.startTicks(index));
  }

  /** Bytes from the segment's first to the end of the picture; or of the fragment of its own. */
  byteLength(index: number): number {
    const sample = this.#samples[index]!;
    return this.headBytes(index) + this.#timeline.track.samples.size(sample);
  }

  /** Bytes in front of the picture: the head of the segment or of the fragment of its own. */
  headBytes(index: number): number {
    const segment = this.#begins[index]!;
    if (segment >= 0) return this.#segments.headBytes(segment);
    const sample = this.#samples[index]!;
    measureFragment(this.#timeline, sample, sample + 1, size);
    return size.headBytes;
  }
}

function takeSegment(
  timeline: Timeline,
  segments: Segments,
  segment: number,
  samples: number[],
  begins: number[],
): void {
  const { track } = timeline;
  const end = segments.endSample(segment);
  let sample = segments.firstSample(segment);
  // A segment that begins with a new description may begin without a key frame.
  if (cutSampleAtOrAfter(track, sample) === sample) {
    samples.push(sample);
    begins.push(segment);
  }
  for (sample = cutSampleAtOrAfter(track, sample + 1); sample < end; sample = cutSampleAtOrAfter(track, sample + 1)) {
    const before = samples.at(-1);
    const ticks = presentationTicks(timeline, sample);
    if (before !== undefined && ticks - presentationTicks(timeline, before) < leastSeconds * track.timescale) continue;
    samples.push(sample);
    begins.push(-1);
  }
}
