// The segments of one rendition: their samples, times and sizes, all known before a byte of them is made. Not here: where they
// begin (cut.ts), what their heads say (fragment.ts).

import type { FilmTrack } from '../film.js';
import { fragmentHeadBytes } from './fragment.js';
import { earliestComposition, type Timeline } from './timeline.js';

/** The segments of a rendition, numbered from 0; times in ticks of the track's timescale. */
export class Segments {
  readonly count: number;
  /** The descriptions (entries of the track) that the samples use, in the order in which they come: one init segment each. */
  readonly descriptions: readonly number[];
  /** First sample of each segment, and the one behind the last. */
  readonly #samples: Uint32Array;
  /** Earliest presentation time of each segment, and the end of the last. */
  readonly #starts: Float64Array;
  readonly #headBytes: Uint32Array;
  readonly #bytes: Float64Array;
  readonly #inits: Uint16Array;

  /** @param firstSamples the first sample of each segment, rising; at least one. */
  constructor(timeline: Timeline, firstSamples: readonly number[]) {
    const { track } = timeline;
    const count = firstSamples.length;
    this.count = count;
    this.#samples = Uint32Array.from([...firstSamples, timeline.end]);
    this.#starts = startsOf(timeline, this.#samples, count);
    this.#headBytes = new Uint32Array(count);
    this.#bytes = new Float64Array(count);
    this.#inits = new Uint16Array(count);
    track.samples.bytesBetween(this.#samples, this.#bytes);
    const descriptions: number[] = [];
    for (let segment = 0; segment < count; segment++) {
      const first = this.#samples[segment]!;
      const end = this.#samples[segment + 1]!;
      const headBytes = fragmentHeadBytes(timeline, first, end, this.#bytes[segment]!);
      this.#headBytes[segment] = headBytes;
      this.#bytes[segment]! += headBytes;
      const description = track.samples.description(first);
      if (!descriptions.includes(description)) descriptions.push(description);
      this.#inits[segment] = descriptions.indexOf(description);
    }
    this.descriptions = descriptions;
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

  /** The last segment that starts at `ticks` or before; 0 for a time before the first. */
  at(ticks: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#starts[middle]! <= ticks) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

function startsOf(timeline: Timeline, samples: Uint32Array, count: number): Float64Array {
  const starts = new Float64Array(count + 1);
  const track: FilmTrack = timeline.track;
  for (let segment = 0; segment < count; segment++) {
    const start = earliestComposition(track, samples[segment]!, samples[segment + 1]!) + timeline.shift;
    // The first one is clipped to 0: what is hidden (priming) is in it. None starts before the one in front of it.
    starts[segment] = Math.max(segment === 0 ? 0 : starts[segment - 1]!, start);
  }
  starts[count] = Math.max(starts[count - 1]!, timeline.endTicks);
  return starts;
}
