// A subtitle: cues in the order of their times, found by time. Not here: reading one from a file (read-subtitle.ts), and writing
// it (write-webvtt.ts).

import { lastAtMost } from '../rising.js';

/** Text that is shown from one time until before another. */
export interface Cue {
  readonly startMs: number;
  readonly endMs: number;
  /** Settings of WebVTT behind the times, `line:0 align:start`; may be empty. */
  readonly settings: string;
  /** The text as WebVTT has it: lines divided by LF, no empty one among them. */
  readonly text: string;
}

/** The cues of a subtitle, sorted, and the blocks that stand before them. */
export class Subtitle {
  /** STYLE and REGION blocks, which stand in front of the cues; none of them empty. */
  readonly blocks: readonly string[];
  /** By start; those that begin together as in the file. */
  readonly cues: readonly Cue[];
  /** The latest end of a cue and those before it: tells where to look for cues that are still shown. */
  readonly #latestEnds: Float64Array;
  /** What {@link delayedBy} made last. */
  #delayed: { readonly ms: number; readonly subtitle: Subtitle } | undefined;

  constructor(blocks: readonly string[], cues: readonly Cue[]) {
    this.blocks = blocks;
    this.cues = [...cues].sort((one, other) => one.startMs - other.startMs);
    this.#latestEnds = new Float64Array(this.cues.length);
    let latest = 0;
    for (const [index, cue] of this.cues.entries()) {
      latest = Math.max(latest, cue.endMs);
      this.#latestEnds[index] = latest;
    }
  }

  /**
   * The same text at other times: for a film whose presentation begins before its own edit does, since players cannot hide what stands in
   * front (presentation/timeline.ts). @returns itself where nothing moves.
   */
  delayedBy(ms: number): Subtitle {
    const whole = Math.round(ms);
    if (whole === 0) return this;
    if (this.#delayed?.ms !== whole) {
      const moved = ({ startMs, endMs, settings, text }: Cue): Cue => ({
        startMs: startMs + whole,
        endMs: endMs + whole,
        settings,
        text,
      });
      const cues = this.cues.map(moved);
      this.#delayed = { ms: whole, subtitle: new Subtitle(this.blocks, cues) };
    }
    return this.#delayed.subtitle;
  }

  /** The cues that are shown at some time from `fromMs` until before `toMs`. */
  between(fromMs: number, toMs: number): Cue[] {
    const found: Cue[] = [];
    for (
      let index = lastAtMost(this.#latestEnds, fromMs) + 1;
      index < this.cues.length && this.cues[index]!.startMs < toMs;
      index++
    ) {
      if (this.cues[index]!.endMs > fromMs) found.push(this.cues[index]!);
    }
    return found;
  }
}
