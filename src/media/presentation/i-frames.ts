// The pictures of an I-frame playlist: key frames that begin a segment are its first bytes, others are fragments of their own. Not
// here: the playlist (playlists/).

import { putNumbers } from '../film-tables.js';
import type { Steps } from './cut.js';
import { type ListedPictures, limitEntries } from './cut-core.js';
import type { Segments } from './segments.js';
import { momentTicks, type Timeline } from './timeline.js';

/** I-frames of a video rendition, numbered from 0; times in ticks as those of its segments. */
export class IFrames {
  readonly count: number;
  readonly #timeline: Timeline;
  readonly #samples: Uint32Array;
  /** The segment that it begins, or -1. */
  readonly #begins: Int32Array;
  readonly #starts: Float64Array;
  readonly #headBytes: Uint32Array;

  private constructor(timeline: Timeline, listed: readonly ListedPictures[]) {
    this.count = listed.reduce((sum, { samples }) => sum + samples.length, 0);
    this.#timeline = timeline;
    this.#samples = new Uint32Array(this.count);
    this.#begins = new Int32Array(this.count);
    this.#starts = new Float64Array(this.count);
    this.#headBytes = new Uint32Array(this.count);
    let at = 0;
    for (const { samples, begins, starts, headBytes } of listed) {
      putNumbers(this.#samples, samples, at);
      putNumbers(this.#begins, begins, at);
      putNumbers(this.#starts, starts, at);
      putNumbers(this.#headBytes, headBytes, at);
      at += samples.length;
    }
  }

  /** The I-frames of a rendition. @throws FilmRefusal where there are too many */
  static *of(timeline: Timeline, segments: Segments): Steps<IFrames> {
    const listed: ListedPictures[] = [];
    let count = 0;
    for (const lister = segments.pictures(timeline); !lister.isOver; yield undefined) {
      const some = lister.next();
      listed.push(some);
      count += some.samples.length;
      limitEntries(count);
    }
    return new IFrames(timeline, listed);
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
    return this.#starts[index]!;
  }

  /** Ticks to the next one; of the last one, to the end of the presentation. */
  durationTicks(index: number): number {
    const { track, endTicks } = this.#timeline;
    const end = index + 1 < this.count ? this.#starts[index + 1]! : endTicks;
    return Math.max(momentTicks(track), end - this.#starts[index]!);
  }

  /** Bytes from the segment's first to the end of the picture; or of the fragment of its own. */
  byteLength(index: number): number {
    return this.#headBytes[index]! + this.#timeline.track.samples.size(this.#samples[index]!);
  }

  /** Bytes in front of the picture: the head of the segment or of the fragment of its own. */
  headBytes(index: number): number {
    return this.#headBytes[index]!;
  }
}
