// Method and version of a request line. Not here: the request-target (target.ts).

import { CR, LF, NINE, ZERO } from './grammar.js';
import { Method } from './request-head.js';

/** Bytes of `HTTP/1.1` CR LF. */
export const VERSION_BYTES = 10;

const HTTP_WORD = 0x50545448;
const SLASH_1_1_WORD = 0x312e312f;
const HTTP_SLASH = [0x48, 0x54, 0x54, 0x50, 0x2f];
const DOT = 0x2e;

/**
 * Reads an HTTP-version and its CR LF (RFC 9112 section 2.3).
 *
 * @returns 1 for HTTP/1.0, 2 for HTTP/1.1 and any later HTTP/1.x, 0 when the bytes ran out, less than 0 the negated status
 */
export function readVersion(bytes: Uint8Array, view: DataView, start: number, bound: number): number {
  if (
    start + VERSION_BYTES <= bound &&
    view.getInt32(start, true) === HTTP_WORD &&
    view.getInt32(start + 4, true) === SLASH_1_1_WORD &&
    bytes[start + 8] === CR &&
    bytes[start + 9] === LF
  ) {
    return 2;
  }
  return readUnusualVersion(bytes, start, bound);
}

function readUnusualVersion(bytes: Uint8Array, start: number, bound: number): number {
  for (let offset = 0; offset < VERSION_BYTES; offset++) {
    if (start + offset === bound) return 0;
    const byte = bytes[start + offset]!;
    let valid: boolean;
    if (offset < HTTP_SLASH.length) valid = byte === HTTP_SLASH[offset];
    else if (offset === 6) valid = byte === DOT;
    else if (offset === 8) valid = byte === CR;
    else if (offset === 9) valid = byte === LF;
    else valid = byte >= ZERO && byte <= NINE;
    if (!valid) return -400;
  }
  if (bytes[start + 5] !== ZERO + 1) return -505;
  return bytes[start + 7] === ZERO ? 1 : 2;
}

/** The `Method` that a method token spells, upper case as it must be; OTHER when it is none of them. */
export function methodNumber(bytes: Uint8Array, start: number, end: number): number {
  const candidates = METHODS_BY_LENGTH[end - start];
  if (candidates === undefined) return Method.OTHER;
  for (let index = 0; index < candidates.length; index++) {
    const { name, method } = candidates[index]!;
    let same = true;
    for (let offset = 0; offset < name.length && same; offset++)
      same = bytes[start + offset] === name.charCodeAt(offset);
    if (same) return method;
  }
  return Method.OTHER;
}

const METHODS_BY_LENGTH: ReadonlyArray<ReadonlyArray<{ name: string; method: number }>> = Array.from(
  { length: 8 },
  (_, length) =>
    Object.entries(Method)
      .filter(([name, method]) => name.length === length && method !== Method.OTHER)
      .map(([name, method]) => ({ name, method })),
);
