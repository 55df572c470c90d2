// Pieces of packets put together (RFC 791, RFC 8200 section 4.5), each packet in one frame of its own: so many at a time, none larger than a frame, none
// longer than half a minute. Pieces that overlap end their packet (RFC 5722, for IPv4 too), unless they say the same again.

import { isIpv4, isSame, putAddress } from '../addresses';
import { take } from '../arena';
import { nowUs } from '../clock';
import { Figure, Setting } from '../control';
import { copyBytes } from '../copy';
import { count, setting } from '../figures';
import { frameBytes, frameForSegment, releaseFrame } from '../frames';
import { ipv4Bytes, ipv6Bytes, writeIpv4, writeIpv6 } from './headers';
import { protocolTcp } from './pseudo';

@unmanaged
class Packet {
  local0: u64;
  local1: u64;
  remote0: u64;
  remote1: u64;
  /** When it is given up; 0: nothing stands here. */
  due: u64;
  id: u32;
  protocol: u32;
  /** Where the pieces are put; 0: the packet is refused, and so are pieces that still come. */
  frame: u32;
  /** Bytes of the whole, as the last piece says; all ones: it has not come. */
  total: u32;
  have: u32;
  /** The end of the piece that reaches farthest. */
  reach: u32;
}

const remoteAt: usize = 16;
/** A bit for each 8 bytes that have come: for frames of 4096 bytes. */
const bitsAt: usize = 64;
const entryBytes: u32 = 128;
const unknown: u32 = 0xffffffff;
const never: u64 = 0xffffffffffffffff;
const timeoutUs: u64 = 30_000_000;
/** Where pieces are put in their frame: all headers, and those of an answer that quotes them, fit in front. */
const payloadAt: u32 = 128;

let table: usize = 0;
let packets: u32 = 0;
let due: u64 = never;
/** Of the packet that `addPiece` completed: where its payload begins, its length and protocol. */
export let wholePayload: usize = 0;
export let wholeLength: u32 = 0;
export let wholeProtocol: u32 = 0;

/** Lays out the table. Returns whether there was room. */
export function configureReassembly(): bool {
  packets = setting(Setting.reassemblies);
  table = take(packets * entryBytes, 64);
  due = never;
  return table !== 0;
}

/**
 * A piece of a packet for us: `length` bytes that belong at `offset`. Returns the frame of the whole packet when it was the last one that was missing, which
 * is the caller's then (a header is written in front of `wholePayload`); else 0.
 */
export function addPiece(
  piece: usize,
  length: u32,
  offset: u32,
  hasMore: bool,
  id: u32,
  protocol: u32,
  local: usize,
  remote: usize,
): usize {
  count(Figure.pieces);
  const end = offset + length;
  const isOdd = length === 0 || (hasMore && (length & 7) !== 0);
  // The first one holds the whole header of what is carried: nobody cuts smaller (RFC 1858, RFC 7112).
  const isTiny = offset === 0 && hasMore && length < (protocol === protocolTcp ? 20 : 8);
  if (isOdd || isTiny || end > frameBytes() - payloadAt) {
    count(Figure.piecesRefused);
    return 0;
  }
  const at = find(id, protocol, local, remote);
  const packet = changetype<Packet>(at === 0 ? begin(id, protocol, local, remote) : at);
  if (packet.frame === 0) {
    count(Figure.piecesRefused);
    return 0;
  }
  if (!fits(packet, piece, offset, end, hasMore)) {
    refuse(packet);
    return 0;
  }
  // In IPv6, the first piece says what is carried.
  if (offset === 0) packet.protocol = protocol;
  return packet.have === packet.total ? complete(packet) : 0;
}

/** Gives up what is incomplete for too long. */
export function reassemblyTimers(): void {
  if (nowUs < due) return;
  due = never;
  for (let at = table; at < table + <usize>(packets * entryBytes); at += entryBytes) {
    const packet = changetype<Packet>(at);
    if (packet.due === 0) continue;
    if (nowUs >= packet.due) {
      if (packet.frame !== 0) count(Figure.piecesTimedOut);
      clear(packet);
    } else if (packet.due < due) due = packet.due;
  }
}

/** When the next is given up; all ones: never. */
export function reassemblyDeadline(): u64 {
  return due;
}

/** Puts a piece where it belongs. Returns whether it agrees with what is there. */
function fits(packet: Packet, piece: usize, offset: u32, end: u32, hasMore: bool): bool {
  if (!hasMore) {
    if ((packet.total !== unknown && packet.total !== end) || packet.reach > end) return false;
    packet.total = end;
  } else if (packet.total !== unknown && end > packet.total) return false;
  const bits = changetype<usize>(packet) + bitsAt;
  const to = <usize>packet.frame + payloadAt + offset;
  const length = end - offset;
  const first = offset >> 3;
  const last = (end - 1) >> 3;
  let there: u32 = 0;
  for (let unit = first; unit <= last; unit++) there += (load<u8>(bits + (unit >> 3)) >> <u8>(unit & 7)) & 1;
  if (there > 0) return there === last - first + 1 && end <= packet.reach && isSameBytes(to, piece, length);
  copyBytes(to, piece, length);
  for (let unit = first; unit <= last; unit++) {
    store<u8>(bits + (unit >> 3), load<u8>(bits + (unit >> 3)) | <u8>((<u32>1) << (unit & 7)));
  }
  packet.have += length;
  packet.reach = max<u32>(packet.reach, end);
  return true;
}

/** Hands the whole over, with a header in front. */
function complete(packet: Packet): usize {
  count(Figure.piecesJoined);
  const at = changetype<usize>(packet);
  const frame = <usize>packet.frame;
  wholePayload = frame + payloadAt;
  wholeLength = packet.total;
  wholeProtocol = packet.protocol;
  packet.frame = 0;
  // From the other side to us. No hops are left: what may not come in pieces (RFC 6980) asks for all of them.
  if (isIpv4(at)) writeIpv4(wholePayload - ipv4Bytes, wholeLength, wholeProtocol, at + remoteAt, at);
  else writeIpv6(wholePayload - ipv6Bytes, wholeLength, wholeProtocol, 0, at + remoteAt, at);
  clear(packet);
  return frame;
}

/** Nothing of this packet is taken any more, until its time is over. */
function refuse(packet: Packet): void {
  count(Figure.piecesOverlap);
  releaseFrame(packet.frame);
  packet.frame = 0;
}

function clear(packet: Packet): void {
  if (packet.frame !== 0) releaseFrame(packet.frame);
  packet.frame = 0;
  packet.due = 0;
}

function find(id: u32, protocol: u32, local: usize, remote: usize): usize {
  const isVersion4 = isIpv4(remote);
  for (let at = table; at < table + <usize>(packets * entryBytes); at += entryBytes) {
    const packet = changetype<Packet>(at);
    if (packet.due === 0 || packet.id !== id || (isVersion4 && packet.protocol !== protocol)) continue;
    if (isSame(at, local) && isSame(at + remoteAt, remote)) return at;
  }
  return 0;
}

/** A new one, in place of the oldest when all are taken. Its frame may be 0: there was none. */
function begin(id: u32, protocol: u32, local: usize, remote: usize): usize {
  let oldest = table;
  for (let at = table; at < table + <usize>(packets * entryBytes); at += entryBytes) {
    if (changetype<Packet>(at).due < changetype<Packet>(oldest).due) oldest = at;
  }
  const packet = changetype<Packet>(oldest);
  if (packet.frame !== 0) count(Figure.piecesEvicted);
  clear(packet);
  memory.fill(oldest + bitsAt, 0, entryBytes - <u32>bitsAt);
  putAddress(oldest, local);
  putAddress(oldest + remoteAt, remote);
  packet.id = id;
  packet.protocol = protocol;
  packet.frame = <u32>frameForSegment();
  packet.total = unknown;
  packet.have = 0;
  packet.reach = 0;
  packet.due = nowUs + timeoutUs;
  if (packet.due < due) due = packet.due;
  return oldest;
}

function isSameBytes(one: usize, other: usize, length: u32): bool {
  for (let at: usize = 0; at < length; at++) if (load<u8>(one + at) !== load<u8>(other + at)) return false;
  return true;
}
