// The header of a WAV file that is being written: with room for RF64's sizes, so that a file that grows beyond 4 GiB can say so when it is closed. Pure. Sources: RIFF/WAVE
// (Microsoft, mmreg.h), EBU Tech 3306 (RF64). Not here: reading WAV (wire/wav).

import {
  frameBytes,
  isFloat,
  type PcmFormat,
  type SampleFormat,
  sampleBits,
  sampleBytes,
} from '../../wire/pcm/format.js';

const fourGibibytes = 0xffff_ffff;
const extensible = 0xfffe;
/** The tail of the identifiers of WAVE's sub-formats. */
const guidTail = [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71];
const ds64Bytes = 28;

/** Forms of samples that a WAV holds. */
export const waveSamples: readonly SampleFormat[] = ['U8', 'S16_LE', 'S24_3LE', 'S32_LE', 'FLOAT_LE', 'FLOAT64_LE'];

function isPlain({ sample, channels, channelMask, validBits }: PcmFormat): boolean {
  const isUsual = channels <= 2 && (channelMask === 0 || channelMask === (channels === 1 ? 4 : 3));
  return isUsual && validBits === sampleBits(sample) && (sample === 'U8' || sample === 'S16_LE' || isFloat(sample));
}

/**
 * The bytes before the first frame. @param payloadBytes what follows, undefined: not known, and the header says so (a pipe; sizes of all ones)
 * @param isPatchable room is left for 64-bit sizes: the header has the same length whatever it says
 */
export function waveHeader(format: PcmFormat, payloadBytes: number | undefined, isPatchable: boolean): Uint8Array {
  const plain = isPlain(format);
  const formatBytes = plain ? 16 : 40;
  const wide = isPatchable ? 8 + ds64Bytes : 0;
  const length = 12 + wide + 8 + formatBytes + 8;
  const bytes = new Uint8Array(length);
  const data = new DataView(bytes.buffer);
  const text = (at: number, name: string): void => {
    for (let index = 0; index < 4; index++) bytes[at + index] = name.charCodeAt(index);
  };
  const padded = payloadBytes === undefined ? undefined : payloadBytes + (payloadBytes % 2);
  const riffBytes = padded === undefined ? fourGibibytes : length - 8 + padded;
  const isLarge = isPatchable && riffBytes > fourGibibytes;
  text(0, isLarge ? 'RF64' : 'RIFF');
  data.setUint32(4, Math.min(riffBytes, fourGibibytes), true);
  text(8, 'WAVE');
  if (isPatchable) {
    text(12, isLarge ? 'ds64' : 'JUNK');
    data.setUint32(16, ds64Bytes, true);
    if (isLarge && payloadBytes !== undefined) {
      data.setBigUint64(20, BigInt(riffBytes), true);
      data.setBigUint64(28, BigInt(payloadBytes), true);
      data.setBigUint64(36, BigInt(payloadBytes / frameBytes(format)), true);
    }
  }
  writeFormat(data, bytes, 12 + wide, format, plain, text);
  text(length - 8, 'data');
  data.setUint32(
    length - 4,
    payloadBytes === undefined || isLarge ? fourGibibytes : Math.min(payloadBytes, fourGibibytes),
    true,
  );
  return bytes;
}

function writeFormat(
  data: DataView,
  bytes: Uint8Array,
  at: number,
  format: PcmFormat,
  plain: boolean,
  text: (at: number, name: string) => void,
): void {
  const { sample, rate, channels, validBits, channelMask } = format;
  const tag = isFloat(sample) ? 3 : 1;
  const frame = frameBytes(format);
  text(at, 'fmt ');
  data.setUint32(at + 4, plain ? 16 : 40, true);
  data.setUint16(at + 8, plain ? tag : extensible, true);
  data.setUint16(at + 10, channels, true);
  data.setUint32(at + 12, rate, true);
  data.setUint32(at + 16, rate * frame, true);
  data.setUint16(at + 20, frame, true);
  data.setUint16(at + 22, sampleBytes(sample) * 8, true);
  if (plain) return;
  data.setUint16(at + 24, 22, true);
  data.setUint16(at + 26, validBits, true);
  data.setUint32(at + 28, channelMask, true);
  data.setUint16(at + 32, tag, true);
  for (const [index, byte] of guidTail.entries()) bytes[at + 34 + index] = byte;
}
