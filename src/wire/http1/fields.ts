// The field names that the server knows, each with a slot, and the lookup from borrowed bytes to a slot.
// Not here: what the values mean.

import { TOKEN } from './grammar.js';

/** Slots of the known fields. At most 31, so that a set of them fits a small integer. */
export const Field = {
  host: 0,
  ifMatch: 1,
  ifNoneMatch: 2,
  ifModifiedSince: 3,
  ifUnmodifiedSince: 4,
  ifRange: 5,
  range: 6,
  acceptEncoding: 7,
  accept: 8,
  userAgent: 9,
  referer: 10,
  origin: 11,
  expect: 12,
  authorization: 13,
  connection: 14,
  contentLength: 15,
  transferEncoding: 16,
  upgrade: 17,
  acceptLanguage: 18,
  cookie: 19,
  contentType: 20,
  cacheControl: 21,
  accessControlRequestMethod: 22,
  accessControlRequestHeaders: 23,
  forwarded: 24,
  xForwardedFor: 25,
  traceparent: 26,
} as const;

/** Field names in lower case, by slot. */
export const FIELD_NAMES: readonly string[] = Object.keys(Field).map((key) =>
  key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
);

/** Number of slots. */
export const FIELD_COUNT: number = FIELD_NAMES.length;

const HASH_SIZE = 256;
const nameOffset = new Int32Array(FIELD_COUNT + 1);
const nameBytes = flatten(FIELD_NAMES, nameOffset);
const slotByHash = new Int8Array(HASH_SIZE).fill(-1);
const multiplier = findMultiplier();

/**
 * Finds the slot of a field name, any case. The name must be a token already. One probe of a perfect hash over length,
 * first and last byte, then a comparison of every byte: a name made to collide only costs that comparison.
 *
 * @returns the slot, or -1 for a name that has none
 */
export function fieldSlot(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  const slot = slotByHash[hash(length, TOKEN[bytes[start]!]!, TOKEN[bytes[end - 1]!]!, multiplier)]!;
  if (slot < 0) return -1;
  const offset = nameOffset[slot]!;
  if (nameOffset[slot + 1]! - offset !== length) return -1;
  for (let index = 0; index < length; index++) {
    if (TOKEN[bytes[start + index]!] !== nameBytes[offset + index]) return -1;
  }
  return slot;
}

function hash(length: number, first: number, last: number, factor: number): number {
  return (Math.imul(length + (first << 6) + (last << 12), factor) >>> 16) & (HASH_SIZE - 1);
}

/** Fills slotByHash with the first odd multiplier under which no two known names meet. */
function findMultiplier(): number {
  for (let factor = 0x9e3779b1 | 0; ; factor = (factor + 2) | 0) {
    slotByHash.fill(-1);
    let clash = false;
    for (let slot = 0; slot < FIELD_COUNT && !clash; slot++) {
      const start = nameOffset[slot]!;
      const end = nameOffset[slot + 1]!;
      const index = hash(end - start, nameBytes[start]!, nameBytes[end - 1]!, factor);
      clash = slotByHash[index] !== -1;
      slotByHash[index] = slot;
    }
    if (!clash) return factor;
  }
}

function flatten(names: readonly string[], offsets: Int32Array): Uint8Array {
  const text = names.join('');
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  for (let slot = 0; slot < names.length; slot++) offsets[slot + 1] = offsets[slot]! + names[slot]!.length;
  return bytes;
}
