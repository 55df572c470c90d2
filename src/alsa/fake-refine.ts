// What a driver leaves of a space of configurations, as sound/core/pcm_native.c has it: sets and ranges are cut with the device's own, and then with one
// another (a ring is periods times their length, bytes are frames times their size) until nothing changes. For the stand-in of a device (fake-pcm.ts).

import {
  SNDRV_PCM_ACCESS,
  SNDRV_PCM_FORMAT,
  SNDRV_PCM_HW_PARAMS,
  SNDRV_PCM_INFO,
  SNDRV_PCM_SUBFORMAT,
} from '../kernel/constants.js';
import { layouts } from '../kernel/layouts.js';
import { HardwareParameters, type IntervalName, type MaskName, type Range } from './hardware-parameters.js';
import type { AlsaFormat } from './takes.js';

/** What a made-up device is able to do. */
export interface FakeAbilities {
  readonly formats: readonly AlsaFormat[];
  readonly channels: Range;
  readonly rates: readonly number[];
  readonly bufferBytes: Range;
  readonly periodBytes: Range;
  readonly periods: Range;
  /** Periods are whole multiples of so many bytes. */
  readonly periodStepBytes: number;
  /** Flags of SNDRV_PCM_INFO. */
  readonly info: number;
  /** Whether its pages of pointers can be mapped; else SYNC_PTR. */
  readonly sharesPointers: boolean;
  /** Bits of a sample that it uses; 0: all. */
  readonly significantBits: number;
}

/** A device such as an HDA one: S16, S32, two to eight channels, a large ring. */
export const fakeAbilities: FakeAbilities = {
  formats: ['S16_LE', 'S32_LE'],
  channels: { min: 2, max: 8 },
  rates: [44_100, 48_000, 96_000, 192_000],
  bufferBytes: { min: 1024, max: 4 * 1024 * 1024 },
  periodBytes: { min: 128, max: 2 * 1024 * 1024 },
  periods: { min: 2, max: 32 },
  periodStepBytes: 128,
  info: SNDRV_PCM_INFO.MMAP | SNDRV_PCM_INFO.MMAP_VALID | SNDRV_PCM_INFO.INTERLEAVED | SNDRV_PCM_INFO.PAUSE,
  sharesPointers: true,
  significantBits: 0,
};

/** Bits a sample of a format takes. */
export function formatBits(format: AlsaFormat): number {
  if (/^[SU]8$/.test(format)) return 8;
  if (/_3[LB]E$/.test(format)) return 24;
  if (format.startsWith('FLOAT64')) return 64;
  return /^[SU]16/.test(format) ? 16 : 32;
}

const intervalNames: readonly IntervalName[] = [
  ...(['SAMPLE_BITS', 'FRAME_BITS', 'CHANNELS', 'RATE', 'PERIOD_TIME', 'PERIOD_SIZE', 'PERIOD_BYTES'] as const),
  ...(['PERIODS', 'BUFFER_TIME', 'BUFFER_SIZE', 'BUFFER_BYTES'] as const),
];
const largest = 0xffff_ffff;

class Space {
  readonly #ranges = new Map<IntervalName, Range>();
  readonly formats: AlsaFormat[];
  isEmpty = false;
  #isChanged = false;

  constructor(
    readonly parameters: HardwareParameters,
    readonly abilities: FakeAbilities,
  ) {
    const { channels, rates, bufferBytes, periodBytes, periods } = abilities;
    for (const name of intervalNames) this.#ranges.set(name, parameters.range(name));
    this.formats = abilities.formats.filter((format) => parameters.allows('FORMAT', SNDRV_PCM_FORMAT[format]));
    this.cut('CHANNELS', channels.min, channels.max);
    this.cut('RATE', Math.min(...rates), Math.max(...rates));
    this.cut('BUFFER_BYTES', bufferBytes.min, bufferBytes.max);
    this.cut('PERIOD_BYTES', periodBytes.min, periodBytes.max);
    this.cut('PERIODS', periods.min, periods.max);
    if (!parameters.allows('ACCESS', SNDRV_PCM_ACCESS.MMAP_INTERLEAVED)) this.isEmpty = true;
    if (!parameters.allows('SUBFORMAT', SNDRV_PCM_SUBFORMAT.STD)) this.isEmpty = true;
  }

  of(name: IntervalName): Range {
    return this.#ranges.get(name)!;
  }

  cut(name: IntervalName, min: number, max: number): void {
    const now = this.of(name);
    // Times are no whole microseconds: their ends are the whole ones around (openmin, openmax).
    const isTime = name.endsWith('_TIME');
    const [least, most] = isTime ? [Math.floor(min), Math.ceil(max)] : [Math.ceil(min), Math.floor(max)];
    const next = { min: Math.max(now.min, least), max: Math.min(now.max, most, largest) };
    if (next.min > next.max) this.isEmpty = true;
    if (next.min === now.min && next.max === now.max) return;
    this.#ranges.set(name, next);
    this.#isChanged = true;
  }

  /** `name` is within the product of two others, times a factor. */
  product(name: IntervalName, left: Range, right: Range, factor = 1): void {
    this.cut(name, left.min * right.min * factor, left.max * right.max * factor);
  }

  /** `name` is within the quotient of two others, times a factor. */
  quotient(name: IntervalName, left: Range, right: Range, factor = 1): void {
    this.cut(name, (left.min * factor) / right.max, right.min === 0 ? largest : (left.max * factor) / right.min);
  }

  settle(): void {
    for (let pass = 0; pass < 50 && !this.isEmpty; pass++) {
      this.#isChanged = false;
      this.#once();
      if (!this.#isChanged) return;
    }
  }

  #once(): void {
    const of = (name: IntervalName): Range => this.of(name);
    const { rates, periodStepBytes: step } = this.abilities;
    const fits = this.formats.filter((format) => {
      const bits = formatBits(format);
      return bits >= of('SAMPLE_BITS').min && bits <= of('SAMPLE_BITS').max;
    });
    if (fits.length !== this.formats.length) this.#isChanged = true;
    this.formats.splice(0, this.formats.length, ...fits);
    const bits = fits.map(formatBits);
    this.cut('SAMPLE_BITS', Math.min(...bits), Math.max(...bits));
    const left = rates.filter((rate) => rate >= of('RATE').min && rate <= of('RATE').max);
    this.cut('RATE', Math.min(...left), Math.max(...left));
    this.product('FRAME_BITS', of('SAMPLE_BITS'), of('CHANNELS'));
    this.quotient('CHANNELS', of('FRAME_BITS'), of('SAMPLE_BITS'));
    for (const part of ['PERIOD', 'BUFFER'] as const) {
      this.quotient(`${part}_SIZE`, of(`${part}_BYTES`), of('FRAME_BITS'), 8);
      this.product(`${part}_BYTES`, of(`${part}_SIZE`), of('FRAME_BITS'), 1 / 8);
      this.quotient(`${part}_TIME`, of(`${part}_SIZE`), of('RATE'), 1e6);
    }
    const bytes = of('PERIOD_BYTES');
    this.cut('PERIOD_BYTES', Math.ceil(bytes.min / step) * step, Math.floor(bytes.max / step) * step);
    this.quotient('PERIOD_SIZE', of('BUFFER_SIZE'), of('PERIODS'));
    this.product('BUFFER_SIZE', of('PERIOD_SIZE'), of('PERIODS'));
    this.quotient('PERIODS', of('BUFFER_SIZE'), of('PERIOD_SIZE'));
  }
}

/** Narrows parameters down to what a device is able to do, as HW_REFINE does. False: nothing is left (-EINVAL). */
export function refineAs(abilities: FakeAbilities, data: DataView): boolean {
  const parameters = new HardwareParameters(data);
  const space = new Space(parameters, abilities);
  space.settle();
  if (space.isEmpty || space.formats.length === 0) return false;
  writeMask(data, 'ACCESS', [SNDRV_PCM_ACCESS.MMAP_INTERLEAVED]);
  writeMask(
    data,
    'FORMAT',
    space.formats.map((format) => SNDRV_PCM_FORMAT[format]),
  );
  writeMask(data, 'SUBFORMAT', [SNDRV_PCM_SUBFORMAT.STD]);
  for (const name of intervalNames) {
    const { min, max } = space.of(name);
    parameters.limit(name, min, max);
  }
  const { info, msbits } = layouts.snd_pcm_hw_params.fields;
  data.setUint32(info.offset, abilities.info, true);
  data.setUint32(msbits.offset, abilities.significantBits, true);
  return true;
}

/** One configuration of what is left, as HW_PARAMS chooses it: the first, the least, and the largest ring. */
export function chooseAs(abilities: FakeAbilities, data: DataView): boolean {
  const parameters = new HardwareParameters(data);
  const noWakeup = (parameters.flags & SNDRV_PCM_HW_PARAMS.NO_PERIOD_WAKEUP) !== 0;
  if (noWakeup && (abilities.info & SNDRV_PCM_INFO.NO_PERIOD_WAKEUP) === 0) return false;
  if (!refineAs(abilities, data)) return false;
  const format = abilities.formats.find((each) => parameters.allows('FORMAT', SNDRV_PCM_FORMAT[each]));
  if (format === undefined) return false;
  parameters.choose('FORMAT', SNDRV_PCM_FORMAT[format]);
  if (!refineAs(abilities, data)) return false;
  for (const [name, end] of [
    ['CHANNELS', 'min'],
    ['RATE', 'min'],
    ['PERIOD_SIZE', 'min'],
    ['BUFFER_SIZE', 'max'],
  ] as const) {
    const value = parameters.range(name)[end];
    parameters.limit(name, value, value);
    if (!refineAs(abilities, data)) return false;
  }
  return true;
}

function writeMask(data: DataView, name: MaskName, values: readonly number[]): void {
  const at = layouts.snd_pcm_hw_params.fields.masks.offset + { ACCESS: 0, FORMAT: 1, SUBFORMAT: 2 }[name] * 32;
  for (let word = 0; word < 32; word += 4) data.setUint32(at + word, 0, true);
  for (const value of values) {
    const word = at + (value >>> 5) * 4;
    data.setUint32(word, (data.getUint32(word, true) | (1 << (value & 31))) >>> 0, true);
  }
}
