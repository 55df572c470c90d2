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
let scratch = Buffer.allocUnsafeSlow(8192);

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

  const decoded = scratch;
  let dotfiles = 0;
  let union = 0;
  let segmentStart = 0;
  for (let index = 0; index <= length; index++) {
    const byte = index < length ? decoded[index]! : SLASH;
    union |= byte;
    if (byte !== SLASH) continue;
    if (segmentStart === index) {
      // The only empty segment that is canonical is the one behind the last slash.
      if (index !== length) return undefined;
    } else if (decoded[segmentStart] === DOT) {
      if (isDotSegment(decoded, segmentStart, index)) return undefined;
      dotfiles++;
    }
    segmentStart = index + 1;
  }

  const trailingSlash = length === 0 || decoded[length - 1] === SLASH;
  const path = text(trailingSlash && length > 0 ? length - 1 : length, union < 0x80);
  if (path === undefined) return undefined;
  const wellKnown = dotfiles === 1 && (path === '.well-known' || path.startsWith('.well-known/'));
  return { path, trailingSlash, dotfile: dotfiles > 0, wellKnown };
}

/** Percent-decodes into scratch; returns the length there, or -1. */
function decode(bytes: Uint8Array, start: number, end: number): number {
  if (scratch.length < end - start) scratch = Buffer.allocUnsafeSlow(end - start);
  const target = scratch;
  const hex = HEX;
  let length = 0;
  for (let index = start; index < end; index++) {
    let byte = bytes[index]!;
    if (byte === PERCENT) {
      if (index + 2 >= end) return -1;
      const high = hex[bytes[index + 1]!]!;
      const low = hex[bytes[index + 2]!]!;
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

/** Whether a segment that begins with a dot is `.` or `..`. */
function isDotSegment(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start === 1 || (end - start === 2 && bytes[start + 1] === DOT);
}

/** The first bytes of scratch as text, or undefined when they are not UTF-8 in its shortest form. */
function text(length: number, ascii: boolean): string | undefined {
  if (ascii) return scratch.toString('latin1', 0, length);
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
