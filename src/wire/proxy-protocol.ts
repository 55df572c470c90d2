// The PROXY protocol, versions 1 and 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt): what a proxy sends first on a connection, to
// say who its client is. Pure; bytes from outside, bounded. Not here: whether the proxy is believed (serve/client-address.ts).

import { isIPv4, isIPv6 } from 'node:net';

/** The longest line of version 1, its end included. */
const longestLine = 107;
/** The longest header of version 2 that is taken: addresses and what proxies add (SSL, AWS); the format allows 64 KiB. */
const longestBinary = 4096;
const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const binaryHead = 16;

/** What a header says: the client's address; undefined where the proxy speaks for itself, or does not know. */
export interface ProxyHeader {
  source: string | undefined;
}

/** Reads a header at the start of `bytes`. Returns how long it is, 0 when more bytes are needed, -1 when it is none. */
export function parseProxyHeader(bytes: Uint8Array, start: number, end: number, header: ProxyHeader): number {
  header.source = undefined;
  return bytes[start] === signature[0] ? parseBinary(bytes, start, end, header) : parseLine(bytes, start, end, header);
}

function parseLine(bytes: Uint8Array, start: number, end: number, header: ProxyHeader): number {
  const limit = Math.min(end, start + longestLine);
  let text = '';
  for (let at = start; at < limit; at++) {
    text += String.fromCharCode(bytes[at]!);
    if (!'PROXY '.startsWith(text.slice(0, 6))) return -1;
    if (text.endsWith('\r\n')) return readLine(text.slice(0, -2), header) ? at + 1 - start : -1;
  }
  return end - start >= longestLine ? -1 : 0;
}

function readLine(line: string, header: ProxyHeader): boolean {
  // Whatever stands behind UNKNOWN is to be ignored.
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return true;
  const match = /^PROXY TCP([46]) ([0-9a-fA-F.:]+) ([0-9a-fA-F.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line);
  if (match === null) return false;
  const [, family, source, destination, ...ports] = match;
  const isAddress = family === '4' ? isIPv4 : isIPv6;
  if (!isAddress(source!) || !isAddress(destination!) || ports.some((port) => Number(port) > 65_535)) return false;
  header.source = source;
  return true;
}

function parseBinary(bytes: Uint8Array, start: number, end: number, header: ProxyHeader): number {
  for (let at = 0; at < signature.length && start + at < end; at++) if (bytes[start + at] !== signature[at]) return -1;
  if (end - start < binaryHead) return 0;
  const command = bytes[start + 12]!;
  const family = bytes[start + 13]!;
  const length = binaryHead + (bytes[start + 14]! << 8) + bytes[start + 15]!;
  if (command >> 4 !== 2 || (command & 15) > 1 || length > longestBinary) return -1;
  if (end - start < length) return 0;
  // LOCAL: the proxy's own, a check of health say.
  if ((command & 15) === 0) return length;
  const at = start + binaryHead;
  const room = length - binaryHead;
  if (family >> 4 === 1) {
    if (room < 12) return -1;
    header.source = `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  } else if (family >> 4 === 2) {
    if (room < 36) return -1;
    header.source = textOfIPv6(bytes, at);
  }
  return length;
}

/** As a whole, without the zeros left out: `new URL` makes the canonical text of it. */
function textOfIPv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => (bytes[at + 2 * index]! << 8) | bytes[at + 2 * index + 1]!);
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
