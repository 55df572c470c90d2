// Packets as plain TypeScript writes and reads them: what the core is held to. Slow, and written from the RFCs' pictures alone.

import { ipv4Of, ipv6Of, macOf } from './stack-host.js';

/** Fields one after another: a number of bits and its value each, or bytes. */
function pack(...fields: readonly (readonly [bits: number, value: number] | Uint8Array)[]): Uint8Array {
  const bytes: number[] = [];
  let rest = 0n;
  let bits = 0;
  for (const field of fields) {
    if (field instanceof Uint8Array) {
      bytes.push(...field);
      continue;
    }
    rest = (rest << BigInt(field[0])) | BigInt(field[1]);
    bits += field[0];
    for (; bits >= 8; bits -= 8) {
      bytes.push(Number(rest >> BigInt(bits - 8)) & 0xff);
      rest &= (1n << BigInt(bits - 8)) - 1n;
    }
  }
  return Uint8Array.from(bytes);
}

/** Pieces behind one another. */
export function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** The Internet checksum (RFC 1071), byte pair by byte pair. */
export function internetChecksum(...pieces: readonly Uint8Array[]): number {
  const bytes = joined(...pieces);
  let sum = 0;
  for (let index = 0; index < bytes.length; index += 2) {
    sum += (bytes[index]! << 8) + (bytes[index + 1] ?? 0);
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum ^ 0xffff;
}

/** Writes a 16-bit number into bytes, in place. */
export function put16(bytes: Uint8Array, at: number, value: number): Uint8Array {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
  return bytes;
}

/** The 16-bit number in bytes. */
export function get16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export const ARP = 0x0806;
export const IPV4 = 0x0800;
export const IPV6 = 0x86dd;

/** An Ethernet frame. */
export function ethernet(to: string, from: string, type: number, payload: Uint8Array): Uint8Array {
  return pack(macOf(to), macOf(from), [16, type], payload);
}

/** An ARP packet (RFC 826). */
export function arp(
  operation: number,
  senderMac: string,
  sender: string,
  targetMac: string,
  target: string,
): Uint8Array {
  return pack(
    ...([
      [16, 1],
      [16, IPV4],
      [8, 6],
      [8, 4],
      [16, operation],
    ] as const),
    macOf(senderMac),
    ipv4Of(sender),
    macOf(targetMac),
    ipv4Of(target),
  );
}

/** What an IPv4 header says beside the addresses. */
export interface Ipv4Fields {
  readonly protocol: number;
  readonly ttl?: number;
  readonly id?: number;
  /** Flags and offset, as they stand in the header. */
  readonly fragment?: number;
  readonly options?: Uint8Array;
  /** Instead of the true one. */
  readonly totalLength?: number;
  readonly checksum?: number;
}

/** An IPv4 packet (RFC 791). */
export function ipv4(from: string, to: string, fields: Ipv4Fields, payload: Uint8Array): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const header = pack(
    [4, 4],
    [4, 5 + options.length / 4],
    [8, 0],
    [16, fields.totalLength ?? 20 + options.length + payload.length],
    [16, fields.id ?? 0],
    [16, fields.fragment ?? 0],
    [8, fields.ttl ?? 64],
    [8, fields.protocol],
    [16, 0],
    ipv4Of(from),
    ipv4Of(to),
    options,
  );
  put16(header, 10, fields.checksum ?? internetChecksum(header));
  return joined(header, payload);
}

/** An ICMP message (RFC 792) of a type, a code and 4 bytes beside them. */
export function icmp(type: number, code: number, rest: number, payload: Uint8Array): Uint8Array {
  const message = pack([8, type], [8, code], [16, 0], [32, rest], payload);
  return put16(message, 2, internetChecksum(message));
}

/** An IPv6 packet (RFC 8200). @param next the protocol, or the first extension header in `payload`. */
export function ipv6(from: string, to: string, next: number, payload: Uint8Array, hops = 64): Uint8Array {
  return pack([4, 6], [28, 0], [16, payload.length], [8, next], [8, hops], ipv6Of(from), ipv6Of(to), payload);
}

/** The pseudo-header of a segment, of either version (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function pseudoHeader(from: string, to: string, protocol: number, length: number): Uint8Array {
  if (from.includes(':')) return pack(ipv6Of(from), ipv6Of(to), [32, length], [24, 0], [8, protocol]);
  return pack(ipv4Of(from), ipv4Of(to), [8, 0], [8, protocol], [16, length]);
}

/** An ICMPv6 message (RFC 4443), whose checksum is over the addresses, too. */
export function icmpv6(
  from: string,
  to: string,
  type: number,
  code: number,
  rest: number,
  payload: Uint8Array,
): Uint8Array {
  const message = pack([8, type], [8, code], [16, 0], [32, rest], payload);
  return put16(message, 2, internetChecksum(pseudoHeader(from, to, 58, message.length), message));
}

/** The target and one option of a message of neighbour discovery (RFC 4861 section 4). */
export function ndBody(target: string, option: number, mac: string): Uint8Array {
  return pack(ipv6Of(target), [8, option], [8, 1], macOf(mac));
}

/** A UDP datagram (RFC 768). @param checksum instead of the true one. */
export function udp(
  from: string,
  to: string,
  ports: readonly [from: number, to: number],
  payload: Uint8Array,
  checksum?: number,
): Uint8Array {
  const datagram = pack([16, ports[0]], [16, ports[1]], [16, 8 + payload.length], [16, 0], payload);
  const sum = internetChecksum(pseudoHeader(from, to, 17, datagram.length), datagram);
  return put16(datagram, 6, checksum ?? (sum === 0 ? 0xffff : sum));
}

/** `length` bytes that say where they stand. */
export function pattern(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + first) & 0xff);
}
