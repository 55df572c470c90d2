// The fields that decide where a message ends and whether the connection persists: Content-Length, Transfer-Encoding,
// Connection, Expect (RFC 9112 sections 6 and 9.3, RFC 9110 section 10.1.1). Not here: reading the body (body.ts).

import { COMMA, HTAB, NINE, SP, TOKEN, ZERO } from './grammar.js';

/** What the codings listed so far amount to; several Transfer-Encoding lines are one list. */
export const TransferCoding = { NONE: 0, CHUNKED: 1, OTHER: 2, OTHER_THEN_CHUNKED: 3, BAD: 4 } as const;

/** Bits that the options of a Connection field set. */
export const ConnectionOption = { CLOSE: 1, KEEP_ALIVE: 2 } as const;

const CHUNKED = ascii('chunked');
const CLOSE = ascii('close');
const KEEP_ALIVE = ascii('keep-alive');
const CONTINUE = ascii('100-continue');

/**
 * Reads a Content-Length value: digits only, no sign, no list, at most 2^53 - 1.
 *
 * @returns the length in bytes, or -1 when it is malformed
 */
export function readContentLength(bytes: Uint8Array, start: number, end: number): number {
  if (start === end || end - start > 32) return -1;
  let value = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index]!;
    if (byte < ZERO || byte > NINE) return -1;
    value = value * 10 + (byte - ZERO);
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/**
 * Continues a list of transfer codings with one more field value. `chunked` must come once and last; it has no parameters.
 *
 * @param state what the lines before amounted to, one of `TransferCoding`
 */
export function readTransferEncoding(bytes: Uint8Array, start: number, end: number, state: number): number {
  let index = start;
  while (index < end) {
    const itemStart = skipSeparators(bytes, index, end);
    if (itemStart === end) break;
    let itemEnd = itemStart;
    while (itemEnd < end && TOKEN[bytes[itemEnd]!] !== 0) itemEnd++;
    if (itemEnd === itemStart || state === TransferCoding.CHUNKED || state === TransferCoding.OTHER_THEN_CHUNKED) {
      return TransferCoding.BAD;
    }
    index = itemEnd;
    while (index < end && bytes[index] !== COMMA) index++;
    if (sameToken(bytes, itemStart, itemEnd, CHUNKED)) {
      if (trimEnd(bytes, itemEnd, index) !== itemEnd) return TransferCoding.BAD;
      state = state === TransferCoding.NONE ? TransferCoding.CHUNKED : TransferCoding.OTHER_THEN_CHUNKED;
    } else {
      state = TransferCoding.OTHER;
    }
  }
  return state;
}

/** The `ConnectionOption` bits named by one Connection field value; unknown options are ignored. */
export function readConnection(bytes: Uint8Array, start: number, end: number): number {
  let options = 0;
  for (let index = skipSeparators(bytes, start, end); index < end; index = skipSeparators(bytes, index, end)) {
    const itemStart = index;
    while (index < end && bytes[index] !== COMMA) index++;
    const itemEnd = trimEnd(bytes, itemStart, index);
    if (sameToken(bytes, itemStart, itemEnd, CLOSE)) options |= ConnectionOption.CLOSE;
    else if (sameToken(bytes, itemStart, itemEnd, KEEP_ALIVE)) options |= ConnectionOption.KEEP_ALIVE;
  }
  return options;
}

/** Whether an Expect value is `100-continue`, any case. */
export function isExpectContinue(bytes: Uint8Array, start: number, end: number): boolean {
  return sameToken(bytes, start, end, CONTINUE);
}

function sameToken(bytes: Uint8Array, start: number, end: number, token: Uint8Array): boolean {
  if (end - start !== token.length) return false;
  for (let index = 0; index < token.length; index++) {
    if (TOKEN[bytes[start + index]!] !== token[index]) return false;
  }
  return true;
}

function skipSeparators(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && (bytes[index] === COMMA || bytes[index] === SP || bytes[index] === HTAB)) index++;
  return index;
}

function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = end;
  while (index > start && (bytes[index - 1] === SP || bytes[index - 1] === HTAB)) index--;
  return index;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
