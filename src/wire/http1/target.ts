// The four forms of a request-target (RFC 9112 section 3.2), set out as offsets. Not here: decoding of the path (http/path.ts).

import { isAuthority } from './authority.js';
import { COLON, SLASH } from './grammar.js';
import { Method, type RequestHead } from './request-head.js';

const ASTERISK = 0x2a;

/**
 * Splits head.targetStart..targetEnd, whose bytes are valid already, into path, query and authority.
 *
 * @param pathEnd where the first question mark is, or the target's end
 * @returns false when the form is none of the four or does not go with the method
 */
export function splitTarget(bytes: Uint8Array, head: RequestHead, pathEnd: number): boolean {
  const start = head.targetStart;
  const end = head.targetEnd;
  if (head.method === Method.CONNECT) {
    head.authorityStart = start;
    head.authorityEnd = end;
    return isAuthority(bytes, start, end, true);
  }
  if (bytes[start] === SLASH) {
    splitPath(start, pathEnd, end, head);
    return true;
  }
  if (bytes[start] === ASTERISK && end === start + 1) {
    head.asteriskForm = true;
    return head.method === Method.OPTIONS;
  }
  return splitAbsolute(bytes, start, pathEnd, end, head);
}

function splitAbsolute(bytes: Uint8Array, start: number, pathEnd: number, end: number, head: RequestHead): boolean {
  const authorityStart = schemeEnd(bytes, start, pathEnd);
  if (authorityStart < 0) return false;
  let index = authorityStart;
  while (index < pathEnd && bytes[index] !== SLASH) index++;
  head.authorityStart = authorityStart;
  head.authorityEnd = index;
  if (!isAuthority(bytes, authorityStart, index, false)) return false;
  splitPath(index, pathEnd, end, head);
  if (index === end && head.method === Method.OPTIONS) head.asteriskForm = true;
  return true;
}

function splitPath(start: number, pathEnd: number, end: number, head: RequestHead): void {
  head.pathStart = start;
  head.pathEnd = pathEnd;
  if (pathEnd === end) return;
  head.queryStart = pathEnd + 1;
  head.queryEnd = end;
}

/** The offset after `http://` or `https://`, any case; -1 for any other beginning. */
function schemeEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  for (const letter of SCHEME) {
    if (index >= end || (bytes[index]! | 0x20) !== letter) return -1;
    index++;
  }
  if (index < end && (bytes[index]! | 0x20) === 0x73) index++;
  if (index + 3 > end) return -1;
  return bytes[index] === COLON && bytes[index + 1] === SLASH && bytes[index + 2] === SLASH ? index + 3 : -1;
}

const SCHEME = [0x68, 0x74, 0x74, 0x70];
