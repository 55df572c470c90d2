// The segments of one rendition: their samples, times and sizes, all known before a byte of them is made. Not here: where they
// begin (cut.ts), what their heads say (fragment.ts).

import { segmentsATurn } from '../table-core.js';
import { type Bandwidth, bandwidthOf } from './bandwidth.js';
import type { Steps } from './cut.js';
import { measureSegments, PictureLister } from './cut-core.js';
import { type FragmentSize, measureFragment } from './fragment.js';
import { momentTicks, type Timeline } from './timeline.js';

/** Segments that may be stretches, which are looked at before others have a turn. */
const stretchesPerTurn = 32;

/** Of one segment after the other. */
const size: FragmentSize = { headBytes: 0, mediaBytes: 0, isStretch: false };

/** The segments of a rendition, numbered from 0; times in ticks of the track's timescale. */
export class Segments {
  readonly count: number;
  #hasStretches = false;
  #standAlone = true;
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
    const numbers = {
      samples: segments.#samples,
      starts: segments.#starts,
      headBytes: segments.#headBytes,
      bytes: segments.#bytes,
      descriptions: new Uint32Array(segments.count),
    };
    for (let segment = 0; segment < segments.count; segment += segmentsATurn) {
      if (!measureSegments(timeline, numbers, segment)) segments.#standAlone = false;
      yield undefined;
    }
    if (timeline.mayStretch) yield* segments.#takeStretches(timeline);
    const last = segments.count;
    segments.#starts[last] = Math.max(segments.#starts[last - 1]! + momentTicks(timeline.track), timeline.endTicks);
    segments.#takeDescriptions(numbers.descriptions);
    return segments;
  }

  /** How the samples of each lie matters as well. */
  *#takeStretches(timeline: Timeline): Steps<void> {
    for (let segment = 0; segment < this.count; segment++) {
      measureFragment(timeline, this.#samples[segment]!, this.#samples[segment + 1]!, size);
      this.#headBytes[segment] = size.headBytes;
      this.#bytes[segment] = size.headBytes + size.mediaBytes;
      if (size.isStretch) this.#hasStretches = true;
      if (segment % stretchesPerTurn === stretchesPerTurn - 1) yield undefined;
    }
  }

  /** Descriptions are numbered as they come. */
  #takeDescriptions(descriptions: Uint32Array): void {
    const inits = [...new Set(descriptions)];
    if (inits.length > 1)
      for (const [segment, each] of descriptions.entries()) this.#inits[segment] = inits.indexOf(each);
    this.#descriptions = inits;
  }

  /** The descriptions (entries of the track) that the samples use, in the order in which they come: one init segment each. */
  get descriptions(): readonly number[] {
    return this.#descriptions;
  }

  /** Some segment is a stretch of the film, with what lies between its pieces: more than CMAF allows. */
  get hasStretches(): boolean {
    return this.#hasStretches;
  }

  /** Each segment begins with a sync sample, and shows nothing before it. */
  get standAlone(): boolean {
    return this.#standAlone;
  }

  /** Ticks of the longest segment. */
  get longestTicks(): number {
    const starts = this.#starts;
    let longest = 0;
    for (let segment = 0; segment < this.count; segment++)
      longest = Math.max(longest, starts[segment + 1]! - starts[segment]!);
    return longest;
  }

  /** The rates of the rendition. */
  bandwidth(timescale: number, targetDuration: number): Bandwidth {
    return bandwidthOf(this.#starts, this.#bytes, timescale, targetDuration);
  }

  /** Lists key frames. */
  pictures(timeline: Timeline): PictureLister {
    return new PictureLister(timeline, { samples: this.#samples, headBytes: this.#headBytes });
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
