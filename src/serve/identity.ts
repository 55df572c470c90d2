// Identity: whether a path still leads to the same version of the same file, and the entity tags that are made of it.
// A time of modification can be set by anyone, so it is never the whole of a validator: what lies in memory has a tag of
// its content, equal on every host; what does not has one of everything that a change of it must change.

import type { FileStatus } from '../kernel/file.js';
import { highWord } from '../kernel/words.js';

/** The result of the functions here: 64 bits as two words. Overwritten by the next call. */
export const words = { high: 0, low: 0 };

let high = 0;
let low = 0;

/** Two lanes of MurmurHash3's 32-bit step (Austin Appleby, public domain), with different constants and shifts. */
function mix(word: number): void {
  let left = Math.imul(word, 0xcc9e2d51);
  left = (left << 15) | (left >>> 17);
  high ^= Math.imul(left, 0x1b873593);
  high = (high << 13) | (high >>> 19);
  high = (Math.imul(high, 5) + 0xe6546b64) | 0;
  let right = Math.imul(word, 0x239b961b);
  right = (right << 16) | (right >>> 16);
  low ^= Math.imul(right, 0xab0e9789);
  low = (low << 17) | (low >>> 15);
  low = (Math.imul(low + high, 5) + 0x561ccd1b) | 0;
}

function final(word: number): number {
  let value = word;
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return value ^ (value >>> 16);
}

function finish(length: number): void {
  high ^= length;
  low ^= length;
  high = (high + low) | 0;
  low = (low + high) | 0;
  high = final(high);
  low = final(low);
  words.high = (high + low) | 0;
  words.low = (low + words.high) | 0;
}

function mixLarge(value: number): void {
  mix(value | 0);
  mix(highWord(value) | 0);
}

/** What must differ between two versions of a file, and between two files: into {@link words}. */
export function identityOf(status: FileStatus): void {
  high = 0x9747b28c | 0;
  low = 0x3c6ef372 | 0;
  mixLarge(status.inode);
  mixLarge(status.device);
  mixLarge(status.ctimeSeconds);
  mix(status.ctimeNanoseconds);
  mixLarge(status.mtimeSeconds);
  mix(status.mtimeNanoseconds);
  mixLarge(status.size);
  finish(52);
}

/**
 * The tag of a file whose content nobody looks at, of its identity, into {@link words}. `salt` tells versions apart that
 * their times cannot (see {@link isRacy}); 0 where they can.
 */
export function tagOfIdentity(identityHigh: number, identityLow: number, coding: number, salt: number): void {
  high = 0x2545f491;
  low = 0x1f83d9ab;
  mix(identityHigh);
  mix(identityLow);
  mix(coding);
  mixLarge(salt);
  finish(20);
}

/**
 * The tag of content, into {@link words}: the same bytes have it on every host. Words go to two lanes in turn, each of
 * MurmurHash3's step, which are mixed at the end: half the work of mixing every word into both.
 */
export function tagOfContent(bytes: Uint8Array, start: number, length: number, coding: number): void {
  let left = 0x510e527f;
  let right = 0x1bf29ce4 ^ coding;
  const end = start + length;
  let index = start;
  for (; index + 8 <= end; index += 8) {
    left = step(left, bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16) | (bytes[index + 3]! << 24));
    right = step(
      right,
      bytes[index + 4]! | (bytes[index + 5]! << 8) | (bytes[index + 6]! << 16) | (bytes[index + 7]! << 24),
    );
  }
  high = left;
  low = right;
  let rest = 0;
  for (let shift = 0; index < end; index++) {
    rest |= bytes[index]! << shift;
    shift += 8;
    if (shift < 32) continue;
    mix(rest);
    rest = 0;
    shift = 0;
  }
  mix(rest);
  finish(length);
}

function step(state: number, word: number): number {
  let value = Math.imul(word, 0xcc9e2d51);
  value = (value << 15) | (value >>> 17);
  const next = state ^ Math.imul(value, 0x1b873593);
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

/** The kernel's clock for files advances in ticks of up to 10 ms; hosts that share a file have clocks of their own. */
const tickMs = 50;
const clockSkewMs = 3000;

/**
 * Whether a file changed so lately that another change may leave it with the same times: then its identity says nothing.
 * @param nowMs of Date.now(). @param remote whether another host may set its times.
 */
export function isRacy(status: FileStatus, nowMs: number, remote: boolean): boolean {
  const changedMs = status.ctimeSeconds * 1000 + status.ctimeNanoseconds / 1e6;
  return nowMs - changedMs < (remote ? clockSkewMs : tickMs);
}

/**
 * Whether the modification time may have been set by somebody: two versions may then have the same one, and as a date it is a
 * weak validator (RFC 9110 section 8.8.2.2). A write sets it and the time of change to one value, down to the nanosecond.
 */
export function isTimeSet(status: FileStatus): boolean {
  return status.ctimeSeconds !== status.mtimeSeconds || status.ctimeNanoseconds !== status.mtimeNanoseconds;
}

/**
 * The modification time that is said of a file, in whole seconds. One that lies behind the time of the last change was set by
 * somebody and lay ahead (RFC 9110 section 8.8.2.1): then it is the time of that change, whoever looks and whenever, so that what one worker said is true to the others.
 * @param nowMs of Date.now().
 */
export function saidSeconds({ mtimeSeconds, ctimeSeconds }: FileStatus, nowMs: number): number {
  return Math.min(mtimeSeconds, ctimeSeconds, Math.floor(nowMs / 1000));
}

/**
 * Whether a modification time says when something changed. 0 and 1 are what archives, container layers and package stores set that
 * keep no times: every version of a file has it, so that it answers no condition and is not sent.
 */
export function isDate(mtimeSeconds: number): boolean {
  return mtimeSeconds !== 0 && mtimeSeconds !== 1;
}

const digits = '0123456789abcdef';

/** The 18 characters of an entity tag, quotes included. */
export function formatTag(tagHigh: number, tagLow: number): string {
  let text = '"';
  for (let shift = 28; shift >= 0; shift -= 4) text += digits[(tagHigh >>> shift) & 15];
  for (let shift = 28; shift >= 0; shift -= 4) text += digits[(tagLow >>> shift) & 15];
  return `${text}"`;
}

/** Reads a tag of the form that {@link formatTag} gives into {@link words}. False for any other. */
export function readTag(tag: string): boolean {
  if (!/^"[0-9a-f]{16}"$/.test(tag)) return false;
  words.high = Number.parseInt(tag.slice(1, 9), 16) | 0;
  words.low = Number.parseInt(tag.slice(9, 17), 16) | 0;
  return true;
}

/** Bytes of a tag as {@link writeTag} writes it. */
export const TAG_BYTES = 18;

/** Writes an entity tag; returns the offset behind it. */
export function writeTag(target: Uint8Array, at: number, tagHigh: number, tagLow: number): number {
  target[at] = 0x22;
  for (let index = 0; index < 8; index++) {
    const highDigit = (tagHigh >>> (28 - index * 4)) & 15;
    const lowDigit = (tagLow >>> (28 - index * 4)) & 15;
    target[at + 1 + index] = highDigit < 10 ? 0x30 + highDigit : 0x57 + highDigit;
    target[at + 9 + index] = lowDigit < 10 ? 0x30 + lowDigit : 0x57 + lowDigit;
  }
  target[at + 17] = 0x22;
  return at + TAG_BYTES;
}
