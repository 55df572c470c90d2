// The sequence header of AV1 (AV1 specification section 5.5): the configuration (`av1C`, AV1 in ISOBMFF section 2.3) out of the stream itself, for
// films whose muxer wrote none that can be read, and the colours, for entries without `colr`. Not here: what a configuration says (codec-string.ts).

import { Bits } from './bits.js';
import type { Colour } from './codec-string.js';

const sequenceHeader = 1;

/** The payload of `av1C` by the sequence header in the first bytes of a sample; undefined where there is none that is whole. */
export function av1Configuration(sample: Uint8Array): Uint8Array | undefined {
  const header = headerIn(sample, 0);
  return header && Uint8Array.of(0x81, ...header.fields, 0, ...sample.subarray(header.at, header.end));
}

/** Colours by the sequence header in the payload of `av1C`; undefined where it has none, or that does not say them. */
export function av1Colour(config: Uint8Array): Colour | undefined {
  return headerIn(config, 4)?.colour;
}

/** What a sequence header says: the second and third byte of `av1C`, and colours. */
interface HeaderFacts {
  readonly fields: readonly [number, number];
  readonly colour: Colour | undefined;
}

/** The sequence header among OBUs; undefined where there is none that is whole. */
function headerIn(bytes: Uint8Array, from: number): (HeaderFacts & { at: number; end: number }) | undefined {
  for (let at = from; at < bytes.length; ) {
    const header = bytes[at]!;
    // An OBU without a size goes to the end of the sample, which may not be there.
    if (header & 0x80 || (header & 2) === 0) return undefined;
    let place = at + (header & 4 ? 2 : 1);
    let size = 0;
    for (let shift = 0; shift < 56; shift += 7) {
      const byte = bytes[place++] ?? 0;
      size += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const end = place + size;
    if (((header >> 3) & 15) === sequenceHeader) {
      const facts = end > bytes.length ? undefined : factsOf(new Bits(bytes.subarray(place, end)));
      return facts && { ...facts, at, end };
    }
    at = end;
  }
  return undefined;
}

/** Undefined where the header is cut off. */
function factsOf(bits: Bits): HeaderFacts | undefined {
  const profile = bits.take(3);
  bits.skip(1);
  const isReduced = bits.flag();
  const { level, tier } = isReduced ? { level: bits.take(5), tier: 0 } : operatingPoints(bits);
  const [widthBits, heightBits] = [bits.take(4) + 1, bits.take(4) + 1];
  bits.skip(widthBits + heightBits);
  if (!isReduced && bits.flag()) bits.skip(7);
  bits.skip(3);
  if (!isReduced) tools(bits);
  bits.skip(3);
  const { form, colour } = colours(bits, profile);
  return bits.isWithin ? { fields: [(profile << 5) | level, (tier << 7) | form], colour } : undefined;
}

/** Level and tier of the first operating point. */
function operatingPoints(bits: Bits): { level: number; tier: number } {
  let delayBits = 0;
  if (bits.flag()) {
    bits.skip(64);
    if (bits.flag()) bits.variable();
    if (bits.flag()) {
      delayBits = bits.take(5) + 1;
      bits.skip(42);
    }
  }
  const hasDisplayDelay = bits.flag();
  const points = bits.take(5) + 1;
  let first = { level: 0, tier: 0 };
  for (let point = 0; point < points; point++) {
    bits.skip(12);
    const level = bits.take(5);
    const tier = level > 7 ? bits.take(1) : 0;
    if (point === 0) first = { level, tier };
    if (delayBits > 0 && bits.flag()) bits.skip(2 * delayBits + 1);
    if (hasDisplayDelay && bits.flag()) bits.skip(4);
  }
  return first;
}

/** What stands between the sizes of pictures and their colours in a header that is not reduced. */
function tools(bits: Bits): void {
  bits.skip(4);
  const hasOrder = bits.flag();
  if (hasOrder) bits.skip(2);
  const screenContent = bits.flag() || bits.flag();
  if (screenContent && !bits.flag()) bits.skip(1);
  if (hasOrder) bits.skip(3);
}

/** `form` is `high_bitdepth` to `chroma_sample_position`, as `av1C` has them. */
function colours(bits: Bits, profile: number): { readonly form: number; readonly colour: Colour | undefined } {
  const isHigh = bits.take(1);
  const isTwelve = profile === 2 && isHigh === 1 ? bits.take(1) : 0;
  const mono = profile === 1 ? 0 : bits.take(1);
  const areSaid = bits.flag();
  const [primaries, transfer, matrix] = areSaid ? [bits.take(8), bits.take(8), bits.take(8)] : [2, 2, 2];
  const depth = (isHigh << 6) | (isTwelve << 5) | (mono << 4);
  // sRGB is 4:4:4, and says nothing of its range: it is the full one.
  const isRgb = mono === 0 && primaries === 1 && transfer === 13 && matrix === 0;
  const isFullRange = isRgb || bits.flag();
  const colour = areSaid ? { primaries, transfer, matrix, isFullRange } : undefined;
  if (isRgb) return { form: depth, colour };
  if (mono === 1) return { form: depth | 0b1100, colour };
  let [acrossX, acrossY] = profile === 0 ? [1, 1] : profile === 1 ? [0, 0] : [1, 0];
  if (isTwelve === 1) {
    acrossX = bits.take(1);
    acrossY = acrossX === 1 ? bits.take(1) : 0;
  }
  const place = acrossX === 1 && acrossY === 1 ? bits.take(2) : 0;
  return { form: depth | (acrossX << 3) | (acrossY << 2) | place, colour };
}
