// Host and authority as RFC 3986 section 3.2 and RFC 9110 section 7.2 write them. Not here: whether a host is one of ours.

import { COLON, HEX, NINE, PERCENT, REG_NAME, ZERO } from './grammar.js';

const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * Whether the bytes are `uri-host [ ":" port ]`: a registered name, an IPv4 address or a bracketed IP literal. An empty
 * host is let through, for RFC 9112 section 3.2 makes a client send one when its target has no authority.
 */
export function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  let index = start;
  while (index < end && REG_NAME[bytes[index]!] !== 0) index++;
  if (index === end) return true;
  if (bytes[index] === COLON) return isPort(bytes, index + 1, end);
  return isUnusualHost(bytes, start, end);
}

/**
 * Whether the bytes are a host that is not empty, with or without a port: the authority of an http URI. User information
 * is refused (RFC 9110 section 4.2.4).
 *
 * @param portRequired for authority-form, whose port may not be left out (RFC 9112 section 3.2.3)
 */
export function isAuthority(bytes: Uint8Array, start: number, end: number, portRequired: boolean): boolean {
  if (start === end || bytes[start] === COLON || !isHost(bytes, start, end)) return false;
  if (!portRequired) return true;
  let index = end;
  while (index > start && isDigit(bytes[index - 1]!)) index--;
  return index < end && bytes[index - 1] === COLON;
}

function isUnusualHost(bytes: Uint8Array, start: number, end: number): boolean {
  let index = start;
  if (bytes[index] === OPEN_BRACKET) {
    index = literalEnd(bytes, start + 1, end);
    if (index < 0) return false;
  } else {
    while (index < end && bytes[index] !== COLON) {
      if (REG_NAME[bytes[index]!] !== 0) {
        index++;
      } else if (bytes[index] === PERCENT && index + 2 < end && HEX[bytes[index + 1]!] && HEX[bytes[index + 2]!]) {
        index += 3;
      } else {
        return false;
      }
    }
  }
  return index === end || (bytes[index] === COLON && isPort(bytes, index + 1, end));
}

/**
 * The offset after the closing bracket of an IP literal, or -1. IPv6 is held to its bytes, not to its count of groups. A zone behind it
 * (RFC 6874; some clients leave its `%` as it is) means nothing here, but clients that were given such an address send it.
 */
function literalEnd(bytes: Uint8Array, start: number, end: number): number {
  const future = start < end && (bytes[start]! | 0x20) === 0x76;
  let colons = 0;
  for (let index = start; index < end; index++) {
    const byte = bytes[index]!;
    if (byte === CLOSE_BRACKET) return index > start && (future || colons >= 2) ? index + 1 : -1;
    if (byte === PERCENT && !future && colons >= 2) return zoneEnd(bytes, index + 1, end);
    if (byte === COLON) colons++;
    else if (future ? REG_NAME[byte] === 0 : HEX[byte] === 0 && byte !== 0x2e) return -1;
  }
  return -1;
}

/** The offset after the bracket behind a zone that is not empty, or -1. */
function zoneEnd(bytes: Uint8Array, start: number, end: number): number {
  let index = start;
  while (index < end && (REG_NAME[bytes[index]!] !== 0 || bytes[index] === PERCENT)) index++;
  return index > start && index < end && bytes[index] === CLOSE_BRACKET ? index + 1 : -1;
}

function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index++) if (!isDigit(bytes[index]!)) return false;
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
