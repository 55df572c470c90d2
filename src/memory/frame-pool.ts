// FramePool: equal frames of a region, leased and released, reference-counted. Steady state allocates nothing.

import { Region } from './region.js';

/** Equal frames of one region. A frame is a small integer; its bytes are at `frame * frameBytes` of the region. */
export class FramePool {
  readonly region: Region;
  readonly frameBytes: number;
  readonly frames: number;
  readonly #references: Int32Array;
  readonly #free: Int32Array;
  #freeCount = 0;
  #fresh = 0;

  /**
   * Maps a region of `frames` frames of `frameBytes` bytes each. Pages come when a frame is first used.
   * @param seen how many of them JavaScript sees before more were leased at once: see {@link Region.see}
   */
  constructor(frames: number, frameBytes: number, seen = frames) {
    this.region = new Region(frames * frameBytes, { seen: seen * frameBytes });
    this.frames = frames;
    this.frameBytes = frameBytes;
    this.#references = new Int32Array(frames);
    this.#free = new Int32Array(frames);
  }

  /** Frames that are leased now. */
  get leased(): number {
    return this.#fresh - this.#freeCount;
  }

  /** Leases a frame with one reference, the last released first (its bytes are warm); -1 when none is free. */
  lease(): number {
    let frame: number;
    if (this.#freeCount > 0) frame = this.#free[--this.#freeCount]!;
    else if (this.#fresh < this.frames) {
      frame = this.#fresh++;
      this.region.see(this.#fresh * this.frameBytes);
    } else return -1;
    this.#references[frame] = 1;
    return frame;
  }

  /** Adds a reference to a leased frame. @throws RangeError for a frame that is not leased. */
  retain(frame: number): void {
    const references = this.#references[frame];
    if (references === undefined || references === 0) throw new RangeError(`frame ${frame} is not leased`);
    this.#references[frame] = references + 1;
  }

  /** Drops a reference; the last one frees the frame. @throws RangeError for a frame that is not leased. */
  release(frame: number): void {
    const references = this.#references[frame];
    if (references === undefined || references === 0) throw new RangeError(`frame ${frame} is not leased`);
    this.#references[frame] = references - 1;
    if (references === 1) this.#free[this.#freeCount++] = frame;
  }

  /** Where a frame begins in the region. */
  offset(frame: number): number {
    return frame * this.frameBytes;
  }

  /** Where a frame begins in memory. */
  address(frame: number): number {
    return this.region.address + frame * this.frameBytes;
  }

  /** Unmaps the region; see {@link Region.unmap} for what the caller answers for. */
  unmap(): void {
    this.region.unmap();
  }
}
