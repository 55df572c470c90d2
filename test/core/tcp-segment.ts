// Segments of TCP as bytes, for tests that are a peer themselves: written with numbers as they stand on the wire, and read back. Not here: what a script
// calls them by.

import { ethernet, get16, IPV4, IPV6, internetChecksum, ipv4, ipv6, joined, pseudoHeader, put16 } from './packets.js';

/** The flags by their letters, as packetdrill and tcpdump write them, from the lowest bit on: `.` is ACK, E and W are those of ECN. */
const FLAGS = 'FSRP.UEW';
/** In which order they are written. */
const WRITTEN = 'SFRPUEW.';

/** A segment as it is on the wire. */
export interface WireSegment {
  readonly ports: readonly [from: number, to: number];
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: string;
  readonly window: number;
  /** The urgent pointer. */
  readonly urgent?: number;
  /** A multiple of 4 bytes. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** Between whom a frame goes. */
export interface Ends {
  readonly fromMac: string;
  readonly toMac: string;
  /** IPv4 or IPv6, both of one kind. */
  readonly from: string;
  readonly to: string;
}

/** A 32-bit number in bytes, as networks have it. */
export function put32(bytes: Uint8Array, at: number, value: number): Uint8Array {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value >>> 0);
  return bytes;
}

/** The 32-bit number in bytes. */
export function get32(bytes: Uint8Array, at: number): number {
  return ((get16(bytes, at) << 16) | get16(bytes, at + 2)) >>> 0;
}

/** A segment as an Ethernet frame, its checksums right. */
export function writeSegment({ fromMac, toMac, from, to }: Ends, segment: WireSegment): Uint8Array {
  const head = joined(new Uint8Array(20), segment.options);
  put16(put16(head, 0, segment.ports[0]), 2, segment.ports[1]);
  put32(put32(head, 4, segment.sequence), 8, segment.acknowledgement);
  head[12] = (head.length / 4) << 4;
  head[13] = [...segment.flags].reduce((sum, flag) => sum | (flag === '-' ? 0 : 1 << FLAGS.indexOf(flag)), 0);
  put16(put16(head, 14, segment.window), 18, segment.urgent ?? 0);
  const whole = joined(head, segment.payload);
  put16(whole, 16, internetChecksum(pseudoHeader(from, to, 6, whole.length), whole));
  if (from.includes(':')) return ethernet(toMac, fromMac, IPV6, ipv6(from, to, 6, whole));
  return ethernet(toMac, fromMac, IPV4, ipv4(from, to, { protocol: 6 }, whole));
}

/** The segment in an Ethernet frame as the stack sends it; undefined: it carries none. */
export function readSegment(frame: Uint8Array): WireSegment | undefined {
  const isVersion6 = get16(frame, 12) === IPV6;
  if (!isVersion6 && get16(frame, 12) !== IPV4) return undefined;
  if (frame[isVersion6 ? 20 : 23] !== 6) return undefined;
  const at = 14 + (isVersion6 ? 40 : (frame[14]! & 15) * 4);
  const end = 14 + (isVersion6 ? 40 + get16(frame, 18) : get16(frame, 16));
  const payload = at + (frame[at + 12]! >> 4) * 4;
  const flags = [...WRITTEN].filter((flag) => ((frame[at + 13]! >> FLAGS.indexOf(flag)) & 1) !== 0);
  return {
    ports: [get16(frame, at), get16(frame, at + 2)],
    sequence: get32(frame, at + 4),
    acknowledgement: get32(frame, at + 8),
    flags: flags.join('') || '-',
    window: get16(frame, at + 14),
    urgent: get16(frame, at + 18),
    options: frame.subarray(at + 20, payload),
    payload: frame.subarray(payload, end),
  };
}

/** Options one after another, without what fills them up: what kind, and its bytes behind kind and length. */
export function readOptions(bytes: Uint8Array): { readonly kind: number; readonly value: Uint8Array }[] {
  const options = [];
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const kind = bytes[at]!;
    const length = kind === 1 ? 1 : bytes[at + 1]!;
    if (kind !== 1 && length < 2) throw new Error(`an option of ${length} bytes`);
    options.push({ kind, value: bytes.subarray(at + 2, at + length) });
    at += length;
  }
  return options;
}
