// The `fmt ` chunk of WAVE: what the samples are, or the name of the codec that they would need. Pure.
// Sources: Microsoft's mmreg.h and "Multiple channel audio data and WAVE files"; EBU Tech 3285 and 3306.

import { soundMask } from '../pcm/channels.js';
import { leastRate, mostChannels, mostRate, type PcmFormat, type SampleFormat } from '../pcm/format.js';

/** Codecs by WAVE's number, as people call them: what is found in files, and is not played from WAV. */
const codecNames: Readonly<Record<number, string>> = {
  2: 'Microsoft ADPCM',
  6: 'A-law',
  7: 'mu-law',
  16: 'OKI ADPCM',
  17: 'IMA ADPCM',
  32: 'Yamaha ADPCM',
  49: 'GSM 6.10',
  64: 'G.721 ADPCM',
  80: 'MPEG layer I or II',
  85: 'MP3',
  146: 'AC-3 (S/PDIF)',
  255: 'AAC',
  352: 'Windows Media Audio',
  353: 'Windows Media Audio',
  354: 'Windows Media Audio',
  8192: 'AC-3',
  8193: 'DTS',
  26447: 'Vorbis',
  61868: 'FLAC',
  65534: 'an extensible format without its extension',
};

const integerTag = 1;
const floatTag = 3;
const extensibleTag = 0xfffe;

/** The end of a sub-format's GUID: KSDATAFORMAT_SUBTYPE_*, and the same of ambisonic files (AMB). */
const guidEnds = ['000000001000800000aa00389b71', '00002107d3118644c8c1ca000000'];

function hexOf(view: DataView, at: number, length: number): string {
  let text = '';
  for (let index = 0; index < length; index++)
    text += view
      .getUint8(at + index)
      .toString(16)
      .padStart(2, '0');
  return text;
}

/** The sub-format's number of an extensible format; undefined where its GUID is none of WAVE's. */
function subFormat(view: DataView): number | undefined {
  const end = hexOf(view, 26, 14);
  return guidEnds.includes(end) ? view.getUint16(24, true) : undefined;
}

const integers: readonly (SampleFormat | undefined)[] = [undefined, 'U8', 'S16_LE', 'S24_3LE', 'S32_LE'];

/** What to do about what is not played. */
const asWith = ', as with `ffmpeg -i IN.wav OUT.flac`';

function refuseCodec(tag: number): { readonly refusal: string } {
  const hex = `0x${tag.toString(16).padStart(4, '0')}`;
  const name = codecNames[tag] ?? `codec ${hex}`;
  return {
    refusal: `it is a WAV that holds ${name}, which is not played: convert it${asWith}`,
  };
}

interface SampleSays {
  readonly tag: number;
  readonly channels: number;
  readonly blockAlign: number;
  readonly bits: number;
}

/** Bytes of a sample's container: of the frame's size where that is sound, else of the bits. */
function containerBytes(says: SampleSays): number {
  const ofBits = Math.ceil(says.bits / 8);
  if (says.blockAlign === 0) return ofBits;
  return says.blockAlign % says.channels === 0 ? says.blockAlign / says.channels : Number.NaN;
}

function sampleOf(says: SampleSays): SampleFormat | { readonly refusal: string } {
  const { tag, bits } = says;
  const bytes = containerBytes(says);
  if (!(bits >= 1 && bits <= 64) || !(bytes * 8 >= bits)) {
    return {
      refusal: `its header contradicts itself (${bits} bits a sample, ${says.channels} channels, ${says.blockAlign} bytes a frame): write it anew${asWith}`,
    };
  }
  const sample =
    tag === integerTag
      ? integers[bytes]
      : bytes === 4 && bits === 32
        ? 'FLOAT_LE'
        : bytes === 8 && bits === 64
          ? 'FLOAT64_LE'
          : undefined;
  const kind = tag === integerTag ? 'integer' : 'floating-point';
  return (
    sample ?? {
      refusal: `its samples are ${kind} of ${bits} bits in ${bytes} bytes, which is not played: convert it to 16 or 24 bits`,
    }
  );
}

/**
 * Reads a `fmt ` chunk.
 * @param view its payload, of which 40 bytes are enough.
 * @returns the format, or one sentence why its samples cannot be played.
 */
export function readFormatChunk(view: DataView): { readonly format: PcmFormat } | { readonly refusal: string } {
  if (view.byteLength < 16) return { refusal: `its format chunk has ${view.byteLength} bytes, and 16 are the least` };
  let tag = view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const rate = view.getUint32(4, true);
  const bits = view.getUint16(14, true);
  let channelMask = 0;
  let validBits = bits;
  if (tag === extensibleTag && view.byteLength >= 40) {
    const inner = subFormat(view);
    // Some writers say that the extension has no bytes, and write it: its name is proof enough.
    if (inner === undefined && view.getUint16(16, true) < 22) return refuseCodec(tag);
    if (inner === undefined)
      return { refusal: `it is a WAV of a sub-format that is not known (${hexOf(view, 24, 16)}): convert it${asWith}` };
    tag = inner;
    validBits = view.getUint16(18, true);
    channelMask = view.getUint32(20, true);
  }
  if (tag !== integerTag && tag !== floatTag) return refuseCodec(tag);
  if (channels < 1 || channels > mostChannels)
    return { refusal: `it says ${channels} channels; 1 to ${mostChannels} can be played` };
  if (rate < leastRate || rate > mostRate)
    return { refusal: `it says ${rate} Hz; ${leastRate} to ${mostRate} Hz can be played` };
  const sample = sampleOf({ tag, channels, blockAlign: view.getUint16(12, true), bits });
  if (typeof sample !== 'string') return sample;
  if (tag === floatTag || validBits < 1 || validBits > bits) validBits = bits;
  return { format: { sample, rate, channels, channelMask: soundMask(channelMask, channels), validBits } };
}
