// What a stream of samples looks like: the form of a sample under ALSA's name, the rate, the channels, how many bits count. Pure.
// Not here: where a channel stands in a frame (channels.ts), and what one format can become in another (negotiate.ts).

/**
 * A sample's form, by ALSA's name. `S24_LE` is the low three bytes of four, `S24_3LE` is three bytes; floats run from -1 to 1. What has
 * fewer bits than its container stands at the container's upper end; `S24_LE` is the only one whose container is larger than its value.
 */
export type SampleFormat =
  | 'U8'
  | 'S8'
  | 'S16_LE'
  | 'S16_BE'
  | 'S24_3LE'
  | 'S24_LE'
  | 'S32_LE'
  | 'FLOAT_LE'
  | 'FLOAT64_LE';

/** How interleaved frames are made. */
export interface PcmFormat {
  readonly sample: SampleFormat;
  /** Frames a second. */
  readonly rate: number;
  /** Samples a frame. */
  readonly channels: number;
  /** The speakers as WAVE's bits, in whose order the channels stand (the lowest bit first); 0 where the source does not say. */
  readonly channelMask: number;
  /** How many of a sample's upper bits count: 20 in an `S24_3LE` of a 20-bit file. A float's are 32 or 64. */
  readonly validBits: number;
}

interface SampleFacts {
  readonly bytes: number;
  /** What {@link PcmFormat.validBits} is at most. */
  readonly bits: number;
  readonly isFloat: boolean;
  /** The number under which the kernel and libasound know it (SNDRV_PCM_FORMAT_*, sound/asound.h). */
  readonly alsa: number;
}

const facts: Readonly<Record<SampleFormat, SampleFacts>> = {
  U8: { bytes: 1, bits: 8, isFloat: false, alsa: 1 },
  S8: { bytes: 1, bits: 8, isFloat: false, alsa: 0 },
  S16_LE: { bytes: 2, bits: 16, isFloat: false, alsa: 2 },
  S16_BE: { bytes: 2, bits: 16, isFloat: false, alsa: 3 },
  S24_3LE: { bytes: 3, bits: 24, isFloat: false, alsa: 32 },
  S24_LE: { bytes: 4, bits: 24, isFloat: false, alsa: 6 },
  S32_LE: { bytes: 4, bits: 32, isFloat: false, alsa: 10 },
  FLOAT_LE: { bytes: 4, bits: 32, isFloat: true, alsa: 14 },
  FLOAT64_LE: { bytes: 8, bits: 64, isFloat: true, alsa: 16 },
};

/** Every form of a sample there is a name for. */
export const sampleFormats = Object.keys(facts) as readonly SampleFormat[];

/** The most channels that a frame may have here. */
export const mostChannels = 32;

/** Frames a second, the least and the most that are taken for a rate. */
export const leastRate = 1000;
export const mostRate = 1_536_000;

/** The form of a sample that a name says, in any case; undefined for what is none. */
export function sampleFormatOf(name: string): SampleFormat | undefined {
  const wanted = name.toUpperCase();
  return sampleFormats.find((format) => format === wanted);
}

/** Bytes a sample takes in a frame. */
export function sampleBytes(sample: SampleFormat): number {
  return facts[sample].bytes;
}

/** Bits that a sample of this form can hold. */
export function sampleBits(sample: SampleFormat): number {
  return facts[sample].bits;
}

/** Whether a sample is a floating-point number. */
export function isFloat(sample: SampleFormat): boolean {
  return facts[sample].isFloat;
}

/** The number by which the kernel and libasound know the form of a sample (sound/asound.h, `SNDRV_PCM_FORMAT_*`). */
export function alsaNumber(sample: SampleFormat): number {
  return facts[sample].alsa;
}

/** Bytes a frame takes: one sample of each channel. */
export function frameBytes(format: PcmFormat): number {
  return facts[format.sample].bytes * format.channels;
}

/** The byte that silence is made of in this form: 128 for `U8`, else 0. */
export function silenceByte(sample: SampleFormat): number {
  return sample === 'U8' ? 0x80 : 0;
}

/** Channels in words: mono, stereo, 6 channels. */
export function describeChannels(channels: number): string {
  if (channels === 1) return 'mono';
  return channels === 2 ? 'stereo' : `${channels} channels`;
}

/** A format in words, for people: `S24_3LE (20 bits count), 96000 Hz, stereo`. */
export function describeFormat(format: PcmFormat): string {
  const { sample, rate, channels, validBits } = format;
  const counted = validBits < facts[sample].bits ? ` (${validBits} bits count)` : '';
  return `${sample}${counted}, ${rate} Hz, ${describeChannels(channels)}`;
}
