// The one canonicalisation of a request path. What comes out names a file beneath the root by plain segments; what has two
// readings does not come out at all. Not here: opening it, which the kernel does beneath the root once more.

import { decodePathText } from '../../text/path-text.js';
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

/** A request path in its only form, as bytes: what files are looked up by. One object serves any number of requests. */
export class CanonicalBytes {
  /** A slash, the decoded segments joined by slashes, and a slash when the request named a folder; a lone slash is the root. */
  bytes: Uint8Array = Buffer.allocUnsafeSlow(8192);
  length = 0;
  /** See {@link CanonicalPath}. */
  trailingSlash = false;
  dotfile = false;
  wellKnown = false;

  /** The path as text. */
  get path(): string {
    return decodePathText(this.bytes, 1, this.trailingSlash ? Math.max(1, this.length - 1) : this.length);
  }
}

/**
 * Decodes a path once and refuses every form that is not canonical: encoded slash, NUL, malformed escapes, overlong UTF-8,
 * `.` and `..` segments whether literal or encoded, empty segments. A backslash is a byte like any other, and so is what
 * is not UTF-8 at all: a path is bytes.
 *
 * @param bytes the raw path, `start` up to `end`, as the request carried it; an empty one stands for `/`
 * @returns false for a path that names nothing here
 */
export function canonicalize(bytes: Uint8Array, start: number, end: number, into: CanonicalBytes): boolean {
  if (start < end && bytes[start] !== SLASH) return false;
  const length = decode(bytes, start + 1, end, into);
  if (length < 0) return false;

  const decoded = into.bytes;
  let dotfiles = 0;
  let union = 0;
  let segmentStart = 1;
  for (let index = 1; index <= length; index++) {
    const byte = index < length ? decoded[index]! : SLASH;
    union |= byte;
    if (byte !== SLASH) continue;
    if (segmentStart === index) {
      // The only empty segment that is canonical is the one behind the last slash.
      if (index !== length) return false;
    } else if (decoded[segmentStart] === DOT) {
      if (isDotSegment(decoded, segmentStart, index)) return false;
      dotfiles++;
    }
    segmentStart = index + 1;
  }
  if (union >= 0x80 && hasOverlong(decoded, length)) return false;
  into.length = length;
  into.trailingSlash = decoded[length - 1] === SLASH;
  into.dotfile = dotfiles > 0;
  into.wellKnown = dotfiles === 1 && isWellKnown(decoded, length);
  return true;
}

/** Whether a segment of a canonical path's first `length` bytes begins with a dot. */
export function hasDotSegment(bytes: Uint8Array, length: number): boolean {
  for (let at = 1; at < length; at++) if (bytes[at] === DOT && bytes[at - 1] === SLASH) return true;
  return false;
}

/** As {@link canonicalize}, with the path as text (see text/path-text.ts); undefined for a path that names nothing here. */
export function canonicalPath(bytes: Uint8Array, start: number, end: number): CanonicalPath | undefined {
  if (!canonicalize(bytes, start, end, scratch)) return undefined;
  const { path, trailingSlash, dotfile, wellKnown } = scratch;
  return { path, trailingSlash, dotfile, wellKnown };
}

const scratch = new CanonicalBytes();
const wellKnownName = [...'/.well-known'].map((character) => character.charCodeAt(0));

function isWellKnown(bytes: Uint8Array, length: number): boolean {
  for (let index = 0; index < wellKnownName.length; index++) if (bytes[index] !== wellKnownName[index]) return false;
  return length === wellKnownName.length || bytes[wellKnownName.length] === SLASH;
}

/** Whether some character is encoded longer than it must be (RFC 3629 section 3): some readers would take it for another. */
function hasOverlong(bytes: Uint8Array, length: number): boolean {
  for (let index = 1; index + 1 < length; index++) {
    const first = bytes[index]!;
    const second = bytes[index + 1]!;
    if ((second & 0xc0) !== 0x80) continue;
    if (first === 0xc0 || first === 0xc1) return true;
    if ((first === 0xe0 && second < 0xa0) || (first === 0xf0 && second < 0x90)) return true;
  }
  return false;
}

/** Percent-decodes behind a slash; returns the length with it, or -1. */
function decode(bytes: Uint8Array, start: number, end: number, into: CanonicalBytes): number {
  if (into.bytes.length < end - start + 1) into.bytes = Buffer.allocUnsafeSlow(end - start + 1);
  const target = into.bytes;
  const hex = HEX;
  target[0] = SLASH;
  let length = 1;
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

/**
 * A path as text, percent-encoded for a Location field or a link (RFC 3986 section 3.3). Slashes stay; what stands for a byte
 * that is not UTF-8 becomes that byte, and a text that is not well-formed otherwise is repaired with U+FFFD.
 */
export function encodePath(path: string): string {
  if (path.isWellFormed()) return encodeWellFormed(path);
  return path.replace(/[^\udc80-\udcff]+|[\udc80-\udcff]/gu, (part) => {
    const code = part.charCodeAt(0);
    const isByte = part.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    return isByte ? `%${(code - 0xdc00).toString(16).toUpperCase()}` : encodeWellFormed(part.toWellFormed());
  });
}

function encodeWellFormed(path: string): string {
  return encodeURI(path).replace(/[?#]/g, (found) => (found === '?' ? '%3F' : '%23'));
}
