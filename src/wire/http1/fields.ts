// The field names that the server knows, each with a slot, and the lookup from borrowed bytes to a slot, four bytes at a time.
// Not here: what the values mean.

import { COLON } from './grammar.js';

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

/** Length of the names in bytes, by slot. */
export const FIELD_NAME_LENGTH: Uint8Array = Uint8Array.from(FIELD_NAMES, (name) => name.length);

// A name is compared as little-endian words at offsets 0, 4, 8 ... and, overlapping, at length - 4. A word of the head is
// or-ed with a mask that has bit 5 set under letters only: that folds their case and leaves every other byte exact.
const wordsFrom = new Uint8Array(FIELD_COUNT + 1);
const wordOffsets: number[] = [];
const wordMasks: number[] = [];
const wordValues: number[] = [];
for (let slot = 0; slot < FIELD_COUNT; slot++) {
  const name = FIELD_NAMES[slot]!;
  for (let offset = 0; offset < name.length; offset += 4) {
    const at = Math.min(offset, name.length - 4);
    wordOffsets.push(at);
    wordValues.push(wordOf(name, at, (code) => code));
    wordMasks.push(wordOf(name, at, (code) => (code >= 0x61 && code <= 0x7a ? 0x20 : 0)));
  }
  wordsFrom[slot + 1] = wordOffsets.length;
}
const offsetTable = Uint8Array.from(wordOffsets);
const maskTable = Int32Array.from(wordMasks);
const valueTable = Int32Array.from(wordValues);

// Names that share their first four letters form a chain; the chains hang in a hash table over those letters.
const HASH_SIZE = 64;
const chainHead = new Int8Array(HASH_SIZE).fill(-1);
const chainNext = new Int8Array(FIELD_COUNT).fill(-1);
for (let slot = FIELD_COUNT - 1; slot >= 0; slot--) {
  const bucket = hash(valueTable[wordsFrom[slot]!]!);
  chainNext[slot] = chainHead[bucket]!;
  chainHead[bucket] = slot;
}

/**
 * Finds the slot of the field whose name begins at `start` and is followed by a colon; any case.
 *
 * @param view the same bytes as `bytes`
 * @param bound nothing at or after it is read
 * @returns the slot, or -1 for a name that has none or a line that is not complete up to its colon
 */
export function fieldSlot(bytes: Uint8Array, view: DataView, start: number, bound: number): number {
  if (start + 4 >= bound) return -1;
  let slot = chainHead[hash(view.getInt32(start, true) | 0x20202020)]!;
  for (; slot >= 0; slot = chainNext[slot]!) {
    const end = start + FIELD_NAME_LENGTH[slot]!;
    if (end < bound && bytes[end] === COLON && sameWords(view, start, slot)) return slot;
  }
  return -1;
}

function sameWords(view: DataView, start: number, slot: number): boolean {
  const last = wordsFrom[slot + 1]!;
  for (let word = wordsFrom[slot]!; word < last; word++) {
    if ((view.getInt32(start + offsetTable[word]!, true) | maskTable[word]!) !== valueTable[word]) return false;
  }
  return true;
}

function hash(letters: number): number {
  return Math.imul(letters, 0x9e3779b1) >>> 26;
}

function wordOf(name: string, offset: number, byte: (code: number) => number): number {
  let word = 0;
  for (let index = 0; index < 4; index++) word |= byte(name.charCodeAt(offset + index)) << (8 * index);
  return word;
}
