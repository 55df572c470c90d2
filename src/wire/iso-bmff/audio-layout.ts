// How many channels, objects, and bits a sample a codec's own configuration states. The sample entry's fields are not to be trusted: muxers write 2
// and 16 there whatever the sound has, as ISO 14496-14 had it for AAC. Not here: codec strings (codec-string.ts).

import { esdsFacts } from './codec-string.js';

/** Channels of AC-3's `acmod`, without the one for low frequencies. */
const channelsOfMode = [2, 1, 2, 3, 3, 4, 4, 5];
/** Channels of AAC's channel configuration; 0 where it is written elsewhere. */
const channelsOfConfiguration = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 0, 8, 0];

/** The boxes that {@link channelsStated} reads, by the format of the sample entry. */
export const layoutBoxes: Readonly<Record<string, string>> = {
  mp4a: 'esds',
  'ac-3': 'dac3',
  'ec-3': 'dec3',
  Opus: 'dOps',
  fLaC: 'dfLa',
  alac: 'alac',
};

/**
 * Channels that a configuration states; undefined when it states none that can be read.
 * @param format the sample entry's four characters
 * @param config the payload of the box of {@link layoutBoxes}, with version and flags where it has them
 */
export function channelsStated(format: string, config: Uint8Array): number | undefined {
  const channels = readers[format]?.(config) ?? 0;
  return channels > 0 ? channels : undefined;
}

const readers: Readonly<Record<string, (config: Uint8Array) => number>> = {
  mp4a: (config) => {
    const facts = esdsFacts(config.subarray(4));
    if (facts === undefined || facts.objectType !== 0x40) return 0;
    // Parametric stereo is coded as one channel and heard as two.
    return facts.audioType === 29 ? 2 : channelsOfConfiguration[facts.channelConfiguration]!;
  },
  // ETSI TS 102 366 F.4: fscod 2, bsid 5, bsmod 3, acmod 3, lfeon 1 bits.
  'ac-3': (config) => (config.length < 2 ? 0 : channelsOfMode[(config[1]! >> 3) & 7]! + ((config[1]! >> 2) & 1)),
  // F.6: data rate 13, substreams 3, fscod 2, bsid 5, reserved 1, asvc 1, bsmod 3, acmod 3, lfeon 1 bits. What dependent substreams
  // add is not counted.
  'ec-3': (config) => (config.length < 4 ? 0 : channelsOfMode[(config[3]! >> 1) & 7]! + (config[3]! & 1)),
  Opus: (config) => config[1] ?? 0,
  // Version and flags, and ALACSpecificConfig: frame length 4 bytes, version, bit depth and three parameters a byte each, channels.
  alac: (config) => config[13] ?? 0,
  // Version and flags, header of the block, and STREAMINFO (RFC 9639 section 8.2): 10 bytes, rate 20 bits, channels less one 3 bits.
  fLaC: (config) => (config.length < 21 ? 0 : ((config[20]! >> 1) & 7) + 1),
};

/**
 * How many objects and channels E-AC-3 has where it has objects (Dolby Atmos: joint object coding, JOC); 0 where it has none. ETSI TS 103 420, 8.3: behind the substreams stand 7 reserved
 * bits, flag_ec3_extension_type_a, and complexity_index_type_a of 8 bits.
 * @param config as of {@link channelsStated}
 */
export function objectsStated(format: string, config: Uint8Array): number {
  if (format !== 'ec-3') return 0;
  let at = 2;
  // A substream has 3 bytes, and one more for the places of channels that dependent ones add.
  for (let left = ((config[1] ?? 0) & 7) + 1; left > 0; left--) at += ((config[at + 2] ?? 0) >> 1) & 15 ? 4 : 3;
  return (config[at] ?? 0) & 1 ? (config[at + 1] ?? 0) : 0;
}

/**
 * Bits a sample of lossless sound; 16 for all other: their sample entries say so. Browsers refuse FLAC whose entry says otherwise than it does itself.
 * @param config as of {@link channelsStated}
 */
export function sampleBits(format: string, config: Uint8Array): number {
  // ALACSpecificConfig as above.
  if (format === 'alac') return config[9] ?? 16;
  // Behind the channels of STREAMINFO, 5 bits less one.
  if (format === 'fLaC' && config.length > 21) return (((config[20]! & 1) << 4) | (config[21]! >> 4)) + 1;
  return 16;
}
