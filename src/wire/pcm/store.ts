// Samples of one form stored in another, each once: widened, put into the order of a device's channels, or rounded where that was asked for.
// Pure: it works on borrowed memory. Not here: which change is allowed (negotiate.ts).

import type { ChannelOrder } from './channels.js';
import {
  alsaNumber,
  frameBytes,
  isFloat,
  type PcmFormat,
  type SampleFormat,
  sampleBits,
  sampleBytes,
} from './format.js';
import { type PlaneLoop, planeLoops } from './plane-loops.js';

const u8 = alsaNumber('U8');
const s8 = alsaNumber('S8');
const s16 = alsaNumber('S16_LE');
const s16be = alsaNumber('S16_BE');
const s24 = alsaNumber('S24_LE');
const s24packed = alsaNumber('S24_3LE');
const s32 = alsaNumber('S32_LE');
const float32 = alsaNumber('FLOAT_LE');
const float64 = alsaNumber('FLOAT64_LE');

/** What becomes of samples: nothing, the same value in another form, or the nearest value. */
export type SampleChange = 'none' | 'exact' | 'rounded';

/** Bits of an integer that a floating-point number holds, its sign among them. */
const bitsOfFloat = 25;

/** What becomes of samples of `from`, of which `validBits` count, when they are stored as `to`. */
export function sampleChange(from: SampleFormat, validBits: number, to: SampleFormat): SampleChange {
  if (from === to) return 'none';
  if (isFloat(from)) return to === 'FLOAT64_LE' ? 'exact' : 'rounded';
  const bits = Math.min(validBits, sampleBits(from));
  const room = to === 'FLOAT_LE' ? bitsOfFloat : sampleBits(to);
  return bits <= room ? 'exact' : 'rounded';
}

/** An integer sample at the upper end of 32 bits. */
function loadInteger(view: DataView, at: number, form: number): number {
  switch (form) {
    case s16:
      return view.getInt16(at, true) << 16;
    case s24packed:
      return (view.getUint8(at) << 8) | (view.getUint8(at + 1) << 16) | (view.getUint8(at + 2) << 24);
    case s24:
      return view.getInt32(at, true) << 8;
    case u8:
      return (view.getUint8(at) ^ 0x80) << 24;
    case s8:
      return view.getInt8(at) << 24;
    case s16be:
      return view.getInt16(at, false) << 16;
    default:
      return view.getInt32(at, true);
  }
}

/** Stores the upper end of 32 bits. */
function storeInteger(view: DataView, at: number, form: number, value: number): void {
  switch (form) {
    case s16:
      view.setInt16(at, value >> 16, true);
      return;
    case s24packed:
      view.setInt16(at, value >> 8, true);
      view.setInt8(at + 2, value >> 24);
      return;
    case s24:
      view.setInt32(at, value >> 8, true);
      return;
    case float32:
      view.setFloat32(at, value / 0x8000_0000, true);
      return;
    case float64:
      view.setFloat64(at, value / 0x8000_0000, true);
      return;
    case u8:
      view.setUint8(at, (value >>> 24) ^ 0x80);
      return;
    case s8:
      view.setInt8(at, value >> 24);
      return;
    case s16be:
      view.setInt16(at, value >> 16, false);
      return;
    default:
      view.setInt32(at, value, true);
  }
}

function loadReal(view: DataView, at: number, form: number, up: number): number {
  if (form === float32) return view.getFloat32(at, true);
  if (form === float64) return view.getFloat64(at, true);
  return (loadInteger(view, at, form) << up) / 0x8000_0000;
}

/** Noise for dither: a generator of Marsaglia's (xorshift32). */
let noise = 0x9e37_79b9;

function randomStep(): number {
  noise ^= noise << 13;
  noise ^= noise >>> 17;
  noise ^= noise << 5;
  return (noise >>> 0) / 0x1_0000_0000;
}

/** The nearest integer of `bits` bits to a value from -1 to 1, at the upper end of 32 bits. What is no number is silence. */
function toInteger(value: number, bits: number, dither: boolean): number {
  const steps = 2 ** (bits - 1);
  const added = dither ? randomStep() - randomStep() : 0;
  const rounded = Math.floor(value * steps + added + 0.5);
  if (!(rounded >= -steps)) return Number.isNaN(rounded) ? 0 : -0x8000_0000;
  const held = Math.min(rounded, steps - 1);
  return (held * 2 ** (32 - bits)) | 0;
}

/** One channel's run of samples on one side: the first one's place and the bytes to the next. */
interface Run {
  at: number;
  step: number;
}

/** What frames are stored as. */
export interface StoreTarget {
  readonly format: PcmFormat;
  readonly order?: ChannelOrder;
  readonly dither?: boolean;
}

/** Stores frames of one format as another. It keeps nothing of them but {@link cutBits}. */
export class FrameStore {
  readonly target: StoreTarget;
  readonly frameBytes: number;
  /** Whether bytes could as well be read straight into the target: the format and the order are the source's. */
  readonly isCopy: boolean;
  /** Bits that were not zero and had no room: the source said that they do not count, and they did. */
  cutBits = 0;
  readonly #sourceForm: number;
  readonly #sourceBytes: number;
  readonly #sourceFrameBytes: number;
  readonly #targetForm: number;
  readonly #targetBytes: number;
  readonly #change: SampleChange;
  /** What an integer of the source loses. */
  readonly #cutMask: number;
  readonly #up: number;
  /** What is as fast as can be, for planes of integers in a usual form. */
  readonly #loop: PlaneLoop | undefined;
  readonly #from: Run = { at: 0, step: 0 };
  readonly #to: Run = { at: 0, step: 0 };

  /**
   * @param source what is loaded. @param up how far integers are shifted up first: planes of a decoder hold them at the lower end.
   */
  constructor(source: PcmFormat, target: StoreTarget, up = 0) {
    const sample = target.format.sample;
    this.target = target;
    this.frameBytes = frameBytes(target.format);
    this.#up = up;
    this.#sourceBytes = sampleBytes(source.sample);
    this.#sourceFrameBytes = frameBytes(source);
    this.#targetBytes = sampleBytes(sample);
    this.#change = sampleChange(source.sample, source.validBits, sample);
    // A float that only moves is moved as the 32 bits it is, whatever they mean.
    const isMovedFloat = this.#change === 'none' && sample === 'FLOAT_LE';
    this.#sourceForm = isMovedFloat ? s32 : alsaNumber(source.sample);
    this.#targetForm = isMovedFloat ? s32 : alsaNumber(sample);
    this.#cutMask = isFloat(sample) ? 0 : 2 ** (32 - sampleBits(sample)) - 1;
    const isPlain = source.sample === 'S32_LE' && this.#change !== 'rounded';
    this.#loop = isPlain ? planeLoops[sample] : undefined;
    const isSameOrder = target.order === undefined && source.channels === target.format.channels;
    this.isCopy = up === 0 && this.#change === 'none' && isSameOrder;
  }

  /** Stores frames that lie interleaved at `at` of `source`. @throws RangeError beyond either's end. */
  interleaved(source: DataView, at: number, target: DataView, targetAt: number, frames: number): void {
    const { format, order } = this.target;
    for (let channel = 0; channel < format.channels; channel++) {
      const from = order === undefined ? channel : order[channel]!;
      this.#to.at = targetAt + channel * this.#targetBytes;
      this.#from.at = at + from * this.#sourceBytes;
      this.#from.step = this.#sourceFrameBytes;
      this.#channel(from < 0 ? undefined : source, target, frames);
    }
  }

  /** Stores frames whose channels lie apart, each in a plane of its own, from sample `first` on. @throws RangeError */
  planes(sources: readonly DataView[], first: number, target: DataView, targetAt: number, frames: number): void {
    const { format, order } = this.target;
    for (let channel = 0; channel < format.channels; channel++) {
      const from = order === undefined ? channel : order[channel]!;
      this.#to.at = targetAt + channel * this.#targetBytes;
      this.#from.at = first * this.#sourceBytes;
      this.#from.step = this.#sourceBytes;
      const plane = from < 0 ? undefined : sources[from];
      if (plane === undefined || this.#loop === undefined) this.#channel(plane, target, frames);
      else {
        const seen = this.#loop(plane, this.#from.at, target, this.#to.at, this.frameBytes, frames, this.#up);
        this.cutBits |= seen & this.#cutMask;
      }
    }
  }

  /** Stores silence. @throws RangeError beyond the end. */
  silence(target: DataView, targetAt: number, frames: number): void {
    for (let channel = 0; channel < this.target.format.channels; channel++) {
      this.#to.at = targetAt + channel * this.#targetBytes;
      this.#channel(undefined, target, frames);
    }
  }

  #channel(source: DataView | undefined, target: DataView, frames: number): void {
    this.#to.step = this.frameBytes;
    if (source === undefined) this.#storeSilence(target, frames);
    else if (this.#change === 'rounded' || this.#sourceForm === float32 || this.#sourceForm === float64) {
      this.#storeReals(source, target, frames);
    } else this.#storeIntegers(source, target, frames);
  }

  #storeSilence(target: DataView, frames: number): void {
    const form = this.#targetForm;
    const { at, step } = this.#to;
    for (let frame = 0; frame < frames; frame++) storeInteger(target, at + frame * step, form, 0);
  }

  #storeIntegers(source: DataView, target: DataView, frames: number): void {
    const form = this.#sourceForm;
    const targetForm = this.#targetForm;
    const up = this.#up;
    const { step } = this.#from;
    const { step: targetStep } = this.#to;
    let { at } = this.#from;
    let { at: targetAt } = this.#to;
    let seen = 0;
    for (let frame = 0; frame < frames; frame++) {
      const value = loadInteger(source, at, form) << up;
      seen |= value;
      storeInteger(target, targetAt, targetForm, value);
      at += step;
      targetAt += targetStep;
    }
    this.cutBits |= seen & this.#cutMask;
  }

  #storeReals(source: DataView, target: DataView, frames: number): void {
    const form = this.#sourceForm;
    const targetForm = this.#targetForm;
    const isReal = targetForm === float32 || targetForm === float64;
    const bits = sampleBits(this.target.format.sample);
    const dither = this.target.dither === true;
    const from = this.#from;
    const to = this.#to;
    for (let frame = 0; frame < frames; frame++) {
      const value = loadReal(source, from.at + frame * from.step, form, this.#up);
      const at = to.at + frame * to.step;
      if (!isReal) storeInteger(target, at, targetForm, toInteger(value, bits, dither));
      else if (targetForm === float32) target.setFloat32(at, value, true);
      else target.setFloat64(at, value, true);
    }
  }
}
