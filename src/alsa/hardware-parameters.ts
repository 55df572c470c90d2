// The hardware parameters of a PCM device (struct snd_pcm_hw_params): a space of configurations, as masks and intervals, which the driver
// narrows down with every HW_REFINE to what is left of it. Pure: bytes in a view, no call. Not here: who asks the driver (takes.ts).

import { SNDRV_PCM_HW_PARAM, SNDRV_PCM_INFO } from '../kernel/constants.js';
import { layouts } from '../kernel/layouts.js';

/** Bytes of the structure. */
export const hardwareBytes = layouts.snd_pcm_hw_params.size;

const { flags, masks, intervals, rmask, cmask, info, msbits } = layouts.snd_pcm_hw_params.fields;
const maskBytes = 32;
const maskCount = 3;
const firstInterval = SNDRV_PCM_HW_PARAM.SAMPLE_BITS;
const intervalCount = 12;
const openMin = 1;
const openMax = 2;

/** A parameter that is one of a set. */
export type MaskName = 'ACCESS' | 'FORMAT' | 'SUBFORMAT';
/** A parameter that is a number within a range. */
export type IntervalName = Exclude<keyof typeof SNDRV_PCM_HW_PARAM, MaskName>;

/** A range of whole numbers, both ends included. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** The structure over bytes that the driver reads and writes. */
export class HardwareParameters {
  readonly #data: DataView;

  /** @param data {@link hardwareBytes} bytes */
  constructor(data: DataView) {
    this.#data = data;
  }

  /** Everything open: any configuration at all. */
  openAll(): this {
    const data = this.#data;
    for (let at = 0; at < hardwareBytes; at += 4) data.setUint32(at, 0, true);
    for (let at = 0; at < maskCount * maskBytes; at += 4) data.setUint32(masks.offset + at, 0xffff_ffff, true);
    for (let index = 0; index < intervalCount; index++) {
      const at = intervals.offset + index * layouts.snd_interval.size;
      data.setUint32(at, 0, true);
      data.setUint32(at + 4, 0xffff_ffff, true);
      data.setUint32(at + 8, 0, true);
    }
    data.setUint32(rmask.offset, 0xffff_ffff, true);
    data.setUint32(info.offset, 0xffff_ffff, true);
    return this;
  }

  /** Has the driver look at every parameter again. */
  askAll(): void {
    this.#data.setUint32(rmask.offset, 0xffff_ffff, true);
    this.#data.setUint32(cmask.offset, 0, true);
  }

  /** Flags of SNDRV_PCM_HW_PARAMS. */
  set flags(value: number) {
    this.#data.setUint32(flags.offset, value, true);
  }

  get flags(): number {
    return this.#data.getUint32(flags.offset, true);
  }

  /** Flags of SNDRV_PCM_INFO, as the driver gave them. */
  get info(): number {
    return this.#data.getUint32(info.offset, true);
  }

  /** Bits of a sample that the hardware uses, from the most significant one on; 0: all. */
  get significantBits(): number {
    return this.#data.getUint32(msbits.offset, true);
  }

  /** Only this one of a set. */
  choose(name: MaskName, value: number): void {
    const at = masks.offset + SNDRV_PCM_HW_PARAM[name] * maskBytes;
    for (let word = 0; word < maskBytes; word += 4) this.#data.setUint32(at + word, 0, true);
    if (value < maskBytes * 8) this.#data.setUint32(at + (value >>> 5) * 4, (1 << (value & 31)) >>> 0, true);
  }

  /** Whether a value of a set is left. */
  allows(name: MaskName, value: number): boolean {
    const at = masks.offset + SNDRV_PCM_HW_PARAM[name] * maskBytes + (value >>> 5) * 4;
    return value < maskBytes * 8 && ((this.#data.getUint32(at, true) >>> (value & 31)) & 1) === 1;
  }

  /** Only whole numbers of a range. */
  limit(name: IntervalName, min: number, max: number): void {
    const at = this.#intervalAt(name);
    this.#data.setUint32(at, min, true);
    this.#data.setUint32(at + 4, max, true);
    this.#data.setUint32(at + 8, 0, true);
  }

  /** What is left of a range; the ends are what the driver may take, an end that it excludes is not in it. */
  range(name: IntervalName): Range {
    const at = this.#intervalAt(name);
    const bits = this.#data.getUint32(at + 8, true);
    const min = this.#data.getUint32(at, true) + ((bits & openMin) !== 0 ? 1 : 0);
    const max = this.#data.getUint32(at + 4, true) - ((bits & openMax) !== 0 ? 1 : 0);
    return { min, max: Math.max(min, max) };
  }

  /** The bytes, to be kept and put back: what was narrowed down cannot be opened again. */
  save(): Uint32Array {
    return Uint32Array.from({ length: hardwareBytes / 4 }, (_, index) => this.#data.getUint32(index * 4, true));
  }

  /** Puts back what {@link save} kept. */
  restore(saved: Uint32Array): void {
    for (let index = 0; index < saved.length; index++) this.#data.setUint32(index * 4, saved[index] ?? 0, true);
  }

  #intervalAt(name: IntervalName): number {
    return intervals.offset + (SNDRV_PCM_HW_PARAM[name] - firstInterval) * layouts.snd_interval.size;
  }
}

/** What the flags of SNDRV_PCM_INFO mean to a player. */
export interface PcmAbilities {
  /** The position moves by periods or bursts. */
  readonly batch: boolean;
  /** Every change of the application's pointer has to be told. */
  readonly syncApplicationPointer: boolean;
  /** Pointers and payload have to be synchronized by calls. */
  readonly explicitSync: boolean;
  readonly pause: boolean;
  readonly resume: boolean;
  readonly noPeriodWakeup: boolean;
  readonly rewind: boolean;
}

/** Reads flags of SNDRV_PCM_INFO. */
export function abilitiesOf(flagsOfInfo: number): PcmAbilities {
  const has = (flag: number): boolean => (flagsOfInfo & flag) !== 0;
  return {
    batch: has(SNDRV_PCM_INFO.BATCH),
    syncApplicationPointer: has(SNDRV_PCM_INFO.SYNC_APPLPTR),
    explicitSync: has(SNDRV_PCM_INFO.EXPLICIT_SYNC),
    pause: has(SNDRV_PCM_INFO.PAUSE),
    resume: has(SNDRV_PCM_INFO.RESUME),
    noPeriodWakeup: has(SNDRV_PCM_INFO.NO_PERIOD_WAKEUP),
    rewind: !has(SNDRV_PCM_INFO.NO_REWINDS),
  };
}
