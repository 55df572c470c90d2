// Which speaker a channel of a frame is for: WAVE's and FLAC's order against ALSA's, and the map from one to the other. Pure.
// Not here: mixing. A channel goes to its speaker unchanged, or is refused.

/** A speaker, by ALSA's name (`SNDRV_CHMAP_*`). */
export type Speaker =
  | 'MONO'
  | 'FL'
  | 'FR'
  | 'FC'
  | 'LFE'
  | 'RL'
  | 'RR'
  | 'FLC'
  | 'FRC'
  | 'RC'
  | 'SL'
  | 'SR'
  | 'TC'
  | 'TFL'
  | 'TFC'
  | 'TFR'
  | 'TRL'
  | 'TRC'
  | 'TRR';

/** For each channel of the target the source's channel that stands there, or -1: silence. */
export type ChannelOrder = readonly number[];

/** The speakers of WAVE's channel mask, bit 0 first (ksmedia.h, `SPEAKER_*`); FLAC's channels follow them. */
const maskSpeakers: readonly Speaker[] = [
  'FL',
  'FR',
  'FC',
  'LFE',
  'RL',
  'RR',
  'FLC',
  'FRC',
  'RC',
  'SL',
  'SR',
  'TC',
  'TFL',
  'TFC',
  'TFR',
  'TRL',
  'TRC',
  'TRR',
];

/** What a number of channels means where a file gives no mask (RFC 9639, section 9.1.3), by the number of channels. */
const usualMasks: readonly number[] = [0, 0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

/** ALSA's own order of channels (pcm_lib.c, `snd_pcm_std_chmaps`), by their number. */
const alsaOrders: readonly (readonly Speaker[])[] = [
  [],
  ['MONO'],
  ['FL', 'FR'],
  ['FL', 'FR', 'FC'],
  ['FL', 'FR', 'RL', 'RR'],
  ['FL', 'FR', 'RL', 'RR', 'FC'],
  ['FL', 'FR', 'RL', 'RR', 'FC', 'LFE'],
  ['FL', 'FR', 'RL', 'RR', 'FC', 'LFE', 'RC'],
  ['FL', 'FR', 'RL', 'RR', 'FC', 'LFE', 'SL', 'SR'],
];

/** The mask that stands for a number of channels where a file has none; 0 where there is no usual one. */
export function usualMask(channels: number): number {
  return usualMasks[channels] ?? 0;
}

/** The speakers of a mask in the order of a frame's channels; undefined where the mask names another number than `channels`. */
export function speakersOfMask(mask: number, channels: number): readonly Speaker[] | undefined {
  const speakers = maskSpeakers.filter((_, bit) => (mask & (1 << bit)) !== 0);
  return speakers.length === channels ? speakers : undefined;
}

/** A mask as it is; 0 where it says nothing: it names another number of speakers than there are channels, or what is none. */
export function soundMask(mask: number, channels: number): number {
  return mask < 2 ** maskSpeakers.length && speakersOfMask(mask, channels) !== undefined ? mask : 0;
}

/**
 * The mask of speakers that stand in any order, and the order that brings them into the mask's.
 * @returns undefined where two channels are for one speaker, or one is for none of WAVE's.
 */
export function maskOfSpeakers(speakers: readonly Speaker[]): { mask: number; order: ChannelOrder } | undefined {
  const bits = speakers.map((speaker) => maskSpeakers.indexOf(speaker));
  if (bits.includes(-1) || new Set(bits).size !== bits.length) return undefined;
  const order = bits.map((_, channel) => channel).sort((left, right) => bits[left]! - bits[right]!);
  return { mask: bits.reduce((mask, bit) => mask | (1 << bit), 0), order };
}

/** ALSA's usual order for a number of channels; undefined where it has none. */
export function alsaOrder(channels: number): readonly Speaker[] | undefined {
  return alsaOrders[channels];
}

/** Two names of one place, where a device and a file differ: the surround pair of 5.1 is called rear by one and side by the other. */
const twins: Readonly<Partial<Record<Speaker, Speaker>>> = {
  RL: 'SL',
  RR: 'SR',
  SL: 'RL',
  SR: 'RR',
  MONO: 'FC',
  FC: 'MONO',
};

function placeOf(speaker: Speaker, within: readonly Speaker[], besides: readonly Speaker[]): number {
  const exact = within.indexOf(speaker);
  if (exact >= 0) return exact;
  const twin = twins[speaker];
  return twin === undefined || besides.includes(twin) ? -1 : within.indexOf(twin);
}

/**
 * Where a device's channels come from. Every channel of the source must have a place at the device, the device's others are silent.
 * @returns the order, where anything moves, or the speaker that the device does not have.
 */
export function orderBetween(
  source: readonly Speaker[],
  device: readonly Speaker[],
): { readonly order?: ChannelOrder; readonly missing?: Speaker } {
  const order = device.map((speaker) => placeOf(speaker, source, device));
  const missing = source.find((_, channel) => !order.includes(channel));
  if (missing !== undefined) return { missing };
  return source.length === device.length && order.every((from, to) => from === to) ? {} : { order };
}
