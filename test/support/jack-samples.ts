// The samples that tests play to JACK, by a formula that both sides know, and what they are as floats. No frame of them is silent.

import type { SampleFormat } from '../../src/wire/pcm/format.js';

/** Byte `index` of the stream. */
export function jackTestByte(sample: SampleFormat, index: number): number {
  const byte = (Math.imul(index + 1, 2_654_435_761) >>> 24) | 1;
  // A float of any bytes may be none: one between 1 and 2 in its place, by its exponent.
  if (sample === 'FLOAT_LE' && index % 4 === 3) return 0x3f;
  if (sample === 'FLOAT_LE' && index % 4 === 2) return byte | 0x80;
  // Of four bytes with 24 bits the lowest is empty.
  return sample === 'S32_LE' && index % 4 === 0 ? 0 : byte;
}

/** The stream's bytes as samples between -1 and 1, or as the floats that they are. */
export function jackTestFloat(sample: SampleFormat, index: number): number {
  const byte = (at: number): number => jackTestByte(sample, at);
  if (sample === 'S16_LE') return (((byte(index * 2) | (byte(index * 2 + 1) << 8)) << 16) >> 16) / 2 ** 15;
  if (sample === 'S24_3LE')
    return (((byte(index * 3) | (byte(index * 3 + 1) << 8) | (byte(index * 3 + 2) << 16)) << 8) >> 8) / 2 ** 23;
  const word = [0, 1, 2, 3].reduce((sum, at) => sum | (byte(index * 4 + at) << (8 * at)), 0);
  if (sample === 'S24_LE') return ((word << 8) >> 8) / 2 ** 23;
  if (sample === 'S32_LE') return word / 2 ** 31;
  return new Float32Array(new Int32Array([word]).buffer)[0]!;
}
