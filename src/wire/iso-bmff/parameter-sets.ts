// What the parameter sets in a configuration (`avcC`, `hvcC`) say of colours: ISO/IEC 14496-10 and 23008-2, 7.3.2 and annex E. For entries without `colr`: MP4Box writes
// none unless it is asked to. Not here: AV1's sequence header (av1-sequence.ts), codec strings (codec-string.ts).

import { Bits } from './bits.js';
import type { Colour } from './codec-string.js';

/** Colours by `avcC`; undefined where it does not say them. */
export function avcColour(config: Uint8Array): Colour | undefined {
  const set = unitAt(config, 6);
  return (config[5] ?? 0) % 32 === 0 || set === undefined ? undefined : usable(new Bits(withoutEscapes(set)), avcSet);
}

const arraysAt = 22;
const hevcSequenceSet = 33;

/** Colours by `hvcC`; undefined where it does not say them. */
export function hevcColour(config: Uint8Array): Colour | undefined {
  let at = arraysAt + 1;
  for (let arrays = config[arraysAt] ?? 0; arrays > 0; arrays--) {
    const type = (config[at] ?? 0) & 63;
    const units = ((config[at + 1] ?? 0) << 8) | (config[at + 2] ?? 0);
    at += 3;
    for (let left = units; left > 0; left--) {
      const unit = unitAt(config, at);
      if (unit === undefined) return undefined;
      // That of another layer is of another form.
      const layer = ((unit[0]! & 1) << 5) | (unit[1]! >> 3);
      if (type === hevcSequenceSet && layer === 0) return usable(new Bits(withoutEscapes(unit)), hevcSet);
      at += 2 + unit.length;
    }
  }
  return undefined;
}

/** A unit behind its length; undefined where it is not whole, or has no payload. */
function unitAt(config: Uint8Array, at: number): Uint8Array | undefined {
  const length = ((config[at] ?? 0) << 8) | (config[at + 1] ?? 0);
  const end = at + 2 + length;
  return length > 2 && end <= config.length ? config.subarray(at + 2, end) : undefined;
}

/** More bytes than stand in front of the colours, every list of them as long as it can be. */
const mostBytes = 4096;

/** The begin of a unit without the 3 that stands behind two zeros. */
function withoutEscapes(unit: Uint8Array): Uint8Array {
  return unit
    .subarray(0, mostBytes)
    .filter((byte, at) => byte !== 3 || at < 2 || unit[at - 1] !== 0 || unit[at - 2] !== 0);
}

type SetReader = (bits: Bits) => Colour | undefined;

function usable(bits: Bits, read: SetReader): Colour | undefined {
  const colour = read(bits);
  return bits.isWithin ? colour : undefined;
}

const skipVariables = (bits: Bits, count: number): void => {
  for (let index = 0; index < count; index++) bits.variable();
};

/** Profiles of H.264 whose sets state the form of the colours. */
const highProfiles = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

function avcSet(bits: Bits): Colour | undefined {
  bits.skip(8);
  const profile = bits.take(8);
  bits.skip(16);
  bits.variable();
  if (highProfiles.has(profile)) {
    const form = bits.variable();
    if (form === 3) bits.skip(1);
    skipVariables(bits, 2);
    bits.skip(1);
    if (bits.flag()) for (let list = 0; list < (form === 3 ? 12 : 8); list++) avcScaling(bits, list < 6 ? 16 : 64);
  }
  bits.variable();
  const order = bits.variable();
  if (order === 0) bits.variable();
  else if (order === 1) {
    bits.skip(1);
    skipVariables(bits, 2);
    const frames = bits.variable();
    if (frames > 255) return undefined;
    skipVariables(bits, frames);
  }
  bits.variable();
  bits.skip(1);
  skipVariables(bits, 2);
  if (!bits.flag()) bits.skip(1);
  bits.skip(1);
  if (bits.flag()) skipVariables(bits, 4);
  return usability(bits);
}

/** A signed number is a variable one: 0, 1, -1, 2, -2. */
function signed(bits: Bits): number {
  const value = bits.variable();
  return value % 2 === 1 ? (value + 1) / 2 : -value / 2;
}

function avcScaling(bits: Bits, count: number): void {
  if (!bits.flag()) return;
  for (let at = 0, last = 8; at < count; at++) {
    const next = (last + signed(bits) + 256) % 256;
    // The others are as the last one.
    if (next === 0) return;
    last = next;
  }
}

function hevcSet(bits: Bits): Colour | undefined {
  bits.skip(16 + 4);
  const layers = bits.take(3);
  bits.skip(1);
  levels(bits, layers);
  bits.variable();
  if (bits.variable() === 3) bits.skip(1);
  skipVariables(bits, 2);
  if (bits.flag()) skipVariables(bits, 4);
  skipVariables(bits, 2);
  const orderBits = bits.variable() + 4;
  skipVariables(bits, bits.flag() ? 3 * (layers + 1) : 3);
  skipVariables(bits, 6);
  if (bits.flag() && bits.flag()) hevcScaling(bits);
  bits.skip(2);
  if (bits.flag()) {
    bits.skip(8);
    skipVariables(bits, 2);
    bits.skip(1);
  }
  const areRead = referenceSets(bits);
  if (!areRead) return undefined;
  if (bits.flag()) {
    const count = bits.variable();
    if (count > 32) return undefined;
    bits.skip(count * (orderBits + 1));
  }
  bits.skip(2);
  return usability(bits);
}

/** profile_tier_level() */
function levels(bits: Bits, layers: number): void {
  bits.skip(96);
  const present: [boolean, boolean][] = [];
  for (let layer = 0; layer < layers; layer++) present.push([bits.flag(), bits.flag()]);
  if (layers > 0) bits.skip(2 * (8 - layers));
  for (const [hasProfile, hasLevel] of present) bits.skip((hasProfile ? 88 : 0) + (hasLevel ? 8 : 0));
}

function hevcScaling(bits: Bits): void {
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (bits.flag()) skipVariables(bits, Math.min(64, 1 << (4 + 2 * size)) + (size > 1 ? 1 : 0));
      else bits.variable();
    }
  }
}

/** Sets of pictures that are referred to. False: there are more than there may be. */
function referenceSets(bits: Bits): boolean {
  const count = bits.variable();
  if (count > 64) return false;
  let pictures = 0;
  for (let set = 0; set < count; set++) {
    if (set > 0 && bits.flag()) {
      bits.skip(1);
      bits.variable();
      let kept = 0;
      for (let picture = 0; picture <= pictures; picture++) if (bits.flag() || bits.flag()) kept++;
      pictures = kept;
    } else {
      pictures = bits.variable() + bits.variable();
      if (pictures > 32) return false;
      for (let picture = 0; picture < pictures; picture++) {
        bits.variable();
        bits.skip(1);
      }
    }
  }
  return true;
}

/** The begin of what annex E states, if it is there. */
function usability(bits: Bits): Colour | undefined {
  if (!bits.flag()) return undefined;
  const shapeIsOther = bits.flag() && bits.take(8) === 255;
  if (shapeIsOther) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (!bits.flag()) return undefined;
  bits.skip(3);
  const isFullRange = bits.flag();
  if (!bits.flag()) return undefined;
  return { primaries: bits.take(8), transfer: bits.take(8), matrix: bits.take(8), isFullRange };
}
