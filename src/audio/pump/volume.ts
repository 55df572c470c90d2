// Volume: samples multiplied on their way into the area, the factor moving frame by frame so that nothing clicks. At 0 dB it is not in the way at all: whoever copies asks `isUnity`
// first. Integers are rounded to the nearest and held within their range. Allocates nothing while it works. Not here: who says how loud (loop.ts).

import { ElementViews } from '../../memory/copy.js';
import type { SampleFormat } from '../../wire/pcm/format.js';

/** The same bytes as every kind of sample. A buffer's end that is no whole element is left out. */
export class SampleViews extends ElementViews {
  readonly int8: Int8Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;

  constructor(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset) {
    super(buffer, byteOffset, byteLength);
    this.int8 = new Int8Array(buffer, byteOffset, byteLength);
    this.float32 = new Float32Array(buffer, byteOffset, byteLength >> 2);
    this.float64 = new Float64Array(buffer, byteOffset, byteLength >> 3);
  }
}

/** Numbers for forms of samples, which a loop compares sooner than names. */
const Form = { u8: 0, s8: 1, s16: 2, s16Swapped: 3, s24Packed: 4, s24: 5, s32: 6, float32: 7, float64: 8 } as const;

const forms: Readonly<Record<SampleFormat, number>> = {
  U8: Form.u8,
  S8: Form.s8,
  S16_LE: Form.s16,
  S16_BE: Form.s16Swapped,
  S24_3LE: Form.s24Packed,
  S24_LE: Form.s24,
  S32_LE: Form.s32,
  FLOAT_LE: Form.float32,
  FLOAT64_LE: Form.float64,
};

const held = (value: number, most: number): number => Math.max(-most - 1, Math.min(most, Math.round(value)));

const swapped = (value: number): number => ((value & 0xff) << 8) | ((value >> 8) & 0xff);

const mostCounted = 0x7fff_ffff;
const mostSince = 0x3fff_ffff;

/** Places in the factors. */
const At = { now: 0, wanted: 1, step: 2 } as const;

/** See the file's head. */
export class Volume {
  /** Frames that were multiplied by something else than 1: what was heard of them is not what the file has. */
  changedFrames = 0;
  /** Frames since the last of those: no more may be taken back, or the factor would jump. */
  sinceRamp = 0;
  readonly #form: number;
  readonly #channels: number;
  readonly #factors = new Float64Array([1, 1, 0]);

  /** @param rampFrames frames from silence to full */
  constructor(sample: SampleFormat, channels: number, rampFrames: number) {
    this.#form = forms[sample];
    this.#channels = channels;
    this.#factors[At.step] = 1 / Math.max(1, rampFrames);
  }

  /** 0 dB, and no ramp is under way: samples need not be touched. */
  isUnity(): boolean {
    return this.#factors[At.now] === 1 && this.#factors[At.wanted] === 1;
  }

  /** The factor wanted from now on, read from `place` of `numbers`. */
  want(numbers: Float64Array, place: number): void {
    this.#factors[At.wanted] = Math.max(0, Math.min(16, numbers[place]!));
  }

  /** The factor is what is wanted, at once: nothing plays that could click. */
  settle(): void {
    this.#factors[At.now] = this.#factors[At.wanted]!;
  }

  /** Frames went by that were not touched. */
  pass(frames: number): void {
    this.sinceRamp = (this.sinceRamp + frames) & mostSince;
  }

  /** Multiplies `frames` frames from one place in memory to another (or the same); offsets in bytes, whole samples. */
  apply(target: SampleViews, targetAt: number, source: SampleViews, sourceAt: number, frames: number): void {
    const factors = this.#factors;
    const channels = this.#channels;
    const form = this.#form;
    const step = factors[At.step]!;
    const wanted = factors[At.wanted]!;
    let factor = factors[At.now]!;
    let changed = 0;
    let since = this.sinceRamp;
    let sample = 0;
    for (let frame = 0; frame < frames; frame++) {
      if (factor !== wanted) {
        factor = factor < wanted ? Math.min(wanted, factor + step) : Math.max(wanted, factor - step);
        since = 0;
      } else since++;
      if (factor !== 1) changed++;
      factors[At.now] = factor;
      for (let channel = 0; channel < channels; channel++, sample++)
        multiply(form, target, targetAt, source, sourceAt, sample, factors);
    }
    this.sinceRamp = since & mostSince;
    // It stays at the most: hours of a high rate are more than a word holds.
    this.changedFrames = changed < mostCounted - this.changedFrames ? this.changedFrames + changed : mostCounted;
  }
}

/** By the factor that is now: as an argument it would be allocated for each frame. */
function multiply(
  form: number,
  target: SampleViews,
  targetAt: number,
  source: SampleViews,
  sourceAt: number,
  sample: number,
  factors: Float64Array,
): void {
  const factor = factors[At.now]!;
  if (form === Form.s16) {
    target.halves[(targetAt >> 1) + sample] = held(source.halves[(sourceAt >> 1) + sample]! * factor, 0x7fff);
  } else if (form === Form.s32) {
    target.words[(targetAt >> 2) + sample] = held(source.words[(sourceAt >> 2) + sample]! * factor, 0x7fff_ffff);
  } else if (form === Form.float32) {
    target.float32[(targetAt >> 2) + sample] = source.float32[(sourceAt >> 2) + sample]! * factor;
  } else if (form === Form.s24) {
    const value = (source.words[(sourceAt >> 2) + sample]! << 8) >> 8;
    target.words[(targetAt >> 2) + sample] = held(value * factor, 0x7f_ffff);
  } else if (form === Form.s24Packed) {
    const from = sourceAt + sample * 3;
    const value = source.bytes[from]! | (source.bytes[from + 1]! << 8) | (source.int8[from + 2]! << 16);
    const result = held(value * factor, 0x7f_ffff);
    const to = targetAt + sample * 3;
    target.bytes[to] = result;
    target.bytes[to + 1] = result >> 8;
    target.bytes[to + 2] = result >> 16;
  } else if (form === Form.float64) {
    target.float64[(targetAt >> 3) + sample] = source.float64[(sourceAt >> 3) + sample]! * factor;
  } else if (form === Form.s16Swapped) {
    const value = (swapped(source.halves[(sourceAt >> 1) + sample]!) << 16) >> 16;
    target.halves[(targetAt >> 1) + sample] = swapped(held(value * factor, 0x7fff));
  } else if (form === Form.s8) {
    target.int8[targetAt + sample] = held(source.int8[sourceAt + sample]! * factor, 0x7f);
  } else {
    target.bytes[targetAt + sample] = held((source.bytes[sourceAt + sample]! - 128) * factor, 0x7f) + 128;
  }
}
