// The one canonicalisation of a request path. What comes out names a file beneath the root by plain segments; what has two
// readings does not come out at all. Not here: opening it, which the kernel does beneath the root once more.

import { HEX, PERCENT, SLASH } from '../http1/grammar.js';

/** A request path in its only form. */
export interface CanonicalPath {
  /** Decoded segments joined by `/`, without a slash at either end; empty for the root. Never `.`, `..`, empty or NUL. */
  path: string;
  /** The request named a folder: it ended in a slash. True for the root. */
  trailingSlash: boolean;
  /** Some segment begins with a dot. */
  dotfile: boolean;
  /** The path lies in `/.well-known/` (RFC 8615) and no other segment begins with a dot. */
  wellKnown: boolean;
}

const DOT = 0x2e;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
let scratch = new Uint8Array(8192);

/**
 * Decodes a path once and refuses every form that is not canonical: encoded slash, NUL, malformed or overlong escapes and
 * UTF-8, `.` and `..` segments whether literal or encoded, empty segments. A backslash is a byte like any other.
 *
 * @param bytes the raw path, `start` up to `end`, as the request carried it; an empty one stands for `/`
 * @returns undefined for a path that names nothing here
 */
export function canonicalPath(bytes: Uint8Array, start: number, end: number): CanonicalPath | undefined {
  if (start === end) return { path: '', trailingSlash: true, dotfile: false, wellKnown: false };
  if (bytes[start] !== SLASH) return undefined;
  const length = decode(bytes, start + 1, end);
  if (length < 0) return undefined;

  let dotfiles = 0;
  let segmentStart = 0;
  for (let index = 0; index <= length; index++) {
    if (index < length && scratch[index] !== SLASH) continue;
    if (!isSegment(segmentStart, index)) {
      // The only empty segment that is canonical is the one behind the last slash.
      if (index !== length || index !== segmentStart) return undefined;
    } else if (scratch[segmentStart] === DOT) {
      dotfiles++;
    }
    segmentStart = index + 1;
  }

  const trailingSlash = length === 0 || scratch[length - 1] === SLASH;
  const path = text(trailingSlash && length > 0 ? length - 1 : length);
  if (path === undefined) return undefined;
  const wellKnown = dotfiles === 1 && (path === '.well-known' || path.startsWith('.well-known/'));
  return { path, trailingSlash, dotfile: dotfiles > 0, wellKnown };
}

/** Percent-decodes into scratch; returns the length there, or -1. */
function decode(bytes: Uint8Array, start: number, end: number): number {
  if (scratch.length < end - start) scratch = new Uint8Array(end - start);
  const target = scratch;
  let length = 0;
  for (let index = start; index < end; index++) {
    let byte = bytes[index]!;
    if (byte === PERCENT) {
      if (index + 2 >= end) return -1;
      const high = HEX[bytes[index + 1]!]!;
      const low = HEX[bytes[index + 2]!]!;
      if (high === 0 || low === 0) return -1;
      byte = (high - 1) * 16 + (low - 1);
      if (byte === SLASH) return -1;
      index += 2;
    }
    if (byte === 0) return -1;
    target[length++] = byte;
  }
  return length;
}

/** Whether scratch from start to end is a segment with a name: not empty, `.` or `..`. */
function isSegment(start: number, end: number): boolean {
  const length = end - start;
  if (length === 0) return false;
  if (scratch[start] !== DOT || length > 2) return true;
  return length === 2 && scratch[start + 1] !== DOT;
}

/** The first bytes of scratch as text, or undefined when they are not UTF-8 in its shortest form. */
function text(length: number): string | undefined {
  try {
    return utf8.decode(scratch.subarray(0, length));
  } catch {
    return undefined;
  }
}

/**
 * A decoded path, percent-encoded for a Location field or a link (RFC 3986 section 3.3). Slashes stay; a text that is not
 * well-formed is repaired with U+FFFD first.
 */
export function encodePath(path: string): string {
  return encodeURI(path.toWellFormed()).replace(/[?#]/g, (found) => (found === '?' ? '%3F' : '%23'));
}
