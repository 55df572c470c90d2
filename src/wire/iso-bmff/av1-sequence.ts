// The configuration of AV1 (`av1C`, AV1 in ISOBMFF section 2.3) out of the stream itself: its sequence header, AV1 specification section 5.5.
// For films whose muxer wrote none that can be read. Not here: what a configuration says (codec-string.ts).

/** Bits from the front; behind the end there are zeros. */
class Bits {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): number {
    let value = 0;
    for (let bit = 0; bit < count; bit++, this.#at++) {
      value = value * 2 + (((this.#bytes[this.#at >> 3] ?? 0) >> (7 - (this.#at & 7))) & 1);
    }
    return value;
  }

  flag(): boolean {
    return this.take(1) === 1;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** `uvlc()`. */
  skipVariable(): void {
    let zeros = 0;
    while (zeros < 32 && !this.flag()) zeros++;
    this.skip(zeros < 32 ? zeros : 0);
  }

  get isWithin(): boolean {
    return this.#at <= this.#bytes.length * 8;
  }
}

const sequenceHeader = 1;

/** The payload of `av1C` by the sequence header in the first bytes of a sample; undefined where there is none that is whole. */
export function av1Configuration(sample: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at < sample.length; ) {
    const header = sample[at]!;
    // An OBU without a size goes to the end of the sample, which may not be there.
    if (header & 0x80 || (header & 2) === 0) return undefined;
    let place = at + (header & 4 ? 2 : 1);
    let size = 0;
    for (let shift = 0; shift < 56; shift += 7) {
      const byte = sample[place++] ?? 0;
      size += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    const end = place + size;
    if (((header >> 3) & 15) === sequenceHeader) {
      if (end > sample.length) return undefined;
      const fields = fieldsOf(new Bits(sample.subarray(place, end)));
      return fields && Uint8Array.of(0x81, ...fields, 0, ...sample.subarray(at, end));
    }
    at = end;
  }
  return undefined;
}

/** The second and third byte of `av1C`; undefined where the header is cut off. */
function fieldsOf(bits: Bits): [number, number] | undefined {
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
  const colours = colourBits(bits, profile);
  return bits.isWithin ? [(profile << 5) | level, (tier << 7) | colours] : undefined;
}

/** Level and tier of the first operating point. */
function operatingPoints(bits: Bits): { level: number; tier: number } {
  let delayBits = 0;
  if (bits.flag()) {
    bits.skip(64);
    if (bits.flag()) bits.skipVariable();
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

/** `high_bitdepth` to `chroma_sample_position`, as `av1C` has them. */
function colourBits(bits: Bits, profile: number): number {
  const isHigh = bits.take(1);
  const isTwelve = profile === 2 && isHigh === 1 ? bits.take(1) : 0;
  const mono = profile === 1 ? 0 : bits.take(1);
  const [primaries, transfer, matrix] = bits.flag() ? [bits.take(8), bits.take(8), bits.take(8)] : [2, 2, 2];
  const depth = (isHigh << 6) | (isTwelve << 5) | (mono << 4);
  if (mono === 1) return depth | 0b1100;
  // sRGB is 4:4:4, and says nothing of its range.
  if (primaries === 1 && transfer === 13 && matrix === 0) return depth;
  bits.skip(1);
  let [acrossX, acrossY] = profile === 0 ? [1, 1] : profile === 1 ? [0, 0] : [1, 0];
  if (isTwelve === 1) {
    acrossX = bits.take(1);
    acrossY = acrossX === 1 ? bits.take(1) : 0;
  }
  return depth | (acrossX << 3) | (acrossY << 2) | (acrossX === 1 && acrossY === 1 ? bits.take(2) : 0);
}
