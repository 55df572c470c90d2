// The segments of one rendition: their samples, times and sizes, all known before a byte of them is made. Not here: where they
// begin (cut.ts), what their heads say (fragment.ts).

import type { Steps } from './cut.js';
import { type FragmentSize, measureFragment } from './fragment.js';
import { earliestComposition, type Timeline } from './timeline.js';

/** Segments that are looked at before others have a turn. */
const segmentsPerTurn = 32;

/** Of one segment after the other. */
const size: FragmentSize = { headBytes: 0, mediaBytes: 0, isStretch: false };

/** The segments of a rendition, numbered from 0; times in ticks of the track's timescale. */
export class Segments {
  readonly count: number;
  #hasStretches = false;
  #descriptions: readonly number[] = [];
  /** First sample of each segment, and the one behind the last. */
  readonly #samples: Uint32Array;
  /** Earliest presentation time of each segment, and the end of the last. */
  readonly #starts: Float64Array;
  readonly #headBytes: Uint32Array;
  readonly #bytes: Float64Array;
  readonly #inits: Uint16Array;

  private constructor(timeline: Timeline, firstSamples: readonly number[]) {
    const count = firstSamples.length;
    this.count = count;
    this.#samples = Uint32Array.from([...firstSamples, timeline.end]);
    this.#starts = new Float64Array(count + 1);
    this.#headBytes = new Uint32Array(count);
    this.#bytes = new Float64Array(count);
    this.#inits = new Uint16Array(count);
  }

  /**
   * The segments that begin with given samples.
   * @param firstSamples rising; at least one.
   */
  static *of(timeline: Timeline, firstSamples: readonly number[]): Steps<Segments> {
    const segments = new Segments(timeline, firstSamples);
    const inits = new Map<number, number>();
    for (let segment = 0; segment < segments.count; segment++) {
      segments.#take(timeline, segment, inits);
      if (segment % segmentsPerTurn === segmentsPerTurn - 1) yield undefined;
    }
    const last = segments.count;
    segments.#starts[last] = Math.max(segments.#starts[last - 1]!, timeline.endTicks);
    segments.#descriptions = [...inits.keys()];
    return segments;
  }

  #take(timeline: Timeline, segment: number, inits: Map<number, number>): void {
    const { track } = timeline;
    const first = this.#samples[segment]!;
    const end = this.#samples[segment + 1]!;
    const start = earliestComposition(track, first, end) + timeline.shift;
    // The first one is clipped to 0: what is hidden (priming) is in it. None starts before the one in front of it.
    this.#starts[segment] = Math.max(segment === 0 ? 0 : this.#starts[segment - 1]!, start);
    measureFragment(timeline, first, end, size);
    this.#headBytes[segment] = size.headBytes;
    this.#bytes[segment] = size.headBytes + size.mediaBytes;
    if (size.isStretch) this.#hasStretches = true;
    const description = track.samples.description(first);
    let init = inits.get(description);
    if (init === undefined) {
      init = inits.size;
      inits.set(description, init);
    }
    this.#inits[segment] = init;
  }

  /** The descriptions (entries of the track) that the samples use, in the order in which they come: one init segment each. */
  get descriptions(): readonly number[] {
    return this.#descriptions;
  }

  /** Some segment is a stretch of the film, with what lies between its pieces: more than CMAF allows. */
  get hasStretches(): boolean {
    return this.#hasStretches;
  }

  /** The first sample of a segment. */
  firstSample(segment: number): number {
    return this.#samples[segment]!;
  }

  /** The sample behind a segment's last one. */
  endSample(segment: number): number {
    return this.#samples[segment + 1]!;
  }

  /** The earliest presentation time of a segment, 0 or more. */
  startTicks(segment: number): number {
    return this.#starts[segment]!;
  }

  /** Ticks to the start of the next segment; of the last one, to the end of the presentation. */
  durationTicks(segment: number): number {
    return this.#starts[segment + 1]! - this.#starts[segment]!;
  }

  /** The number, from 0, of the init segment that a segment is read with. */
  init(segment: number): number {
    return this.#inits[segment]!;
  }

  /** Bytes of the whole segment. */
  byteLength(segment: number): number {
    return this.#bytes[segment]!;
  }

  /** Bytes in front of the segment's media: `styp`, `moof` and the header of `mdat`. */
  headBytes(segment: number): number {
    return this.#headBytes[segment]!;
  }
}
